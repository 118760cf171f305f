"""`python -m db`: migrate, check, schema, redact, remove, backup, restore."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from db import UsageError
from db.cli import (
    DONE,
    FAILED,
    CommandParser,
    add_common_options,
    create_parser,
    escape_control_characters,
    pluralize,
    positive_int,
    print_error,
    run_command,
)

if TYPE_CHECKING:
    from db.dictionary import ViewDescription
    from db.maintenance.check import CheckResult

    Commands = argparse._SubParsersAction[CommandParser]

COLUMNS = ("type", "unit", "nullable", "description", "source", "caveat", "personal")
SQL_HEAD = """-- The current schema, for reading. It is generated from db/migrations/ by this command. Do not edit it:
--     observatory store schema > db/schema.sql

"""
DICTIONARY_HEAD = """# Data dictionary of the stable views

The `v1_` views are the SQL interface to the store. Columns may be added. They are never changed or removed. The command
`observatory store schema --dictionary --format markdown > docs/dictionary.md` generates this page from
`db/dictionary.toml`.

No view contains what `observatory store redact` has redacted: neither rows that name it nor texts that quote it.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command on the store and return its exit code."""
    return run_command(make_parser, argv)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of these commands, without importing anything heavy."""
    parser = create_parser("observatory store", "Maintain the store: the one file that holds everything observed.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=CommandParser)
    for add in (_add_migrate, _add_check, _add_schema, _add_redact, _add_remove, _add_backup, _add_restore):
        add(commands)
    return parser


def _add_command(commands: Commands, name: str, summary: str, epilog: str | None = None) -> CommandParser:
    command = commands.add_parser(name, help=summary, description=summary, epilog=epilog)
    add_common_options(command)
    return command


def _add_format(command: argparse.ArgumentParser, *formats: str) -> None:
    command.add_argument("--format", choices=formats, default=formats[0], help=f"default: {formats[0]}")


def _add_migrate(commands: Commands) -> None:
    command = _add_command(commands, "migrate", "update the schema (every command that writes does this too)")
    command.add_argument("--list", action="store_true", help="list applied and pending migrations; change nothing")
    _add_format(command, "text", "json")
    command.set_defaults(do=migrate)


def _add_check(commands: Commands) -> None:
    command = _add_command(
        commands,
        "check",
        "check that everything in the file is as it was written (read-only)",
        epilog="exit codes: 0 everything holds, 1 something is broken",
    )
    _add_format(command, "text", "json")
    command.set_defaults(do=check)


def _add_schema(commands: Commands) -> None:
    command = _add_command(commands, "schema", "print the tables and views of a store of this version")
    command.add_argument("--dictionary", action="store_true", help="print what each column of the stable views means")
    command.add_argument(
        "--format", choices=("sql", "markdown", "json"), help="default: sql; markdown for the dictionary"
    )
    command.set_defaults(do=print_schema)


def _add_redact(commands: Commands) -> None:
    command = _add_command(
        commands, "redact", "omit what FILE lists from the stable views and from every export; the rows are kept"
    )
    command.add_argument("file", type=Path, metavar="FILE", help="redactions.toml: it replaces the list used before")
    command.set_defaults(do=redact)


def _add_remove(commands: Commands) -> None:
    command = _add_command(
        commands,
        "remove",
        "take a wrong import back: delete its snapshot and its results; its date, source and the reason stay on record",
        epilog="Crawled snapshots are not removed. Compute the results of the other snapshots again afterwards.",
    )
    command.add_argument("snapshot", type=positive_int, metavar="SNAPSHOT", help="the number of the imported snapshot")
    command.add_argument(
        "--reason", required=True, metavar="TEXT", help="why it was wrong; exports and reports show it"
    )
    command.add_argument("--dry-run", action="store_true", help="only tell what would be deleted")
    _add_format(command, "text", "json")
    command.set_defaults(do=remove)


def _add_backup(commands: Commands) -> None:
    command = _add_command(commands, "backup", "copy the store to OUT and check the copy; also during a crawl")
    command.add_argument("out", type=Path, metavar="OUT")
    command.add_argument("--force", action="store_true", help="replace an older backup of this name")
    command.set_defaults(do=backup)


def _add_restore(commands: Commands) -> None:
    command = _add_command(
        commands, "restore", "replace the store by a backup; the previous store is kept under another name"
    )
    command.add_argument("backup", type=Path, metavar="BACKUP")
    command.add_argument("--force", action="store_true", help="even if the backup is damaged")
    command.set_defaults(do=restore)


def migrate(options: argparse.Namespace) -> int:
    """Apply the pending migrations, or list all migrations."""
    from db.maintenance.migrations import apply_pending_migrations, migration_states

    if options.list:
        rows = [{"migration": name, "state": state} for name, state in migration_states(options.db)]
    else:
        rows = [{"migration": name, "state": "applied now"} for name in apply_pending_migrations(options.db)]
    if options.format == "json":
        _print_json(options.db, "migrations", rows)
    else:
        print("\n".join(f"{row['state']:<12}{row['migration']}" for row in rows) or "nothing is pending")
    return DONE


def check(options: argparse.Namespace) -> int:
    """Run every check of the store, and print what is broken and how to save the store."""
    from db.maintenance.check import check_store

    return _print_checks(options.db, check_store(options.db), options.format)


def _print_checks(path: Path, results: list[CheckResult], output_format: str) -> int:
    from db.maintenance.check import BROKEN, damaged_store_error

    if output_format == "json":
        rows = [{"check": result.name, "verdict": result.verdict, "said": result.message} for result in results]
        _print_json(path, "checks", rows)
    else:
        for result in results:
            print(escape_control_characters(f"{result.verdict:<7}{result.name}: {result.message}"))
    broken = [result.name for result in results if result.verdict == BROKEN]
    if broken:
        print_error(damaged_store_error(path, f"Broken: {', '.join(broken)}"))
    return FAILED if broken else DONE


def print_schema(options: argparse.Namespace) -> int:
    """Print the schema or the dictionary. Neither needs a store."""
    from db.dictionary import load_dictionary
    from db.maintenance.schema import load_schema

    output_format = options.format or ("markdown" if options.dictionary else "sql")
    if options.dictionary and output_format == "sql":
        raise UsageError(
            "The dictionary is not SQL.", fix="Use --format markdown or --format json.", more="docs/dictionary.md"
        )
    if output_format == "json":
        document = {"views": load_dictionary()} if options.dictionary else {"definitions": load_schema()}
        print(json.dumps({"schema": 1, **document}, ensure_ascii=False))
    elif options.dictionary:
        print(render_dictionary(load_dictionary()), end="")
    else:
        print(render_schema(load_schema(), output_format), end="")
    return DONE


def render_schema(definitions: Mapping[str, str], output_format: str) -> str:
    """Return the schema as one SQL script or as Markdown."""
    if output_format == "sql":
        return SQL_HEAD + "\n".join(f"{sql};\n" for sql in definitions.values())
    return "# The schema\n" + "".join(f"\n## {name}\n\n```sql\n{sql};\n```\n" for name, sql in definitions.items())


def redact(options: argparse.Namespace) -> int:
    """Replace the redactions of the store by those of a file."""
    from db.connection import open_for_writing
    from db.redactions import matching_packages, read_redaction_file, save_redactions

    entries = read_redaction_file(options.file)
    with open_for_writing(options.db) as database:
        save_redactions(database.conn, entries)
        packages, _ = matching_packages(database.conn, entries)
    summary = f"redactions in force: {len(entries):,}; packages omitted from the views: {len(packages):,}"
    print(escape_control_characters(f"{options.db}: {summary}"))
    return DONE


def remove(options: argparse.Namespace) -> int:
    """Remove an import, or tell what would be deleted."""
    from db.connection import open_for_writing
    from db.removal import remove_snapshot
    from db.store import Store

    now = int(datetime.now(UTC).timestamp())
    with open_for_writing(options.db, create=False) as database:
        counts = remove_snapshot(Store(database), options.snapshot, options.reason, now, dry_run=options.dry_run)
    if options.format == "json":
        row = {"snapshot": options.snapshot, "reason": options.reason, "dry_run": options.dry_run, **asdict(counts)}
        print(json.dumps({"schema": 1, "store": str(options.db), "removed": row}, ensure_ascii=False))
        return DONE
    verb = "would be removed" if options.dry_run else "is removed"
    packages, results = pluralize(counts.unobserved_packages, "package"), pluralize(counts.results, "result")
    print(
        f"snapshot {options.snapshot}, {counts.registry} of {counts.date}, {verb}:"
        f" {pluralize(counts.listed_packages, 'rank')}, {packages} that only it had, {results},"
        f" {pluralize(counts.cards, 'card')}"
    )
    if counts.results and not options.dry_run:
        print("`observatory compute` computes the results of the other snapshots again.", file=sys.stderr)
    return DONE


def render_dictionary(views: Iterable[ViewDescription]) -> str:
    """Return the dictionary as Markdown."""
    page = DICTIONARY_HEAD
    for view in views:
        page += f"\n## {view['name']}\n\n{view['about']}\n\n| column | " + " | ".join(COLUMNS) + " |\n"
        page += "|" + " --- |" * (len(COLUMNS) + 1) + "\n"
        page += "".join(f"| `{column['name']}` | {_format_cells(column)} |\n" for column in view["column"])
    return page


def _format_cells(column: Mapping[str, object]) -> str:
    return " | ".join(_format_cell(column.get(name, "–")).replace("|", "\\|") for name in COLUMNS)


def _format_cell(cell: object) -> str:
    return ("yes" if cell else "no") if isinstance(cell, bool) else str(cell)


def backup(options: argparse.Namespace) -> int:
    """Copy the store to a file."""
    from db.maintenance.backup import back_up_store

    size = back_up_store(options.db, options.out, options.force)
    print(escape_control_characters(f"{options.db} is backed up to {options.out}: {size / 2**20:,.1f} MB, checked"))
    return DONE


def restore(options: argparse.Namespace) -> int:
    """Replace the store by a backup, and check the result."""
    from db.maintenance.backup import restore_store
    from db.maintenance.check import check_store

    previous_store = restore_store(options.backup, options.db, datetime.now(UTC), options.force)
    print(escape_control_characters(f"{options.backup} is now {options.db}"))
    if previous_store:
        print(escape_control_characters(f"the previous store is kept as {previous_store}"))
    return _print_checks(options.db, check_store(options.db), "text")


def _print_json(path: Path, name: str, rows: Iterable[Mapping[str, str]]) -> None:
    print(json.dumps({"schema": 1, "store": str(path), name: list(rows)}, ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main())

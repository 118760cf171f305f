"""`python -m db`: migrate, check, schema, redact, backup, restore."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
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
    print_error,
    run_command,
)

if TYPE_CHECKING:
    from db.maintenance.check import CheckResult

DICTIONARY = Path(__file__).parent / "dictionary.toml"
COLUMNS = ("type", "unit", "nullable", "description", "source", "caveat", "personal")
SQL_HEAD = """-- The schema as it stands, for reading. It is made from db/migrations/ by this command; do not edit it:
--     observatory store schema > db/schema.sql

"""
DICTIONARY_HEAD = """# Data dictionary of the stable views

`v1_` views are the SQL interface to the store: columns may be added, never changed or taken away. This page is made
from `db/dictionary.toml` by `observatory store schema --dictionary --format markdown > docs/dictionary.md`.

What `observatory store redact` was told of is in no view: neither rows that name it nor texts that quote it.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Look after the store; the exit code."""
    return run_command(make_parser, argv)


def make_parser() -> argparse.ArgumentParser:
    """The words of this room. Nothing heavy is imported before they are read."""
    made = create_parser("observatory store", "Look after the store: the one file with everything that was seen.")
    words = made.add_subparsers(title="what to do", metavar="WORD", required=True, parser_class=CommandParser)
    for add in (_add_migrate, _add_check, _add_schema, _add_redact, _add_backup, _add_restore):
        add(words)
    return made


def _add_command(commands: argparse._SubParsersAction, name: str, summary: str, **more: str) -> argparse.ArgumentParser:
    added = commands.add_parser(name, help=summary, description=summary, **more)
    add_common_options(added)
    return added


def _add_format(command: argparse.ArgumentParser, *formats: str) -> None:
    command.add_argument("--format", choices=formats, default=formats[0], help=f"default: {formats[0]}")


def _add_migrate(commands: argparse._SubParsersAction) -> None:
    word = _add_command(commands, "migrate", "bring the schema up to date (every command that writes does it too)")
    word.add_argument("--list", action="store_true", help="say what is applied and what is pending; change nothing")
    _add_format(word, "text", "json")
    word.set_defaults(do=migrate)


def _add_check(commands: argparse._SubParsersAction) -> None:
    word = _add_command(commands, "check", "is everything in the file as it was written? Reads only",
                 epilog="exit codes: 0 everything holds, 1 something is broken")  # fmt: skip
    _add_format(word, "text", "json")
    word.set_defaults(do=check)


def _add_schema(commands: argparse._SubParsersAction) -> None:
    word = _add_command(commands, "schema", "the tables and views of a store of this version")
    word.add_argument("--dictionary", action="store_true", help="what each column of the stable views means")
    word.add_argument("--format", choices=("sql", "markdown", "json"), help="default: sql; markdown for the dictionary")
    word.set_defaults(do=print_schema)


def _add_redact(commands: argparse._SubParsersAction) -> None:
    word = _add_command(
        commands, "redact", "leave out what FILE says of the stable views and of every export; the rows stay"
    )
    word.add_argument("file", type=Path, metavar="FILE", help="redactions.toml: all of it counts, and nothing else")
    word.set_defaults(do=redact)


def _add_backup(commands: argparse._SubParsersAction) -> None:
    word = _add_command(commands, "backup", "copy the store to OUT, checked; also while a crawl is writing to it")
    word.add_argument("out", type=Path, metavar="OUT")
    word.add_argument("--force", action="store_true", help="replace an older backup of this name")
    word.set_defaults(do=backup)


def _add_restore(commands: argparse._SubParsersAction) -> None:
    word = _add_command(
        commands, "restore", "put a backup in the place of the store; what was there is kept under another name"
    )
    word.add_argument("backup", type=Path, metavar="BACKUP")
    word.add_argument("--force", action="store_true", help="even if the backup is not sound")
    word.set_defaults(do=restore)


def migrate(options: argparse.Namespace) -> int:
    """Apply what is pending, or list it."""
    from db.maintenance.migrations import apply_pending_migrations, migration_states

    if options.list:
        found = [{"migration": name, "state": state} for name, state in migration_states(options.db)]
    else:
        found = [{"migration": name, "state": "applied now"} for name in apply_pending_migrations(options.db)]
    if options.format == "json":
        _print_json(options.db, "migrations", found)
    else:
        print("\n".join(f"{one['state']:<12}{one['migration']}" for one in found) or "nothing is pending")
    return DONE


def check(options: argparse.Namespace) -> int:
    """Look at everything; say what is broken and how to save it."""
    from db.maintenance.check import check_store as checks

    return _print_checks(options.db, checks(options.db), options.format)


def _print_checks(path: Path, results: list[CheckResult], output_format: str) -> int:
    from db.maintenance.check import BROKEN, damaged_store_error

    if output_format == "json":
        _print_json(
            path, "checks", [{"check": one.name, "verdict": one.verdict, "said": one.message} for one in results]
        )
    else:
        for one in results:
            print(escape_control_characters(f"{one.verdict:<7}{one.name}: {one.message}"))
    broken = [one.name for one in results if one.verdict == BROKEN]
    if broken:
        print_error(damaged_store_error(path, f"Broken: {', '.join(broken)}"))
    return FAILED if broken else DONE


def print_schema(options: argparse.Namespace) -> int:
    """The schema or the dictionary; no store is needed for it."""
    from db.maintenance.schema import load_schema as definitions

    form = options.format or ("markdown" if options.dictionary else "sql")
    if options.dictionary and form == "sql":
        raise UsageError(
            "The dictionary is not SQL.", fix="Use --format markdown or --format json.", more="docs/dictionary.md"
        )
    if form == "json":
        found = {"views": load_dictionary()} if options.dictionary else {"definitions": definitions()}
        print(json.dumps({"schema": 1, **found}, ensure_ascii=False))
    else:
        print(
            render_dictionary(load_dictionary()) if options.dictionary else render_schema(definitions(), form), end=""
        )
    return DONE


def render_schema(definitions: Mapping[str, str], output_format: str) -> str:
    """The schema as one SQL script or as Markdown."""
    if output_format == "sql":
        return SQL_HEAD + "\n".join(f"{sql};\n" for sql in definitions.values())
    return "# The schema\n" + "".join(f"\n## {name}\n\n```sql\n{sql};\n```\n" for name, sql in definitions.items())


def redact(options: argparse.Namespace) -> int:
    """Let the store heed a list of what is to be left out, in the place of the one before."""
    from db.connection import open_for_writing
    from db.redactions import matching_packages, read_redaction_file, save_redactions

    entries = read_redaction_file(options.file)
    with open_for_writing(options.db) as database:
        save_redactions(database.conn, entries)
        packages, _ = matching_packages(database.conn, entries)
    print(
        escape_control_characters(
            f"{options.db}: {len(entries):,} entries are heeded; packages left out of the views: {len(packages):,}"
        )
    )
    return DONE


def load_dictionary() -> list[dict[str, object]]:
    """Every stable view with what is to be known of it and of each of its columns."""
    import tomllib

    return tomllib.loads(DICTIONARY.read_text("utf-8"))["view"]


def render_dictionary(views: Iterable[Mapping[str, object]]) -> str:
    """The dictionary in Markdown."""
    page = DICTIONARY_HEAD
    for view in views:
        page += f"\n## {view['name']}\n\n{view['about']}\n\n| column | " + " | ".join(COLUMNS) + " |\n"
        page += "|" + " --- |" * (len(COLUMNS) + 1) + "\n"
        page += "".join(f"| `{column['name']}` | {_format_cells(column)} |\n" for column in view["column"])
    return page


def _format_cells(column: Mapping[str, object]) -> str:
    said = [{True: "yes", False: "no"}.get(column[key], column[key]) if key in column else "–" for key in COLUMNS]
    return " | ".join(str(cell).replace("|", "\\|") for cell in said)


def backup(options: argparse.Namespace) -> int:
    """Copy the store."""
    from db.maintenance.backup import back_up_store

    size = back_up_store(options.db, options.out, options.force)
    print(escape_control_characters(f"{options.db} is backed up to {options.out}: {size / 2**20:,.1f} MB, checked"))
    return DONE


def restore(options: argparse.Namespace) -> int:
    """Put a backup in place, and look at it there."""
    from db.maintenance.backup import restore_store as bring_back
    from db.maintenance.check import check_store as checks

    aside = bring_back(options.backup, options.db, datetime.now(UTC), options.force)
    print(escape_control_characters(f"{options.backup} is now {options.db}"))
    if aside:
        print(escape_control_characters(f"what was there is kept as {aside}"))
    return _print_checks(options.db, checks(options.db), "text")


def _print_json(path: Path, name: str, rows: Iterable[Mapping[str, str]]) -> None:
    print(json.dumps({"schema": 1, "store": str(path), name: list(rows)}, ensure_ascii=False))


if __name__ == "__main__":
    # sqlite-utils takes pandas in if it is there: half a second and 60 MB that nothing here uses.
    sys.modules["pandas"] = None  # type: ignore[assignment]
    sys.exit(main())

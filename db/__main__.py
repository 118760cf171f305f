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
from db.cli import DONE, FAILED, Parser, add_store, complain, parser, plain, run

if TYPE_CHECKING:
    from db.maintenance.check import Check

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
    return run(make_parser, argv)


def make_parser() -> argparse.ArgumentParser:
    """The words of this room. Nothing heavy is imported before they are read."""
    made = parser("observatory store", "Look after the store: the one file with everything that was seen.")
    words = made.add_subparsers(title="what to do", metavar="WORD", required=True, parser_class=Parser)
    for add in (_add_migrate, _add_check, _add_schema, _add_redact, _add_backup, _add_restore):
        add(words)
    return made


def _word(words: argparse._SubParsersAction, name: str, does: str, **more: str) -> argparse.ArgumentParser:
    added = words.add_parser(name, help=does, description=does, **more)
    add_store(added)
    return added


def _add_format(word: argparse.ArgumentParser, *forms: str) -> None:
    word.add_argument("--format", choices=forms, default=forms[0], help=f"default: {forms[0]}")


def _add_migrate(words: argparse._SubParsersAction) -> None:
    word = _word(words, "migrate", "bring the schema up to date (every command that writes does it too)")
    word.add_argument("--list", action="store_true", help="say what is applied and what is pending; change nothing")
    _add_format(word, "text", "json")
    word.set_defaults(do=migrate)


def _add_check(words: argparse._SubParsersAction) -> None:
    word = _word(words, "check", "is everything in the file as it was written? Reads only",
                 epilog="exit codes: 0 everything holds, 1 something is broken")  # fmt: skip
    _add_format(word, "text", "json")
    word.set_defaults(do=check)


def _add_schema(words: argparse._SubParsersAction) -> None:
    word = _word(words, "schema", "the tables and views of a store of this version")
    word.add_argument("--dictionary", action="store_true", help="what each column of the stable views means")
    word.add_argument("--format", choices=("sql", "markdown", "json"), help="default: sql; markdown for the dictionary")
    word.set_defaults(do=schema)


def _add_redact(words: argparse._SubParsersAction) -> None:
    word = _word(words, "redact", "leave out what FILE says of the stable views and of every export; the rows stay")
    word.add_argument("file", type=Path, metavar="FILE", help="redactions.toml: all of it counts, and nothing else")
    word.set_defaults(do=redact)


def _add_backup(words: argparse._SubParsersAction) -> None:
    word = _word(words, "backup", "copy the store to OUT, checked; also while a crawl is writing to it")
    word.add_argument("out", type=Path, metavar="OUT")
    word.add_argument("--force", action="store_true", help="replace an older backup of this name")
    word.set_defaults(do=backup)


def _add_restore(words: argparse._SubParsersAction) -> None:
    word = _word(words, "restore", "put a backup in the place of the store; what was there is kept under another name")
    word.add_argument("backup", type=Path, metavar="BACKUP")
    word.add_argument("--force", action="store_true", help="even if the backup is not sound")
    word.set_defaults(do=restore)


def migrate(options: argparse.Namespace) -> int:
    """Apply what is pending, or list it."""
    from db.maintenance.migrations import bring_up_to_date, states

    if options.list:
        found = [{"migration": name, "state": state} for name, state in states(options.db)]
    else:
        found = [{"migration": name, "state": "applied now"} for name in bring_up_to_date(options.db)]
    if options.format == "json":
        _print_json(options.db, "migrations", found)
    else:
        print("\n".join(f"{one['state']:<12}{one['migration']}" for one in found) or "nothing is pending")
    return DONE


def check(options: argparse.Namespace) -> int:
    """Look at everything; say what is broken and how to save it."""
    from db.maintenance.check import check as checks

    return _tell(options.db, checks(options.db), options.format)


def _tell(path: Path, found: list[Check], form: str) -> int:
    from db.maintenance.check import BROKEN, damaged

    if form == "json":
        _print_json(path, "checks", [{"check": one.name, "verdict": one.verdict, "said": one.said} for one in found])
    else:
        for one in found:
            print(plain(f"{one.verdict:<7}{one.name}: {one.said}"))
    broken = [one.name for one in found if one.verdict == BROKEN]
    if broken:
        complain(damaged(path, f"Broken: {', '.join(broken)}"))
    return FAILED if broken else DONE


def schema(options: argparse.Namespace) -> int:
    """The schema or the dictionary; no store is needed for it."""
    from db.maintenance.schema import schema as definitions

    form = options.format or ("markdown" if options.dictionary else "sql")
    if options.dictionary and form == "sql":
        raise UsageError(
            "The dictionary is not SQL.", fix="Use --format markdown or --format json.", more="docs/dictionary.md"
        )
    if form == "json":
        found = {"views": dictionary()} if options.dictionary else {"definitions": definitions()}
        print(json.dumps({"schema": 1, **found}, ensure_ascii=False))
    else:
        print(dictionary_page(dictionary()) if options.dictionary else schema_page(definitions(), form), end="")
    return DONE


def schema_page(definitions: Mapping[str, str], form: str) -> str:
    """The schema as one SQL script or as Markdown."""
    if form == "sql":
        return SQL_HEAD + "\n".join(f"{sql};\n" for sql in definitions.values())
    return "# The schema\n" + "".join(f"\n## {name}\n\n```sql\n{sql};\n```\n" for name, sql in definitions.items())


def redact(options: argparse.Namespace) -> int:
    """Let the store heed a list of what is to be left out, in the place of the one before."""
    from db.connection import writing
    from db.redactions import meant, put, read

    entries = read(options.file)
    with writing(options.db) as database:
        put(database.conn, entries)
        packages, _ = meant(database.conn, entries)
    print(
        plain(f"{options.db}: {len(entries):,} entries are heeded; packages left out of the views: {len(packages):,}")
    )
    return DONE


def dictionary() -> list[dict[str, object]]:
    """Every stable view with what is to be known of it and of each of its columns."""
    import tomllib

    return tomllib.loads(DICTIONARY.read_text("utf-8"))["view"]


def dictionary_page(views: Iterable[Mapping[str, object]]) -> str:
    """The dictionary in Markdown."""
    page = DICTIONARY_HEAD
    for view in views:
        page += f"\n## {view['name']}\n\n{view['about']}\n\n| column | " + " | ".join(COLUMNS) + " |\n"
        page += "|" + " --- |" * (len(COLUMNS) + 1) + "\n"
        page += "".join(f"| `{column['name']}` | {_cells(column)} |\n" for column in view["column"])
    return page


def _cells(column: Mapping[str, object]) -> str:
    said = [{True: "yes", False: "no"}.get(column[key], column[key]) if key in column else "–" for key in COLUMNS]
    return " | ".join(str(cell).replace("|", "\\|") for cell in said)


def backup(options: argparse.Namespace) -> int:
    """Copy the store."""
    from db.maintenance.backup import back_up

    size = back_up(options.db, options.out, options.force)
    print(plain(f"{options.db} is backed up to {options.out}: {size / 2**20:,.1f} MB, checked"))
    return DONE


def restore(options: argparse.Namespace) -> int:
    """Put a backup in place, and look at it there."""
    from db.maintenance.backup import restore as bring_back
    from db.maintenance.check import check as checks

    aside = bring_back(options.backup, options.db, datetime.now(UTC), options.force)
    print(plain(f"{options.backup} is now {options.db}"))
    if aside:
        print(plain(f"what was there is kept as {aside}"))
    return _tell(options.db, checks(options.db), "text")


def _print_json(path: Path, name: str, rows: Iterable[Mapping[str, str]]) -> None:
    print(json.dumps({"schema": 1, "store": str(path), name: list(rows)}, ensure_ascii=False))


if __name__ == "__main__":
    # sqlite-utils takes pandas in if it is there: half a second and 60 MB that nothing here uses.
    sys.modules["pandas"] = None  # type: ignore[assignment]
    sys.exit(main())

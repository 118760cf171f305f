"""`python -m analysis.export`: the history of the store as a bundle for other programs. It only reads the store."""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from db.cli import (
    DONE,
    FAILED,
    create_parser,
    escape_control_characters,
    parse_day,
    positive_int,
    print_error,
    run_command,
)

if TYPE_CHECKING:
    from analysis.exports.privacy import Redactions

FORMATS_FOLDER = Path(__file__).parent / "exports" / "formats"
DAY = 86_400
KEY_VARIABLE = "OBSERVATORY_PSEUDONYM_KEY"


def make_parser() -> argparse.ArgumentParser:
    """The options of `observatory export OUT`; a format is a file of `exports/formats/`."""
    known = sorted(path.stem for path in FORMATS_FOLDER.glob("[a-z]*.py"))
    made = create_parser(
        "observatory export",
        "Write the history of the store to a folder, as a bundle that describes itself and can be cited",
    )
    made.add_argument("out", metavar="OUT", type=Path, help="the folder to write; a bundle that is there is renewed")
    made.add_argument(
        "--format", metavar="F", type=_split_list, default=known, help=f"some of {','.join(known)} (default: all)"
    )
    made.add_argument("--since", metavar="DATE", type=parse_day, help="only snapshots of this day and later")
    made.add_argument("--as-of", metavar="DATE", type=parse_day, help="only what was known at the end of this day")
    made.add_argument("--registry", metavar="R", action="append", default=[], help="only this one; may be repeated")
    made.add_argument("--tables", metavar="T", type=_split_list, default=[], help="only these tables (default: all)")
    made.add_argument("--redactions", metavar="FILE", type=Path,
                      help="what is to be left out (default: redactions.toml in this folder, if there)")  # fmt: skip
    made.add_argument("--pseudonymise", action="store_true", help=f"give names pseudonyms, by --key or {KEY_VARIABLE}")
    made.add_argument("--key", metavar="FILE", type=Path, help="the key of the pseudonyms; it is never exported")
    made.set_defaults(do=run_export)
    return made


def _split_list(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def run_export(options: argparse.Namespace) -> int:
    """Write the bundle."""
    from analysis.exports.bundle import ExportSpec, make_bundle
    from analysis.exports.privacy import load_key, refuse_unused_key
    from analysis.exports.tables import FOREVER, ExportScope
    from analysis.report import select_registries
    from db.connection import open_for_reading

    refuse_unused_key(options.pseudonymise, options.key)
    key = load_key(options.key, os.environ.get(KEY_VARIABLE)) if options.pseudonymise else None
    with open_for_reading(options.db) as connection:
        connection.execute("BEGIN")  # one state of the store, whatever a crawl adds meanwhile
        until = FOREVER if options.as_of is None else options.as_of + DAY
        known = select_registries(connection, options.registry)
        scope = ExportScope(options.since or 0, until, known, tuple(options.tables))
        wanted = ExportSpec(
            scope, tuple(sorted(set(options.format))), _load_redactions(options.redactions, connection), key
        )
        made = make_bundle(connection, wanted, options.out)
    rows = sum(file.contents.rows or 0 for file in made.facts.files)
    print(escape_control_characters(f"{options.out}: {len(made.facts.files):,} files of tables with {rows:,} rows"))
    if made.unchanged_files:
        said = f"{made.unchanged_files:,} files were there already and stay as they are; of {made.reused_files:,} of them no row was read."
        print(said, file=sys.stderr)
    return DONE


def _load_redactions(named: Path | None, connection: sqlite3.Connection) -> Redactions:
    """What the file says, and what the store itself heeds."""
    from analysis.exports.privacy import Redactions, expand_redactions
    from db.redactions import load_redactions, read_redaction_file

    path = named or Path("redactions.toml")
    entries = [*(read_redaction_file(path) if named or path.exists() else ()), *load_redactions(connection)]
    return expand_redactions(entries, connection) if entries else Redactions()


def make_verify_parser() -> argparse.ArgumentParser:
    """The options of `observatory export verify`."""
    made = create_parser(
        "observatory export verify", "Is every file of a bundle the one that was exported? Needs no network"
    )
    made.add_argument("out", metavar="OUT", type=Path, help="the folder of the bundle")
    made.set_defaults(do=run_verify)
    return made


def run_verify(options: argparse.Namespace) -> int:
    """Compare every file with the manifest."""
    from analysis.exports.manifest import InvalidBundleError, find_mismatches, read_manifest

    found = list(find_mismatches(options.out))
    for fault in found:
        print(escape_control_characters(fault))
    if found:
        print_error(
            InvalidBundleError(
                f"{options.out} is not as it was exported: {len(found):,} of its files differ.",
                fix="Export it again, or fetch it again from where it was published.", more="docs/exports.md",
            )
        )  # fmt: skip
        return FAILED
    told = read_manifest(options.out)
    print(
        escape_control_characters(
            f"{options.out}: {len(told['files']):,} files are as they were exported; {told['id']}"
        )
    )
    return DONE


def make_cite_parser() -> argparse.ArgumentParser:
    """The options of `observatory export cite`."""
    made = create_parser("observatory export cite", "How to cite a bundle, or without one the snapshots of the store")
    made.add_argument("out", metavar="OUT", type=Path, nargs="?", help="the folder of the bundle (default: the store)")
    made.set_defaults(do=run_cite)
    return made


def run_cite(options: argparse.Namespace) -> int:
    """Print a line for a list of references."""
    from analysis.exports.citation import cite_bundle, cite_snapshots
    from db.connection import open_for_reading

    if options.out is not None:
        print(escape_control_characters(cite_bundle(options.out)))
        return DONE
    with open_for_reading(options.db) as connection:
        print(
            escape_control_characters(
                "\n".join(cite_snapshots(connection)) or "There is no complete snapshot to cite yet."
            )
        )
    return DONE


def make_publish_parser() -> argparse.ArgumentParser:
    """The options of `observatory export publish`."""
    made = create_parser(
        "observatory export publish", "Publish a bundle as a dataset of the Hugging Face Hub, with a tag"
    )
    made.add_argument("where", choices=("hf",), help="where to: hf, the Hugging Face Hub")
    made.add_argument("repository", metavar="ORG/NAME", help="the dataset; it is made if it is not there")
    made.add_argument("--bundle", metavar="OUT", type=Path, required=True, help="the folder of the bundle")
    made.add_argument("--private", action="store_true", help="if the dataset has to be made: for you alone")
    made.add_argument("--dry-run", action="store_true", help="say what would be done; needs no network and no token")
    made.set_defaults(do=run_publish)
    return made


def run_publish(options: argparse.Namespace) -> int:
    """Check the bundle, send what is not there yet, and tag it."""
    from analysis.exports.publish import plan_publication
    from analysis.exports.publish import publish_bundle as send

    planned = plan_publication(options.bundle, options.repository)
    what = f"{planned.files:,} files, {planned.bytes / 2**20:,.1f} MB, to {planned.repository} as {planned.tag}"
    if options.dry_run:
        print(escape_control_characters(f"would publish {what}"))
        return DONE
    address = send(options.bundle, planned, options.private)
    print(escape_control_characters(f"published {what}: {address}"))
    return DONE


def make_peatmoss_parser() -> argparse.ArgumentParser:
    """The options of `observatory export peatmoss`."""
    made = create_parser(
        "observatory export peatmoss", "A snapshot of the Hub's models as a PeaTMOSS database (SQLite)"
    )
    made.add_argument("out", metavar="OUT", type=Path, help="the file to write; it must not be there yet")
    made.add_argument(
        "--snapshot", metavar="N", type=positive_int, help="its number (default: the newest complete one)"
    )
    made.add_argument("--redactions", metavar="FILE", type=Path,
                      help="what is to be left out (default: redactions.toml in this folder, if there)")  # fmt: skip
    made.set_defaults(do=run_peatmoss)
    return made


def run_peatmoss(options: argparse.Namespace) -> int:
    """Write it."""
    from analysis.exports.peatmoss import choose_snapshot, write_database
    from db.connection import open_for_reading

    with open_for_reading(options.db) as connection:
        snapshot, date = choose_snapshot(connection, options.snapshot)
        leave = _load_redactions(options.redactions, connection)
    models = write_database(options.db, snapshot, options.out, leave)
    print(escape_control_characters(f"{options.out}: {models:,} models of snapshot {snapshot}, {date}"))
    return DONE


COMMANDS: Mapping[str, Callable[[], argparse.ArgumentParser]] = {
    "verify": make_verify_parser,
    "cite": make_cite_parser,
    "peatmoss": make_peatmoss_parser,
    "publish": make_publish_parser,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code. The first word may be one of `WORDS`; else it is the folder to write."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in COMMANDS:
        return run_command(COMMANDS[words[0]], words[1:])
    return run_command(make_parser, words)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m analysis.export`: the history of the store as a bundle for other programs. It only reads the store."""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from db.cli import DONE, FAILED, complain, count, day, parser, plain, run

if TYPE_CHECKING:
    from analysis.exports.privacy import Redactions

FORMATS = Path(__file__).parent / "exports" / "formats"
DAY = 86_400
KEY = "OBSERVATORY_PSEUDONYM_KEY"


def make_parser() -> argparse.ArgumentParser:
    """The options of `observatory export OUT`; a format is a file of `exports/formats/`."""
    known = sorted(path.stem for path in FORMATS.glob("[a-z]*.py"))
    made = parser(
        "observatory export",
        "Write the history of the store to a folder, as a bundle that describes itself and can be cited",
    )
    made.add_argument("out", metavar="OUT", type=Path, help="the folder to write; a bundle that is there is renewed")
    made.add_argument(
        "--format", metavar="F", type=_list, default=known, help=f"some of {','.join(known)} (default: all)"
    )
    made.add_argument("--since", metavar="DATE", type=day, help="only snapshots of this day and later")
    made.add_argument("--as-of", metavar="DATE", type=day, help="only what was known at the end of this day")
    made.add_argument("--registry", metavar="R", action="append", default=[], help="only this one; may be repeated")
    made.add_argument("--tables", metavar="T", type=_list, default=[], help="only these tables (default: all)")
    made.add_argument("--redactions", metavar="FILE", type=Path,
                      help="what is to be left out (default: redactions.toml in this folder, if there)")  # fmt: skip
    made.add_argument("--pseudonymise", action="store_true", help=f"give names pseudonyms, by --key or {KEY}")
    made.add_argument("--key", metavar="FILE", type=Path, help="the key of the pseudonyms; it is never exported")
    made.set_defaults(do=export)
    return made


def _list(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def export(options: argparse.Namespace) -> int:
    """Write the bundle."""
    from analysis.exports.bundle import Wanted, make
    from analysis.exports.privacy import key_of, refuse_key_without_need
    from analysis.exports.tables import FOREVER, Scope
    from analysis.report import registries
    from db.connection import reading

    refuse_key_without_need(options.pseudonymise, options.key)
    key = key_of(options.key, os.environ.get(KEY)) if options.pseudonymise else None
    with reading(options.db) as connection:
        connection.execute("BEGIN")  # one state of the store, whatever a crawl adds meanwhile
        until = FOREVER if options.as_of is None else options.as_of + DAY
        known = registries(connection, options.registry)
        scope = Scope(options.since or 0, until, known, tuple(options.tables))
        wanted = Wanted(scope, tuple(sorted(set(options.format))), _left_out(options.redactions, connection), key)
        made = make(connection, wanted, options.out)
    rows = sum(file.written.rows or 0 for file in made.facts.files)
    print(plain(f"{options.out}: {len(made.facts.files):,} files of tables with {rows:,} rows"))
    if made.kept:
        said = (
            f"{made.kept:,} files were there already and stay as they are; of {made.taken:,} of them no row was read."
        )
        print(said, file=sys.stderr)
    return DONE


def _left_out(named: Path | None, connection: sqlite3.Connection) -> Redactions:
    """What the file says, and what the store itself heeds."""
    from analysis.exports.privacy import Redactions, redactions
    from db.redactions import read, stored

    path = named or Path("redactions.toml")
    entries = [*(read(path) if named or path.exists() else ()), *stored(connection)]
    return redactions(entries, connection) if entries else Redactions()


def verify_parser() -> argparse.ArgumentParser:
    """The options of `observatory export verify`."""
    made = parser("observatory export verify", "Is every file of a bundle the one that was exported? Needs no network")
    made.add_argument("out", metavar="OUT", type=Path, help="the folder of the bundle")
    made.set_defaults(do=verify)
    return made


def verify(options: argparse.Namespace) -> int:
    """Compare every file with the manifest."""
    from analysis.exports.manifest import NotABundle, faults, read

    found = list(faults(options.out))
    for fault in found:
        print(plain(fault))
    if found:
        complain(
            NotABundle(
                f"{options.out} is not as it was exported: {len(found):,} of its files differ.",
                fix="Export it again, or fetch it again from where it was published.", more="docs/exports.md",
            )
        )  # fmt: skip
        return FAILED
    told = read(options.out)
    print(plain(f"{options.out}: {len(told['files']):,} files are as they were exported; {told['id']}"))
    return DONE


def cite_parser() -> argparse.ArgumentParser:
    """The options of `observatory export cite`."""
    made = parser("observatory export cite", "How to cite a bundle, or without one the snapshots of the store")
    made.add_argument("out", metavar="OUT", type=Path, nargs="?", help="the folder of the bundle (default: the store)")
    made.set_defaults(do=cite)
    return made


def cite(options: argparse.Namespace) -> int:
    """Print a line for a list of references."""
    from analysis.exports.citation import of_bundle, of_store
    from db.connection import reading

    if options.out is not None:
        print(plain(of_bundle(options.out)))
        return DONE
    with reading(options.db) as connection:
        print(plain("\n".join(of_store(connection)) or "There is no complete snapshot to cite yet."))
    return DONE


def publish_parser() -> argparse.ArgumentParser:
    """The options of `observatory export publish`."""
    made = parser("observatory export publish", "Publish a bundle as a dataset of the Hugging Face Hub, with a tag")
    made.add_argument("where", choices=("hf",), help="where to: hf, the Hugging Face Hub")
    made.add_argument("repository", metavar="ORG/NAME", help="the dataset; it is made if it is not there")
    made.add_argument("--bundle", metavar="OUT", type=Path, required=True, help="the folder of the bundle")
    made.add_argument("--private", action="store_true", help="if the dataset has to be made: for you alone")
    made.add_argument("--dry-run", action="store_true", help="say what would be done; needs no network and no token")
    made.set_defaults(do=publish)
    return made


def publish(options: argparse.Namespace) -> int:
    """Check the bundle, send what is not there yet, and tag it."""
    from analysis.exports.publish import plan
    from analysis.exports.publish import publish as send

    planned = plan(options.bundle, options.repository)
    what = f"{planned.files:,} files, {planned.bytes / 2**20:,.1f} MB, to {planned.repository} as {planned.tag}"
    if options.dry_run:
        print(plain(f"would publish {what}"))
        return DONE
    address = send(options.bundle, planned, options.private)
    print(plain(f"published {what}: {address}"))
    return DONE


def peatmoss_parser() -> argparse.ArgumentParser:
    """The options of `observatory export peatmoss`."""
    made = parser("observatory export peatmoss", "A snapshot of the Hub's models as a PeaTMOSS database (SQLite)")
    made.add_argument("out", metavar="OUT", type=Path, help="the file to write; it must not be there yet")
    made.add_argument("--snapshot", metavar="N", type=count, help="its number (default: the newest complete one)")
    made.add_argument("--redactions", metavar="FILE", type=Path,
                      help="what is to be left out (default: redactions.toml in this folder, if there)")  # fmt: skip
    made.set_defaults(do=peatmoss)
    return made


def peatmoss(options: argparse.Namespace) -> int:
    """Write it."""
    from analysis.exports.peatmoss import chosen, write
    from db.connection import reading

    with reading(options.db) as connection:
        snapshot, date = chosen(connection, options.snapshot)
        leave = _left_out(options.redactions, connection)
    models = write(options.db, snapshot, options.out, leave)
    print(plain(f"{options.out}: {models:,} models of snapshot {snapshot}, {date}"))
    return DONE


WORDS: Mapping[str, Callable[[], argparse.ArgumentParser]] = {
    "verify": verify_parser,
    "cite": cite_parser,
    "peatmoss": peatmoss_parser,
    "publish": publish_parser,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code. The first word may be one of `WORDS`; else it is the folder to write."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in WORDS:
        return run(WORDS[words[0]], words[1:])
    return run(make_parser, words)


if __name__ == "__main__":
    sys.exit(main())

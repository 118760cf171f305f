"""`python -m analysis.export`: the history of the store as a bundle for other programs. It only reads the store."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from db import UsageError
from db.command import DONE, FAILED, complain, day, parser, plain, run

FORMATS = Path(__file__).parent / "exports" / "formats"
DAY = 86_400


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
    made.set_defaults(do=export)
    return made


def _list(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def export(options: argparse.Namespace) -> int:
    """Write the bundle."""
    from analysis.exports import bundle
    from analysis.exports.tables import FOREVER, Scope, tables
    from analysis.report import registries
    from db.connect import reading

    with reading(options.db) as connection:
        connection.execute("BEGIN")  # one state of the store, whatever a crawl adds meanwhile
        until = FOREVER if options.as_of is None else options.as_of + DAY
        wanted = registries(connection, options.registry)
        found = tables(connection, Scope(options.since or 0, until, wanted, tuple(options.tables)))
        known_words("format", options.format, bundle.formats())
        known_words("table", options.tables, [table.name for table in found])
        made = bundle.make(found, sorted(set(options.format)), options.out)
    rows = sum(one.rows or 0 for one in made.files)
    print(plain(f"{options.out}: {len(made.files):,} files, {rows:,} rows; {made.kept:,} files were there already"))
    return DONE


def known_words(what: str, asked: Sequence[str], known: Sequence[str]) -> None:
    """Refuse a word that is none.

    Raises:
        UsageError: naming those there are.
    """
    for word in asked:
        if word not in known:
            raise UsageError(
                f"There is no {what} {word!r}.", fix=f"There are: {', '.join(known)}.", more="docs/exports.md"
            )


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


WORDS: Mapping[str, Callable[[], argparse.ArgumentParser]] = {"verify": verify_parser}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code. The first word may be one of `WORDS`; else it is the folder to write."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in WORDS:
        return run(WORDS[words[0]], words[1:])
    return run(make_parser, words)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m analysis.export`: the history of the store as a bundle for other programs. The store is only read."""

from __future__ import annotations

import argparse
import errno
import os
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.stored_registries import add_registries_option, select_registries
from db import SECONDS_PER_DAY, UsageError
from db.cli import (
    DONE,
    FAILED,
    create_parser,
    describe_os_error,
    escape_control_characters,
    parse_day,
    positive_int,
    print_error,
    run_command,
)

if TYPE_CHECKING:
    from analysis.exports.bundle import ExportOutcome, ExportSpec
    from analysis.exports.privacy import Redactions
    from analysis.exports.private_rows import PrivateContent

FORMATS_FOLDER = Path(__file__).parent / "exports" / "formats"
KEY_VARIABLE = "OBSERVATORY_PSEUDONYM_KEY"
REDACTION_FILE = "redactions.toml"


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of `observatory export OUT`, with the modules of `exports/formats/` as formats."""
    parser = create_parser(
        "observatory export",
        "Write the history of the store to a folder, as a bundle that describes itself and can be cited",
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="the folder to write (an existing bundle is renewed)")
    _add_format_option(parser)
    _add_scope_options(parser)
    _add_redactions_option(parser)
    parser.add_argument(
        "--author",
        metavar="AUTHOR",
        action="append",
        default=[],
        help="who publishes the bundle, as `Name <ORCID or URL>` (repeatable; or OBSERVATORY_AUTHOR)",
    )
    parser.add_argument(
        "--pseudonymise", action="store_true", help=f"replace names by pseudonyms, with --key or {KEY_VARIABLE}"
    )
    parser.add_argument("--key", metavar="FILE", type=Path, help="the key of the pseudonyms (never exported)")
    parser.set_defaults(do=run_export)
    return parser


def _add_format_option(parser: argparse.ArgumentParser) -> None:
    formats = sorted(path.stem for path in FORMATS_FOLDER.glob("[a-z]*.py"))
    parser.add_argument(
        "--format", metavar="F", type=_split_list, default=formats, help=f"some of {','.join(formats)} (default: all)"
    )


def _add_scope_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", metavar="DATE", type=parse_day, help="only snapshots of this day and later")
    parser.add_argument("--as-of", metavar="DATE", type=parse_day, help="only what was known at the end of this day")
    add_registries_option(parser)
    parser.add_argument("--tables", metavar="T", type=_split_list, default=[], help="only these tables (default: all)")


def _add_redactions_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--redactions",
        metavar="FILE",
        type=Path,
        help=f"the packages and names to leave out (default: {REDACTION_FILE} in this folder, if it exists)",
    )


def _split_list(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def run_export(options: argparse.Namespace) -> int:
    """Write the bundle."""
    from analysis.exports.bundle import make_bundle
    from analysis.exports.privacy import load_key, refuse_unused_key
    from db.connection import open_for_reading

    refuse_unused_key(options.pseudonymise, options.key)
    key = load_key(options.key, os.environ.get(KEY_VARIABLE)) if options.pseudonymise else None
    with open_for_reading(options.db) as connection:
        connection.execute("BEGIN")  # one state of the store, even if a crawl is writing
        spec = _make_spec(options, key, connection)
        try:
            outcome = make_bundle(connection, spec, options.out)
        except OSError as error:
            raise describe_os_error(error, options.out) from error
        except sqlite3.OperationalError as error:  # of a SQLite file of the bundle: reading fills no disk
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
                raise describe_os_error(OSError(errno.ENOSPC, str(error)), options.out) from error
            raise
    _print_outcome(outcome, options.out)
    return DONE


def _make_spec(options: argparse.Namespace, key: bytes | None, connection: sqlite3.Connection) -> ExportSpec:
    from analysis.exports.authors import AUTHOR_VARIABLE, choose_authors
    from analysis.exports.bundle import ExportSpec
    from analysis.exports.bundle_facts import refuse_empty_scope
    from analysis.exports.private_rows import add_private_content, load_private_content
    from analysis.exports.tables import FOREVER, ExportScope
    from db.private_text import list_credentials

    until = FOREVER if options.as_of is None else options.as_of + SECONDS_PER_DAY
    if (options.since or 0) >= until:
        raise UsageError("No day is both --since and --as-of: --since is later.", fix="Exchange the two dates.")
    registries = select_registries(connection, options.registry)
    scope = ExportScope(options.since or 0, until, registries, tuple(options.tables))
    refuse_empty_scope(connection, scope)
    redactions = _load_redactions(options.redactions, connection)
    authors = choose_authors(options.author, os.environ.get(AUTHOR_VARIABLE))
    credentials = list_credentials(os.environ)
    content = load_private_content(connection, credentials)
    _warn_of_private_content(content)
    redactions = add_private_content(redactions, content, connection)
    return ExportSpec(scope, tuple(sorted(set(options.format))), redactions, key, authors, credentials)


def _warn_of_private_content(content: PrivateContent) -> None:
    """Print how much of the store is not exported because it has an address or a token. It is not quoted."""
    if content.is_empty:
        return
    print(
        "The store has addresses or tokens that are not exported. Packages left out, because their names have one:"
        f" {len(content.package_ids):,}. Texts that were cut: {len(content.public_texts):,}.",
        file=sys.stderr,
    )


def _print_outcome(outcome: ExportOutcome, out: Path) -> None:
    files = outcome.facts.files
    rows = sum(file.contents.rows or 0 for file in files)
    print(
        escape_control_characters(
            f"{out}: {rows:,} rows of tables in {len(files):,} file{'' if len(files) == 1 else 's'}"
        )
    )
    if outcome.unchanged_files:
        print(
            f"{outcome.unchanged_files:,} files are unchanged. Of these, {outcome.reused_files:,} were reused without"
            " reading their rows.",
            file=sys.stderr,
        )


def _load_redactions(path: Path | None, connection: sqlite3.Connection) -> Redactions:
    """Return the redactions of the file, and those of the store."""
    from analysis.exports.privacy import Redactions, expand_redactions
    from db.redactions import load_redactions, read_redaction_file

    file = path or Path(REDACTION_FILE)
    entries = [*(read_redaction_file(file) if path or file.exists() else ()), *load_redactions(connection)]
    return expand_redactions(entries, connection) if entries else Redactions()


def make_verify_parser() -> argparse.ArgumentParser:
    """Return the parser of `observatory export verify`."""
    parser = create_parser(
        "observatory export verify", "Check that every file of a bundle is as it was exported (needs no network)"
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="the folder of the bundle")
    parser.set_defaults(do=run_verify)
    return parser


def run_verify(options: argparse.Namespace) -> int:
    """Compare every file with the manifest."""
    from analysis.exports.manifest import InvalidBundleError, find_mismatches, read_manifest

    mismatches = list(find_mismatches(options.out))
    for mismatch in mismatches:
        print(escape_control_characters(mismatch))
    if mismatches:
        message = f"{options.out} is not as it was exported: {len(mismatches):,} of its files differ."
        fix = "Export it again, or download it again from where it was published."
        print_error(InvalidBundleError(message, fix=fix, more="docs/exports.md"))
        return FAILED
    manifest = read_manifest(options.out)
    summary = f"{options.out}: {len(manifest['files']):,} files are as they were exported; {manifest['id']}"
    print(escape_control_characters(summary))
    return DONE


def make_cite_parser() -> argparse.ArgumentParser:
    """Return the parser of `observatory export cite`."""
    parser = create_parser(
        "observatory export cite", "Print the citation of a bundle, or of the snapshots of the store"
    )
    parser.add_argument(
        "out", metavar="OUT", type=Path, nargs="?", help="the folder of the bundle (default: the store)"
    )
    parser.add_argument(
        "--format", choices=("text", "bibtex"), default="text", help="text, or bibtex for a bundle (default: text)"
    )
    parser.set_defaults(do=run_cite)
    return parser


def run_cite(options: argparse.Namespace) -> int:
    """Print a citation for a list of references."""
    from analysis.exports.citation import cite_bundle, cite_bundle_as_bibtex, cite_snapshots
    from db.connection import open_for_reading

    if options.format == "bibtex" and options.out is None:
        raise UsageError(
            "BibTeX is for a bundle.", fix="Name its folder: `observatory export cite OUT --format bibtex`."
        )
    if options.out is not None:
        text = cite_bundle_as_bibtex(options.out) if options.format == "bibtex" else cite_bundle(options.out)
    else:
        with open_for_reading(options.db) as connection:
            text = "\n".join(cite_snapshots(connection)) or "There is no complete snapshot to cite yet."
    print(escape_control_characters(text))
    return DONE


def make_publish_parser() -> argparse.ArgumentParser:
    """Return the parser of `observatory export publish`."""
    parser = create_parser(
        "observatory export publish", "Publish a bundle as a dataset of the Hugging Face Hub, with a tag"
    )
    parser.add_argument("where", choices=("hf",), help="the target: hf, the Hugging Face Hub")
    parser.add_argument("repository", metavar="ORG/NAME", help="the dataset (created if it does not exist)")
    parser.add_argument("--bundle", metavar="OUT", type=Path, required=True, help="the folder of the bundle")
    parser.add_argument("--private", action="store_true", help="make the dataset private if it is created")
    parser.add_argument(
        "--dry-run", action="store_true", help="print what would be published (needs no network and no token)"
    )
    parser.add_argument(
        "--allow-simulated", action="store_true", help="publish also snapshots that are not from public registries"
    )
    parser.set_defaults(do=run_publish)
    return parser


def run_publish(options: argparse.Namespace) -> int:
    """Check the bundle, send the missing files, and tag the commit."""
    from analysis.exports.publish import plan_publication, publish_bundle, refuse_simulated

    plan = plan_publication(options.bundle, options.repository)
    if not options.allow_simulated:
        refuse_simulated(options.bundle)
    summary = f"{plan.files:,} files, {plan.bytes / 2**20:,.1f} MB, to {plan.repository} as {plan.tag}"
    if options.dry_run:
        print(escape_control_characters(f"would publish {summary}"))
        return DONE
    url = publish_bundle(options.bundle, plan, options.private)
    print(escape_control_characters(f"published {summary}: {url}"))
    return DONE


def make_peatmoss_parser() -> argparse.ArgumentParser:
    """Return the parser of `observatory export peatmoss`."""
    parser = create_parser(
        "observatory export peatmoss", "Write a snapshot of the Hub's models as a PeaTMOSS database (SQLite)"
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="the file to write (must not exist)")
    parser.add_argument(
        "--snapshot", metavar="N", type=positive_int, help="its number (default: the newest complete snapshot)"
    )
    _add_redactions_option(parser)
    parser.set_defaults(do=run_peatmoss)
    return parser


def run_peatmoss(options: argparse.Namespace) -> int:
    """Write the PeaTMOSS database."""
    from analysis.exports.peatmoss import choose_snapshot, write_database
    from analysis.exports.private_rows import add_private_content, load_private_content
    from db.connection import open_for_reading
    from db.private_text import list_credentials
    from db.sources import describe_stand_ins, load_stand_ins

    with open_for_reading(options.db) as connection:
        snapshot, date = choose_snapshot(connection, options.snapshot)
        credentials = list_credentials(os.environ)
        content = load_private_content(connection, credentials)
        redactions = add_private_content(_load_redactions(options.redactions, connection), content, connection)
        stand_in = load_stand_ins(connection).get(snapshot)
    models = write_database(options.db, snapshot, options.out, redactions, credentials, stand_in)
    print(escape_control_characters(f"{options.out}: {models:,} models of snapshot {snapshot}, {date}"))
    if stand_in:
        print(describe_stand_ins([stand_in]), file=sys.stderr)
    return DONE


COMMANDS: Mapping[str, Callable[[], argparse.ArgumentParser]] = {
    "verify": make_verify_parser,
    "cite": make_cite_parser,
    "peatmoss": make_peatmoss_parser,
    "publish": make_publish_parser,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    The first word is one of `COMMANDS`, or else the folder to write.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in COMMANDS:
        return run_command(COMMANDS[words[0]], words[1:])
    return run_command(make_parser, words)


if __name__ == "__main__":
    sys.exit(main())

"""`observatory crawl import`: import past lists as snapshots."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.commands import Subparsers, add_command, add_format_option, add_quiet_option
from crawler.fetching.progress import show_file_progress
from db import UsageError
from db.cli import DONE, FAILED, PARTIAL, escape_control_characters, isoformat_utc, parse_day, positive_int
from db.registry_names import parse_registry
from db.rows import ORDERS

if TYPE_CHECKING:
    from crawler.importers import ImportOutcome, PlannedImport
    from db.stored_registries import StoredRegistry

OPTIONS_OF_A_FILE = ("registry", "by", "counter", "source", "id", "value", "rank")


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    from crawler.importers import list_formats

    formats = list_formats()
    parser = add_command(
        subparsers,
        "import",
        "import past lists as snapshots; a file that was imported before changes nothing",
        "0 complete, 1 failed, 2 wrong usage, 3 partial: a list is partial, or only some files could be imported",
    )
    file_format = parser.add_argument("form", choices=formats, metavar="FORMAT", help=", ".join(formats))
    files = parser.add_argument(
        "files", nargs="+", metavar="FILE", help="files of the format, imported in the order of their dates; may be .gz"
    )
    file_format.required = files.required = False  # a manifest states both
    parser.set_defaults(form=None, files=())
    _add_date_options(parser)
    _add_list_options(parser)
    _add_column_options(parser)
    parser.add_argument("--top", type=positive_int, metavar="K", help="import the first K rows only (default: all)")
    parser.add_argument("--source", help="where the list comes from, in a few words")
    parser.add_argument("--dry-run", action="store_true", help="print what would be imported, and import nothing")
    add_quiet_option(parser)
    add_format_option(parser)
    parser.set_defaults(do=run_import)


def _add_date_options(parser: argparse.ArgumentParser) -> None:
    dates = parser.add_mutually_exclusive_group(required=True)
    dates.add_argument("--date", type=parse_day, metavar="YYYY-MM-DD", help="the day of every list")
    dates.add_argument(
        "--date-from-name", action="store_true",
        help="read the day of each list from the name of its file, or else its folder: 2022-07-01, 2022_07_01 …",
    )  # fmt: skip
    dates.add_argument(
        "--manifest", type=Path, metavar="CSV",
        help="a CSV file with a row for each list: file, date and, if they differ, format, registry, by, counter, "
        "source, id, value, rank",
    )  # fmt: skip


def _add_list_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--registry", type=parse_registry, metavar="R", help="the registry of the lists: npm, pypi, …")
    parser.add_argument(
        "--new-registry", action="store_true", help="accept a registry that `crawl registries` does not list"
    )
    parser.add_argument("--by", choices=ORDERS, default="downloads", help="the counter the list is ordered by")
    parser.add_argument(
        "--counter",
        help="what the counter counts: last-week, last-30-days, last-month, total, … or other:TEXT for any other "
        "(default: the Hub's own, else unstated)",
    )


def _add_column_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--id", metavar="COLUMN", help="csv: the column of the names")
    parser.add_argument(
        "--value",
        metavar="COLUMN",
        help="csv: the column of the counter; cards: downloads or likes, to store the lines as a list too",
    )
    parser.add_argument("--rank", metavar="COLUMN", help="csv: the column of the ranks")


def run_import(options: argparse.Namespace) -> int:
    """Import past lists and return the exit code."""
    from crawler.importers import import_planned, list_formats, plan_imports
    from db.stored_registries import load_stored_registries

    stored = load_stored_registries(options.db)
    rows = _with_stored_registries(_list_rows(options), stored)
    planned_imports = plan_imports(rows, list_formats(), options.top, time.time())
    if not options.new_registry:
        _require_known_registries(planned_imports, stored)
    if options.dry_run:
        _print_plan(planned_imports, options.format)
        return DONE
    outcomes: list[ImportOutcome] = []
    try:
        with show_file_progress(len(planned_imports), options.quiet) as show:
            for outcome in import_planned(options.db, planned_imports, getattr(options, "debug", False)):
                outcomes.append(outcome)
                show(outcome.file, outcome.rows)
    finally:  # an error that stops the run is printed after what is stored
        if outcomes:
            _print_outcomes(planned_imports[: len(outcomes)], outcomes, options.format)
    return choose_exit_code([outcome.status for outcome in outcomes])


def choose_exit_code(statuses: Sequence[str]) -> int:
    """Return the exit code of a run: done, failed if nothing is stored, or partial if not every list is complete.

    >>> choose_exit_code(["complete"] * 2), choose_exit_code(["failed"]), choose_exit_code(["partial", "failed"])
    (0, 1, 3)
    """
    if set(statuses) <= {"complete"}:
        return DONE
    return FAILED if set(statuses) == {"failed"} else PARTIAL


def _list_rows(options: argparse.Namespace) -> list[Mapping[str, str]]:
    """Return a row for each file: what the command line states, unless the manifest states it for the file."""
    from crawler.importers import read_manifest

    if options.manifest and options.files:
        raise UsageError("FILE and --manifest cannot be stated together.", fix="Name the files in the manifest.")
    if not options.manifest and not options.files:
        raise UsageError("FORMAT and FILE are missing.", fix="See `observatory crawl import --help`.")
    stated = {name: getattr(options, name) for name in OPTIONS_OF_A_FILE} | {"format": options.form}
    if options.date is not None:
        stated["date"] = isoformat_utc(options.date)[:10]
    defaults = {name: value for name, value in stated.items() if value}
    rows = read_manifest(options.manifest) if options.manifest else [{"file": file} for file in options.files]
    return [{**defaults, **row} for row in rows]


def _with_stored_registries(
    rows: Sequence[Mapping[str, str]], stored: Sequence[StoredRegistry]
) -> list[Mapping[str, str]]:
    """Return rows whose registries have the names that the store or the list of registries has for them."""
    from crawler.registries import resolve_registry

    spellings = {row["registry"] for row in rows if "registry" in row}
    names = {spelling: resolve_registry(parse_registry(spelling), stored) for spelling in spellings}
    return [{**row, "registry": names[row["registry"]]} if "registry" in row else row for row in rows]


def _require_known_registries(planned_imports: Sequence[PlannedImport], stored: Sequence[StoredRegistry]) -> None:
    from crawler.registries import require_known_registry

    for registry in dict.fromkeys(planned.spec.registry for planned in planned_imports):
        require_known_registry(registry, stored)


def _print_plan(planned_imports: Sequence[PlannedImport], output_format: str) -> None:
    from crawler.importers import format_plan

    if output_format == "json":
        plan = [planned.as_json() for planned in planned_imports]
        print(json.dumps({"schema": 1, "plan": plan}, ensure_ascii=False))
    else:
        print(escape_control_characters(format_plan(planned_imports)))


def _print_outcomes(
    planned_imports: Sequence[PlannedImport], outcomes: Sequence[ImportOutcome], output_format: str
) -> None:
    from crawler.importers import format_summary

    if output_format == "json":
        pairs = zip(planned_imports, outcomes, strict=True)
        imports = [{**outcome.as_json(), "date": planned.day} for planned, outcome in pairs]
        print(json.dumps({"schema": 1, "imports": imports}, ensure_ascii=False))
    else:
        text = outcomes[0].as_text() if len(outcomes) == 1 else format_summary(planned_imports, outcomes)
        print(escape_control_characters(text))

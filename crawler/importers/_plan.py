"""Plan a run of imports: each file with its date, format and columns. Faults are reported before any import (pure)."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from crawler.importers._counters import find_counter_fault
from crawler.importers._name_dates import date_of_name
from crawler.importers._spec import ImportSpec, resolve_counter
from db import SECONDS_PER_DAY, UsageError
from db.cli import did_you_mean, parse_day
from db.rows import ORDERS

COLUMN_OPTIONS = ("id", "value", "rank")


@dataclass(frozen=True)
class PlannedImport:
    """One file to import, its format, and what is stated about it."""

    file: str
    format_name: str
    spec: ImportSpec

    @property
    def day(self) -> str:
        """The stated day of the list."""
        return _format_day(self.spec.taken_at)

    def as_json(self) -> dict[str, object]:
        """Return the documented JSON object, version 1."""
        return {
            "file": self.file, "date": self.day, "format": self.format_name, "registry": self.spec.registry,
            "by": self.spec.ordered_by, "counter": resolve_counter(self.spec), "top": self.spec.top,
        }  # fmt: skip


def plan_imports(
    rows: Sequence[Mapping[str, str]], formats: Sequence[str], top: int | None, now: float
) -> list[PlannedImport]:
    """Return the imports in the order of their dates.

    A row has `file`, `format`, `registry` and `by`. It may have `date` (or else the name of its file has the date),
    `counter`, `source`, `id`, `value` and `rank`.

    Raises:
        UsageError: a file has no usable date, format, registry, order or counter. All such files are reported.
    """
    files_by_fault: dict[str, list[str]] = {}
    common_day = _find_common_day(rows)
    for row in rows:
        for fault in (*_find_faults(row, formats, now), *_find_contradictions(row, common_day)):
            files_by_fault.setdefault(fault, []).append(row.get("file", "a row without a file"))
    if files_by_fault:
        raise _unusable_plan_error(files_by_fault, len(rows))
    return sorted((_plan_row(row, top) for row in rows), key=lambda planned: planned.spec.taken_at)


def _plan_row(row: Mapping[str, str], top: int | None) -> PlannedImport:
    columns = {option: row.get(option) for option in COLUMN_OPTIONS}
    spec = ImportSpec(
        row["registry"], _read_day(row), row["by"], row.get("counter"), row.get("source"), columns, top
    )  # fmt: skip
    return PlannedImport(row["file"], row["format"], spec)


def _find_faults(row: Mapping[str, str], formats: Sequence[str], now: float) -> Iterator[str]:
    if "file" not in row:
        yield "the cell of the file is empty"
        return
    try:
        taken_at = _read_day(row)
        if taken_at > now + SECONDS_PER_DAY:
            yield f"the day {_format_day(taken_at)} has not come"
    except ValueError as error:
        yield str(error)
    if "registry" not in row:
        yield "no --registry is stated"
    if "format" not in row:
        yield "no FORMAT is stated"
    elif row["format"] not in formats:
        yield f"there is no format {row['format']!r}. {did_you_mean(row['format'], formats)}".rstrip()
    if row["by"] not in ORDERS:
        yield f"there is no order {row['by']!r}. {did_you_mean(row['by'], ORDERS)}".rstrip()
    fault = find_counter_fault(row["counter"]) if "counter" in row else None
    if fault:
        yield fault


def _find_common_day(rows: Sequence[Mapping[str, str]]) -> str | None:
    """Return the day that is stated for all of several files, None if there is none."""
    days = {row.get("date") for row in rows}
    return days.pop() if len(rows) > 1 and len(days) == 1 else None


def _find_contradictions(row: Mapping[str, str], common_day: str | None) -> Iterator[str]:
    """Yield that the name of a file has another day than the day that is stated for several files."""
    if not common_day:
        return
    with suppress(ValueError):
        named_day = date_of_name(Path(row.get("file", ""))).isoformat()
        if named_day != common_day:
            yield f"its name says {named_day}, and {common_day} is stated for every file: use --date-from-name"


def _read_day(row: Mapping[str, str]) -> int:
    """Return the first second of the stated day, or of the day in the name of the file."""
    text = row["date"] if "date" in row else date_of_name(Path(row["file"])).isoformat()
    if not text:
        raise ValueError("the cell of the date is empty")
    try:
        return parse_day(text)
    except ArgumentTypeError as error:
        raise ValueError(str(error)) from None


def _format_day(taken_at: int) -> str:
    return datetime.fromtimestamp(taken_at, UTC).date().isoformat()


def _unusable_plan_error(files_by_fault: Mapping[str, Sequence[str]], file_count: int) -> UsageError:
    count = len({file for files in files_by_fault.values() for file in files})
    lines = [
        f"{'every file' if len(files) == file_count > 1 else ', '.join(files)}: {fault}"
        for fault, files in files_by_fault.items()
    ]
    return UsageError(
        f"{count} of {file_count} files cannot be imported as stated, and no file was imported."
        if file_count > 1
        else "The file cannot be imported as stated.",
        why="\n       ".join(lines),
        fix="Correct the names, the options or the manifest. See `observatory crawl import --help`.",
        more="docs/commands.md",
    )

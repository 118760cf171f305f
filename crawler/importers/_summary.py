"""Plans and results of several imports as text (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from crawler.importers._outcomes import ImportOutcome
from crawler.importers._plan import PlannedImport
from db.cli import pluralize

ROWS_COLUMN = 3


def format_plan(planned_imports: Sequence[PlannedImport]) -> str:
    """Return a line for each file, and how many there are."""
    columns = ("file", "date", "format", "registry", "counter")
    rows = [[str(planned.as_json()[column]) for column in columns] for planned in planned_imports]
    return "\n".join(
        [
            *_format_table([[column.upper() for column in columns], *rows]),
            f"{pluralize(len(rows), 'file')} would be imported",
        ]
    )


def format_summary(planned_imports: Sequence[PlannedImport], outcomes: Sequence[ImportOutcome]) -> str:
    """Return a line for each file, the warnings, and the number of files of each status."""
    rows = [
        (Path(outcome.file).name, planned.day, outcome.status, f"{outcome.rows:,}", outcome.remark)
        for planned, outcome in zip(planned_imports, outcomes, strict=True)
    ]
    counts = Counter("stored before" if outcome.again else outcome.status for outcome in outcomes)
    total = ", ".join(f"{count:,} {status}" for status, count in counts.items())
    return "\n".join(
        [
            *_format_table([("FILE", "DATE", "STATUS", "ROWS", "REASON"), *rows]),
            *_format_warnings(outcomes),
            f"{len(outcomes):,} files: {total}",
        ]
    )


def _format_warnings(outcomes: Sequence[ImportOutcome]) -> list[str]:
    """Return each warning once, with the number of files that have it."""
    files_by_warning: dict[str, list[str]] = {}
    for outcome in outcomes:
        for warning in outcome.warnings:
            files_by_warning.setdefault(warning, []).append(Path(outcome.file).name)
    return [
        f"{warning} ({files[0] if len(files) == 1 else pluralize(len(files), 'file')})"
        for warning, files in files_by_warning.items()
    ]


def _format_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines with columns. The numbers of rows are aligned to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    is_summary = rows[0][ROWS_COLUMN] == "ROWS"
    return [
        "  ".join(
            cell.rjust(width) if is_summary and number == ROWS_COLUMN else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]

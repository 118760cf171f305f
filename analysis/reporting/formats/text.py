"""The report for a terminal: plain text, at most 80 columns."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from analysis.reporting.claims import ClaimDetail
from analysis.reporting.rows import Report
from analysis.reporting.table import ReportColumn, ReportTable
from analysis.reporting.tables import FLOWS
from analysis.reporting.view import ReportView, SeriesView, build_view

WIDTH = 80
INDENT = "  "
UNLIMITED_WIDTH = 10_000
MAX_NAME_WIDTH = 36
NEWEST_ROWS = 12
FIRST_ROWS = 10
CLAIM_COLUMNS = ("claim", "verdict", "measure", "measured", "interval", "dates")
FIRST_STEPS = """Two ways to get snapshots:

  observatory crawl snapshot huggingface/models --top 1000
      takes a first snapshot now
  observatory crawl import csv FILE --registry R --date D \\
        --id COLUMN --value COLUMN
      imports a list of an earlier day

Without a network, `observatory demo` shows a whole run."""


def render(report: Report) -> str:
    """Return the whole report."""
    return "\n\n".join(_render_parts(build_view(report)))


def _render_parts(view: ReportView) -> Iterator[str]:
    yield f"{view.generated_by} · report on {view.scope}"
    if not view.series:
        yield from (_wrap(sentence, "") for sentence in view.limitations)
        yield FIRST_STEPS
        return
    if view.warning:
        yield _wrap(view.warning, "")
    yield from _list_sentences("Summary", view.summary)
    for series in view.series:
        yield from _render_series(series)
    if any(claim.is_testable for claim in view.claim_details):
        yield _render_table("Does the paper still hold?", view.claims.select(*CLAIM_COLUMNS))
    yield from _list_sentences("What these verdicts rest on", [_describe_claim(claim) for claim in view.claim_details])
    if view.event_kinds:
        yield _render_table("Quality events", view.event_kinds)
    yield from _list_sentences("Not available yet", view.limitations)


def _render_series(series: SeriesView) -> Iterator[str]:
    yield f"{series.title}\n{'=' * len(series.title)}"
    snapshots = series.snapshots.newest(NEWEST_ROWS).select("date", "state", "depth", "gate passed", "source")
    sentences = [_wrap(sentence) for sentence in (*series.coverage, *series.problems)]
    yield "\n".join([_render_table("Snapshots", snapshots), *sentences])
    yield from (_render_table(table.caption, table) for table in _list_result_tables(series) if table)
    yield from _list_sentences("Notes on the newest results", series.notes)


def _list_result_tables(series: SeriesView) -> list[ReportTable | None]:
    return [
        series.changes and series.changes.select("top K", "since", *FLOWS, "turnover", "tie range"),
        series.matched,
        series.population,
        series.over_time
        and series.over_time.newest(NEWEST_ROWS).select("date", "days", *FLOWS, "turnover", "tie range"),
        *(moves.first(FIRST_ROWS) for moves in series.moves),
    ]


def _describe_claim(claim: ClaimDetail) -> str:
    note = f" Note: {claim.note}." if claim.note else ""
    if not claim.is_testable:
        return f"{claim.label}: {claim.title}. Not testable: {claim.note}."
    numbers = "".join(f" {sentence[0].upper()}{sentence[1:]}." for sentence in claim.numbers)
    return f"{claim.label}: {claim.title}.{numbers} Published {claim.published}. Rule: {claim.rule}.{note}"


def _list_sentences(heading: str, sentences: Sequence[str]) -> Iterator[str]:
    if sentences:
        yield "\n".join([heading, *(_wrap(sentence, f"{INDENT}- ") for sentence in sentences)])


def _add_column(grid: Grid, column: ReportColumn) -> None:
    grid.add_column(
        Text(column.heading),
        justify="right" if column.kind == "number" else "left",
        overflow="ellipsis" if column.kind == "name" else "fold",
        no_wrap=column.kind == "name",
        max_width=MAX_NAME_WIDTH if column.kind == "name" else None,
    )


def _render_table(heading: str, table: ReportTable) -> str:
    """Return a table under its heading, columns aligned, and no line wider than the page."""
    console = Console(file=io.StringIO(), width=WIDTH - len(INDENT), color_system=None, force_terminal=False)
    grid = Grid(box=None, pad_edge=False, header_style="")
    for column in table.columns:
        _add_column(grid, column)
    for row in table.rows:
        grid.add_row(*(Text(" ".join(cell.text.split())) for cell in row))
    natural_width = console.measure(grid, options=console.options.update(width=UNLIMITED_WIDTH)).maximum
    grid.collapse_padding = natural_width > console.width  # one space between columns instead of two
    with console.capture() as capture:
        console.print(grid)
    lines = [f"{INDENT}{line}".rstrip() for line in capture.get().splitlines()]
    return "\n".join([heading, *lines, *([_wrap(table.note)] if table.note else ())])


def _wrap(sentence: str, bullet: str = INDENT) -> str:
    words = " ".join(sentence.split())
    return textwrap.fill(words, WIDTH, initial_indent=bullet, subsequent_indent=" " * len(bullet))

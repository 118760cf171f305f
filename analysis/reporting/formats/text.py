"""The report for a terminal: plain text, no line wider than the terminal."""

from __future__ import annotations

import io
import shutil
import textwrap
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from analysis.reporting.claims import ClaimDetail
from analysis.reporting.formats._breaking import BreakableCell
from analysis.reporting.rows import Report
from analysis.reporting.table import ReportColumn, ReportTable
from analysis.reporting.tables import FLOWS
from analysis.reporting.view import ReportView, SeriesView, build_view
from analysis.reporting.wording import UNDEFINED

DEFAULT_WIDTH, MIN_WIDTH = 80, 60
MAX_LINE = 100  # of a sentence: longer lines are hard to read on any terminal
INDENT = "  "
FIXED_KINDS = ("number", "date")  # kinds of columns that are never broken
MIN_TEXT_WIDTH = 12  # of a column of names or sentences
NEWEST_ROWS = 12
FIRST_ROWS = 10
LIBRARY_ROWS = 12
CLAIM_COLUMNS = ("claim", "verdict", "measure", "measured", "interval", "dates")
NOTE_HEADINGS = ("Notes on", "Not available yet", "What these verdicts rest on")
BOLD, DIM, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
FIRST_STEPS = """Two ways to get snapshots:

  observatory crawl snapshot huggingface/models --top 1000
      takes a first snapshot now
  observatory crawl import csv FILE --registry R --date D \\
        --id COLUMN --value COLUMN
      imports a list of an earlier day

Without a network, `observatory demo` shows a whole run."""


def render(report: Report, *, width: int | None = None) -> str:
    """Return the whole report, as wide as the terminal or as the variable COLUMNS says."""
    columns = width or shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns
    return "\n\n".join(TextPage(max(MIN_WIDTH, columns)).lay_out(build_view(report)))


class TextPage:
    """The layout of a report for one width. Only headings begin at the left edge."""

    def __init__(self, width: int) -> None:
        self.width = width

    def lay_out(self, view: ReportView) -> Iterator[str]:
        """Yield the parts of the report: results, who moved, claims, then what the numbers rest on."""
        yield self._wrap(view.state or f"{view.generated_by} · report on {view.scope}", "")
        if not view.series:
            yield from (self._wrap(sentence, "") for sentence in view.limitations)
            yield FIRST_STEPS
            return
        if view.warning:
            yield self._wrap(view.warning)
        yield from self._list_sentences("Summary", view.summary)
        for heading, list_parts in (
            ("TURNOVER", self._lay_out_turnover),
            ("WHO MOVED", self._lay_out_moves),
            ("DESCENDANTS AND LIBRARIES", self._lay_out_descendants),
        ):
            parts = [part for series in view.series for part in self._add_title(series, list_parts(series))]
            yield from (heading, *parts) if parts else ()
        yield from self._lay_out_claims(view)
        yield from self._lay_out_trust(view)

    def _lay_out_turnover(self, series: SeriesView) -> Iterator[str]:
        tables = [
            series.changes and series.changes.select("top K", "since", *FLOWS, "turnover", "tie range"),
            series.matched and series.matched.select("top K", "days", "turnover", "tie range", "against", "n"),
            series.over_time
            and series.over_time.newest(NEWEST_ROWS).select("date", "days", *FLOWS, "turnover", "tie range"),
            series.population,
        ]
        yield from (self._lay_out_table(table.caption, table) for table in tables if table)

    def _lay_out_moves(self, series: SeriesView) -> Iterator[str]:
        if series.top:
            yield self._lay_out_table(series.top.caption, series.top)
        yield from (self._lay_out_table(moves.caption, moves.first(FIRST_ROWS)) for moves in series.moves)

    def _lay_out_descendants(self, series: SeriesView) -> Iterator[str]:
        yield from (self._lay_out_table(table.caption, table) for table in series.base_models)
        if series.base_models_note:
            yield self._wrap(series.base_models_note)
        if series.kept_libraries:
            yield self._lay_out_table(series.kept_libraries.caption, series.kept_libraries.first(LIBRARY_ROWS))

    def _lay_out_claims(self, view: ReportView) -> Iterator[str]:
        if not view.claim_details:
            return
        yield "DOES THE PAPER STILL HOLD?"
        if any(claim.is_testable for claim in view.claim_details):
            claims = view.claims.select(*CLAIM_COLUMNS)
            yield self._lay_out_table(
                "Claims and verdicts", claims if self._fits(claims) else claims.without("interval")
            )
        yield from self._list_sentences("What these verdicts rest on", list(map(_describe_claim, view.claim_details)))

    def _lay_out_trust(self, view: ReportView) -> Iterator[str]:
        yield "CAN I TRUST THIS?"
        for series in view.series:
            snapshots = series.snapshots.newest(NEWEST_ROWS).select("date", "state", "depth", "gate passed", "source")
            sentences = [self._wrap(sentence) for sentence in (*series.coverage, *series.problems)]
            yield "\n".join([self._lay_out_table(f"Snapshots of {series.title}", snapshots), *sentences])
            yield from self._list_sentences(f"Notes on turnover: {series.title}", series.notes)
        if view.event_kinds:
            yield self._lay_out_table("Quality events", view.event_kinds)
        yield from self._list_sentences("Not available yet", view.limitations)
        if view.omissions:
            yield self._wrap(view.omissions)
        yield self._wrap(f"{view.generated_by}, {view.scope}.")

    def _add_title(self, series: SeriesView, parts: Iterator[str]) -> Iterator[str]:
        """Yield the title of a series, underlined, before its parts, if it has any."""
        title = f"{self._wrap(series.title, '')}\n{'-' * min(len(series.title), self.width)}"
        for position, part in enumerate(parts):
            yield from () if position else (title,)
            yield part

    def _list_sentences(self, heading: str, sentences: Sequence[str]) -> Iterator[str]:
        if sentences:
            yield "\n".join([self._wrap(heading, ""), *(self._wrap(sentence, f"{INDENT}- ") for sentence in sentences)])

    def _lay_out_table(self, heading: str, table: ReportTable) -> str:
        """Return a table under its heading, or its rows as sentences if the columns do not fit."""
        lines = self._align(table) if self._fits(table) else [self._join_row(table, row) for row in _read_rows(table)]
        return "\n".join([self._wrap(heading, ""), *lines, *([self._wrap(table.note)] if table.note else ())])

    def _fits(self, table: ReportTable) -> bool:
        """Return whether numbers and dates fit unbroken beside the least width of names and sentences."""
        widths = []
        for column, texts in zip(table.columns, zip(*_read_rows(table), strict=True), strict=True):
            natural = max(map(len, (column.heading, *texts)))
            widths.append(natural if column.kind in FIXED_KINDS else min(natural, MIN_TEXT_WIDTH))
        return sum(widths) + len(widths) - 1 <= self.width - len(INDENT)

    def _align(self, table: ReportTable) -> list[str]:
        console = Console(file=io.StringIO(), width=self.width - len(INDENT), color_system=None, force_terminal=False)
        grid = Grid(box=None, pad_edge=False, header_style="")
        for column in table.columns:
            _add_column(grid, column)
        for row in _read_rows(table):
            grid.add_row(*map(_make_cell, table.columns, row))
        natural_width = console.measure(grid, options=console.options.update(width=10_000)).maximum
        grid.collapse_padding = natural_width > console.width  # one space between columns instead of two
        with console.capture() as capture:
            console.print(grid)
        return [f"{INDENT}{line}".rstrip() for line in capture.get().splitlines()]

    def _join_row(self, table: ReportTable, row: Sequence[str]) -> str:
        pairs = zip(table.columns, row, strict=True)
        return self._wrap(
            " · ".join(f"{column.heading} {text}" for column, text in pairs if text not in ("", UNDEFINED)),
            f"{INDENT}- ",
        )

    def _wrap(self, sentence: str, bullet: str = INDENT) -> str:
        return textwrap.fill(
            " ".join(sentence.split()), min(self.width, MAX_LINE), initial_indent=bullet,
            subsequent_indent=" " * len(bullet), break_on_hyphens=False,
        )  # fmt: skip


def add_colour(text: str) -> str:
    """Return a report with bold headings and dim notes, for a terminal. Only headings begin at the left edge."""
    return "\n\n".join(map(_colour_part, text.split("\n\n")))


def _colour_part(part: str) -> str:
    """Colour one part of a report.

    >>> _colour_part("Summary\\n  - a")
    '\\x1b[1mSummary\\x1b[0m\\n  - a'
    """
    is_note = part.startswith(NOTE_HEADINGS)
    lines = [
        f"{BOLD}{line}{PLAIN}" if not line.startswith(" ") else f"{DIM}{line}{PLAIN}" if is_note else line
        for line in part.split("\n")
    ]
    return "\n".join(lines)


def _read_rows(table: ReportTable) -> list[list[str]]:
    return [[" ".join(cell.text.split()) for cell in row] for row in table.rows]


def _describe_claim(claim: ClaimDetail) -> str:
    note = f" Note: {claim.note}." if claim.note else ""
    if not claim.is_testable:
        return f"{claim.label}: {claim.title}. Not testable: {claim.note}."
    numbers = "".join(f" {sentence[0].upper()}{sentence[1:]}." for sentence in claim.numbers)
    return f"{claim.label}: {claim.title}.{numbers} Published {claim.published}. Rule: {claim.rule}.{note}"


def _make_cell(column: ReportColumn, text: str) -> Text | BreakableCell:
    return Text(text) if column.kind in FIXED_KINDS else BreakableCell(text)


def _add_column(grid: Grid, column: ReportColumn) -> None:
    grid.add_column(
        Text(column.heading), justify="right" if column.kind == "number" else "left", overflow="fold",
        no_wrap=column.kind in FIXED_KINDS,
    )  # fmt: skip

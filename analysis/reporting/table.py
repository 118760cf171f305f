"""One table of a report: a caption, columns with their kinds, and cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

ColumnKind = Literal["text", "name", "date", "number"]


@dataclass(frozen=True, slots=True)
class ReportColumn:
    """One column. A name is text from outside, which must never be read as markup."""

    heading: str
    kind: ColumnKind


@dataclass(frozen=True, slots=True)
class ReportCell:
    """One cell. A number of the document also has its exact value ("" if undefined) and an identifying title.

    `link` is the address of a package's page, made here from a name of known form.
    """

    text: str
    value: str | None = None
    title: str = ""
    is_bad: bool = False
    link: str = ""


@dataclass(frozen=True)
class ReportTable:
    """A caption, columns and rows. `note` says how many rows are left out."""

    caption: str
    columns: tuple[ReportColumn, ...]
    rows: tuple[tuple[ReportCell, ...], ...]
    note: str = ""

    def __bool__(self) -> bool:
        return bool(self.rows)

    def newest(self, limit: int) -> ReportTable:
        """Return the table with its last rows only."""
        if len(self.rows) <= limit:
            return self
        return replace(self, rows=self.rows[-limit:], note=f"The newest {limit:,} of {len(self.rows):,}.")

    def first(self, limit: int) -> ReportTable:
        """Return the table with its first rows only."""
        if len(self.rows) <= limit:
            return self
        return replace(self, rows=self.rows[:limit], note=f"And {len(self.rows) - limit:,} more.")

    def after(self, limit: int) -> ReportTable:
        """Return the table without its first rows."""
        return replace(self, rows=self.rows[limit:])

    def select(self, *headings: str) -> ReportTable:
        """Return the table with these columns only, in this order."""
        all_headings = [column.heading for column in self.columns]
        positions = [all_headings.index(heading) for heading in headings]
        rows = tuple(tuple(row[position] for position in positions) for row in self.rows)
        return replace(self, columns=tuple(self.columns[position] for position in positions), rows=rows)

    def without(self, heading: str) -> ReportTable:
        """Return the table without one column."""
        return self.select(*(column.heading for column in self.columns if column.heading != heading))


def make_table(
    caption: str, columns: Mapping[str, ColumnKind], rows: Iterable[Sequence[ReportCell | str]]
) -> ReportTable:
    """Make a table. A plain text stands for a cell with nothing else."""
    cells = (tuple(cell if isinstance(cell, ReportCell) else ReportCell(cell) for cell in row) for row in rows)
    return ReportTable(caption, tuple(ReportColumn(heading, kind) for heading, kind in columns.items()), tuple(cells))

"""The packages that a report names: the top of each list, who moved, and the base models."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.reporting.leaders import (
    TOP_ROWS,
    choose_growth_base,
    choose_previous,
    describe_base_models,
    describe_top,
    shared_depth,
)
from analysis.reporting.movers import MoverRow, describe_move
from analysis.reporting.redacted_rows import omit_redacted
from analysis.reporting.rows import (
    ParentRow,
    RankedRow,
    ReportBaseModel,
    ReportMove,
    ReportResult,
    ReportSnapshot,
    ReportTopRow,
)
from analysis.reporting.series import choose_deepest, choose_list_of_day, group_by_series, newest_day
from analysis.reporting.stored_rows import fetch_typed_rows
from db.redactions import RedactedNames


@dataclass(frozen=True)
class PackageLoader:
    """Loads the packages of the newest lists by name, each with the list that the results compare."""

    connection: sqlite3.Connection
    snapshots: Sequence[ReportSnapshot]
    results: Sequence[ReportResult]
    k: int | None
    redacted: RedactedNames

    def load_top(self) -> list[ReportTopRow]:
        """Return the first packages of the newest list of each series."""
        return [row for snapshot in self._newest_lists() for row in self._load_top(snapshot)]

    def load_moves(self) -> list[ReportMove]:
        """Return the moves into, out of and within the top K of each series, up to the list of its newest day."""
        lists = [snapshot for snapshot in self._newest_lists() if self.k and (snapshot["depth"] or 0) >= self.k]
        return [move for snapshot in lists for move in self._load_moves(snapshot, self.k or 0)]

    def load_base_models(self, snapshot: ReportSnapshot) -> list[ReportBaseModel]:
        """Return the parents with the most children, and those with the largest growth."""
        previous = self._snapshot(choose_growth_base(self.results, snapshot["snapshot"]))
        depth = shared_depth(snapshot, previous)
        rows = fetch_typed_rows(self.connection, "base_models", ParentRow, snapshot=snapshot["snapshot"],
                      previous=previous and previous["snapshot"], depth=depth)  # fmt: skip
        return describe_base_models(omit_redacted(rows, self.redacted), snapshot, previous, depth)

    def _load_top(self, snapshot: ReportSnapshot) -> Iterator[ReportTopRow]:
        previous = choose_previous(self.results, snapshot["snapshot"], self.k)
        rows = fetch_typed_rows(
            self.connection, "top_ranks", RankedRow, snapshot=snapshot["snapshot"], previous=previous, limit=TOP_ROWS
        )
        return describe_top(omit_redacted(rows, self.redacted), snapshot, self._snapshot(previous))

    def _load_moves(self, snapshot: ReportSnapshot, k: int) -> Iterator[ReportMove]:
        rows = fetch_typed_rows(self.connection, "movers", MoverRow, snapshot=snapshot["snapshot"], k=k)
        return (describe_move(row, snapshot, k) for row in omit_redacted(rows, self.redacted))

    def _newest_lists(self) -> Iterator[ReportSnapshot]:
        """Yield the list that stands for the newest day of each series at K, or else the deepest of that day."""
        for of_series in group_by_series(self.snapshots).values():
            of_day = newest_day(of_series)
            if of_day:
                yield choose_list_of_day(of_day, self.k or 1) or choose_deepest(of_day)

    def _snapshot(self, number: int | None) -> ReportSnapshot | None:
        return next((snapshot for snapshot in self.snapshots if snapshot["snapshot"] == number), None)

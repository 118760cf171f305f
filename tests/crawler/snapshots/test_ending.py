"""The end of a snapshot: its status, its reason, and what is stored with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from crawler.plan import CrawlPlan
from crawler.response import Page
from crawler.snapshots.ending import end_snapshot
from crawler.snapshots.kinds import Judgement, SnapshotKind, load_kind
from db.rows import GateResult
from db.store import Store
from db.store.package_events import PackageEvent
from tests.db.builders import FAILED, PASSED, UNKNOWN, begin_snapshot, make_page, make_store, query

EVENT = PackageEvent(None, "names_missed", "warning", "about two", None, "2")
GATE_REASON = "pages: 2 of 3 (rule: every page)"


class JudgedKind(SnapshotKind[Store]):
    """Kind of snapshot with a fixed judgement and one event, which may fail to be found."""

    writer_class = Store

    def __init__(
        self, results: Sequence[GateResult], packages: int = 2, coverage: Mapping[str, float] | None = None,
        bug: Exception | None = None,
    ) -> None:  # fmt: skip
        self.judgement, self.bug = Judgement(results, coverage or {}, packages), bug
        self.searches = 0

    def expected_size(self, writer: Store, plan: CrawlPlan) -> int | None:
        """Return K."""
        return plan.k

    def redact_page(self, page: Page, keep_body: bool) -> Page:
        """Return the page unchanged."""
        return page

    def judge(self, writer: Store, snapshot: int) -> Judgement:
        """Return the fixed judgement."""
        return self.judgement

    def find_events(self, writer: Store, snapshot: int) -> Iterable[PackageEvent]:
        """Return the event, or fail."""
        self.searches += 1
        if self.bug:
            raise self.bug
        return [EVENT]


def end_open(store: Store, kind: SnapshotKind[Any], reason: str | None = None) -> tuple[str, str | None]:
    """End a new snapshot of two packages, and return its status and reason."""
    snapshot = begin_snapshot(store)
    store.save_page(snapshot, make_page("ab"))
    return end_snapshot(kind, store, snapshot, reason)


@pytest.mark.parametrize(
    ("results", "packages", "reason", "ending"),
    [
        (PASSED, 2, None, ("complete", None)),
        ((*PASSED, *UNKNOWN), 2, None, ("complete", None)),
        (FAILED, 2, None, ("partial", GATE_REASON)),
        (PASSED, 2, "cursor_loop: a circle", ("partial", "cursor_loop: a circle")),
        (FAILED, 2, "cursor_loop: a circle", ("partial", f"cursor_loop: a circle; {GATE_REASON}")),
        (FAILED, 0, None, ("failed", GATE_REASON)),
        (PASSED, 0, "interrupted", ("failed", "interrupted")),
        (PASSED, 0, None, ("failed", None)),
    ],
)
def test_a_snapshot_ends_as_its_gate_and_its_crawl_allow(
    results: Sequence[GateResult], packages: int, reason: str | None, ending: tuple[str, str | None]
) -> None:
    store, kind = make_store(), JudgedKind(results, packages)
    assert end_open(store, kind, reason) == ending
    assert query(store, "SELECT status, reason FROM snapshot") == [ending]
    assert query(store, "SELECT gate, outcome FROM gate_result ORDER BY gate") == sorted(
        (result.gate, result.outcome) for result in results
    )
    events = [("names_missed", "about two")] if ending[0] == "complete" else []
    assert (query(store, "SELECT kind, evidence FROM quality_event"), kind.searches) == (events, len(events))


def test_the_share_of_each_field_is_stored_with_the_end() -> None:
    store = make_store()
    end_open(store, JudgedKind(PASSED, coverage={"likes": 0.5, "downloads": 1.0}))
    assert query(store, "SELECT field, share FROM field_coverage ORDER BY field") == [
        ("downloads", 1.0),
        ("likes", 0.5),
    ]


def test_a_snapshot_whose_events_cannot_be_found_stays_open_without_any_result() -> None:
    store = make_store()
    with pytest.raises(KeyError, match="histories"):
        end_open(store, JudgedKind(PASSED, bug=KeyError("histories")))
    assert query(store, "SELECT status, ended_at FROM snapshot") == [("open", None)]
    assert query(store, "SELECT count(*) FROM gate_result") == [(0,)]


def test_a_real_ranking_without_a_package_fails_and_one_cut_short_is_partial() -> None:
    store, ranking = make_store(), load_kind("ranking")
    empty = begin_snapshot(store)
    status, reason = end_snapshot(ranking, store, empty, "interrupted")
    assert (status, str(reason).split("; ")[:2]) == (
        "failed",
        ["interrupted", "G1 end reached: stopped before the end (rule: K ranks, or a last page without a next)"],
    )
    short = begin_snapshot(store, 9, k=5)
    store.save_page(short, make_page("abc"))
    assert end_snapshot(ranking, store, short)[0] == "partial"
    assert query(store, "SELECT status, depth FROM snapshot ORDER BY snapshot_id") == [("failed", 0), ("partial", 3)]

"""A names census: the name of every package of a registry, without counters, in an order of the registry's own."""

from __future__ import annotations

from collections.abc import Iterable

from crawler.parsing.redact import redact_urls
from crawler.plan import CrawlPlan
from crawler.quality.gate import read_evidence
from crawler.quality.names_gate import NamesPage, estimate_missed, judge_names, missed_events, read_names_pages
from crawler.response import Page
from crawler.snapshots.kinds import CensusPosition, Judgement, SnapshotKind, ranking
from db.census.names_writer import NamesCensusStore
from db.store.package_events import PackageEvent


class NamesCensusKind(SnapshotKind[NamesCensusStore]):
    """How a names census is stored, judged and ended."""

    writer_class = NamesCensusStore

    def expected_size(self, writer: NamesCensusStore, plan: CrawlPlan) -> int | None:
        """Return the size of the last complete census."""
        return writer.expected_size(plan.registry)

    def redact_page(self, page: Page, keep_body: bool) -> Page:
        """Return the page without personal addresses in its URLs: rows are read without addresses."""
        return redact_urls(page)

    def position(self, writer: NamesCensusStore, snapshot: int) -> CensusPosition:
        """Return the stable ids of the last stored page."""
        return CensusPosition(newest_ids=writer.newest_ids(snapshot))

    def judge(self, writer: NamesCensusStore, snapshot: int) -> Judgement:
        """Return what the gate of a names census says; without a page it is judged as a ranking without rows."""
        if not writer.has_census_pages(snapshot):
            return ranking.KIND.judge(writer, snapshot)
        (row,) = writer.query("gate_evidence", snapshot=snapshot)
        evidence = read_evidence(dict(row)) | {"listed": row["kept"], "k": None}
        pages = _query_pages(writer, snapshot)
        sizes = [line["packages"] for line in writer.query("previous_census_sizes", snapshot=snapshot)]
        results = judge_names(evidence, pages, sizes, writer.largest_packages(snapshot))
        return Judgement(results, writer.field_coverage(snapshot), row["kept"])

    def find_events(self, writer: NamesCensusStore, snapshot: int) -> Iterable[PackageEvent]:
        """Return a warning if names were missed."""
        (row,) = writer.query("gate_evidence", snapshot=snapshot)
        return missed_events(_query_pages(writer, snapshot), row["kept"])

    def estimate_missed(self, writer: NamesCensusStore, snapshot: int, depth: int) -> int | None:
        """Return the estimate from the names that were requested again."""
        estimate = estimate_missed(_query_pages(writer, snapshot), depth)
        return estimate.estimate if estimate else None


def _query_pages(writer: NamesCensusStore, snapshot: int) -> list[NamesPage]:
    return read_names_pages([dict(row) for row in writer.query("names_census_pages", snapshot=snapshot)])


KIND = NamesCensusKind()

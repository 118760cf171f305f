"""A census: every package of a registry with its counters, in the order of the stable ids."""

from __future__ import annotations

from collections.abc import Iterable

from crawler.parsing.redact import redact_urls
from crawler.plan import CrawlPlan
from crawler.quality.census_events import find_census_events
from crawler.quality.census_gate import judge_census
from crawler.quality.gate import read_evidence
from crawler.response import Page
from crawler.snapshots.kinds import CensusPosition, Judgement, SnapshotKind, ranking
from db.census.writer import CensusStore
from db.store.package_events import PackageEvent


class CensusKind(SnapshotKind[CensusStore]):
    """How a census is stored, judged and ended."""

    writer_class = CensusStore

    def expected_size(self, writer: CensusStore, plan: CrawlPlan) -> int | None:
        """Return the size of the last complete census."""
        return writer.expected_size(plan.registry)

    def redact_page(self, page: Page, keep_body: bool) -> Page:
        """Return the page without personal addresses in its URLs: rows are read without addresses."""
        return redact_urls(page)

    def position(self, writer: CensusStore, snapshot: int) -> CensusPosition:
        """Return the largest stable id of the stored pages."""
        return CensusPosition(last_id=writer.last_id(snapshot))

    def judge(self, writer: CensusStore, snapshot: int) -> Judgement:
        """Return what the gate of a census says; a census without a page is judged as a ranking without rows."""
        if not writer.has_census_pages(snapshot):
            return ranking.KIND.judge(writer, snapshot)
        (row,) = writer.query("gate_evidence", snapshot=snapshot)
        evidence = read_evidence(dict(row)) | {"listed": row["kept"], "k": None}
        baseline = [
            (line["field"], line["share"]) for line in writer.query("field_coverage_baseline", snapshot=snapshot)
        ]
        sizes = [line["packages"] for line in writer.query("previous_census_sizes", snapshot=snapshot)]
        coverage = writer.field_coverage(snapshot)
        results = judge_census(evidence, coverage, baseline, sizes, writer.largest_packages(snapshot))
        return Judgement(results, coverage, row["kept"])

    def find_events(self, writer: CensusStore, snapshot: int) -> Iterable[PackageEvent]:
        """Return unusual counters."""
        return find_census_events(writer, snapshot)


KIND = CensusKind()

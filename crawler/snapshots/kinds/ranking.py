"""A ranking: the top K of a registry by a counter."""

from __future__ import annotations

from collections.abc import Iterable

from crawler.parsing.redact import redact_page
from crawler.plan import CrawlPlan
from crawler.quality.counter_events import detect_counter_events
from crawler.quality.gate import judge_ranking, read_evidence
from crawler.response import Page
from crawler.snapshots.kinds import Judgement, SnapshotKind
from db.store import Store
from db.store.package_events import PackageEvent, load_histories, load_ranking_changes


class RankingKind(SnapshotKind[Store]):
    """How a ranking is stored, judged and ended."""

    writer_class = Store

    def expected_size(self, writer: Store, plan: CrawlPlan) -> int | None:
        """Return K."""
        return plan.k

    def redact_page(self, page: Page, keep_body: bool) -> Page:
        """Return the page without personal addresses in its rows, rejects and body."""
        return redact_page(page, keep_body)

    def judge(self, writer: Store, snapshot: int) -> Judgement:
        """Return what the gate of a ranking says."""
        (row,) = writer.query("gate_evidence", snapshot=snapshot)
        coverage = {line["field"]: line["share"] for line in writer.query("field_coverage", snapshot=snapshot)}
        coverage = {field: share for field, share in coverage.items() if share}
        baseline = [
            (line["field"], line["share"]) for line in writer.query("field_coverage_baseline", snapshot=snapshot)
        ]
        leaders = [
            (line["name"], bool(line["present"])) for line in writer.query("previous_leaders", snapshot=snapshot)
        ]
        results = judge_ranking(read_evidence(dict(row)), coverage, baseline, leaders)
        return Judgement(results, coverage, row["listed"])

    def find_events(self, writer: Store, snapshot: int) -> Iterable[PackageEvent]:
        """Return unusual counters, and packages that were renamed, created anew or removed."""
        return [*detect_counter_events(load_histories(writer, snapshot)), *load_ranking_changes(writer, snapshot)]


KIND = RankingKind()

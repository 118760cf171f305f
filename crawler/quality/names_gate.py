"""The gate of a names census: are its pages joined, and how many names does it miss? (pure)

The pages of a names census are offsets, so a name may fall between two pages.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypedDict

import msgspec

from crawler.parsing.urls import int_parameter
from crawler.quality.census_gate import check_known_leaders, check_size
from crawler.quality.gate import (
    GateEvidence,
    check_counts,
    check_duration,
    check_end_reached,
    check_freshness,
    check_rejects,
    check_transport,
    make_gate_result,
)
from db.rows import GateResult
from db.store.package_events import PackageEvent

MAX_DISORDER = 0.1  # of neighbours: in a list in another order, half of the neighbours are inverted
MAX_MISSED = 0.01
MISSED_RULE = f"about ≤ {MAX_MISSED:.0%}"
MIN_SHARE_OF_STATED = 0.9


class NamesPageRow(TypedDict):
    """A stored page of a names census. `given` is the number of rows per page that the service states."""

    role: str
    url: str
    received: int
    duplicates: int
    beyond: int
    next_url: str | None
    given: str | int | None


@dataclass(frozen=True)
class NamesPage:
    """One page of names. Its rows start at offset `start`; `duplicates` were seen before, `unseen` were not.

    `kind` is walk (the list itself), again (a page requested again at the end) or alone (an unseen package requested by
    its name). Of a package alone, `unseen` is 1 if it was created after the census began.
    """

    kind: str
    start: int
    received: int
    duplicates: int
    unseen: int
    is_short: bool = False


@dataclass(frozen=True)
class MissedEstimate:
    """Estimate of how many names a census missed, with its interval, and the counts it rests on.

    `unseen` of the `requested` names of the pages requested again were not in the census. `requested_alone` of those
    were requested by name: `existed_before` existed when the census began, the others have appeared since.
    """

    estimate: int
    low: int
    high: int
    unseen: int
    requested: int
    existed_before: int
    requested_alone: int


def judge_names(
    evidence: GateEvidence, pages: Sequence[NamesPage], sizes: Sequence[int], leaders: Sequence[tuple[str, bool]]
) -> list[GateResult]:
    """Return the results of the gate for one names census. `sizes` are the last complete ones, newest first."""
    listed, list_pages = evidence["listed"], [page for page in pages if page.kind == "walk"]
    short_pages = sum(page.is_short for page in list_pages)
    return [
        check_end_reached(evidence), check_transport({**evidence, "short_pages": short_pages}),
        check_joined(list_pages), check_name_order(evidence), check_counts(evidence), check_size(listed, sizes),
        check_stated_size(evidence), check_known_leaders(leaders), check_freshness(evidence), check_duration(evidence),
        check_rejects(evidence), check_missed(estimate_missed(pages, listed), listed),
    ]  # fmt: skip


def read_names_pages(rows: Iterable[Mapping[str, object]]) -> list[NamesPage]:
    """Return the pages of a names census from the rows of the query of its pages."""
    return [_read_names_page(msgspec.convert(row, NamesPageRow)) for row in rows]


def check_joined(pages: Sequence[NamesPage]) -> GateResult:
    """G3: Check that every page shares names with the previous one, so that the crawl skipped no permanent name."""
    gaps = sum(not page.duplicates for page in pages[1:] if page.start)
    shifts = [page.duplicates - (before.start + before.received - page.start) for before, page in pairwise(pages)]
    appeared, disappeared = sum(shift for shift in shifts if shift > 0), -sum(shift for shift in shifts if shift < 0)
    measured = (
        f"{gaps} of {len(pages)} pages share no name with the previous page; about {appeared} names appeared and"
        f" {disappeared} disappeared during the crawl"
    )
    rule = "every page shares names with the previous page"
    if len(pages) < 2:
        return GateResult("G3 joined", "no baseline", "no two pages", rule)
    return make_gate_result("G3 joined", not gaps, measured, rule)


def check_name_order(evidence: GateEvidence) -> GateResult:
    """G3: Check that the names are sorted, as far as possible without the collation of the database."""
    inversions, rows = evidence["inversions"], max(1, evidence["received"])
    rule = f"≤ {MAX_DISORDER:.0%}, because databases sort text by their own rules"
    measured = f"{inversions} of {rows} names not after the previous name"
    if evidence["received"] < 2:
        return GateResult("G3 order", "no baseline", "no two names", rule)
    return make_gate_result("G3 order", inversions <= MAX_DISORDER * rows, measured, rule)


def check_stated_size(evidence: GateEvidence) -> GateResult:
    """G5: Check that the census has about as many names as the registry states. The stated number may be old."""
    listed, stated = evidence["listed"], evidence["population"]
    rule = f"≥ {MIN_SHARE_OF_STATED:.0%} of the number that the registry states, which may be old"
    if not stated:
        return GateResult("G5 stated", "no baseline", f"{listed} names; the registry states no number", rule)
    is_met = listed >= MIN_SHARE_OF_STATED * stated
    return make_gate_result("G5 stated", is_met, f"{listed} names of {stated} stated", rule)


def check_missed(estimate: MissedEstimate | None, listed: int) -> GateResult:
    """Check that pages requested again contain only names the census has or that were created since."""
    if estimate is None:
        return GateResult("missed", "no baseline", "no page was requested again", MISSED_RULE)
    is_met = estimate.estimate <= MAX_MISSED * listed
    return make_gate_result("missed", is_met, format_estimate(estimate, listed), MISSED_RULE)


def missed_events(pages: Sequence[NamesPage], listed: int) -> list[PackageEvent]:
    """Return a warning for the readers of a census that misses names, and of the census after it."""
    estimate = estimate_missed(pages, listed)
    if estimate is None or not estimate.estimate:
        return []
    evidence = format_estimate(estimate, listed)
    return [PackageEvent(None, "names_missed", "warning", evidence, None, str(estimate.estimate))]


def format_estimate(estimate: MissedEstimate, listed: int) -> str:
    """Return the estimate in words."""
    text = (
        f"about {estimate.estimate} ({estimate.low} to {estimate.high}) besides {listed}:"
        f" {estimate.unseen} of {estimate.requested} names requested again were new"
    )
    if not estimate.requested_alone:
        return text
    return f"{text}, and {estimate.existed_before} of {estimate.requested_alone} of these existed when it began"


def estimate_missed(pages: Sequence[NamesPage], listed: int) -> MissedEstimate | None:
    """Return the estimate of the missed names, None if no page was requested again.

    The estimate is the share of unseen names on the pages requested again, times all names, times the share of these
    that existed when the census began. The interval of the first share is two standard errors between pages, because
    missed names lie together. It is at least three names, because so many may be missed where chance shows none. If all
    pages were requested again, the first share has no error. The second share has a Wilson interval.

    >>> again = [NamesPage("again", 0, 100, 0, unseen) for unseen in (0, 2, 1, 1)]
    >>> estimate_missed(again, 4000)
    MissedEstimate(estimate=40, low=9, high=71, unseen=4, requested=400, existed_before=0, requested_alone=0)
    >>> estimate_missed([*again, *[NamesPage("alone", 0, 1, 0, 1)] * 3, NamesPage("alone", 0, 1, 0, 0)], 4000)
    MissedEstimate(estimate=10, low=0, high=50, unseen=4, requested=400, existed_before=1, requested_alone=4)
    """
    again = [page for page in pages if page.kind == "again" and page.received]
    alone = [page for page in pages if page.kind == "alone" and page.received]
    requested, unseen = sum(page.received for page in again), sum(page.unseen for page in again)
    if not requested:
        return None
    scale, unchecked_share = listed / requested, max(0.0, 1 - requested / max(1, listed))
    spread = statistics.stdev([page.unseen for page in again]) * len(again) ** 0.5 if len(again) > 1 else unseen
    error = max(2 * spread, 3) * unchecked_share**0.5
    existed = sum(not page.unseen for page in alone)
    share, low_share, high_share = (existed / len(alone), *wilson_interval(existed, len(alone))) if alone else (1, 1, 1)
    estimate = round(unseen * share * scale)
    low, high = round(max(0.0, unseen - error) * low_share * scale), round((unseen + error) * high_share * scale)
    return MissedEstimate(estimate, low, high, unseen, requested, existed, len(alone))


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the Wilson interval of a share at 95 % (Wilson 1927, doi 10.1080/01621459.1927.10502953).

    >>> [round(bound, 3) for bound in wilson_interval(1, 4)]
    [0.046, 0.699]
    """
    from scipy.stats import binomtest  # 90 MB and most of a second: only a names census needs it, at its end

    interval = binomtest(successes, trials).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def _read_names_page(row: NamesPageRow) -> NamesPage:
    url, page_items = row["url"], str(row["given"] or "")
    rows_per_page, number = int_parameter(url, "per_page"), int_parameter(url, "page")
    if row["next_url"] is not None and page_items.isdigit() and int(page_items):  # of the last page it may be a count
        rows_per_page = int(page_items)
    kind = "alone" if "/packages/" in url else "again" if row["role"] == "probe" else "walk"
    is_short = row["next_url"] is not None and row["received"] < rows_per_page
    start = (number - 1) * rows_per_page
    return NamesPage(kind, start, row["received"], row["duplicates"], row["beyond"], is_short)

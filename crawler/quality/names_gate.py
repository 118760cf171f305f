"""The gate of a census whose pages are offsets: are its pages joined, and how many names may it lack (pure)?"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from crawler.parsing.urls import int_parameter
from crawler.quality.census_gate import check_known_leaders, check_size
from crawler.quality.gate import (
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

MAX_DISORDER = 0.1  # of neighbours: a list in another order has half of them
MAX_MISSED = 0.01
MIN_SHARE_OF_STATED = 0.9


@dataclass(frozen=True)
class NamesPage:
    """One page as it was read: its rows lie from `start` on; `twice` were seen before, `unseen` were not.

    `kind` is walk, again (asked for once more in the end) or alone (a package that was unseen, of which `unseen` says
    whether it was made after the census began).
    """

    kind: str
    start: int
    received: int
    duplicates: int
    unseen: int
    is_short: bool = False


@dataclass(frozen=True)
class MissedEstimate:
    """How many names a census may lack: about so many, and from … to; and what that was told from.

    Of the names that were asked for once more some were `unseen`; of a few of these, asked for `alone`, some were there
    `before` the census began, and the others have appeared since.
    """

    estimate: int
    low: int
    high: int
    unseen: int
    requested: int
    existed_before: int
    requested_alone: int


def judge_names(
    evidence: Mapping[str, object], pages: Sequence[NamesPage], sizes: Sequence[int],
    leaders: Sequence[tuple[str, bool]],
) -> list[GateResult]:  # fmt: skip
    """The gate's findings on one census of names; `sizes` are those of the last complete ones, newest first."""
    listed, walked = int(str(evidence["listed"])), [page for page in pages if page.kind == "walk"]
    return [
        check_end_reached(evidence), check_transport({**evidence, "short_pages": sum(page.is_short for page in walked)}),
        check_joined(walked), check_name_order(evidence), check_counts(evidence), check_size(listed, sizes), check_stated_size(evidence),
        check_known_leaders(leaders), check_freshness(evidence), check_duration(evidence), check_rejects(evidence),
        check_missed(estimate_missed(pages, listed), listed),
    ]  # fmt: skip


def read_names_pages(rows: Sequence[Mapping[str, object]]) -> list[NamesPage]:
    """The pages of a census, from the rows of `statements/names_census_pages.sql`."""
    return [_read_names_page(row) for row in rows]


def check_joined(pages: Sequence[NamesPage]) -> GateResult:
    """G3: every page has names of the one before it, so that none that was there all the time was passed over."""
    apart = sum(not page.duplicates for page in pages[1:] if page.start)
    moves = [now.duplicates - (before.start + before.received - now.start) for before, now in pairwise(pages)]
    appeared, vanished = sum(move for move in moves if move > 0), -sum(move for move in moves if move < 0)
    measured = (
        f"{apart} of {len(pages)} pages share no name with the one before; about {appeared} names appeared and"
        f" {vanished} vanished behind the reading"
    )
    return make_gate_result("G3 joined", not apart, measured, "every page shares names with the one before")


def check_name_order(evidence: Mapping[str, object]) -> GateResult:
    """G3: the names came in the order of names, as far as can be told without the database's own rules."""
    wrong, rows = int(str(evidence["inversions"])), max(1, int(str(evidence["received"])))
    rule = f"≤ {MAX_DISORDER:.0%}, for databases order text by rules of their own"
    return make_gate_result(
        "G3 order", wrong <= MAX_DISORDER * rows, f"{wrong} of {rows} names before their neighbour", rule
    )


def check_stated_size(evidence: Mapping[str, object]) -> GateResult:
    """G5: about as many as the registry itself says it has; that number is counted now and then, and may be old."""
    listed, stated = int(str(evidence["listed"])), int(str(evidence.get("population") or 0))
    rule = f"≥ {MIN_SHARE_OF_STATED:.0%} of the registry's own count, which is not of this moment"
    if not stated:
        return GateResult("G5 stated", "no baseline", f"{listed} names; the registry does not say how many", rule)
    return make_gate_result(
        "G5 stated", listed >= MIN_SHARE_OF_STATED * stated, f"{listed} names of {stated} stated", rule
    )


def check_missed(estimate: MissedEstimate | None, listed: int) -> GateResult:
    """What was asked for once more was there, but for what has appeared since."""
    rule = f"about ≤ {MAX_MISSED:.0%}"
    if estimate is None:
        return GateResult("missed", "no baseline", "nothing was asked for once more", rule)
    return make_gate_result("missed", estimate.estimate <= MAX_MISSED * listed, format_estimate(estimate, listed), rule)


def missed_events(pages: Sequence[NamesPage], listed: int) -> list[PackageEvent]:
    """A warning for whoever reads numbers of a census that lacks names, or of the one after it."""
    found = estimate_missed(pages, listed)
    if found is None or not found.estimate:
        return []
    return [PackageEvent(None, "names_missed", "warning", format_estimate(found, listed), None, str(found.estimate))]


def format_estimate(estimate: MissedEstimate, listed: int) -> str:
    """The estimate in words."""
    alone = (
        f", and {estimate.existed_before} of {estimate.requested_alone} of these were there when it began"
        if estimate.requested_alone
        else ""
    )
    return (
        f"about {estimate.estimate} ({estimate.low} to {estimate.high}) beside {listed}: {estimate.unseen} of {estimate.requested} names"
        f" asked for once more were new{alone}"
    )


def estimate_missed(pages: Sequence[NamesPage], listed: int) -> MissedEstimate | None:
    """The share of names that no page had, of those asked for once more, times all, times the share of these that were
    there when the census began; None if nothing was asked for once more.

    The interval of the first is of two standard errors between pages, for what is missed lies together, and of three
    names at least, for so many may be there when chance shows none; where all was asked for once more there is none.
    The second has Wilson's.

    >>> again = [NamesPage("again", 0, 100, 0, unseen) for unseen in (0, 2, 1, 1)]
    >>> estimate_missed(again, 4000)
    MissedEstimate(estimate=40, low=9, high=71, unseen=4, requested=400, existed_before=0, requested_alone=0)
    >>> estimate_missed([*again, *[NamesPage("alone", 0, 1, 0, 1)] * 3, NamesPage("alone", 0, 1, 0, 0)], 4000)
    MissedEstimate(estimate=10, low=0, high=50, unseen=4, requested=400, existed_before=1, requested_alone=4)
    """
    again = [page for page in pages if page.kind == "again" and page.received]
    alone = [page for page in pages if page.kind == "alone" and page.received]
    asked, unseen = sum(page.received for page in again), sum(page.unseen for page in again)
    if not asked:
        return None
    scale, left = listed / asked, max(0.0, 1 - asked / max(1, listed)) ** 0.5
    spread = statistics.stdev([page.unseen for page in again]) * len(again) ** 0.5 if len(again) > 1 else unseen
    error = max(2 * spread, 3) * left
    before = sum(not page.unseen for page in alone)
    share, least, most = (before / len(alone), *wilson_interval(before, len(alone))) if alone else (1.0, 1.0, 1.0)
    low, high = max(0.0, unseen - error) * least, (unseen + error) * most
    about = (round(number * scale) for number in (unseen * share, low, high))
    return MissedEstimate(*about, unseen, asked, before, len(alone))


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's interval of a share, at 95 % (Wilson 1927, doi 10.1080/01621459.1927.10502953).

    >>> [round(end, 3) for end in wilson_interval(1, 4)]
    [0.046, 0.699]
    """
    z = statistics.NormalDist().inv_cdf(0.975)
    middle, half = successes + z * z / 2, z * (successes * (trials - successes) / trials + z * z / 4) ** 0.5
    return (middle - half) / (trials + z * z), (middle + half) / (trials + z * z)


def _read_names_page(row: Mapping[str, object]) -> NamesPage:
    url, received = str(row["url"]), int(str(row["received"]))
    asked, number = (int_parameter(url, name) for name in ("per_page", "page"))
    said = str(row["given"] or "")
    given = int(said) if said.isdigit() and int(said) else asked
    kind = "alone" if "/packages/" in url else "again" if row["role"] == "probe" else "walk"
    short = row["next_url"] is not None and received < given
    return NamesPage(kind, (number - 1) * given, received, int(str(row["duplicates"])), int(str(row["beyond"])), short)

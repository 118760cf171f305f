"""The gate of a census whose pages are offsets: are its pages joined, and how many names may it lack (pure)?"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from crawler.parsing.urls import number_of
from crawler.quality.census_gate import size, still_there
from crawler.quality.gate import counts, duration, end_reached, finding, freshness, rejected, transport
from db.rows import Finding
from db.store.package_events import PackageEvent

MOST_DISORDER = 0.1  # of neighbours: a list in another order has half of them
MOST_MISSED = 0.01
LEAST_OF_STATED = 0.9


@dataclass(frozen=True)
class NamesPage:
    """One page as it was read: its rows lie from `start` on; `twice` were seen before, `unseen` were not.

    `kind` is walk, again (asked for once more in the end) or alone (a package that was unseen, of which `unseen` says
    whether it was made after the census began).
    """

    kind: str
    start: int
    received: int
    twice: int
    unseen: int
    short: bool = False


@dataclass(frozen=True)
class Missed:
    """How many names a census may lack: about so many, and from … to; and what that was told from.

    Of the names that were asked for once more some were `unseen`; of a few of these, asked for `alone`, some were there
    `before` the census began, and the others have appeared since.
    """

    about: int
    low: int
    high: int
    unseen: int
    asked: int
    before: int
    alone: int


def judge_names(
    evidence: Mapping[str, object], pages: Sequence[NamesPage], sizes: Sequence[int],
    leaders: Sequence[tuple[str, bool]],
) -> list[Finding]:  # fmt: skip
    """The gate's findings on one census of names; `sizes` are those of the last complete ones, newest first."""
    listed, walked = int(str(evidence["listed"])), [page for page in pages if page.kind == "walk"]
    return [
        end_reached(evidence), transport({**evidence, "short_pages": sum(page.short for page in walked)}),
        joined(walked), by_name(evidence), counts(evidence), size(listed, sizes), as_stated(evidence),
        still_there(leaders), freshness(evidence), duration(evidence), rejected(evidence),
        few_missed(missed(pages, listed), listed),
    ]  # fmt: skip


def pages_of(rows: Sequence[Mapping[str, object]]) -> list[NamesPage]:
    """The pages of a census, from the rows of `statements/names_pages.sql`."""
    return [_page_of(row) for row in rows]


def joined(pages: Sequence[NamesPage]) -> Finding:
    """G3: every page has names of the one before it, so that none that was there all the time was passed over."""
    apart = sum(not page.twice for page in pages[1:] if page.start)
    moves = [now.twice - (before.start + before.received - now.start) for before, now in pairwise(pages)]
    appeared, vanished = sum(move for move in moves if move > 0), -sum(move for move in moves if move < 0)
    measured = (
        f"{apart} of {len(pages)} pages share no name with the one before; about {appeared} names appeared and"
        f" {vanished} vanished behind the reading"
    )
    return finding("G3 joined", not apart, measured, "every page shares names with the one before")


def by_name(evidence: Mapping[str, object]) -> Finding:
    """G3: the names came in the order of names, as far as can be told without the database's own rules."""
    wrong, rows = int(str(evidence["inversions"])), max(1, int(str(evidence["received"])))
    rule = f"≤ {MOST_DISORDER:.0%}, for databases order text by rules of their own"
    return finding("G3 order", wrong <= MOST_DISORDER * rows, f"{wrong} of {rows} names before their neighbour", rule)


def as_stated(evidence: Mapping[str, object]) -> Finding:
    """G5: about as many as the registry itself says it has; that number is counted now and then, and may be old."""
    listed, stated = int(str(evidence["listed"])), int(str(evidence.get("population") or 0))
    rule = f"≥ {LEAST_OF_STATED:.0%} of the registry's own count, which is not of this moment"
    if not stated:
        return Finding("G5 stated", "no baseline", f"{listed} names; the registry does not say how many", rule)
    return finding("G5 stated", listed >= LEAST_OF_STATED * stated, f"{listed} names of {stated} stated", rule)


def few_missed(found: Missed | None, listed: int) -> Finding:
    """What was asked for once more was there, but for what has appeared since."""
    rule = f"about ≤ {MOST_MISSED:.0%}"
    if found is None:
        return Finding("missed", "no baseline", "nothing was asked for once more", rule)
    return finding("missed", found.about <= MOST_MISSED * listed, said(found, listed), rule)


def lacking(pages: Sequence[NamesPage], listed: int) -> list[PackageEvent]:
    """A warning for whoever reads numbers of a census that lacks names, or of the one after it."""
    found = missed(pages, listed)
    if found is None or not found.about:
        return []
    return [PackageEvent(None, "names_missed", "warning", said(found, listed), None, str(found.about))]


def said(found: Missed, listed: int) -> str:
    """The estimate in words."""
    alone = f", and {found.before} of {found.alone} of these were there when it began" if found.alone else ""
    return (
        f"about {found.about} ({found.low} to {found.high}) beside {listed}: {found.unseen} of {found.asked} names"
        f" asked for once more were new{alone}"
    )


def missed(pages: Sequence[NamesPage], listed: int) -> Missed | None:
    """The share of names that no page had, of those asked for once more, times all, times the share of these that were
    there when the census began; None if nothing was asked for once more.

    The interval of the first is of two standard errors between pages, for what is missed lies together, and of three
    names at least, for so many may be there when chance shows none; where all was asked for once more there is none.
    The second has Wilson's.

    >>> again = [NamesPage("again", 0, 100, 0, unseen) for unseen in (0, 2, 1, 1)]
    >>> missed(again, 4000)
    Missed(about=40, low=9, high=71, unseen=4, asked=400, before=0, alone=0)
    >>> missed([*again, *[NamesPage("alone", 0, 1, 0, 1)] * 3, NamesPage("alone", 0, 1, 0, 0)], 4000)
    Missed(about=10, low=0, high=50, unseen=4, asked=400, before=1, alone=4)
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
    share, least, most = (before / len(alone), *wilson(before, len(alone))) if alone else (1.0, 1.0, 1.0)
    low, high = max(0.0, unseen - error) * least, (unseen + error) * most
    about = (round(number * scale) for number in (unseen * share, low, high))
    return Missed(*about, unseen, asked, before, len(alone))


def wilson(some: int, n: int) -> tuple[float, float]:
    """Wilson's interval of a share, at 95 % (Wilson 1927, doi 10.1080/01621459.1927.10502953).

    >>> [round(end, 3) for end in wilson(1, 4)]
    [0.046, 0.699]
    """
    z = statistics.NormalDist().inv_cdf(0.975)
    middle, half = some + z * z / 2, z * (some * (n - some) / n + z * z / 4) ** 0.5
    return (middle - half) / (n + z * z), (middle + half) / (n + z * z)


def _page_of(row: Mapping[str, object]) -> NamesPage:
    url, received = str(row["url"]), int(str(row["received"]))
    asked, number = (number_of(url, name) for name in ("per_page", "page"))
    said = str(row["given"] or "")
    given = int(said) if said.isdigit() and int(said) else asked
    kind = "alone" if "/packages/" in url else "again" if row["role"] == "probe" else "walk"
    short = row["next_url"] is not None and received < given
    return NamesPage(kind, (number - 1) * given, received, int(str(row["duplicates"])), int(str(row["beyond"])), short)

"""What happened to the counters of a whole registry between its censuses: judged as those of a list are."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable

from crawler.quality.counter_events import DEEPEST_FALL, FROZEN, LEAST, mass, of_one
from db.census.counter_changes import Limits, changed, odd
from db.store import Store
from db.store.package_events import PackageEvent

LIMITS = Limits(LEAST, DEEPEST_FALL, FROZEN)
SINGLY = 1_000  # events of one kind that are told of each package; the largest


def events_of(store: Store, snapshot: int) -> list[PackageEvent]:
    """The events of one census that has ended complete."""
    packages, histories = odd(store, snapshot, LIMITS)
    counts, singly = told(event for package, said in histories for event in of_one(package, said))
    return [*singly, *mass(counts, packages), *changed(store, snapshot)]


def told(found: Iterable[PackageEvent]) -> tuple[Counter[str], list[PackageEvent]]:
    """How many there are of each kind; and the largest of each, with a word of it where those are not all.

    >>> counts, kept = told(PackageEvent(n, "counter_reset", "note", "", str(n)) for n in range(5000))
    >>> counts["counter_reset"], len(kept), kept[0].package, kept[-1].evidence
    (5000, 1001, 4999, '5,000 packages; the 1,000 largest are told one by one')
    """
    counts: Counter[str] = Counter()
    largest: dict[str, list[tuple[int, int, PackageEvent]]] = {}
    for event in found:
        counts[event.kind] += 1
        mine, weighed = largest.setdefault(event.kind, []), (int(event.before or 0), counts[event.kind], event)
        (heapq.heappush if len(mine) < SINGLY else heapq.heappushpop)(mine, weighed)
    kept: list[PackageEvent] = []
    for kind, mine in sorted(largest.items()):
        kept += [event for *_, event in sorted(mine, reverse=True)]
        if counts[kind] > SINGLY:
            said = f"{counts[kind]:,} packages; the {SINGLY:,} largest are told one by one"
            kept.append(PackageEvent(None, kind, "note", said))
    return counts, kept

"""What happened to the counters of a whole registry between its censuses: judged as those of a list are."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable

from crawler.quality.counter_events import (
    MAX_USUAL_DROP,
    MIN_COUNTER,
    MIN_FROZEN_SECONDS,
    detect_mass_events,
    detect_package_events,
)
from db.census.counter_changes import CounterLimits, load_census_changes, unusual_counters
from db.store import Store
from db.store.package_events import PackageEvent

EVENT_LIMITS = CounterLimits(MIN_COUNTER, MAX_USUAL_DROP, MIN_FROZEN_SECONDS)
MAX_EVENTS_PER_KIND = 1_000  # events of one kind that are told of each package; the largest


def find_census_events(store: Store, snapshot: int) -> list[PackageEvent]:
    """The events of one census that has ended complete."""
    packages, histories = unusual_counters(store, snapshot, EVENT_LIMITS)
    counts, singly = select_largest(
        event for package, said in histories for event in detect_package_events(package, said)
    )
    return [*singly, *detect_mass_events(counts, packages), *load_census_changes(store, snapshot)]


def select_largest(events: Iterable[PackageEvent]) -> tuple[Counter[str], list[PackageEvent]]:
    """How many there are of each kind; and the largest of each, with a word of it where those are not all.

    >>> counts, kept = select_largest(PackageEvent(n, "counter_reset", "note", "", str(n)) for n in range(5000))
    >>> counts["counter_reset"], len(kept), kept[0].package, kept[-1].evidence
    (5000, 1001, 4999, '5,000 packages; the 1,000 largest are told one by one')
    """
    counts: Counter[str] = Counter()
    largest: dict[str, list[tuple[int, int, PackageEvent]]] = {}
    for event in events:
        counts[event.kind] += 1
        mine, weighed = largest.setdefault(event.kind, []), (int(event.before or 0), counts[event.kind], event)
        (heapq.heappush if len(mine) < MAX_EVENTS_PER_KIND else heapq.heappushpop)(mine, weighed)
    kept: list[PackageEvent] = []
    for kind, mine in sorted(largest.items()):
        kept += [event for *_, event in sorted(mine, reverse=True)]
        if counts[kind] > MAX_EVENTS_PER_KIND:
            said = f"{counts[kind]:,} packages; the {MAX_EVENTS_PER_KIND:,} largest are told one by one"
            kept.append(PackageEvent(None, kind, "note", said))
    return counts, kept

"""Events of the counters of a whole registry between two censuses, judged like those of a ranking."""

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
MAX_EVENTS_PER_KIND = 1_000  # events of single packages, the largest


def find_census_events(store: Store, snapshot: int) -> list[PackageEvent]:
    """Return the events of one complete census."""
    packages, histories = unusual_counters(store, snapshot, EVENT_LIMITS)
    events = (event for package, readings in histories for event in detect_package_events(package, readings))
    counts, largest = select_largest(events)
    return [*largest, *detect_mass_events(counts, packages), *load_census_changes(store, snapshot)]


def select_largest(events: Iterable[PackageEvent]) -> tuple[Counter[str], list[PackageEvent]]:
    """Return the number of events of each kind, and the largest of each. A note says if the others are left out.

    >>> counts, largest = select_largest(PackageEvent(n, "counter_reset", "note", "", str(n)) for n in range(5000))
    >>> counts["counter_reset"], len(largest), largest[0].package, largest[-1].evidence
    (5000, 1001, 4999, '5,000 packages; only the 1,000 largest have an event of their own')
    """
    counts: Counter[str] = Counter()
    heaps: dict[str, list[tuple[int, int, PackageEvent]]] = {}
    for event in events:
        counts[event.kind] += 1
        heap, entry = heaps.setdefault(event.kind, []), (int(event.before or 0), counts[event.kind], event)
        (heapq.heappush if len(heap) < MAX_EVENTS_PER_KIND else heapq.heappushpop)(heap, entry)
    largest: list[PackageEvent] = []
    for kind, heap in sorted(heaps.items()):
        largest += [event for *_, event in sorted(heap, reverse=True)]
        if counts[kind] > MAX_EVENTS_PER_KIND:
            note = f"{counts[kind]:,} packages; only the {MAX_EVENTS_PER_KIND:,} largest have an event of their own"
            largest.append(PackageEvent(None, kind, "note", note))
    return counts, largest

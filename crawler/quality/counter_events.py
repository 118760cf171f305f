"""What happened to the counters: resets, drops, freezes, falls of a total, and the same to many at once (pure).

Nothing is altered for it. The Hub's download counts are known to have been zero for weeks, to have stood still and
caught up, and its totals to have fallen; whoever reads the numbers is told. The limits are starting values.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from db.store.package_events import CounterReading, PackageEvent

SECONDS_PER_DAY = 86400
MIN_COUNTER = 100  # a counter that was smaller says nothing by falling
MAX_USUAL_DROP = 0.6
MAX_DROP_GAP = 10 * SECONDS_PER_DAY  # in a longer time a fall may be a fall
MIN_DROP_SPREADS = 6.0
MIN_SPREAD_VALUES = 4  # earlier values that make a spread
MIN_FROZEN_SECONDS = 14 * SECONDS_PER_DAY
MASS_SHARE, MIN_MASS_PACKAGES = 0.01, 5


def detect_counter_events(histories: Iterable[tuple[int, Sequence[CounterReading]]]) -> list[PackageEvent]:
    """The events of one snapshot, from what was said of each of its packages, this snapshot's word last."""
    found: list[PackageEvent] = []
    packages = 0
    for package, said in histories:
        packages += 1
        found += detect_package_events(package, said)
    return [*found, *detect_mass_events(Counter(event.kind for event in found), packages)]


def detect_package_events(package: int, readings: Sequence[CounterReading]) -> Iterator[PackageEvent]:
    """The events of one package.

    >>> [event.kind for event in detect_package_events(1, [CounterReading(0, 500), CounterReading(7 * SECONDS_PER_DAY, 0)])]
    ['counter_reset']
    """
    *earlier, now = readings
    if not earlier:
        return
    before = earlier[-1]
    if before.all_time is not None and now.all_time is not None and now.all_time < before.all_time:
        yield _make_event(package, "alltime_decrease", "a total that fell", before.all_time, now.all_time)
    known = [one for one in earlier if one.downloads is not None]
    if now.downloads is None or not known or known[-1].downloads is None:
        return
    last = known[-1].downloads
    if now.downloads == 0 and last > MIN_COUNTER:
        yield _make_event(package, "counter_reset", "zero all at once", last, 0)
    elif last > MIN_COUNTER and has_dropped(known, now):
        yield _make_event(package, "counter_drop", f"down {1 - now.downloads / last:.0%}", last, now.downloads)
    elif is_newly_frozen(known, now):
        days = (now.taken_at - unchanged_since([*known, now])) // SECONDS_PER_DAY
        yield _make_event(package, "counter_frozen", f"the same for {days} days", last, now.downloads)


def has_dropped(earlier: Sequence[CounterReading], latest: CounterReading) -> bool:
    """Whether a counter fell further than it ever moves: by more than 60 %, and out of its own spread."""
    values = [one.downloads for one in earlier if one.downloads is not None]
    if latest.downloads is None or latest.downloads > (1 - MAX_USUAL_DROP) * values[-1]:
        return False
    if len(values) < MIN_SPREAD_VALUES:
        return latest.taken_at - earlier[-1].taken_at <= MAX_DROP_GAP
    middle = statistics.median(values)
    spread = statistics.median(abs(value - middle) for value in values)
    return latest.downloads < middle - MIN_DROP_SPREADS * spread


def is_newly_frozen(earlier: Sequence[CounterReading], latest: CounterReading) -> bool:
    """Whether a counter that used to move has now stood still for two weeks, and had not at the snapshot before."""
    if not latest.downloads or latest.downloads <= MIN_COUNTER:
        return False
    since = unchanged_since([*earlier, latest])
    moved = any(one.downloads != latest.downloads for one in earlier)
    asked_again = latest.synced_at is None or any(
        one.synced_at != latest.synced_at for one in earlier if one.taken_at >= since
    )
    return moved and asked_again and latest.taken_at - since >= MIN_FROZEN_SECONDS > earlier[-1].taken_at - since


def unchanged_since(readings: Sequence[CounterReading]) -> int:
    """Since when a counter has had the value it has now."""
    since = readings[-1].taken_at
    for one in reversed(readings):
        if one.downloads != readings[-1].downloads:
            break
        since = one.taken_at
    return since


def detect_mass_events(counts: Mapping[str, int], packages: int) -> Iterator[PackageEvent]:
    """The same to more than one in a hundred: that is the source, not the packages."""
    for kind, number in sorted(counts.items()):
        if number >= MIN_MASS_PACKAGES and number > MASS_SHARE * packages:
            said = f"{kind} of {number} of {packages} packages"
            yield PackageEvent(None, "mass_event", "warning", said, None, kind)


def _make_event(package: int, kind: str, evidence: str, before: int, after: int) -> PackageEvent:
    return PackageEvent(package, kind, "note", evidence, str(before), str(after))

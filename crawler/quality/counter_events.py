"""Detection of counter events: resets, drops, freezes, falling totals, and the same event of many packages (pure).

The detection changes no number. The download counts of the Hub are known to have been zero for weeks, and to have
stood still and caught up. Its totals have fallen. The events tell the readers of the numbers. The limits are starting
values.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from db import SECONDS_PER_DAY
from db.store.package_events import CounterReading, PackageEvent

MIN_COUNTER = 100  # the fall of a smaller counter means nothing
MAX_USUAL_DROP = 0.6
MAX_DROP_GAP = 10 * SECONDS_PER_DAY  # over a longer time, a large fall may be genuine
MIN_DROP_SPREADS = 6.0
MIN_SPREAD_VALUES = 4  # earlier values, to compute a spread
MIN_FROZEN_SECONDS = 14 * SECONDS_PER_DAY
MASS_SHARE, MIN_MASS_PACKAGES = 0.01, 5


def detect_counter_events(histories: Iterable[tuple[int, Sequence[CounterReading]]]) -> list[PackageEvent]:
    """Return the events of one snapshot. A history has the readings of one package, those of the snapshot last."""
    events: list[PackageEvent] = []
    packages = 0
    for package, readings in histories:
        packages += 1
        events += detect_package_events(package, readings)
    return [*events, *detect_mass_events(Counter(event.kind for event in events), packages)]


def detect_package_events(package: int, readings: Sequence[CounterReading]) -> Iterator[PackageEvent]:
    """Yield the events of one package.

    >>> readings = [CounterReading(0, 500), CounterReading(7 * SECONDS_PER_DAY, 0)]
    >>> [event.kind for event in detect_package_events(1, readings)]
    ['counter_reset']
    """
    *earlier, latest = readings
    if not earlier:
        return
    total_before, total = earlier[-1].all_time, latest.all_time
    if total_before is not None and total is not None and total < total_before:
        yield _make_event(package, "alltime_decrease", "the all-time total fell", total_before, total)
    with_downloads = [reading for reading in earlier if reading.downloads is not None]
    if latest.downloads is not None and with_downloads:
        yield from _detect_download_events(package, with_downloads, latest, latest.downloads)


def _detect_download_events(
    package: int, earlier: Sequence[CounterReading], latest: CounterReading, downloads: int
) -> Iterator[PackageEvent]:
    previous = earlier[-1].downloads or 0
    if downloads == 0 and previous > MIN_COUNTER:
        yield _make_event(package, "counter_reset", "suddenly zero", previous, 0)
    elif previous > MIN_COUNTER and has_dropped(earlier, latest):
        yield _make_event(package, "counter_drop", f"down {1 - downloads / previous:.0%}", previous, downloads)
    elif is_newly_frozen(earlier, latest):
        days = (latest.taken_at - unchanged_since([*earlier, latest])) // SECONDS_PER_DAY
        yield _make_event(package, "counter_frozen", f"the same for {days} days", previous, downloads)


def has_dropped(earlier: Sequence[CounterReading], latest: CounterReading) -> bool:
    """Return whether a counter fell further than it ever moves: by more than 60 %, and out of its own spread."""
    values = [reading.downloads for reading in earlier if reading.downloads is not None]
    if latest.downloads is None or latest.downloads > (1 - MAX_USUAL_DROP) * values[-1]:
        return False
    if len(values) < MIN_SPREAD_VALUES:
        return latest.taken_at - earlier[-1].taken_at <= MAX_DROP_GAP
    median = statistics.median(values)
    spread = statistics.median(abs(value - median) for value in values)
    return latest.downloads < median - MIN_DROP_SPREADS * spread


def is_newly_frozen(earlier: Sequence[CounterReading], latest: CounterReading) -> bool:
    """Return whether a counter that used to move has now been still for two weeks, and not yet a snapshot before."""
    if not latest.downloads or latest.downloads <= MIN_COUNTER:
        return False
    since = unchanged_since([*earlier, latest])
    has_moved = any(reading.downloads != latest.downloads for reading in earlier)
    still = [reading for reading in earlier if reading.taken_at >= since]
    was_synced = latest.synced_at is None or any(reading.synced_at != latest.synced_at for reading in still)
    is_new = latest.taken_at - since >= MIN_FROZEN_SECONDS > earlier[-1].taken_at - since
    return has_moved and was_synced and is_new


def unchanged_since(readings: Sequence[CounterReading]) -> int:
    """Return the time since which a counter has had its latest value."""
    since = readings[-1].taken_at
    for reading in reversed(readings):
        if reading.downloads != readings[-1].downloads:
            break
        since = reading.taken_at
    return since


def detect_mass_events(counts: Mapping[str, int], packages: int) -> Iterator[PackageEvent]:
    """Yield an event for each kind that more than 1 % of the packages have: its cause is the source."""
    for kind, count in sorted(counts.items()):
        if count >= MIN_MASS_PACKAGES and count > MASS_SHARE * packages:
            evidence = f"{kind} of {count} of {packages} packages"
            yield PackageEvent(None, "mass_event", "warning", evidence, None, kind)


def _make_event(package: int, kind: str, evidence: str, before: int, after: int) -> PackageEvent:
    return PackageEvent(package, kind, "note", evidence, str(before), str(after))

"""What happened to the counters: resets, drops, freezes, falls of a total, and the same to many at once (pure).

Nothing is altered for it. The Hub's download counts are known to have been zero for weeks, to have stood still and
caught up, and its totals to have fallen; whoever reads the numbers is told. The limits are starting values.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from db.store.package_events import PackageEvent, Said

DAY = 86400
LEAST = 100  # a counter that was smaller says nothing by falling
DEEPEST_FALL = 0.6
SHORT_GAP = 10 * DAY  # in a longer time a fall may be a fall
SPREADS = 6.0
ENOUGH = 4  # earlier values that make a spread
FROZEN = 14 * DAY
MANY, FEWEST = 0.01, 5


def detect(histories: Iterable[tuple[int, Sequence[Said]]]) -> list[PackageEvent]:
    """The events of one snapshot, from what was said of each of its packages, this snapshot's word last."""
    found: list[PackageEvent] = []
    packages = 0
    for package, said in histories:
        packages += 1
        found += of_one(package, said)
    return [*found, *mass(Counter(event.kind for event in found), packages)]


def of_one(package: int, said: Sequence[Said]) -> Iterator[PackageEvent]:
    """The events of one package.

    >>> [event.kind for event in of_one(1, [Said(0, 500), Said(7 * DAY, 0)])]
    ['counter_reset']
    """
    *earlier, now = said
    if not earlier:
        return
    before = earlier[-1]
    if before.all_time is not None and now.all_time is not None and now.all_time < before.all_time:
        yield _event(package, "alltime_decrease", "a total that fell", before.all_time, now.all_time)
    known = [one for one in earlier if one.downloads is not None]
    if now.downloads is None or not known or known[-1].downloads is None:
        return
    last = known[-1].downloads
    if now.downloads == 0 and last > LEAST:
        yield _event(package, "counter_reset", "zero all at once", last, 0)
    elif last > LEAST and fell(known, now):
        yield _event(package, "counter_drop", f"down {1 - now.downloads / last:.0%}", last, now.downloads)
    elif thawed_and_frozen(known, now):
        days = (now.at - frozen_since([*known, now])) // DAY
        yield _event(package, "counter_frozen", f"the same for {days} days", last, now.downloads)


def fell(earlier: Sequence[Said], now: Said) -> bool:
    """Whether a counter fell further than it ever moves: by more than 60 %, and out of its own spread."""
    values = [one.downloads for one in earlier if one.downloads is not None]
    if now.downloads is None or now.downloads > (1 - DEEPEST_FALL) * values[-1]:
        return False
    if len(values) < ENOUGH:
        return now.at - earlier[-1].at <= SHORT_GAP
    middle = statistics.median(values)
    spread = statistics.median(abs(value - middle) for value in values)
    return now.downloads < middle - SPREADS * spread


def thawed_and_frozen(earlier: Sequence[Said], now: Said) -> bool:
    """Whether a counter that used to move has now stood still for two weeks, and had not at the snapshot before."""
    if not now.downloads or now.downloads <= LEAST:
        return False
    since = frozen_since([*earlier, now])
    moved = any(one.downloads != now.downloads for one in earlier)
    asked_again = now.synced_at is None or any(one.synced_at != now.synced_at for one in earlier if one.at >= since)
    return moved and asked_again and now.at - since >= FROZEN > earlier[-1].at - since


def frozen_since(said: Sequence[Said]) -> int:
    """Since when a counter has had the value it has now."""
    since = said[-1].at
    for one in reversed(said):
        if one.downloads != said[-1].downloads:
            break
        since = one.at
    return since


def mass(counts: Mapping[str, int], packages: int) -> Iterator[PackageEvent]:
    """The same to more than one in a hundred: that is the source, not the packages."""
    for kind, number in sorted(counts.items()):
        if number >= FEWEST and number > MANY * packages:
            said = f"{kind} of {number} of {packages} packages"
            yield PackageEvent(None, "mass_event", "warning", said, None, kind)


def _event(package: int, kind: str, evidence: str, before: int, after: int) -> PackageEvent:
    return PackageEvent(package, kind, "note", evidence, str(before), str(after))

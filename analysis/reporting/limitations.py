"""What cannot be said yet, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

Row = Mapping[str, object]
Series = tuple[object, object, object]

NO_SNAPSHOT = "The store holds no snapshot of what was asked for, so nothing can be said yet."


def series_key(snapshot: Row) -> Series:
    """What may be compared with each other: snapshots of one registry, order and counter."""
    return snapshot["registry"], snapshot["by"], snapshot["counter"]


def list_limitations(snapshots: Sequence[Row], results: Sequence[Row], k: int | None) -> list[str]:
    """Every gap in what a report says, one sentence each."""
    if not snapshots:
        return [NO_SNAPSHOT]
    every = list(dict.fromkeys(map(series_key, snapshots)))
    said = [
        sentence
        for series in every
        for sentence in _series_limitations(series, [one for one in snapshots if series_key(one) == series], results, k)
    ]
    return said + _incomparable_counters(every)


def _series_limitations(
    series: Series, snapshots: Sequence[Row], results: Sequence[Row], k: int | None
) -> Iterator[str]:
    label = f"{series[0]} by {series[1]}"
    complete = [one for one in snapshots if one["status"] == "complete"]
    if not complete:
        yield f"{label}: no snapshot is complete, and only complete ones are computed."
        return
    newest = complete[-1]
    if len(complete) == 1:
        yield f"{label}: one complete snapshot ({newest['date']}), so no change can be measured yet."
    if k and newest["depth"] < k:
        yield f"{label}: the list of {newest['date']} is {newest['depth']:,} deep, so nobody is compared at {k:,}."
    mine = [result for result in results if result["snapshot"] == newest["snapshot"]]
    if len(complete) > 1:
        yield from (f"{label}, {newest['date']}: {sentence}" for sentence in _undefined_results(mine))
    yield from (f"{label}, {newest['date']}: {sentence}" for sentence in _missing_intervals(mine))


def _undefined_results(results: Sequence[Row]) -> list[str]:
    """Undefined results with their notes; those at the same depths for the same reason in one sentence."""
    every = sorted({result["k"] for result in results} - {0})
    depths: dict[tuple[object, object], list[int]] = {}
    for result in sorted(results, key=lambda one: (len(one["name"]), one["name"], one["k"])):
        if result["value"] is None:
            depths.setdefault((result["name"], result["note"]), []).append(result["k"])
    reasons: dict[tuple[object, ...], list[str]] = {}
    for (name, note), ks in depths.items():
        reasons.setdefault((note, *ks), []).append(str(name))
    return [f"{_join_words(names)}{_format_depths(ks, every)}: {note}." for (note, *ks), names in reasons.items()]


def _missing_intervals(results: Sequence[Row]) -> list[str]:
    notes = (part for result in results for part in str(result["note"]).split("; "))
    return [f"{note}." for note in dict.fromkeys(notes) if note.startswith("no interval")]


def _incomparable_counters(series: Sequence[Series]) -> list[str]:
    """Lists of one registry and order whose numbers count different things."""
    counters: dict[tuple[object, object], list[str]] = {}
    for registry, by, counter in series:
        counters.setdefault((registry, by), []).append(str(counter))
    return [
        f"{registry} by {by}: lists that count {_join_words(these)} are not compared with one another."
        for (registry, by), these in counters.items()
        if len(these) > 1
    ]


def _format_depths(ks: Sequence[int], all_depths: Sequence[int]) -> str:
    return "" if sorted(set(ks)) in (all_depths, [0]) else f" at K of {_join_words([f'{k:,}' for k in ks])}"


def _join_words(words: Sequence[str]) -> str:
    """Words as they are said one after another.

    >>> _join_words(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)

"""The limitations of a report, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from analysis.reporting.names import is_census_counter, registry_title, series_title
from analysis.reporting.rows import ReportResult, ReportSnapshot
from analysis.reporting.series import (
    SeriesKey,
    choose_deepest,
    group_by_series,
    newest_day,
    select_complete,
    select_newest_results,
    select_whole_list,
)
from analysis.reporting.wording import join_words

NO_MATCH = "no complete snapshot of this list"  # the beginning of a note of `turnover`
NO_SNAPSHOT = "The store holds no snapshot of the requested registries and dates, so the report is empty."


def list_limitations(snapshots: Sequence[ReportSnapshot], results: Sequence[ReportResult], k: int | None) -> list[str]:
    """List every gap in a report, one sentence each."""
    if not snapshots:
        return [NO_SNAPSHOT]
    groups = group_by_series(snapshots)
    sentences = [sentence for key, group in groups.items() for sentence in _series_limitations(key, group, results, k)]
    return sentences + _incomparable_counters(groups)


def _series_limitations(
    key: SeriesKey, snapshots: Sequence[ReportSnapshot], results: Sequence[ReportResult], k: int | None
) -> Iterator[str]:
    label = series_title(*key) if is_census_counter(key[2]) else f"{registry_title(key[0])} by {key[1]}"
    complete = select_complete(snapshots)
    if not complete:
        yield f"{label}: no snapshot is complete, and only complete ones are computed."
        return
    newest, is_single = choose_deepest(newest_day(snapshots)), len({snapshot["date"] for snapshot in complete}) == 1
    depth = newest["depth"] or 0
    if is_single:
        count = "one complete snapshot" if len(complete) == 1 else "complete snapshots of one day only"
        yield f"{label}: {count} ({newest['date']}), so no change can be measured yet."
    if k and depth < k:
        yield f"{label}: the list of {newest['date']} is {depth:,} deep, so nobody is compared at {k:,}."
    newest_results = select_whole_list(select_newest_results(snapshots, results))
    unmatched = [row for row in newest_results if _is_unmatched(row)]
    others = [row for row in newest_results if row not in unmatched]
    all_depths = sorted({row["k"] for row in newest_results} - {0})
    sentences = [] if is_single else _unmatched_gaps(unmatched, all_depths) + _undefined_results(others)
    sentences += _missing_intervals(newest_results)
    yield from (f"{label}, {newest['date']}: {sentence}" for sentence in sentences)


def _is_unmatched(result: ReportResult) -> bool:
    return result["value"] is None and result["note"].startswith(NO_MATCH)


def _unmatched_gaps(results: Iterable[ReportResult], all_depths: Sequence[int]) -> list[str]:
    """List the gaps over which no list can be compared. Gaps with the same depths share a sentence."""
    depths: dict[int, list[int]] = {}
    for result in results:
        gap = int(result["name"].removeprefix("turnover.").removesuffix("d"))
        depths.setdefault(gap, []).append(result["k"])
    gaps: dict[tuple[int, ...], list[str]] = {}
    for gap, ks in sorted(depths.items()):
        gaps.setdefault(tuple(ks), []).append(str(gap))
    return [
        f"turnover over about {join_words(days)} days{_format_depths(ks, all_depths)}: {NO_MATCH} was taken so many "
        "days earlier."
        for ks, days in gaps.items()
    ]


def _undefined_results(results: Sequence[ReportResult]) -> list[str]:
    """List undefined results with their notes. Results at the same depths for the same reason share a sentence."""
    all_depths = sorted({result["k"] for result in results} - {0})
    depths: dict[tuple[str, str], list[int]] = {}
    for result in sorted(results, key=lambda result: (len(result["name"]), result["name"], result["k"])):
        if result["value"] is None:
            depths.setdefault((result["name"], result["note"]), []).append(result["k"])
    reasons: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for (name, note), ks in depths.items():
        reasons.setdefault((note, tuple(ks)), []).append(name)
    return [f"{join_words(names)}{_format_depths(ks, all_depths)}: {note}." for (note, ks), names in reasons.items()]


def _missing_intervals(results: Iterable[ReportResult]) -> list[str]:
    notes = (note for result in results for note in result["note"].split("; "))
    return [f"{note}." for note in dict.fromkeys(notes) if note.startswith("no interval")]


def _incomparable_counters(series: Iterable[SeriesKey]) -> list[str]:
    """List the registries and orders whose lists count different things."""
    counters: dict[tuple[str, str], list[str]] = {}
    for registry, by, counter in series:
        if not is_census_counter(counter):
            counters.setdefault((registry, by), []).append(counter)
    return [
        f"{registry_title(registry)} by {by}: lists that count {join_words(names)} are not compared with one another."
        for (registry, by), names in counters.items()
        if len(names) > 1
    ]


def _format_depths(depths: Sequence[int], all_depths: Sequence[int]) -> str:
    return "" if sorted(set(depths)) in (all_depths, [0]) else f" at K of {join_words([f'{k:,}' for k in depths])}"

"""The headline sentences on turnover, each number with the dates of its own two lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from analysis.periods import count_gap_days, have_overlap
from analysis.reporting.rows import Report, ReportResult
from analysis.reporting.series import complete_labels, select_results_of_days
from analysis.reporting.wording import format_percent, join_words, pluralize

LONG_GAP_DAYS = 365 * 1.2  # the longest gap over which lists are matched, with its tolerance of a fifth
MAX_SHARES = 3

Labelled = tuple[str, ReportResult]


def describe_matched(newest: Mapping[str, ReportResult], gap: str) -> list[str]:
    """Return the newest turnovers over one gap in sentences, by the labels of their lists.

    The first sentence compares lists whose periods overlap. Each list of another period has its own sentence.
    """
    by_date = sorted(newest.items(), key=lambda pair: pair[1]["date"], reverse=True)
    compared: list[Labelled] = []
    for label, result in by_date:
        if all(have_overlap(result, other) for _, other in compared):
            compared.append((label, result))
    groups = [compared, *([pair] for pair in by_date if pair not in compared)]
    return [_describe_group(group, gap) for group in groups if group]


def describe_unmatched(report: Report, k: int, matched: Mapping[str, ReportResult]) -> Iterator[str]:
    """Yield the newest turnover since the list before, where it says what no matched gap says.

    These are gaps that are longer than every matched gap, and lists that have no matched gap. `matched` are the lists
    that have one.
    """
    labels = complete_labels(report["snapshots"])
    since_the_list_before = [result for result in report["results"] if _is_since_the_list_before(result, k)]
    results = select_results_of_days(report["snapshots"], since_the_list_before)
    newest = {
        labels[result["snapshot"]]: result
        for result in sorted(results, key=lambda result: (result["k"] == k, result["k"], result["date"]))
        if (count_gap_days(result) or 0) > LONG_GAP_DAYS or labels[result["snapshot"]] not in matched
    }
    yield from (_describe_unmatched(label, result) for label, result in newest.items())


def _is_since_the_list_before(result: ReportResult, k: int) -> bool:
    is_turnover = result["metric"] == result["name"] == "turnover" and result["value"] is not None
    return is_turnover and result["k"] <= k and bool(count_gap_days(result))


def _describe_unmatched(label: str, result: ReportResult) -> str:
    gap = pluralize(count_gap_days(result) or 0, "day")
    return (
        f"Between the lists of {result['previous_date']} and {result['date']}, {gap} apart, "
        f"{format_percent(result['value'])} of the top {result['k']:,} of {label} were replaced"
    )


def _describe_group(group: Sequence[Labelled], gap: str) -> str:
    """Return the turnovers of overlapping periods in one sentence, the highest first."""
    ranked = sorted(group, key=lambda pair: -(pair[1]["value"] or 0))
    periods = [_describe_period(result) for _, result in ranked]
    is_shared = len(set(periods)) == 1
    own_periods = ["" if is_shared else f" ({period})" for period in periods]
    shares = [
        f"{format_percent(result['value'])} of {label}{period}"
        for (label, result), period in zip(ranked[1:], own_periods[1:], strict=True)
    ]
    if len(shares) > MAX_SHARES:
        shares = [shares[0], f"{len(shares) - 2} lists in between", shares[-1]]
    (label, first), beside = ranked[0], f", {join_words(shares)}" if shares else ""
    top = f"{format_percent(first['value'])} of the top {first['k']:,} of {label}"
    return f"In {gap},{f' {periods[0]},' if is_shared else ''} {top} were replaced{own_periods[0]}{beside}"


def _describe_period(result: ReportResult) -> str:
    return f"from {result['previous_date']} to {result['date']}"

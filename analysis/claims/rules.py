"""The rules by which the paper's claims are judged.

A claim is judged at a day, from results of that day or of at most `MAX_AGE_DAYS` earlier. A verdict is

    holds          the rule's condition is met with the whole interval
    weaker         the direction is the paper's, but the rule's condition is not met with the whole interval
    reversed       the whole interval says the opposite
    not testable   a number that the rule needs is missing; the note says which, and the date of the newest

A claim with a p-value `holds` only if the p-value is below 0.05 after Holm's correction over all claims that have one.
Every rule but that of C2 stability was written before the data was seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from analysis.claims.results import (
    HUB_PERIOD,
    MAX_AGE_DAYS,
    MAX_DAYS_APART,
    MONTHLY_COUNTERS,
    ResultKind,
    ResultLookup,
    ResultRow,
    get_recent,
)
from analysis.compute.metric import POPULATION_DEPTHS
from analysis.periods import count_days, count_gap_days, have_overlap

HOLDS, WEAKER, REVERSED, NOT_TESTABLE = "holds", "weaker", "reversed", "not testable"
TOP_K = 1000
DEEPEST_FIRST = tuple(sorted(POPULATION_DEPTHS, reverse=True))
PAPER_DEPTH = DEEPEST_FIRST[0]  # the paper's set: the 15,000 most downloaded models
CARD_DEPTHS = DEEPEST_FIRST[:-1]  # at 1,000 the top and the bottom group of 1,000 would be the same models
TURNOVER_RESULT = "turnover.91d"
PACKAGE_REGISTRIES = ("npm", "pypi")
MUCH_HIGHER_FACTOR = 2.0  # the project's reading of "much higher"
MOST_REMAINED, HALF_REMAINED = 0.8, 0.6  # the project's reading of "remain popular" and of "about half" replaced
NEGLIGIBLE_CORRELATION = 0.1  # a correlation below is called negligible (Cohen 1988, "small")
MIN_COVERAGE = 0.9  # of a population whose cards are known: the bottom group of fewer would not be its bottom
NEGLIGIBLE_DELTA = 0.147  # a Cliff's delta below is called negligible (Romano et al. 2006)
SIGNIFICANCE_LEVEL = 0.05
Z_95 = 1.959963984540054


@dataclass(frozen=True)
class Measurement:
    """The verdict on a claim with the results behind it. `p` is None where no test applies.

    `sound` and `as_published` are the number of this project and of the paper's method. `rivals` are what `sound` is
    compared with. `depth` is the number of most downloaded packages that `sound` is of.
    """

    verdict: str
    sound: ResultRow | None = None
    as_published: ResultRow | None = None
    rivals: tuple[ResultRow, ...] = ()
    depth: int | None = None
    note: str = ""
    p: float | None = None


def judge_preservation(results: ResultLookup) -> Measurement:
    """Judge C1: descendants keep transformers more than any other library."""
    kinds = {k: ResultKind("preservation", "preservation.transformers", k) for k in DEEPEST_FIRST}
    depth, subject = _get_deepest(results, kinds)
    libraries = () if subject is None else results.iter_library_results(subject)
    rivals = [row for row in libraries if row["name"] != "preservation.transformers" and not _is_format_or_tracker(row)]
    if subject is None or not rivals:
        libraries_needed = f"the preservation of transformers and of another library in {_name_depths(kinds)}"
        return _not_testable(results, libraries_needed, kinds.values())
    best = max(rivals, key=_value)
    return Measurement(
        _compare_intervals(_interval_bounds(subject), _interval_bounds(best)),
        subject,
        get_recent(results, ResultKind("preservation_as_published", "preservation.transformers", depth)),
        (best,),
        depth,
        _join(f"next is {best['name'].removeprefix('preservation.')} with {best['value']:.3f}", _note_depth(depth)),
    )


def judge_faster_turnover(results: ResultLookup) -> Measurement:
    """Judge Finding 5: the top models are replaced much faster than the top packages of npm and PyPI."""
    hub = get_recent(results, _turnover_kind())
    if hub is None:
        return _not_testable(results, f"{TURNOVER_RESULT} of the Hub at K = {TOP_K:,}", [_turnover_kind()])
    newest = {registry: _newest_by_month(results, registry) for registry in PACKAGE_REGISTRIES}
    rivals = [row for row in newest.values() if row is not None and are_comparable(hub, row)]
    missing = "; ".join(_describe_missing(newest, rivals))
    if not rivals:
        period = f"the Hub's is {_describe_period(hub)}"
        return Measurement(NOT_TESTABLE, note=f"needs {TURNOVER_RESULT} of npm or pypi then; {period}; {missing}")
    low, high = _interval_bounds(hub)
    rival_lows, rival_highs = zip(*map(_interval_bounds, rivals), strict=True)
    is_much_higher = low >= MUCH_HIGHER_FACTOR * max(rival_highs)
    verdict = HOLDS if is_much_higher else REVERSED if high < min(rival_lows) else WEAKER
    return Measurement(verdict, hub, _share_of_top(results, "newcomers"), tuple(rivals), TOP_K, missing)


def judge_stability(results: ResultLookup) -> Measurement:
    """Judge C2 stability: models with high popularity remain popular."""
    replaced = get_recent(results, _turnover_kind())
    if replaced is None:
        return _not_testable(results, f"{TURNOVER_RESULT} of the Hub at K = {TOP_K:,}", [_turnover_kind()])
    low, high = _interval_bounds(replaced)
    remained: ResultRow = {
        **replaced, "name": f"remained.{TURNOVER_RESULT.partition('.')[2]}", "value": 1 - _value(replaced),
        "low": None if replaced["high"] is None else 1 - high, "high": None if replaced["low"] is None else 1 - low,
    }  # fmt: skip
    verdict = HOLDS if 1 - high >= MOST_REMAINED else REVERSED if 1 - low <= HALF_REMAINED else WEAKER
    return Measurement(verdict, remained, _share_of_top(results, "remained"), (), TOP_K)


def judge_descendants(results: ResultLookup) -> Measurement:
    """Judge C2: models with more downloads have more descendants."""
    kinds = {k: ResultKind("descendants", "descendants.spearman", k) for k in DEEPEST_FIRST}
    depth, rho = _get_deepest(results, kinds)
    if rho is None:
        return _not_testable(results, f"lineage and downloads of {_name_depths(kinds)}", kinds.values())
    low, high = _interval_bounds(rho)
    verdict = HOLDS if low >= NEGLIGIBLE_CORRELATION else REVERSED if high < 0 else WEAKER
    slope = _get_beside(results, rho, ResultKind("descendants", "descendants.slope", depth))
    return Measurement(
        verdict,
        rho,
        get_recent(results, ResultKind("descendants_as_published", "descendants.slope", depth)),
        (),
        depth,
        _join("" if slope is None else f"log-log slope on own downloads {slope['value']:.3f}", _note_depth(depth)),
        p_value_from_interval(_value(rho), low, high),
    )


def judge_documentation(results: ResultLookup) -> Measurement:
    """Judge C3: cards of the most downloaded models answer more questions than cards of the least downloaded."""
    names = {depth: f"documentation.of{depth}.rules.downloads" for depth in CARD_DEPTHS}
    kinds = {depth: ResultKind("documentation", f"{name}.delta", TOP_K) for depth, name in names.items()}
    depth, delta = _get_deepest(results, kinds)
    if delta is None:
        return _not_testable(results, f"scored cards of {_name_depths(kinds)}", kinds.values())
    coverage = _get_beside(results, delta, ResultKind("documentation", f"documentation.of{depth}.rules.coverage"))
    if coverage is None or _value(coverage) < MIN_COVERAGE:
        known = "an unknown share" if coverage is None else f"{_value(coverage):.1%}"
        return Measurement(
            NOT_TESTABLE, note=f"cards of {known} of the first {depth:,} models are known; needs {MIN_COVERAGE:.0%}"
        )
    low, high = _interval_bounds(delta)
    trend = _get_beside(results, delta, ResultKind("documentation", f"{names[depth]}.trend"))
    p = _get_beside(results, delta, ResultKind("documentation", f"{names[depth]}.mann_whitney_p", TOP_K))
    published = ResultKind("documentation_as_published", f"documentation.of{depth}.downloads.d", TOP_K)
    return Measurement(
        HOLDS if low > NEGLIGIBLE_DELTA else REVERSED if high < 0 else WEAKER,
        delta,
        get_recent(results, published),
        (),
        depth,
        _join("" if trend is None else f"Spearman over these models {trend['value']:.3f}", _note_depth(depth)),
        None if p is None else p["value"],
    )


def judge_attributes(results: ResultLookup) -> Measurement:
    """Judge C4: the paper has no measure of it, and this project has no rule."""
    return Measurement(
        NOT_TESTABLE,
        note="the paper calls this claim “too imprecise to operationalize” (section 1), and there is no rule yet",
    )


def are_comparable(first: ResultRow, second: ResultRow) -> bool:
    """Return whether two numbers of a gap are of overlapping periods that end at most `MAX_DAYS_APART` days apart."""
    return have_overlap(first, second) and count_days(first["date"], second["date"]) <= MAX_DAYS_APART


def p_value_from_interval(value: float, low: float, high: float) -> float | None:
    """Return the two-sided p-value against zero that a 95 % interval implies, by the normal distribution.

    >>> round(p_value_from_interval(0.2, 0.004, 0.396), 4)
    0.0455
    """
    if high <= low:
        return None
    return math.erfc(abs(value) / ((high - low) / (2 * Z_95)) / math.sqrt(2))


def _get_deepest(results: ResultLookup, kinds: dict[int, ResultKind]) -> tuple[int, ResultRow | None]:
    """Return the greatest depth that has a recent result, and the result. `kinds` has the deepest first."""
    rows = ((depth, get_recent(results, kind)) for depth, kind in kinds.items())
    return next(((depth, row) for depth, row in rows if row is not None), (0, None))


def _get_beside(results: ResultLookup, subject: ResultRow, kind: ResultKind) -> ResultRow | None:
    """Return a result of the same list as another result."""
    row = results.get_newest(kind)
    return row if row is not None and row["snapshot"] == subject["snapshot"] else None


def _not_testable(results: ResultLookup, needed: str, kinds: Iterable[ResultKind]) -> Measurement:
    """Return the verdict for a missing number, with the date of the newest one."""
    rows = [row for kind in kinds if (row := results.get_newest(kind)) is not None]
    newest = max((row["date"] for row in rows), default=f"none by downloads of the {HUB_PERIOD}")
    period = f", taken on {results.day} or at most {MAX_AGE_DAYS} days earlier" if results.day else ""
    return Measurement(NOT_TESTABLE, note=f"needs {needed}{period}; newest: {newest}")


def _turnover_kind() -> ResultKind:
    return ResultKind("turnover", TURNOVER_RESULT, TOP_K)


def _newest_by_month(results: ResultLookup, registry: str) -> ResultRow | None:
    """Return the newest turnover of a registry whose lists count the downloads of a month, as those of the Hub do."""
    kinds = (ResultKind("turnover", TURNOVER_RESULT, TOP_K, registry, counter) for counter in MONTHLY_COUNTERS)
    rows = (row for kind in kinds if (row := results.get_newest(kind)) is not None)
    return max(rows, key=lambda row: row["date"], default=None)


def _share_of_top(results: ResultLookup, name: str) -> ResultRow | None:
    """Return a count of the paper's method as a share of the top K."""
    row = get_recent(results, ResultKind("turnover_as_published", name, TOP_K))
    return None if row is None else {**row, "value": _value(row) / TOP_K}


def _describe_missing(newest: dict[str, ResultRow | None], rivals: Sequence[ResultRow]) -> Iterator[str]:
    """Say of each package registry that is not compared why it is left out."""
    for registry, row in newest.items():
        if row is None:
            yield f"{registry} is missing: it has no such number of the downloads of a month"
        elif row not in rivals:
            yield f"{registry} is missing: its newest number is {_describe_period(row)}"


def _describe_period(row: ResultRow) -> str:
    return f"from {row['previous_date']} to {row['date']} ({count_gap_days(row)} days)"


def _name_depths(depths: Iterable[int]) -> str:
    """Return the first models that a number may be of, the deepest first.

    >>> _name_depths((15_000, 5_000, 1_000))
    'the first 15,000, 5,000 or 1,000 models'
    """
    *deeper, last = (f"{depth:,}" for depth in depths)
    return f"the first {', '.join(deeper)} or {last} models"


def _note_depth(depth: int) -> str:
    """Say that a depth is not the paper's."""
    return "" if depth == PAPER_DEPTH else f"at depth {depth:,}; the paper's is {PAPER_DEPTH:,}"


def _join(*notes: str) -> str:
    return "; ".join(filter(None, notes))


def _compare_intervals(subject: tuple[float, float], rival: tuple[float, float]) -> str:
    if subject[0] > rival[1]:
        return HOLDS
    return REVERSED if subject[1] < rival[0] else WEAKER


def _value(row: ResultRow) -> float:
    """Return the value of a defined result."""
    if row["value"] is None:
        raise ValueError(f"{row['name']} is undefined")
    return row["value"]


def _interval_bounds(row: ResultRow) -> tuple[float, float]:
    """Return the interval, or the value itself where ties are unknown."""
    value = _value(row)
    return value if row["low"] is None else row["low"], value if row["high"] is None else row["high"]


def _is_format_or_tracker(row: ResultRow) -> bool:
    return any(kind in row["note"] for kind in ("format", "tracker"))

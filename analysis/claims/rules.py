"""The paper's claims, each with its published value, and the rule by which it is judged. The rules were written first.

Jones et al., ESEM 2024, doi 10.1145/3674805.3686665, tests claims C1 to C3 by four metrics. The titles are the paper's
subjects in our words. Findings 4 to 7 are numbered by the order of the four metrics that test the claims: the paper's
first three findings come from its review of literature, and which sentence it prints under which number was not looked
up. A verdict is

    holds          the rule's condition is met with the whole interval
    weaker         the direction is the paper's, but the rule's condition is not met with the whole interval
    reversed       the whole interval says the opposite
    not testable   a number that the rule needs is missing; the note says which

A claim with a p-value `holds` only if the p-value is below 0.05 after Holm's correction over all claims that have one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from analysis.claims.results import ResultLookup, ResultRow

HOLDS, WEAKER, REVERSED, NOT_TESTABLE = "holds", "weaker", "reversed", "not testable"
TOP_K = 1000
TURNOVER_RESULT = "turnover.91d"
MUCH_HIGHER_FACTOR = 2.0  # the project's reading of "much higher"
NEGLIGIBLE_CORRELATION = 0.1  # a correlation below is called negligible (Cohen 1988, "small")
NEGLIGIBLE_DELTA = 0.147  # a Cliff's delta below is called negligible (Romano et al. 2006)
SIGNIFICANCE_LEVEL = 0.05
MAX_DAYS_APART = 45  # numbers of two registries further apart are not compared
Z_95 = 1.959963984540054


@dataclass(frozen=True)
class Measurement:
    """The measured value of a claim beside the published one, and the verdict. `p` is None where no test applies."""

    verdict: str
    as_published: float | None = None
    sound: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    note: str = ""
    p: float | None = None


@dataclass(frozen=True)
class Claim:
    """A claim or finding of the paper. `judge` reads the latest results by registry, metric, name and depth."""

    claim: str
    title: str
    published: str
    published_date: str
    rule: str
    judge: Callable[[ResultLookup], Measurement]
    finding: int | None = None


def judge_preservation(results: ResultLookup) -> Measurement:
    """Judge C1: descendants keep transformers more than any other library."""
    subject = results.get("preservation", "preservation.transformers")
    libraries = () if subject is None else results.iter_library_results(subject)
    rivals = [row for row in libraries if row["name"] != "preservation.transformers" and not _is_format_or_tracker(row)]
    if subject is None or not rivals:
        return Measurement(NOT_TESTABLE, note="needs the preservation of transformers and of another library")
    best = max(rivals, key=_value)
    low, high = _interval_bounds(subject)
    return Measurement(
        _compare_intervals((low, high), _interval_bounds(best)),
        results.get_value("preservation_as_published", "preservation.transformers"),
        subject["value"],
        low,
        high,
        subject["n"],
        f"next is {best['name'].removeprefix('preservation.')} with {best['value']:.3f}",
    )


def judge_turnover(results: ResultLookup) -> Measurement:
    """Judge C2: the top models are replaced much faster than the top packages of npm and PyPI."""
    hub = results.get("turnover", TURNOVER_RESULT, TOP_K)
    rows = (results.get("turnover", TURNOVER_RESULT, TOP_K, registry) for registry in ("npm", "pypi"))
    rivals = [row for row in rows if row is not None and hub is not None and _days_between(hub, row) <= MAX_DAYS_APART]
    if hub is None or not rivals:
        return Measurement(
            NOT_TESTABLE,
            note=f"needs {TURNOVER_RESULT} at K = {TOP_K} of the Hub, and of npm or pypi at most {MAX_DAYS_APART} days "
            "apart",
        )
    fastest = max(rivals, key=_value)
    low, high = _interval_bounds(hub)
    rival_low, rival_high = _interval_bounds(fastest)
    is_much_higher = low >= MUCH_HIGHER_FACTOR * rival_high
    verdict = HOLDS if is_much_higher else REVERSED if high < rival_low else WEAKER
    newcomers = results.get_value("turnover_as_published", "newcomers", TOP_K)
    return Measurement(
        verdict, None if newcomers is None else newcomers / TOP_K, hub["value"], low, high, hub["n"],
        f"{fastest['registry']} {fastest['value']:.3f} to {fastest['date']}; the Hub to {hub['date']}",
    )  # fmt: skip


def judge_descendants(results: ResultLookup) -> Measurement:
    """Judge C2: models with more downloads have more descendants."""
    rho = results.get("descendants", "descendants.spearman")
    if rho is None:
        return Measurement(NOT_TESTABLE, note="needs lineage and downloads of the same list")
    low, high = _interval_bounds(rho)
    verdict = HOLDS if low >= NEGLIGIBLE_CORRELATION else REVERSED if high < 0 else WEAKER
    slope = results.get_value("descendants", "descendants.slope")
    return Measurement(
        verdict, results.get_value("descendants_as_published", "descendants.spearman"), rho["value"], low, high,
        rho["n"], "" if slope is None else f"log-log slope {slope:.3f}", p_value_from_interval(_value(rho), low, high),
    )  # fmt: skip


def judge_documentation(results: ResultLookup) -> Measurement:
    """Judge C3: cards of the most downloaded models answer more questions than cards of the least downloaded."""
    name = "documentation.rules.downloads"
    delta = results.get("documentation", f"{name}.delta", TOP_K)
    if delta is None:
        return Measurement(NOT_TESTABLE, note=f"needs scored cards of a list of at least {2 * TOP_K:,} models")
    low, high = _interval_bounds(delta)
    verdict = HOLDS if low > NEGLIGIBLE_DELTA else REVERSED if high < 0 else WEAKER
    trend = results.get_value("documentation", f"{name}.trend")
    published = results.get_value("documentation_as_published", "documentation.downloads.d", TOP_K)
    return Measurement(
        verdict, published, delta["value"], low, high, delta["n"],
        "" if trend is None else f"Spearman over the whole list {trend:.3f}",
        results.get_value("documentation", f"{name}.mann_whitney_p", TOP_K),
    )  # fmt: skip


def make_untestable_judge(reason: str) -> Callable[[ResultLookup], Measurement]:
    """Return the judge of a claim for which there is no metric yet."""
    return lambda results: Measurement(NOT_TESTABLE, note=reason)


CLAIMS = (
    Claim(
        claim="C1",
        title="Descendants keep the transformers library more than any other",
        published="2,699 descendants of two or more libraries use it, 1,929 safetensors, 1,173 tensorboard (Figure 5)",
        published_date="2023-10",
        rule="preservation by Eq. 1, compared with the best other library (without formats and trackers): holds: its "
        "interval lies above the other's; reversed: its interval lies below; weaker: the intervals overlap",
        judge=judge_preservation,
        finding=4,
    ),
    Claim(
        claim="C2 turnover",
        title="The top models turn over much faster than the top packages",
        published="newcomers per transition: the Hub 51.2 %, PyPI 14.3 %, npm 4.2 % (Figure 6)",
        published_date="2024-03",
        rule=f"turnover over matched gaps of 91 days at K = {TOP_K}: holds: the Hub's least value is at least "
        f"{MUCH_HIGHER_FACTOR:g} times the largest of npm and PyPI; reversed: its largest is below their least; "
        "weaker: between",
        judge=judge_turnover,
        finding=5,
    ),
    Claim(
        claim="C2 descendants",
        title="Models with more downloads have more descendants",
        published="Spearman 0.419, log-log slope 0.1479, with the children's downloads (Figure 7)",
        published_date="2023-10",
        rule="Spearman of descendants with the parent's own downloads: holds: its interval lies above "
        f"{NEGLIGIBLE_CORRELATION} and Holm's p is below {SIGNIFICANCE_LEVEL}; reversed: its interval lies below 0; "
        "weaker: between",
        judge=judge_descendants,
        finding=6,
    ),
    Claim(
        claim="C3",
        title="Better documented models are more popular",
        published="top 1,000 against bottom 1,000 (Figure 8)",
        published_date="2023-10",
        rule=f"Cliff's delta of the questions that cards answer, scored by rules, top against bottom {TOP_K:,} by "
        f"downloads: holds: its interval lies above {NEGLIGIBLE_DELTA} and Holm's p (Mann and Whitney) is below "
        f"{SIGNIFICANCE_LEVEL}; reversed: its interval lies below 0; weaker: between",
        judge=judge_documentation,
        finding=7,
    ),
    Claim(
        claim="C4",
        title="The claim the paper left untested",
        published="not tested",
        published_date="2024-10",
        rule="none yet",
        judge=make_untestable_judge("the paper found no data for this claim, and this project has none"),
    ),
)


def p_value_from_interval(value: float, low: float, high: float) -> float | None:
    """Return the two-sided p-value against zero that a 95 % interval implies, by the normal distribution.

    >>> round(p_value_from_interval(0.2, 0.004, 0.396), 4)
    0.0455
    """
    if high <= low:
        return None
    return math.erfc(abs(value) / ((high - low) / (2 * Z_95)) / math.sqrt(2))


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


def _days_between(first: ResultRow, second: ResultRow) -> int:
    return abs((date.fromisoformat(first["date"]) - date.fromisoformat(second["date"])).days)


def _is_format_or_tracker(row: ResultRow) -> bool:
    return any(kind in row["note"] for kind in ("format", "tracker"))

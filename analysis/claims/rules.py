"""The paper's claims, each with what was published, what is measured now, and a verdict by a rule written here first.

Jones et al., ESEM 2024, doi 10.1145/3674805.3686665, tests claims C1 to C3 by four metrics. The titles are the paper's
subjects in our words. Findings 4 to 7 are numbered by the order of the four metrics that test the claims: the paper's
first three findings come from its review of literature, and which sentence it prints under which number was not looked
up. A verdict is

    holds          the rule's condition is met with the whole interval
    weaker         the direction is the paper's, but the rule's condition is not met with the whole interval
    reversed       the whole interval says the opposite
    not testable   a number the rule needs is not there; the note says which

Verdicts of claims that have a p-value are only `holds` if Holm's correction over all such claims leaves it below 0.05.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from analysis.statistics import inference

HUB = "huggingface/models"
HOLDS, WEAKER, REVERSED, NOT_TESTABLE = "holds", "weaker", "reversed", "not testable"
TOP_K = 1000
TURNOVER_RESULT = "turnover.91d"
MUCH_HIGHER_FACTOR = 2.0  # times: what we take "much higher" to mean
NEGLIGIBLE_CORRELATION = 0.1  # a correlation below this is called negligible (Cohen 1988, "small")
NEGLIGIBLE_DELTA = 0.147  # a Cliff's delta below this is called negligible (Romano et al. 2006)
SIGNIFICANCE_LEVEL = 0.05
MAX_DAYS_APART = 45  # days: numbers of two registries are compared only if they are at most so far apart
Z_95 = 1.959963984540054

RESERVED_NAMES = ("coverage", "gain", "lift")
RELATIONS = ("finetune", "adapter", "merge", "quantized", "unstated")

Row = Mapping[str, object]


@dataclass(frozen=True)
class Measurement:
    """What stands beside the published value now; `p` is None where no test applies."""

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
    """A claim or finding of the paper; `judge` reads the newest results by registry, metric, name and depth."""

    claim: str
    title: str
    published: str
    published_date: str
    rule: str
    judge: Callable[[ResultLookup], Measurement]
    finding: int | None = None


class ResultLookup(Protocol):
    """What a verdict may ask: the newest result of each kind up to a day."""

    def get(self, metric: str, name: str, k: int = 0, registry: str = HUB) -> Row | None:
        """The newest result of this name that is defined, or None."""

    def get_value(self, metric: str, name: str, k: int = 0, registry: str = HUB) -> float | None:
        """Its value, or None."""

    def iter_library_results(self, subject: Row) -> Iterator[Row]:
        """The defined results of preservation by Eq. 1 of the subject's own list, one for each library."""


class LatestResults:
    """The newest result of each kind of those that were added, oldest first."""

    def __init__(self, results: Iterable[Row] = ()) -> None:
        self._rows: dict[tuple[object, ...], Row] = {}
        self.add(results)

    def add(self, results: Iterable[Row]) -> None:
        """Newer results, which take the place of those of the same kind."""
        for row in results:
            self._rows[row["registry"], row["metric"], row["name"], row["k"]] = row

    def get(self, metric: str, name: str, k: int = 0, registry: str = HUB) -> Row | None:
        """The newest result of this name that is defined, or None."""
        row = self._rows.get((registry, metric, name, k))
        return row if row is not None and row["value"] is not None else None

    def get_value(self, metric: str, name: str, k: int = 0, registry: str = HUB) -> float | None:
        """Its value, or None."""
        row = self.get(metric, name, k, registry)
        return None if row is None else float(str(row["value"]))

    def iter_library_results(self, subject: Row) -> Iterator[Row]:
        """The defined results of preservation by Eq. 1 of the subject's own list, one for each library."""
        for row in self._rows.values():
            if (row["registry"], row["date"]) == (subject["registry"], subject["date"]) and is_library_result(row):
                yield row


def is_library_result(row: Row) -> bool:
    """Whether a result is the preservation of one library, over all relations, and defined."""
    words = str(row["name"]).split(".")
    named = row["metric"] == "preservation" and len(words) > 1 and words[1] not in RESERVED_NAMES
    return named and words[-1] not in RELATIONS and row["value"] is not None


def judge_preservation(results: ResultLookup) -> Measurement:
    """C1: of all libraries, transformers is the one that descendants keep most."""
    subject = results.get("preservation", "preservation.transformers")
    listed = () if subject is None else results.iter_library_results(subject)
    rivals = [row for row in listed if row["name"] != "preservation.transformers" and not _is_format_or_tracker(row)]
    if subject is None or not rivals:
        return Measurement(NOT_TESTABLE, note="needs the preservation of transformers and of another library")
    best = max(rivals, key=lambda row: float(str(row["value"])))
    low, high = _interval_bounds(subject)
    return Measurement(
        _compare_intervals((low, high), _interval_bounds(best)),
        results.get_value("preservation_as_published", "preservation.transformers"),
        _to_float(subject["value"]),
        low,
        high,
        _to_optional_int(subject["n"]),
        f"next is {str(best['name']).removeprefix('preservation.')} with {_to_float(best['value']):.3f}",
    )


def judge_turnover(results: ResultLookup) -> Measurement:
    """C2: the top models are replaced much faster than the top packages of npm and PyPI."""
    hub = results.get("turnover", TURNOVER_RESULT, TOP_K)
    others = [
        row for name in ("npm", "pypi") if (row := results.get("turnover", TURNOVER_RESULT, TOP_K, name)) is not None
    ]
    near = [row for row in others if hub is not None and _days_between(hub, row) <= MAX_DAYS_APART]
    if hub is None or not near:
        return Measurement(
            NOT_TESTABLE,
            note=f"needs {TURNOVER_RESULT} at K = {TOP_K} of the Hub and of npm or pypi, at most {MAX_DAYS_APART} days apart",
        )
    fastest = max(near, key=lambda row: float(str(row["value"])))
    low, high = _interval_bounds(hub)
    other_low, other_high = _interval_bounds(fastest)
    if low >= MUCH_HIGHER_FACTOR * other_high:
        verdict = HOLDS
    else:
        verdict = REVERSED if high < other_low else WEAKER
    newcomers = results.get_value("turnover_as_published", "newcomers", TOP_K)
    return Measurement(
        verdict, None if newcomers is None else newcomers / TOP_K, _to_float(hub["value"]), low, high, _to_optional_int(hub["n"]),
        f"{fastest['registry']} {_to_float(fastest['value']):.3f} to {fastest['date']}; the Hub to {hub['date']}",
    )  # fmt: skip


def judge_descendants(results: ResultLookup) -> Measurement:
    """C2: models with more downloads have more descendants."""
    rho = results.get("descendants", "descendants.spearman")
    if rho is None:
        return Measurement(NOT_TESTABLE, note="needs lineage and downloads of one list")
    low, high = _interval_bounds(rho)
    verdict = HOLDS if low >= NEGLIGIBLE_CORRELATION else REVERSED if high < 0 else WEAKER
    slope = results.get_value("descendants", "descendants.slope")
    return Measurement(
        verdict, results.get_value("descendants_as_published", "descendants.spearman"), _to_float(rho["value"]), low, high,
        _to_optional_int(rho["n"]), "" if slope is None else f"log-log slope {slope:.3f}", p_value_from_interval(_to_float(rho["value"]), low, high),
    )  # fmt: skip


def judge_documentation(results: ResultLookup) -> Measurement:
    """C3: cards of the most downloaded models answer more questions than those of the least downloaded."""
    named = "documentation.rules.downloads"
    delta = results.get("documentation", f"{named}.delta", TOP_K)
    if delta is None:
        return Measurement(NOT_TESTABLE, note=f"needs scored cards of a list of at least {2 * TOP_K:,} models")
    low, high = _interval_bounds(delta)
    verdict = HOLDS if low > NEGLIGIBLE_DELTA else REVERSED if high < 0 else WEAKER
    trend = results.get_value("documentation", f"{named}.trend")
    published = results.get_value("documentation_as_published", "documentation.downloads.d", TOP_K)
    return Measurement(
        verdict, published, _to_float(delta["value"]), low, high, _to_optional_int(delta["n"]),
        "" if trend is None else f"Spearman over the whole list {trend:.3f}",
        results.get_value("documentation", f"{named}.mann_whitney_p", TOP_K),
    )  # fmt: skip


def make_untestable_judge(reason: str) -> Callable[[ResultLookup], Measurement]:
    """A claim for which there is no metric here yet."""
    return lambda newest: Measurement(NOT_TESTABLE, note=reason)


CLAIMS = (
    Claim(
        claim="C1",
        title="Descendants keep the transformers library more than any other",
        published="2,699 descendants of two or more libraries use it, 1,929 safetensors, 1,173 tensorboard (Figure 5)",
        published_date="2023-10",
        rule="preservation by Eq. 1, against the best other library (formats and trackers apart): holds: its interval "
        "lies above the other's; reversed: its interval lies below; weaker: they meet",
        judge=judge_preservation,
        finding=4,
    ),
    Claim(
        claim="C2 turnover",
        title="The top models turn over much faster than the top packages",
        published="newcomers a transition: the Hub 51.2 %, PyPI 14.3 %, npm 4.2 % (Figure 6)",
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
        published="Spearman 0.419, log-log slope 0.1479, against the children's downloads (Figure 7)",
        published_date="2023-10",
        rule=f"Spearman of descendants with the parent's own downloads: holds: its interval lies above {NEGLIGIBLE_CORRELATION} and "
        f"Holm's p is below {SIGNIFICANCE_LEVEL}; reversed: its interval lies below 0; weaker: between",
        judge=judge_descendants,
        finding=6,
    ),
    Claim(
        claim="C3",
        title="Better documented models are more popular",
        published="top 1,000 against bottom 1,000 (Figure 8)",
        published_date="2023-10",
        rule=f"Cliff's delta of the questions that cards answer, read by rules, top against bottom {TOP_K:,} by downloads: "
        f"holds: its interval lies above {NEGLIGIBLE_DELTA} and Holm's p (Mann and Whitney) is below {SIGNIFICANCE_LEVEL}; reversed: its "
        "interval lies below 0; weaker: between",
        judge=judge_documentation,
        finding=7,
    ),
    Claim(
        claim="C4",
        title="The claim the paper left untested",
        published="not tested",
        published_date="2024-10",
        rule="none yet",
        judge=make_untestable_judge("the paper found no data for it, and we have none"),
    ),
)


def judge_claims(results: Sequence[Row]) -> list[dict[str, object]]:
    """Every claim with its verdict now and at each date before; `results` are the report's, in any order.

    Shape: {claim, finding, title, published, published_date, as_published, sound, low, high, n, verdict, rule, note, p,
    p_holm, trend: [{date, value, verdict}]}.
    """
    at_each = list(_verdicts_by_day(results)) or [("", compute_verdicts(LatestResults()))]
    now = at_each[-1][1]
    corrected = adjust_p_values([measured.p for measured in now])
    return [
        {
            "claim": claim.claim, "finding": claim.finding, "title": claim.title, "published": claim.published,
            "published_date": claim.published_date, "as_published": now[place].as_published, "sound": now[place].sound,
            "low": now[place].low, "high": now[place].high, "n": now[place].n, "verdict": now[place].verdict,
            "rule": claim.rule, "note": now[place].note, "p": now[place].p, "p_holm": corrected[place],
            "trend": [
                {"date": day, "value": measured[place].sound, "verdict": measured[place].verdict}
                for day, measured in at_each
                if day
            ],
        }
        for place, claim in enumerate(CLAIMS)
    ]  # fmt: skip


def iter_verdict_changes(claims: Iterable[Mapping[str, object]]) -> Iterator[tuple[str, str, str, str]]:
    """Claim, date, verdict before and after, for each time a verdict that could be given became another one."""
    for claim in claims:
        given = [(row["date"], row["verdict"]) for row in claim["trend"] if row["verdict"] != NOT_TESTABLE]  # type: ignore[attr-defined]
        for (_, before), (day, after) in zip(given, given[1:], strict=False):
            if before != after:
                yield str(claim["claim"]), str(day), str(before), str(after)


def compute_verdicts(results: ResultLookup) -> list[Measurement]:
    """The verdict on each claim by what is known, Holm's correction among them."""
    measured = [claim.judge(results) for claim in CLAIMS]
    return [
        dataclasses.replace(one, verdict=WEAKER)
        if one.verdict == HOLDS and p is not None and p >= SIGNIFICANCE_LEVEL
        else one
        for one, p in zip(measured, adjust_p_values([one.p for one in measured]), strict=True)
    ]


def _verdicts_by_day(results: Sequence[Row]) -> Iterator[tuple[str, list[Measurement]]]:
    """The verdicts on each day of which there are results of the Hub; each result is looked at once."""
    newest, ordered = LatestResults(), sorted(results, key=lambda row: str(row["date"]))
    for day, rows in itertools.groupby(ordered, key=lambda row: str(row["date"])):
        of_day = list(rows)
        newest.add(of_day)
        if any(row["registry"] == HUB for row in of_day):
            yield day, compute_verdicts(newest)


def adjust_p_values(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down correction; a claim without a p-value is not of the family.

    >>> adjust_p_values([0.01, None, 0.04, 0.03])
    [0.03, None, 0.06, 0.06]
    """
    family = [place for place, p in enumerate(p_values) if p is not None]
    corrected: list[float | None] = [None] * len(p_values)
    for place, p in zip(family, inference.holm([p for p in p_values if p is not None]), strict=True):
        corrected[place] = round(p, 12)
    return corrected


def p_value_from_interval(value: float, low: float, high: float) -> float | None:
    """The two-sided p-value against zero that a 95 % interval implies, by the normal distribution.

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


def _interval_bounds(row: Row) -> tuple[float, float]:
    """The interval, or the value itself where ties are not known."""
    value = _to_float(row["value"])
    return (value if row["low"] is None else _to_float(row["low"])), (
        value if row["high"] is None else _to_float(row["high"])
    )


def _days_between(first: Row, second: Row) -> int:
    return abs((date.fromisoformat(str(first["date"])) - date.fromisoformat(str(second["date"]))).days)


def _is_format_or_tracker(row: Row) -> bool:
    return any(kind in str(row["note"]) for kind in ("format", "tracker"))


def _to_float(value: object) -> float:
    return float(str(value))


def _to_optional_int(value: object) -> int | None:
    return None if value is None else int(str(value))

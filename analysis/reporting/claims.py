"""The verdicts on the paper's claims for a reader: a table, and the evidence behind each verdict with its dates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from analysis.claims.results import MAX_AGE_DAYS
from analysis.reporting.names import registry_title
from analysis.reporting.rows import ClaimNumber, ClaimRow
from analysis.reporting.table import ColumnKind, ReportCell, ReportTable, make_table
from analysis.reporting.wording import UNDEFINED, format_count, format_percent, pluralize

COLUMNS: Mapping[str, ColumnKind] = {
    "claim": "text", "verdict": "text", "measure": "text", "measured": "number", "interval": "number", "n": "number",
    "dates": "date", "depth": "number",
}  # fmt: skip
PUBLISHED_COLUMNS: Mapping[str, ColumnKind] = {
    "claim": "text", "measure": "text", "as in the paper": "number", "interval": "number", "n": "number",
    "dates": "date",
}  # fmt: skip

ABOUT = (
    "Claims and findings of the ESEM 2024 paper, measured by this project's method and by the paper's. A verdict rests "
    f"on numbers that are at most {MAX_AGE_DAYS} days old, and the dates of each number stand beside it."
)


@dataclass(frozen=True)
class ClaimDetail:
    """The evidence behind the verdict on one claim. `numbers` has a sentence for each number, with its dates."""

    label: str
    title: str
    verdict: str
    quote: str
    published: str
    numbers: tuple[str, ...]
    rule: str
    note: str
    is_testable: bool


def claims_table(claims: Iterable[ClaimRow]) -> ReportTable:
    """List the verdict on each claim with the number behind it and its dates."""
    return make_table("Claims and verdicts", COLUMNS, map(_claim_row, claims))


def published_table(claims: Iterable[ClaimRow]) -> ReportTable:
    """List the number of each claim by the paper's method, with its dates."""
    numbers = ((_name_claim(claim), _find_number(claim, "as in the paper")) for claim in claims)
    rows = [
        (name, number["measure"], _number_cell(number), _format_interval(number), format_count(number["n"]),
         _format_dates(number))
        for name, number in numbers if number
    ]  # fmt: skip
    return make_table("The same by the paper's method", PUBLISHED_COLUMNS, rows)


def describe_claim(claim: ClaimRow) -> ClaimDetail:
    """Describe the evidence behind the verdict on one claim."""
    finding = f"Finding {claim['finding']}"
    is_named = claim["finding"] is None or claim["claim"] == finding
    day = f"{claim['published_date']}: " if claim["published_date"] else ""
    return ClaimDetail(
        label=claim["claim"] if is_named else f"{claim['claim']} ({finding})",
        title=claim["title"],
        verdict=claim["verdict"],
        quote=claim["quote"],
        published=f"{day}{claim['published']}",
        numbers=tuple(_describe_number(number, claim["depth"]) for number in claim["numbers"]),
        rule=claim["rule"],
        note=claim["note"],
        is_testable=claim["verdict"] != "not testable",
    )


def _claim_row(claim: ClaimRow) -> tuple[ReportCell | str, ...]:
    number = _find_number(claim, "measured")
    return (
        _name_claim(claim),
        ReportCell(claim["verdict"], is_bad=claim["verdict"] in ("reversed", "weaker")),
        number["measure"] if number else UNDEFINED,
        _number_cell(number),
        _format_interval(number),
        format_count(number["n"]) if number else UNDEFINED,
        _format_dates(number),
        format_count(claim["depth"]),
    )


def _find_number(claim: ClaimRow, role: str) -> ClaimNumber | None:
    return next((number for number in claim["numbers"] if number["role"] == role), None)


def _describe_number(number: ClaimNumber, depth: int | None) -> str:
    """Return one number in a sentence.

    >>> number = {"role": "measured", "registry": "huggingface/models", "measure": "share replaced", "is_share": True,
    ...           "metric": "turnover", "name": "turnover.91d", "snapshot": 7, "date": "2026-07-06",
    ...           "previous_date": "2026-04-06", "days": 91, "k": 1000, "value": 0.289, "low": 0.286, "high": 0.294,
    ...           "n": 1000}
    >>> _describe_number(number, 1000)
    'measured: share replaced 28.9% (28.6% to 29.4%), n = 1,000, from 2026-04-06 to 2026-07-06 (91 days), depth 1,000'
    """
    interval = "no interval" if number["low"] is None else _format_interval(number)
    days = f" ({pluralize(number['days'], 'day')})" if number["days"] is not None else ""
    period = f"from {_format_dates(number)}{days}" if number["previous_date"] else f"on {number['date']}"
    whose = f"{number['role']} {_name_rival(number)}" if number["role"] == "compared with" else number["role"]
    value = _format_measured(number, number["value"])
    sample = f"n = {format_count(number['n'])}"
    return f"{whose}: {number['measure']} {value} ({interval}), {sample}, {period}, depth {format_count(depth)}"


def _name_rival(number: ClaimNumber) -> str:
    """Return what a number is of: a library, or else a registry as people write it."""
    is_library = number["metric"] == "preservation"
    return number["name"].removeprefix("preservation.") if is_library else registry_title(number["registry"])


def _number_cell(number: ClaimNumber | None) -> ReportCell:
    if number is None:
        return ReportCell(UNDEFINED, value="")
    title = f"{number['metric']} {number['name']}, K = {number['k']} · snapshot {number['snapshot']}"
    return ReportCell(_format_measured(number, number["value"]), value=str(number["value"]), title=title)


def _format_measured(number: ClaimNumber, value: float | None) -> str:
    """Return a value in the unit of its number: shares in percent, others with three decimals."""
    if value is None:
        return UNDEFINED
    return format_percent(value) if number["is_share"] else f"{value:.3f}"


def _format_interval(number: ClaimNumber | None) -> str:
    if number is None or number["low"] is None or number["high"] is None:
        return UNDEFINED
    return f"{_format_measured(number, number['low'])} to {_format_measured(number, number['high'])}"


def _format_dates(number: ClaimNumber | None) -> str:
    """Return the date of a number, or the two dates between which it was measured."""
    if number is None:
        return UNDEFINED
    since = f"{number['previous_date']} to " if number["previous_date"] else ""
    return f"{since}{number['date']}"


def _name_claim(claim: ClaimRow) -> str:
    """Return the claim's number and its subject in a few words."""
    return f"{claim['claim']}: {claim['label'][:1].lower()}{claim['label'][1:]}"

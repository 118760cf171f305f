"""The notes of the numbers that a report shows in its tables of turnover and of a whole registry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.reporting.rows import ReportResult
from analysis.reporting.tables import POPULATION_RESULTS
from analysis.reporting.wording import format_count, format_value

SHOWN_METRICS = ("turnover", "turnover_as_published")
SHOWN_ELSEWHERE = ("gap ", "monthly hazard ", "no earlier ")  # notes whose content stands in a column of a table


def list_notes(results: Sequence[ReportResult]) -> Iterator[str]:
    """Yield the notes of each defined and shown result, then each note that several results share."""
    owners: dict[str, list[ReportResult]] = {}
    for result in filter(_is_shown, results):
        for note in result["note"].split("; ") if result["value"] is not None else ():
            if note and not note.startswith(SHOWN_ELSEWHERE):
                owners.setdefault(note, []).append(result)
    own_notes: dict[str, list[str]] = {}
    for note, noted in owners.items():
        if len(noted) == 1:
            own_notes.setdefault(_name_result(noted[0]), []).append(note)
    yield from (f"{name}: {'; '.join(notes)}" for name, notes in own_notes.items())
    yield from (f"{_name_results(noted)}: {note}" for note, noted in owners.items() if len(noted) > 1)


def _is_shown(result: ReportResult) -> bool:
    return result["metric"] in SHOWN_METRICS or result["name"] in POPULATION_RESULTS.values()


def _name_result(result: ReportResult) -> str:
    method = " (as published)" if result["metric"].endswith("_as_published") else ""
    depth = f" (top {result['k']:,})" if result["k"] else ""
    return f"{result['name']}{method}{depth} = {format_value(result['name'], result['value'])}"


def _name_results(results: Sequence[ReportResult]) -> str:
    names = list(dict.fromkeys(result["name"] for result in results))
    depths = [format_count(k) for k in sorted({result["k"] for result in results} - {0})]
    rest = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return f"{names[0]}{rest}" + (f" (top {', '.join(depths)})" if depths else "")

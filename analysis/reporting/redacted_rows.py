"""Rows of a report without what is left out on request (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from db.redactions import RedactedNames

if TYPE_CHECKING:  # `observatory top` imports this module, and must not import the rest of the report
    from analysis.reporting.rows import ReportEvent, ReportResult, ReportSnapshot

Row = TypeVar("Row", bound=Mapping[str, object])


def omit_redacted(rows: Iterable[Row], redacted: RedactedNames) -> list[Row]:
    """Return the rows without those of packages that have, or had, a redacted id or name.

    >>> rows = [{"package": "1", "name": "a"}, {"package": "2", "name": "b", "previous_name": "c"}]
    >>> omit_redacted(rows, RedactedNames(frozenset({"c"})))
    [{'package': '1', 'name': 'a'}]
    """
    return [
        row for row in rows
        if not any(map(redacted.is_redacted_name, (row["package"], row["name"], row.get("previous_name"))))
    ]  # fmt: skip


def withhold_from_event(event: ReportEvent, redacted: RedactedNames) -> ReportEvent:
    """Return quality events of one kind, without an example that quotes what is redacted."""
    return {**event, "example": redacted.withhold(event["example"])}


def withhold_from_gate(snapshot: ReportSnapshot, redacted: RedactedNames) -> ReportSnapshot:
    """Return a snapshot, without results of its gate that quote what is redacted."""
    gate = snapshot["gate"]
    return {**snapshot, "gate": [{**result, "measured": redacted.withhold(result["measured"])} for result in gate]}


def names_redacted_library(result: ReportResult, redacted: RedactedNames) -> bool:
    """Return whether a result is about a library with a redacted name."""
    return result["metric"] == "preservation" and redacted.is_quoted_in(result["name"].partition(".")[2])

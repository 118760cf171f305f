"""Rows of a report without what is left out on request (pure)."""

from __future__ import annotations

from analysis.reporting.rows import ReportEvent, ReportResult, ReportSnapshot
from db.redactions import RedactedNames


def withhold_from_event(event: ReportEvent, redacted: RedactedNames) -> ReportEvent:
    """Return events of one kind, without an example that quotes what is redacted."""
    return {**event, "example": redacted.withhold(event["example"])}


def withhold_from_gate(snapshot: ReportSnapshot, redacted: RedactedNames) -> ReportSnapshot:
    """Return a snapshot, without results of its gate that quote what is redacted."""
    gate = snapshot["gate"]
    return {**snapshot, "gate": [{**result, "measured": redacted.withhold(result["measured"])} for result in gate]}


def names_redacted_library(result: ReportResult, redacted: RedactedNames) -> bool:
    """Return whether a result is about a library with a redacted name."""
    return result["metric"] == "preservation" and redacted.is_quoted_in(result["name"].partition(".")[2])

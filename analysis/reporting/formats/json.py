"""The report for programs: `analysis/reporting/document.py` explains each key."""

from __future__ import annotations

import json

from analysis.reporting.rows import Report


def render(report: Report) -> str:
    """Return the document as ASCII JSON, so that no name can control a terminal. Refuse NaN, which is not JSON."""
    return json.dumps(report, indent=2, ensure_ascii=True, allow_nan=False)

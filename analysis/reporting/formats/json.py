"""The report for a program: `analysis/reporting/document.py` says what each key holds."""

from __future__ import annotations

import json
from collections.abc import Mapping


def render(report: Mapping[str, object]) -> str:
    """The document as it is. ASCII, so that no name in it can speak to a terminal; no NaN, which is not JSON."""
    return json.dumps(report, indent=2, ensure_ascii=True, allow_nan=False)

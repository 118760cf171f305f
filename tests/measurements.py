"""What the tests of faults gave when they were last run: `docs/measured.json`, of which docs/reliability.md is made.

Only written where the environment names the file, as `make test-faults` does. A test may say a number of its own with
the fixture `measured`; of every other one its cases are counted.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest


class FaultMeasurements:
    """Counts the cases of each test of a fault, and keeps what they say; at the end it is put beside what was known."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cases: dict[str, list[bool]] = defaultdict(list)
        self.notes: dict[str, list[str]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of one test has ended."""
        if "fault" not in report.keywords or (report.when != "call" and not report.failed):
            return
        name = report.nodeid.split("[")[0].removeprefix("tests/")
        if not report.skipped:
            self.cases[name].append(report.passed)
        self.notes[name] += [str(value) for key, value in report.user_properties if key == "measured"]

    def pytest_sessionfinish(self) -> None:
        """Every test has ended."""
        known = json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}
        today = datetime.now(UTC).date().isoformat()
        for name, cases in self.cases.items():
            known[name] = {"passed": sum(cases), "of": len(cases), "date": today, "said": sorted(self.notes[name])}
        self.path.write_text(json.dumps(known, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")

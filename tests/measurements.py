"""The results of the last run of the fault tests: `docs/measured.json`, from which docs/reliability.md is generated.

The file is written only if the environment names it, as `make test-faults` does. A test may record a number with the
fixture `measured`. Of every test the cases are counted.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest


class FaultMeasurements:
    """A pytest plug-in that counts the cases of each fault test, and adds the counts and notes to the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cases: dict[str, list[bool]] = defaultdict(list)
        self.notes: dict[str, list[str]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one case."""
        if "fault" not in report.keywords or (report.when != "call" and not report.failed):
            return
        name = report.nodeid.split("[")[0].removeprefix("tests/")
        if not report.skipped:
            self.cases[name].append(report.passed)
        self.notes[name] += [str(value) for key, value in report.user_properties if key == "measured"]

    def pytest_sessionfinish(self) -> None:
        """Update the file after the last test."""
        results = json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}
        today = datetime.now(UTC).date().isoformat()
        for name, cases in self.cases.items():
            results[name] = {"passed": sum(cases), "of": len(cases), "date": today, "said": sorted(self.notes[name])}
        self.path.write_text(json.dumps(results, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")

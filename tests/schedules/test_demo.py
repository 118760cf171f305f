"""The demonstration: no network, the real crawler, and a report with turnover."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.ci
@pytest.mark.timeout(300)
def test_the_demonstration_ends_in_a_report_of_half_a_year(tmp_path: Path) -> None:
    store = tmp_path / "kept.db"
    completed = subprocess.run(
        [sys.executable, "-m", "schedules.demo", "--top", "100", "--keep", str(store)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert completed.returncode == 0, completed.stderr
    assert "Hugging Face" in completed.stdout
    assert "Not available yet" in completed.stdout
    assert "What to do next:" in completed.stderr
    with sqlite3.connect(store) as connection:
        snapshots = connection.execute(
            "SELECT registry, count(*), min(date), max(date) FROM v1_snapshot WHERE status = 'complete' GROUP BY 1"
        )
        assert snapshots.fetchall() == [
            ("huggingface/models", 7, "2026-01-05", "2026-07-06"),
            ("npm", 3, "2026-01-05", "2026-07-06"),
            ("pypi", 3, "2026-01-05", "2026-07-06"),
        ]
        turnover_count = connection.execute(
            "SELECT count(*) FROM result WHERE metric = 'turnover' AND name = 'turnover.182d' AND value > 0"
        ).fetchone()
        assert turnover_count == (3,)

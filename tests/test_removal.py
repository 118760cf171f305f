"""A wrong import is taken back by a command: check, report and a renewed bundle then say so and have nothing of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from db.connection import hold_writer_lock
from tests.db.builders import query

ROOT = Path(__file__).resolve().parents[1]
REASON = "the days of two files were swapped"


def observatory(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with the store there, and check its exit code."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OBSERVATORY_DB": "observatory.db"}
    line = [sys.executable, "-m", "schedules.cli", *words]
    done = subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a store of three imports, the second wrong, with their results and a bundle."""
    folder = tmp_path_factory.mktemp("removal")
    for month, prefix in ((1, "old"), (2, "wrong"), (3, "new")):
        rows = "".join(f"{prefix if rank % 3 == 0 else 'same'}-{rank},{1000 - rank}\n" for rank in range(120))
        (folder / f"{month}.csv").write_text(f"name,downloads\n{rows}", "utf-8")
        import_list(folder, month)
    observatory(folder, "compute")
    observatory(folder, "export", "out", "--format", "csv,parquet")
    return folder


def import_list(folder: Path, month: int) -> None:
    columns = ("--id", "name", "--value", "downloads", "--counter", "last-month")
    day = f"2022-0{month}-01"
    observatory(folder, "crawl", "import", "csv", f"{month}.csv", "--registry", "npm", "--date", day, *columns)


@pytest.mark.ci
def test_a_removal_is_reported_by_every_reader(folder: Path) -> None:
    store = folder / "observatory.db"
    with hold_writer_lock(store):
        busy = observatory(folder, "store", "remove", "2", "--reason", REASON, code=1)
    assert "is writing to" in busy.stderr
    private = observatory(folder, "store", "remove", "2", "--reason", "see jo.doe@mail.example.org", code=2)
    assert private.stderr.startswith("error: The reason holds an e-mail address.\n")
    plan = observatory(folder, "store", "remove", "2", "--reason", REASON, "--dry-run").stdout
    assert plan.startswith("snapshot 2, npm of 2022-02-01, would be removed: 120 ranks, 40 packages that only it had, ")
    removed = json.loads(observatory(folder, "store", "remove", "2", "--reason", REASON, "--format", "json").stdout)
    assert removed["removed"]["unobserved_packages"] == 40 and removed["removed"]["results"] > 0
    assert "BROKEN" not in observatory(folder, "store", "check").stdout
    assert query(store, "SELECT count(*) FROM result") == [(0,)]
    observatory(folder, "compute")
    assert query(
        store, "SELECT DISTINCT previous_snapshot FROM v1_result WHERE snapshot = 3 AND name = 'turnover'"
    ) == [(1,)]
    sentence = f"npm, 2022-02-01: the imported snapshot 2 was removed on {query(store, TODAY)[0][0]}: {REASON}."
    assert sentence in " ".join(observatory(folder, "report").stdout.split())
    observatory(folder, "export", "out", "--format", "csv,parquet")
    observatory(folder, "export", "verify", "out")
    manifest = json.loads((folder / "out" / "manifest.json").read_text("utf-8"))
    assert [(row["snapshot"], row["reason"]) for row in manifest["removed"]] == [(2, REASON)]
    assert [file["path"] for file in manifest["files"] if "000002" in file["path"]] == []
    assert REASON in (folder / "out" / "csv" / "v1_removed_snapshot" / "npm.csv").read_text("utf-8")
    assert "- snapshot 2, npm of 2022-02-01, removed on" in (folder / "out" / "README.md").read_text("utf-8")
    import_list(folder, 2)
    assert query(store, "SELECT snapshot FROM v1_snapshot ORDER BY 1") == [(1,), (3,), (4,)]
    assert observatory(folder, "store", "remove", "2", "--reason", REASON, code=2).stderr.startswith(
        "error: There is no snapshot 2.\n  why  It was removed at "
    )


TODAY = "SELECT substr(removed_at, 1, 10) FROM v1_removed_snapshot"


def test_no_store_is_made_for_a_removal(tmp_path: Path) -> None:
    assert "There is no store" in observatory(tmp_path, "store", "remove", "1", "--reason", "x", code=1).stderr
    assert list(tmp_path.iterdir()) == []

"""The road from recorded real lists to published numbers, walked with the commands a person types."""

from __future__ import annotations

import csv
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from crawler.__main__ import main as crawl

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.real_data
SERIES = {
    "huggingface/models": ("hf_hub", ("--id", "modelId", "--value", "downloads")),
    "pypi": ("pypi_top", ("--id", "project", "--value", "download_count", "--rank", "rank")),
    "npm": ("npm_top", ("--id", "package", "--rank", "rank")),
}


def run(*words: str, db: Path) -> str:
    line = [sys.executable, "-m", *words, "--db", str(db), "--format", "json"]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def date_of(file: Path) -> str:
    return re.findall(r"\d{4}-\d\d-\d\d", file.name)[0]


@pytest.fixture(
    scope="module",
    params=[
        ("huggingface/models", 1),
        ("npm", 1),
        ("pypi", 12),
        pytest.param(("pypi", 1), marks=pytest.mark.slow),  # all 118 lists take a minute
    ],
    ids=lambda given: f"{given[0]}-every-{given[1]}",
)
def imported(
    request: pytest.FixtureRequest, real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, list[Path], list[dict]]]:
    """One registry's lists, every so many of them, imported, computed and reported."""
    registry, every = request.param
    folder, columns = SERIES[registry]
    files = sorted((real_data / folder).glob("*.csv.gz"), key=date_of)[::every]
    db = tmp_path_factory.mktemp("real") / "store.db"
    for file in files:
        words = ("import", "csv", str(file), "--registry", registry, "--date", date_of(file), *columns)
        assert crawl([*words, "--db", str(db), "--format", "json"]) == 0
    run("analysis", db=db)
    yield registry, files, json.loads(run("analysis.report", db=db))["results"]


@cache
def top(registry: str, file: Path, k: int) -> frozenset[str]:
    """The first K names of a list, in ten lines of plain Python."""
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        table = list(csv.DictReader(stream))
    if registry == "huggingface/models":
        table.sort(key=lambda row: (row["downloads"] == "", -float(row["downloads"] or 0), row["modelId"]))
    names = [row.get("modelId") or row.get("project") or row["package"] for row in table]
    if registry == "pypi":
        names = [re.sub(r"[-_.]+", "-", name).lower() for name in names]
    return frozenset(list(dict.fromkeys(names))[:k])


@pytest.mark.parametrize("k", [100, 500, 1000, 5000])
def test_turnover_as_published_equals_sets_in_plain_python(
    imported: tuple[str, list[Path], list[dict]], k: int
) -> None:
    registry, files, results = imported
    deep = [(date_of(file), names) for file in files if len(names := top(registry, file, k)) == k]
    found = {
        (result["date"], result["name"]): result["value"]
        for result in results
        if result["metric"] == "turnover_as_published" and result["k"] == k
    }
    ever: set[str] = set()
    last: set[str] | None = None
    for date, now in deep:
        fresh = set() if last is None else now - last
        counted = [None] * 3 if last is None else [len(last & now), len(fresh - ever), len(fresh & ever)]
        ever |= now
        names = ("remained", "newcomers", "returning", "ever")
        assert [found[date, name] for name in names] == [*counted, len(ever)], date
        last = now
    assert len(found) == 4 * len(deep)


def test_the_sound_turnover_is_the_share_that_was_not_there_before_with_ties_around_it(
    imported: tuple[str, list[Path], list[dict]],
) -> None:
    registry, files, results = imported
    dates = {date_of(file): file for file in files}
    seen = [r for r in results if r["metric"] == "turnover" and r["k"] == 1000 and r["value"] is not None]
    assert len(seen) >= len(files) - 1
    for result in seen:
        now, before = (top(registry, dates[result[key]], 1000) for key in ("date", "previous_date"))
        assert result["value"] == pytest.approx(1 - len(now & before) / 1000)
        if registry == "npm":
            assert (result["low"], result["high"]) == (None, None)  # ranks alone do not tell ties
        else:
            assert result["low"] - 1e-12 <= result["value"] <= result["high"] + 1e-12


def test_the_three_lists_of_the_hub_give_the_published_numbers(imported: tuple[str, list[Path], list[dict]]) -> None:
    """Counted from PeaTMOSS_ANCIENT (19 June 2021), saranscript (15 February 2022) and farach (2 July 2022)."""
    registry, _, results = imported
    if registry != "huggingface/models":
        pytest.skip("the numbers are the Hub's")
    counted = {
        (r["date"], r["name"]): r["value"] for r in results if r["metric"] == "turnover_as_published" and r["k"] == 1000
    }
    names = ("remained", "newcomers", "returning")
    assert [counted["2022-02-15", name] for name in names] == [619, 381, 0]
    assert [counted["2022-07-02", name] for name in names] == [688, 275, 37]


def test_raw_bodies_of_the_hub_are_imported(real_data: Path, tmp_path: Path) -> None:
    file = real_data / "hf_api" / "api_models_page1.json.gz"
    told = json.loads(
        run(
            "crawler",
            "import",
            "hub-api",
            str(file),
            "--registry",
            "huggingface/models",
            "--date",
            "2024-07-11",
            db=tmp_path / "store.db",
        )
    )
    assert [(one["status"], one["listed"]) for one in told["imports"]] == [("complete", 1000)]
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        rows = json.load(stream)
    import sqlite3

    with sqlite3.connect(tmp_path / "store.db") as connection:
        stored = connection.execute("SELECT package, name, downloads, likes FROM v1_ranking ORDER BY rank").fetchall()
        bases = connection.execute("SELECT count(*) FROM lineage_edge").fetchone()[0]
    ordered = sorted(rows, key=lambda row: (-row["downloads"], row["id"]))
    assert stored == [(row["_id"], row["id"], row["downloads"], row["likes"]) for row in ordered]
    assert bases == len(
        {(row["_id"], tag.split(":")[-1]) for row in rows for tag in row["tags"] if tag.startswith("base_model:")}
    )

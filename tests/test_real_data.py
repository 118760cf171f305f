"""From recorded real lists to published numbers, by the commands."""

from __future__ import annotations

import csv
import gzip
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from crawler.__main__ import main as crawl

ROOT = Path(__file__).resolve().parents[1]
pytestmark = [pytest.mark.real_data, pytest.mark.ci]
SERIES = {
    "huggingface/models": ("hf_hub", ("--id", "modelId", "--value", "downloads")),
    "pypi": ("pypi_top", ("--id", "project", "--value", "download_count", "--rank", "rank")),
    "npm": ("npm_top", ("--id", "package", "--rank", "rank")),
}
ImportedLists = tuple[str, list[Path], list[dict[str, Any]]]


def run_module(*arguments: str, db: Path) -> str:
    """Run a module's command on a store, and return its JSON output."""
    command = [sys.executable, "-m", *arguments, "--db", str(db), "--format", "json"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def parse_date(file: Path) -> str:
    """Return the date in the name of a file."""
    return re.findall(r"\d{4}-\d\d-\d\d", file.name)[0]


@pytest.fixture(
    scope="module",
    params=[
        ("huggingface/models", 1),
        ("npm", 1),
        ("pypi", 12),
        pytest.param(("pypi", 1), marks=pytest.mark.slow),  # all 118 lists take a minute
    ],
    ids=lambda series: f"{series[0]}-every-{series[1]}",
)
def imported_lists(
    request: pytest.FixtureRequest, real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ImportedLists]:
    """Import every n-th list of a registry, and return the files and the results of the report."""
    registry, step = request.param
    folder, columns = SERIES[registry]
    files = sorted((real_data / folder).glob("*.csv.gz"), key=parse_date)[::step]
    db = tmp_path_factory.mktemp("real") / "store.db"
    arguments = ["import", "csv", *map(str, reversed(files)), "--registry", registry, "--date-from-name", *columns]
    assert crawl([*arguments, "--db", str(db)]) == 0
    run_module("analysis", db=db)
    yield registry, files, json.loads(run_module("analysis.report", db=db))["results"]


@cache
def read_top(registry: str, file: Path, k: int) -> frozenset[str]:
    """Return the first K names of a list, in plain Python."""
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        table = list(csv.DictReader(stream))
    if registry == "huggingface/models":
        table.sort(key=lambda row: (row["downloads"] == "", -float(row["downloads"] or 0), row["modelId"]))
    names = [row.get("modelId") or row.get("project") or row["package"] for row in table]
    if registry == "pypi":
        names = [re.sub(r"[-_.]+", "-", name).lower() for name in names]
    return frozenset(list(dict.fromkeys(names))[:k])


@pytest.mark.parametrize("k", [100, 500, 1000, 5000])
def test_turnover_as_published_equals_sets_in_plain_python(imported_lists: ImportedLists, k: int) -> None:
    registry, files, results = imported_lists
    tops = [(parse_date(file), names) for file in files if len(names := read_top(registry, file, k)) == k]
    values = {
        (result["date"], result["name"]): result["value"]
        for result in results
        if result["metric"] == "turnover_as_published" and result["k"] == k
    }
    ever: set[str] = set()
    previous: set[str] | None = None
    for date, current in tops:
        entered = set() if previous is None else current - previous
        counts = [None] * 3 if previous is None else [len(previous & current), len(entered - ever), len(entered & ever)]
        ever |= current
        names = ("remained", "newcomers", "returning", "ever")
        assert [values[date, name] for name in names] == [*counts, len(ever)], date
        previous = current
    assert len(values) == 4 * len(tops)


def test_turnover_is_the_share_of_new_names_and_lies_within_its_tie_range(imported_lists: ImportedLists) -> None:
    registry, files, results = imported_lists
    file_by_date = {parse_date(file): file for file in files}
    turnovers = [r for r in results if r["metric"] == "turnover" and r["k"] == 1000 and r["value"] is not None]
    assert len(turnovers) >= len(files) - 1
    for result in turnovers:
        current, previous = (read_top(registry, file_by_date[result[key]], 1000) for key in ("date", "previous_date"))
        assert result["value"] == pytest.approx(1 - len(current & previous) / 1000)
        if registry == "npm":
            assert (result["low"], result["high"]) == (None, None)  # ranks alone show no ties
        else:
            assert result["low"] - 1e-12 <= result["value"] <= result["high"] + 1e-12


def test_the_three_lists_of_the_hub_give_the_published_numbers(imported_lists: ImportedLists) -> None:
    """Compare with PeaTMOSS_ANCIENT (19 June 2021), saranscript (15 February 2022) and farach (2 July 2022)."""
    registry, _, results = imported_lists
    if registry != "huggingface/models":
        pytest.skip("the published numbers are of the Hub")
    values = {
        (r["date"], r["name"]): r["value"] for r in results if r["metric"] == "turnover_as_published" and r["k"] == 1000
    }
    names = ("remained", "newcomers", "returning")
    assert [values["2022-02-15", name] for name in names] == [619, 381, 0]
    assert [values["2022-07-02", name] for name in names] == [688, 275, 37]


# Of the top 500 of 2022-07-02, in the top 500 of 2026-08-07 under the name of an owner.
MOVED = (
    "FacebookAI/roberta-base", "FacebookAI/roberta-large", "FacebookAI/xlm-roberta-base",
    "FacebookAI/xlm-roberta-large", "distilbert/distilbert-base-uncased",
    "distilbert/distilbert-base-uncased-finetuned-sst-2-english", "distilbert/distilgpt2",
    "distilbert/distilroberta-base", "google-bert/bert-base-cased", "google-bert/bert-base-chinese",
    "google-bert/bert-base-multilingual-cased", "google-bert/bert-base-multilingual-uncased",
    "google-bert/bert-base-uncased", "google-t5/t5-base", "google-t5/t5-small", "openai-community/gpt2",
)  # fmt: skip

OWNERS = {"FacebookAI", "albert", "almanach", "distilbert", "google-bert", "google-t5", "openai-community", "xlnet"}


def import_top_500(db: Path, form: str, file: Path, date: str, *columns: str) -> None:
    arguments = ("--registry", "huggingface/models", "--date", date, "--top", "500", *columns, "--db", str(db))
    assert crawl(["import", form, str(file), *arguments]) == 0


def test_the_models_that_moved_to_an_owner_have_not_left(real_data: Path, tmp_path: Path) -> None:
    files = [real_data / "hf_hub" / "hf_2022-07-02.csv.gz", real_data / "hf_top300_daily" / "hf_2026-08-07.csv.gz"]
    db = tmp_path / "store.db"
    for file in files:
        import_top_500(db, "csv", file, parse_date(file), *SERIES["huggingface/models"][1])
    run_module("analysis", "--metric", "turnover_as_published", db=db)
    before, after = (read_top("huggingface/models", file, 500) for file in files)
    assert len(before & after) == 32
    assert {name for name in after if name.split("/")[1] in before} == set(MOVED)
    connection = sqlite3.connect(db)
    remained = "SELECT value FROM result WHERE name = 'remained' AND k = 500 AND value IS NOT NULL"
    assert connection.execute(remained).fetchall() == [(48.0,)]
    names = "SELECT f.name, t.name FROM v1_alias f JOIN v1_alias t USING (package) WHERE f.since < t.since"
    assert sorted(connection.execute(names)) == sorted((name.split("/")[1], name) for name in MOVED)
    connection.close()


def test_the_ids_of_a_later_list_join_the_models_that_moved(real_data: Path, tmp_path: Path) -> None:
    past, page = real_data / "hf_hub" / "hf_2022-07-02.csv.gz", real_data / "hf_api" / "api_models_page1.json.gz"
    db = tmp_path / "store.db"
    import_top_500(db, "hub-api", page, "2024-07-11")
    import_top_500(db, "csv", past, parse_date(past), *SERIES["huggingface/models"][1])
    names = {row["id"] for row in json.loads(gzip.decompress(page.read_bytes()))[:500]}
    before = read_top("huggingface/models", past, 500)
    moved = {name for name in names if name.split("/")[1] in before and name.split("/")[0] in OWNERS}
    connection = sqlite3.connect(db)
    shared = "SELECT count(*) FROM (SELECT 1 FROM ranking GROUP BY package_id HAVING count(*) = 2)"
    assert connection.execute(shared).fetchall() == [(len(before & names) + len(moved),)]
    connection.close()
    assert len(moved) == 30


def test_a_raw_page_of_the_hub_is_imported_with_its_counters_and_base_models(real_data: Path, tmp_path: Path) -> None:
    file = real_data / "hf_api" / "api_models_page1.json.gz"
    options = ("--registry", "huggingface/models", "--date", "2024-07-11")
    output = json.loads(run_module("crawler", "import", "hub-api", str(file), *options, db=tmp_path / "store.db"))
    assert [(outcome["status"], outcome["listed"]) for outcome in output["imports"]] == [("complete", 1000)]
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        rows = json.load(stream)
    with sqlite3.connect(tmp_path / "store.db") as connection:
        stored = connection.execute("SELECT package, name, downloads, likes FROM v1_ranking ORDER BY rank").fetchall()
        edges = connection.execute("SELECT count(*) FROM lineage_edge").fetchone()[0]
    ordered = sorted(rows, key=lambda row: (-row["downloads"], row["id"]))
    assert stored == [(row["_id"], row["id"], row["downloads"], row["likes"]) for row in ordered]
    assert edges == len(
        {(row["_id"], tag.split(":")[-1]) for row in rows for tag in row["tags"] if tag.startswith("base_model:")}
    )

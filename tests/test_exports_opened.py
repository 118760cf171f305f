"""Programs of five communities open a bundle as it is, and two validators accept it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas
import pytest
from pyarrow.dataset import dataset

from analysis.export import main as export
from analysis.exports.manifest import find_mismatches
from crawler.__main__ import main as crawl
from db.rows import Observation, Registry
from tests.analysis.conftest import History
from tests.analysis.exports.conftest import fill_store, hash_tree, query
from tests.analysis.exports.readers import assert_equal_in_every_format
from tests.simulated import Simulation

ROOT = Path(__file__).resolve().parents[1]
IN_R = (
    "all <- do.call(rbind, lapply(Sys.glob('csv/v1_ranking/*.csv'), read.csv));"
    "cat(sprintf('%.0f', c(nrow(all), sum(all$rank), sum(all$downloads, na.rm = TRUE))))"
)
COUNT = "SELECT count(*), sum(rank), sum(downloads), count(DISTINCT name) FROM "


def export_store(folder: Path, store: Path, *options: str) -> Path:
    assert export([str(folder), "--db", str(store), *options]) == 0
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a small store and its bundle."""
    folder = tmp_path_factory.mktemp("small")
    store = fill_store(folder / "s.db").path
    return store, export_store(folder / "out", store)


def run_offline(out: Path, *line: str) -> str:
    """Run a program in the folder of a bundle, without a network, and return its output."""
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(out.parent / "cache")}
    return subprocess.run(line, cwd=out, env=env, capture_output=True, text=True, check=True).stdout


def assert_opened_by_all(store: Path, out: Path) -> None:
    """Assert that every program reads the rows of the store."""
    with sqlite3.connect(store) as connection:
        expected = connection.execute(f"{COUNT} v1_ranking").fetchone()
        names = connection.execute("SELECT name FROM v1_ranking ORDER BY snapshot, rank").fetchall()
    with sqlite3.connect(out / "sqlite" / "observatory.sqlite") as connection:
        assert connection.execute(f"{COUNT} v1_ranking").fetchone() == expected
        assert connection.execute("SELECT name FROM v1_ranking ORDER BY snapshot, rank").fetchall() == names
    for files in (f"'{out}/parquet/v1_ranking/*.parquet'", f"read_json('{out}/jsonl/v1_ranking/*.jsonl')",
                  f"read_csv('{out}/csv/v1_ranking/*.csv', strict_mode = false)"):  # fmt: skip
        assert duckdb.sql(f"{COUNT} {files}").fetchall() == [expected], files
    for rows in (
        pandas.read_parquet(out / "parquet" / "v1_ranking"),
        dataset(out / "parquet" / "v1_ranking").to_table().to_pandas(),
        pandas.concat(pandas.read_csv(path) for path in (out / "csv" / "v1_ranking").iterdir()),
    ):
        assert (len(rows), int(rows["rank"].sum()), int(rows["downloads"].sum())) == expected[:3]
    script = (
        "import json, os; from datasets import load_dataset as l; rows = l(os.getcwd(), 'v1_ranking', split='train');"
        "counted = [len(rows), sum(rows['rank']), sum(n for n in rows['downloads'] if n), len(set(rows['name']))];"
        "print(json.dumps(counted))"
    )
    assert tuple(json.loads(run_offline(out, sys.executable, "-c", script).splitlines()[-1])) == expected
    if shutil.which("Rscript"):
        output = run_offline(out, "Rscript", "-e", IN_R)
        assert tuple(int(number) for number in output.split()) == expected[:3]


def assert_valid(out: Path) -> None:
    """Assert that both validators accept a bundle, and that CSV and JSON lines have the rows of the manifest."""
    import mlcroissant
    from frictionless import Package

    croissant = mlcroissant.Dataset(str(out / "croissant.json"))  # raises ValidationError
    record_sets = [record_set.uuid for record_set in croissant.metadata.record_sets]
    name = max(uuid for uuid in record_sets if uuid.startswith("v1_ranking/"))
    names = pandas.read_parquet(out / "parquet" / f"{name}.parquet")["name"]
    assert [row[f"{name}/name"].decode() for row in croissant.records(name)] == names.to_list()
    report = Package(str(out / "datapackage.json")).validate()
    assert report.valid, report.flatten(["name", "message"])[:5]
    files = json.loads((out / "manifest.json").read_text())["files"]
    assert {task.place for task in report.tasks} == {file["path"] for file in files if "format" in file}
    expected = {file["path"]: file["rows"] for file in files if file.get("format") in ("csv", "jsonl")}
    counts = {task.place: task.stats.get("rows", 0) for task in report.tasks if task.place in expected}
    assert counts == expected


def test_pandas_pyarrow_duckdb_sqlite_and_datasets_open_a_bundle(small: tuple[Path, Path]) -> None:
    assert_opened_by_all(*small)


def test_frictionless_and_mlcroissant_accept_a_bundle(
    small: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    assert_valid(small[1])
    assert "not standard" not in caplog.text, "the context is the one of Croissant"


@pytest.mark.parametrize(
    "format_name", ["parquet", *(pytest.param(name, marks=pytest.mark.slow) for name in ("jsonl", "csv"))]
)
def test_the_snippets_run(small: tuple[Path, Path], tmp_path: Path, format_name: str) -> None:
    out = export_store(tmp_path / "out", small[0], "--format", format_name)
    assert "huggingface/models" in run_offline(out, sys.executable, "snippets/with_pandas.py")
    connection = duckdb.connect()
    connection.sql(f"SET file_search_path = '{out}'")
    assert len(connection.sql((out / "snippets" / "with_duckdb.sql").read_text("utf-8")).fetchall()) == 10


ODD_NAMES = ["null", "NA", "007", "None", "nan", "true", "1e5", "2026-01-01", "NULL", '"q"', "line\nbreak", "inf"]


@pytest.fixture(scope="module")
def gappy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store whose first list has no counters, and whose packages have names that readers take for others."""
    history = History(tmp_path_factory.mktemp("gappy") / "s.db")
    npm = Registry("npm", "ecosystems", "npm.example")
    history.add_snapshot("2026-01-01", ODD_NAMES, registry=npm, counter="last-month")
    rows = [Observation(name, name, downloads=2**53 - index, synced_at=1) for index, name in enumerate(ODD_NAMES)]
    history.add_snapshot("2026-01-08", rows, registry=npm, counter="last-month")
    return history.path


@pytest.mark.parametrize("format_name", ["jsonl", "csv", "sqlite"])
def test_the_snippets_read_a_package_called_null_and_a_column_that_is_empty_in_the_first_file(
    gappy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_name: str
) -> None:
    out = export_store(tmp_path / "out", gappy, "--format", format_name)
    monkeypatch.chdir(out)
    namespace: dict[str, pandas.DataFrame] = {}
    exec((out / "snippets" / "with_pandas.py").read_text("utf-8"), namespace)
    ranking = namespace["ranking"]
    assert ranking["name"].tolist() == 2 * ODD_NAMES
    assert {name: str(ranking[name].dtype) for name in ("name", "downloads", "trending", "synced_at")} == {
        "name": "string", "downloads": "Int64", "trending": "Float64", "synced_at": "string",
    }  # fmt: skip
    assert ranking["downloads"].isna().sum() == len(ODD_NAMES) and ranking["downloads"].max() == 2**53
    if format_name != "sqlite":
        connection = duckdb.connect()
        connection.sql(f"SET file_search_path = '{out}'")
        snippet = (out / "snippets" / "with_duckdb.sql").read_text("utf-8").replace(" LIMIT 10", "")
        assert sorted(row[2] for row in connection.sql(snippet).fetchall()) == sorted(2 * ODD_NAMES)


@pytest.mark.ci
@pytest.mark.parametrize("format_name", ["jsonl", "csv"])
def test_datasets_reads_a_package_called_null_and_a_column_that_is_empty_in_the_first_file(
    gappy: Path, tmp_path: Path, format_name: str
) -> None:
    out = export_store(tmp_path / "out", gappy, "--format", format_name)
    script = (
        "import json, os; from datasets import get_dataset_config_names, load_dataset;"
        "names = get_dataset_config_names(os.getcwd());"
        "views = {name: load_dataset(os.getcwd(), name, split='train') for name in names};"
        "print(json.dumps([len(views), views['v1_ranking']['name'][:], views['v1_ranking']['downloads'][-1]]))"
    )
    count, names, downloads = json.loads(run_offline(out, sys.executable, "-c", script).splitlines()[-1])
    assert (count >= 4, names, downloads) == (True, 2 * ODD_NAMES, 2**53 - len(ODD_NAMES) + 1)


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["parquet", "jsonl", "csv"])
def test_the_snippet_of_datasets_runs(small: tuple[Path, Path], tmp_path: Path, format_name: str) -> None:
    out = export_store(tmp_path / "out", small[0], "--format", format_name, "--tables", "v1_ranking")
    assert "'rank': 1" in run_offline(out, sys.executable, "snippets/with_datasets.py")


def test_r_opens_a_bundle(small: tuple[Path, Path], tmp_path: Path) -> None:
    if not shutil.which("Rscript"):
        pytest.skip("R is not installed")
    out = export_store(tmp_path / "out", small[0], "--format", "csv")
    assert "rank" in run_offline(out, "Rscript", "snippets/with_r.R")


LISTS = {
    "huggingface/models": ("hf_hub", "*", ("--id", "modelId", "--value", "downloads")),
    "pypi": ("pypi_top", "*_2022-*", ("--id", "project", "--value", "download_count", "--rank", "rank")),
    "npm": ("npm_top", "*", ("--id", "package", "--rank", "rank")),
}


@pytest.fixture(scope="module")
def large(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a store with the real lists and a simulated year, crawled every fortnight, and its bundle."""
    folder = tmp_path_factory.mktemp("large")
    store = folder / "s.db"
    for registry, (folder_name, pattern, columns) in LISTS.items():
        for file in sorted((real_data / folder_name).glob(f"{pattern}.csv.gz")):
            date = re.findall(r"\d{4}-\d\d-\d\d", file.name)[0]
            words = ["import", "csv", str(file), "--registry", registry, "--date", date, *columns, "--db", str(store)]
            assert crawl(words) == 0
    with Simulation(models=600, packages=300, start="2026-01-05") as simulation:
        env = {**os.environ, "HF_ENDPOINT": simulation.huggingface, "ECOSYSTEMS_ENDPOINT": simulation.ecosystems}
        line = [sys.executable, "-m", "crawler", "snapshot", "huggingface/models", "npm", "--top", "100",
                "--pause", "0", "--clock", "registry", "--quiet", "--db", str(store)]  # fmt: skip
        for _ in range(27):
            result = subprocess.run(line, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
            assert result.returncode in (0, 3), result.stderr  # a partial snapshot is listed without its rows
            simulation.advance(14)
    subprocess.run([sys.executable, "-m", "analysis", "--db", str(store)], cwd=ROOT, capture_output=True, check=True)
    return store, export_store(folder / "out", store)


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.timeout(1200)
def test_the_real_lists_and_a_simulated_year_are_opened_and_valid(large: tuple[Path, Path]) -> None:
    store, out = large
    year = "SELECT count(*), max(taken_at) - min(taken_at) FROM snapshot WHERE status = 'complete' AND origin = 'crawl'"
    ((snapshots, seconds),) = query(store, year)
    assert snapshots >= 2 * 26 and seconds >= 364 * 86_400
    assert query(store, "SELECT count(*) FROM snapshot WHERE status = 'complete' AND origin = 'import'") == [(21,)]
    assert_equal_in_every_format(store, out, may_be_empty=frozenset({"v1_reject"}))
    assert_opened_by_all(store, out)
    assert_valid(out)
    again = export_store(out.parent / "again", store)
    assert hash_tree(again) == hash_tree(out)
    assert list(find_mismatches(out)) == []

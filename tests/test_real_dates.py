"""Recorded lists under a true date and under a wrong one, by the command."""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import re
import sqlite3
from pathlib import Path

import pytest

from crawler.__main__ import main as crawl
from crawler.importers import ImportSpec, date_parsed_list, parse_content, read_unpacked
from db.cli import parse_day

pytestmark = pytest.mark.real_data
COLUMNS = {
    "hf_hub": ("huggingface/models", {"id": "modelId", "value": "downloads"}),
    "hf_top300_daily": ("huggingface/models", {"id": "modelId", "value": "downloads"}),
    "hf_lineage": ("huggingface/models", {"id": "modelId", "value": "downloads_30d"}),
    "pypi_top": ("pypi", {"id": "project", "value": "download_count", "rank": "rank"}),
    "npm_top": ("npm", {"id": "package", "rank": "rank"}),
}


def test_the_list_that_was_published_under_the_wrong_year_is_flagged(
    real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, db = real_data / "hf_hub" / "hf_2021-06-19.csv.gz", tmp_path / "store.db"
    options = ["--registry", "huggingface/models", "--id", "modelId", "--value", "downloads", "--top", "1000"]
    arguments = ["import", "csv", str(file), "--date", "2022-06-19", *options, "--db", str(db)]
    assert crawl([*arguments, "--format", "json"]) == 0
    (outcome,) = json.loads(capsys.readouterr().out)["imports"]
    (warning,) = outcome["warnings"]
    assert "10,406 packages" in warning
    assert "2022-06-19 → 2021-06-19" in warning
    with sqlite3.connect(db) as connection:
        (event,) = connection.execute("SELECT kind, severity, before, after FROM quality_event")
        (evidence,) = connection.execute("SELECT date_evidence FROM snapshot").fetchone()
    assert event == ("date_contradicted", "error", "2022-06-19", "2021-06-19")
    assert evidence.startswith("stated at the import as 2022-06-19; ")


def test_a_day_whose_list_is_that_of_the_day_before_is_flagged(
    real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = sorted(map(str, (real_data / "hf_top300_daily").glob("*.csv.gz")))
    options = ["--registry", "huggingface/models", "--id", "modelId", "--value", "downloads", "--date-from-name"]
    assert crawl(["import", "csv", *files, *options, "--db", str(tmp_path / "s.db"), "--format", "json"]) == 0
    imports = json.loads(capsys.readouterr().out)["imports"]
    repeats = [previous for previous in itertools.pairwise(files) if len(set(map(read_counts, previous))) == 1]
    assert [Path(outcome["file"]).name for outcome in imports if outcome["warnings"]] == [
        Path(later).name for _, later in repeats
    ]
    assert repeats


def read_counts(file: str) -> frozenset[tuple[str, str]]:
    """Return the names and counts of a list, in plain Python."""
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        return frozenset((row["modelId"], row["downloads"]) for row in csv.DictReader(stream))


@pytest.mark.parametrize("folder", sorted(COLUMNS))
def test_no_list_is_flagged_under_its_true_date(real_data: Path, folder: str) -> None:
    registry, columns = COLUMNS[folder]
    files = sorted((real_data / folder).glob("*20*.csv.gz"))
    assert files
    for file in files[:: max(1, len(files) // 8)]:
        date = parse_day(re.findall(r"\d{4}-\d\d-\d\d", file.name)[0])
        spec = ImportSpec(registry, date, "downloads", None, None, columns)
        assert date_parsed_list(parse_content("csv", read_unpacked(file), spec), spec).events == (), file.name


@pytest.mark.parametrize("number", [1, 2])
def test_no_raw_page_of_the_hub_is_flagged_under_its_true_date(real_data: Path, number: int) -> None:
    spec = ImportSpec("huggingface/models", parse_day("2024-07-11"), "downloads", None, None)
    body = read_unpacked(real_data / "hf_api" / f"api_models_page{number}.json.gz")
    assert date_parsed_list(parse_content("hub-api", body, spec), spec).events == ()

"""Claims and headline of real lists that are years apart: every number is of its own time."""

from __future__ import annotations

import json
import re
from itertools import islice
from pathlib import Path

import pytest

from analysis.__main__ import main as compute
from analysis.claims.results import HUB, MAX_AGE_DAYS, count_days
from analysis.reporting.document import ReportScope, build_report
from analysis.reporting.rows import Report
from analysis.reporting.view import build_view
from analysis.scoring.__main__ import main as score
from analysis.scoring.card_files import read_json_lines
from crawler.__main__ import main as crawl
from db.connection import open_for_reading, open_for_writing
from db.rows import StoredResult
from db.store import Store
from tests.test_real_data import SERIES, parse_date, read_top

pytestmark = pytest.mark.real_data
K = 500
FILES = {
    HUB: (
        "hf_hub/hf_2021-06-19", "hf_hub/hf_2022-02-15", "hf_hub/hf_2022-07-02",
        "hf_top300_daily/hf_2026-08-07", "hf_top300_daily/hf_2026-08-13",
    ),
    "npm": ("npm_top/npm_top-download_2022-11-03", "npm_top/npm_top-download_2023-11-22"),
    "pypi": ("pypi_top/pypi_2021-12-01", "pypi_top/pypi_2022-12-01"),
}  # fmt: skip
DOCUMENTATION_OF_2022 = (0.784, 0.75, 0.82)  # as a deep list of 2022 with scored cards gives it


def import_lists(folder: Path, db: Path) -> dict[tuple[str, str], Path]:
    """Import the lists, and return their files by registry and date."""
    files = {}
    for registry, names in FILES.items():
        for name in names:
            file = folder / f"{name}.csv.gz"
            files[registry, parse_date(file)] = file
            arguments = ("--registry", registry, "--date", parse_date(file), *SERIES[registry][1], "--top", "600")
            assert crawl(["import", "csv", str(file), *arguments, "--db", str(db), "--format", "json"]) == 0
    return files


def add_documentation_of_2022(folder: Path, db: Path, listed: frozenset[str]) -> None:
    """Import and score some cards of 2022, and store a number on documentation for the list of July 2022."""
    rows = read_json_lines(folder / "hf_cards" / "hf_cards_2022-02-15.jsonl.gz")
    sample = db.parent / "cards.jsonl"
    sample.write_text(
        "".join(json.dumps(row) + "\n" for row in islice((row for row in rows if row["modelId"] in listed), 30))
    )
    arguments = ["import", "cards", str(sample), "--registry", HUB, "--date", "2022-02-15", "--value", "downloads"]
    assert crawl([*arguments, "--db", str(db)]) == 0
    assert score(["--db", str(db)]) == 0
    assert compute(["--db", str(db)]) == 0
    with open_for_writing(db) as database:
        (number,) = database.conn.execute("SELECT snapshot_id FROM snapshot WHERE date = '2022-07-02'").fetchone()
        version = database.conn.execute("SELECT max(version) FROM result WHERE metric = 'documentation'").fetchone()[0]
        name = "documentation.of5000.rules.downloads.delta"
        delta = StoredResult(number, "documentation", version, name, 1000, None, *DOCUMENTATION_OF_2022, 2000, "")
        known = "documentation.of5000.rules.coverage"
        coverage = StoredResult(number, "documentation", version, known, 0, None, 1.0, 1.0, 1.0, 5000, "")
        Store(database).save_results([delta, coverage], 0)


@pytest.fixture(scope="module")
def report_and_files(
    real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Report, dict[tuple[str, str], Path]]:
    """Return the report on lists of four years, and the files of the lists."""
    db = tmp_path_factory.mktemp("claims") / "store.db"
    files = import_lists(real_data, db)
    add_documentation_of_2022(real_data, db, read_top(HUB, files[HUB, "2026-08-13"], K))
    with open_for_reading(db) as connection:
        return build_report(connection, ReportScope(None, tuple(FILES)), ()), files


def replaced(files: dict[tuple[str, str], Path], registry: str, before: str, after: str) -> str:
    """Return the replaced share of the top K in percent, in plain Python."""
    kept = read_top(registry, files[registry, before], K) & read_top(registry, files[registry, after], K)
    return f"{1 - len(kept) / K:.1%}"


def test_no_claim_of_2026_rests_on_a_number_of_2022(report_and_files: tuple[Report, object]) -> None:
    report, _ = report_and_files
    for claim in report["claims"]:
        assert claim["judged_on"] == "2026-08-13"
        for number in claim["numbers"]:
            assert count_days(number["date"], "2026-08-13") <= MAX_AGE_DAYS
    (documentation,) = [claim for claim in report["claims"] if claim["claim"] == "C3"]
    assert (documentation["verdict"], documentation["sound"]) == ("not testable", None)
    assert documentation["note"].endswith("newest: 2022-07-02")
    assert [(point["date"], point["value"]) for point in documentation["trend"]] == [("2022-07-02", 0.784)]


def test_no_card_of_2022_speaks_for_a_model_of_2026(report_and_files: tuple[Report, object]) -> None:
    report, _ = report_and_files
    known = {row["date"] for row in report["results"] if row["name"] == "documentation.rules.coverage"}
    assert known == {"2022-02-15", "2022-07-02"}
    unknown = {row["date"]: row["value"] for row in report["results"] if row["name"] == "documentation"}
    assert unknown["2026-08-07"] is unknown["2026-08-13"] is None
    assert any("2026-08-13: documentation: no card of a package" in reason for reason in report["unknown"])


def test_the_headline_compares_only_registries_of_one_time(
    report_and_files: tuple[Report, dict[tuple[str, str], Path]],
) -> None:
    report, files = report_and_files
    compared, apart, long_gap, *_ = re.split(r"(?<=[.]) (?=In a year)|\n", "\n".join(build_view(report).summary))
    assert compared == (
        f"In a year, {replaced(files, 'pypi', '2021-12-01', '2022-12-01')} of the top 500 of PyPI were replaced (from "
        f"2021-12-01 to 2022-12-01), {replaced(files, 'npm', '2022-11-03', '2023-11-22')} of npm (from 2022-11-03 to "
        "2023-11-22)."
    )
    assert apart == (
        f"In a year, from 2021-06-19 to 2022-07-02, {replaced(files, HUB, '2021-06-19', '2022-07-02')} of the top 500 "
        "of Hugging Face were replaced."
    )
    assert re.match(
        r"Between the lists of 2022-07-02 and 2026-08-07, 1,497 days apart, \d\d[.]\d% of the top", long_gap
    )


def test_the_turnover_over_four_years_is_that_of_plain_sets_but_for_renames(
    report_and_files: tuple[Report, dict[tuple[str, str], Path]],
) -> None:
    """A model that moved to an owner has the same last part of its name."""
    report, files = report_and_files
    key = ("turnover", "2026-08-07", K)
    (value,) = [row["value"] for row in report["results"] if (row["name"], row["date"], row["k"]) == key]
    before, after = (read_top(HUB, files[HUB, day], K) for day in ("2022-07-02", "2026-08-07"))
    moved = {name for name in before - after if any(other.endswith(f"/{name}") for other in after - before)}
    assert len(moved) == 16
    assert value is not None
    assert len(before & after) <= round((1 - value) * K) <= len((before & after) | moved)

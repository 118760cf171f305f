"""Private rows of imported files are dropped and counted, however the file writes the flag."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from crawler.importers import ImportSpec
from db.cli import parse_day
from tests.crawler.importers.conftest import import_file

KEY = "64b0234d53bd91402e6ad49{}"
DUMP = """CREATE TABLE `repository` (
  `id` varchar(256) NOT NULL,
  `name` text DEFAULT NULL,
  `type` varchar(7) DEFAULT NULL,
  `private` int(11) DEFAULT NULL,
  `likes` int(11) DEFAULT NULL,
INSERT INTO `repository` VALUES ('models/a/b','a/b','model',0,3),('models/s/e','secret/one','model',1,9);
CREATE TABLE `model` (
  `model_id` varchar(256) NOT NULL,
  `downloads` int(11) DEFAULT NULL,
INSERT INTO `model` VALUES ('models/a/b',60),('models/s/e',70);
"""


def make_rows(private: object) -> list[dict[str, object]]:
    """Return the rows of two models, the second one private and larger."""
    public: dict[str, object] = {"_id": KEY.format(1), "id": "a/b", "modelId": "a/b", "downloads": 60, "private": False}
    return [public, {**public, "_id": KEY.format(2), "id": "secret/one", "modelId": "secret/one", "downloads": 70,
                     "private": private}]  # fmt: skip


def write_parquet(path: Path) -> None:
    """Write the rows as Parquet."""
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(make_rows(True)), path)


FILES: dict[str, Callable[[Path], object]] = {
    "hub-api": lambda path: path.write_text(json.dumps(make_rows(True))),
    "hub-stats": write_parquet,
    "hfcommunity": lambda path: path.write_text(DUMP),
    "ptmtorrent": lambda path: path.write_text(json.dumps(make_rows("True"))),
}


@pytest.mark.parametrize("format_name", FILES)
@pytest.mark.fault("G8")
def test_a_private_row_of_a_file_is_dropped_and_counted(tmp_path: Path, format_name: str) -> None:
    file = tmp_path / "list"
    FILES[format_name](file)
    spec = ImportSpec("huggingface/models", parse_day("2026-07-01"), "downloads", None, None)
    outcome = import_file(tmp_path, format_name, str(file), spec)
    assert outcome.status == "complete"
    assert [warning for warning in outcome.warnings if "private" in warning] == [
        "note: 1 row of private repositories dropped"
    ]
    with sqlite3.connect(tmp_path / "store.db") as connection:
        assert connection.execute("SELECT rank, name FROM v1_ranking").fetchall() == [(1, "a/b")]
        assert connection.execute("SELECT received, kept, hidden FROM page").fetchall() == [(2, 1, 1)]
        assert "secret" not in "".join(connection.iterdump())


@pytest.mark.fault("G8")
def test_the_card_of_a_private_package_is_not_imported(tmp_path: Path) -> None:
    file = tmp_path / "cards.jsonl"
    lines = [{**row, "card": f"# The card of {row['id']}"} for row in make_rows(True)]
    file.write_text("\n".join(json.dumps(line) for line in lines))
    spec = ImportSpec("huggingface/models", parse_day("2026-07-01"), "downloads", None, None)
    outcome = import_file(tmp_path, "cards", str(file), spec)
    assert (outcome.cards, outcome.rejected) == (1, 1)  # type: ignore[union-attr]
    with sqlite3.connect(tmp_path / "store.db") as connection:
        assert connection.execute("SELECT name FROM package").fetchall() == [("a/b",)]

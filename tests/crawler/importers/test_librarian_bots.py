"""Cards of librarian-bots, in a file with the columns and types of its own: cards of packages, and no list."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from crawler.importers import ImportFailedError, ImportSpec, import_file
from crawler.importers.cards import CardImportOutcome
from db.cli import parse_day
from db.connection import open_for_reading
from db.store.cards import blob_hash
from tests.db.builders import read_card

MOMENT = pyarrow.timestamp("us", tz="UTC")
COLUMNS = {
    "modelId": pyarrow.string(), "author": pyarrow.string(), "last_modified": MOMENT, "downloads": pyarrow.int64(),
    "likes": pyarrow.int64(), "library_name": pyarrow.string(), "tags": pyarrow.list_(pyarrow.string()),
    "pipeline_tag": pyarrow.string(), "createdAt": MOMENT, "card": pyarrow.string(),
}  # fmt: skip
CARD = "---\nlicense: mit\n---\n# A model\n\nAsk jo.doe@mail.example.org.\n"


def row(name: str, card: str | None, changed: str = "2025-01-10") -> dict[str, object]:
    at = datetime.fromisoformat(changed).replace(tzinfo=UTC)
    made = datetime(2022, 3, 2, 23, 29, 4, tzinfo=UTC)
    return dict(zip(COLUMNS, (name, name.split("/")[0], at, 12, 3, "transformers", ["pytorch", "license:mit"],
                              "fill-mask", made, card), strict=True))  # fmt: skip


def brought(
    tmp_path: Path, rows: list[dict[str, object]], *without: str, registry: str = "huggingface/models",
    date: str = "2025-01-14", value: str | None = None, name: str = "train-00000-of-00001",
) -> CardImportOutcome:  # fmt: skip
    schema = pyarrow.schema([(name, kind) for name, kind in COLUMNS.items() if name not in without])
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema), tmp_path / f"{name}.parquet")
    wanted = ImportSpec(registry, parse_day(date), "downloads", None, None, {"value": value})
    found = import_file(tmp_path / "s.db", "librarian-bots", str(tmp_path / f"{name}.parquet"), wanted)
    assert isinstance(found, CardImportOutcome)
    return found


def asked(tmp_path: Path, question: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(tmp_path / "s.db") as connection:
        return connection.execute(question).fetchall()


@pytest.mark.parametrize("without", [(), ("library_name", "pipeline_tag", "createdAt")])
def test_cards_become_cards_of_packages_and_make_no_list(tmp_path: Path, without: tuple[str, ...]) -> None:
    found = brought(tmp_path, [row("a/b", CARD), row("gone", "Entry not found"), row("c", "")], *without)
    assert (found.status, found.cards, found.none, found.rejected) == ("complete", 1, 2, 0)
    with open_for_reading(tmp_path / "s.db") as connection:
        card = read_card(connection, 1, parse_day("2025-01-14"))
    assert card and (card.blob, "jo.doe" in card.text) == (blob_hash(CARD.encode()), False)
    assert asked(tmp_path, "SELECT name, state, since FROM v1_card ORDER BY name") == [
        ("a/b", "card", "2025-01-14T00:00:00Z"), ("c", "none", "2025-01-14T00:00:00Z"),
        ("gone", "none", "2025-01-14T00:00:00Z"),
    ]  # fmt: skip
    assert asked(tmp_path, "SELECT count(*) FROM snapshot") == [(0,)], "it lists only packages with a card"
    assert asked(tmp_path, "SELECT origin, source FROM card_collection") == [("import", "train-00000-of-00001.parquet")]
    assert brought(tmp_path, [row("a/b", CARD), row("gone", "Entry not found"), row("c", "")], *without).again


def test_its_rows_can_be_a_list_that_is_held_against_no_other(tmp_path: Path) -> None:
    made = [row("a/b", CARD), {**row("c", CARD), "downloads": 99}]
    found = brought(tmp_path, made, value="downloads")
    assert (found.cards, found.snapshot, found.listed, found.status, found.warnings) == (2, 1, 2, "complete", ())
    assert asked(tmp_path, "SELECT name, downloads, likes FROM v1_ranking ORDER BY rank") == [
        ("c", 99, 3),
        ("a/b", 12, 3),
    ]
    assert asked(tmp_path, "SELECT counter FROM v1_snapshot") == [("last-30-days-with-a-card",)]
    assert asked(tmp_path, "SELECT DISTINCT value FROM v1_attribute WHERE attribute = 'task'") == [("fill-mask",)]
    assert "snapshot 1" in brought(tmp_path, made, value="downloads").warnings[0]


def test_a_part_of_several_files_is_no_list(tmp_path: Path) -> None:
    part = {"name": "train-00001-of-00005"}
    with pytest.raises(ImportFailedError, match="one of several parts"):
        brought(tmp_path, [row("a/b", CARD)], value="downloads", **part)
    assert brought(tmp_path, [row("a/b", CARD)], **part).cards == 1


@pytest.mark.parametrize(
    ("changed", "rows", "events"),
    [("2025-01-10", 1, []), ("2025-02-01", 1, [("date_contradicted", "2025-02-01")]),
     ("2024-06-01", 1000, [("date_contradicted", "2024-06-01")])],
)  # fmt: skip
def test_its_newest_change_is_held_against_the_date(tmp_path: Path, changed: str, rows: int, events: list) -> None:
    found = brought(tmp_path, [row(f"a/m{number}", "", changed) for number in range(rows)])
    assert asked(tmp_path, "SELECT kind, after FROM quality_event") == events
    assert len(found.warnings) == len(events)


def test_another_parquet_file_and_another_registry_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    for rows, without, registry in (([row("a", CARD)], ("card",), "huggingface/models"), ([row("a", CARD)], (), "npm")):
        with pytest.raises(ImportFailedError):
            brought(tmp_path, rows, *without, registry=registry)
    assert not (tmp_path / "s.db").exists()

"""Cards of librarian-bots, in a file with its real columns and types, become cards of packages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from crawler.importers import ImportFailedError, ImportSpec
from crawler.importers.cards import CardImportOutcome
from db.cli import parse_day
from db.connection import open_for_reading
from db.store.cards import blob_hash
from tests.crawler.importers.conftest import import_file, query
from tests.db.builders import read_card

MOMENT = pyarrow.timestamp("us", tz="UTC")
COLUMNS = {
    "modelId": pyarrow.string(), "author": pyarrow.string(), "last_modified": MOMENT, "downloads": pyarrow.int64(),
    "likes": pyarrow.int64(), "library_name": pyarrow.string(), "tags": pyarrow.list_(pyarrow.string()),
    "pipeline_tag": pyarrow.string(), "createdAt": MOMENT, "card": pyarrow.string(),
}  # fmt: skip
CARD = "---\nlicense: mit\n---\n# A model\n\nAsk jo.doe@mail.example.org.\n"


def make_row(name: str, card: str | None, changed: str = "2025-01-10") -> dict[str, object]:
    at = datetime.fromisoformat(changed).replace(tzinfo=UTC)
    created_at = datetime(2022, 3, 2, 23, 29, 4, tzinfo=UTC)
    return dict(zip(COLUMNS, (name, name.split("/")[0], at, 12, 3, "transformers", ["pytorch", "license:mit"],
                              "fill-mask", created_at, card), strict=True))  # fmt: skip


def import_cards(
    tmp_path: Path, rows: list[dict[str, object]], *without: str, registry: str = "huggingface/models",
    date: str = "2025-01-14", value: str | None = None, name: str = "train-00000-of-00001",
) -> CardImportOutcome:  # fmt: skip
    schema = pyarrow.schema([(name, kind) for name, kind in COLUMNS.items() if name not in without])
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema), tmp_path / f"{name}.parquet")
    spec = ImportSpec(registry, parse_day(date), "downloads", None, None, {"value": value})
    outcome = import_file(tmp_path, "librarian-bots", str(tmp_path / f"{name}.parquet"), spec)
    assert isinstance(outcome, CardImportOutcome)
    return outcome


@pytest.mark.parametrize("without", [(), ("library_name", "pipeline_tag", "createdAt")])
def test_cards_become_cards_of_packages_and_no_list(tmp_path: Path, without: tuple[str, ...]) -> None:
    outcome = import_cards(
        tmp_path, [make_row("a/b", CARD), make_row("gone", "Entry not found"), make_row("c", "")], *without
    )
    assert (outcome.status, outcome.cards, outcome.none, outcome.rejected) == ("complete", 1, 2, 0)
    with open_for_reading(tmp_path / "store.db") as connection:
        card = read_card(connection, 1, parse_day("2025-01-14"))
    assert card and (card.blob, "jo.doe" in card.text) == (blob_hash(CARD.encode()), False)
    assert query(tmp_path, "SELECT name, state, since FROM v1_card ORDER BY name") == [
        ("a/b", "card", "2025-01-14T00:00:00Z"),
        ("c", "none", "2025-01-14T00:00:00Z"),
        ("gone", "none", "2025-01-14T00:00:00Z"),
    ]
    assert query(tmp_path, "SELECT count(*) FROM snapshot") == [(0,)], "it lists only packages with a card"
    assert query(tmp_path, "SELECT origin, source FROM card_collection") == [("import", "train-00000-of-00001.parquet")]
    assert import_cards(
        tmp_path, [make_row("a/b", CARD), make_row("gone", "Entry not found"), make_row("c", "")], *without
    ).again


def test_the_rows_can_be_a_list_with_a_counter_of_its_own(tmp_path: Path) -> None:
    rows = [make_row("a/b", CARD), {**make_row("c", CARD), "downloads": 99}]
    outcome = import_cards(tmp_path, rows, value="downloads")
    assert (outcome.cards, outcome.snapshot, outcome.listed, outcome.status, outcome.warnings) == (
        2,
        1,
        2,
        "complete",
        (),
    )
    assert query(tmp_path, "SELECT name, downloads, likes FROM v1_ranking ORDER BY rank") == [
        ("c", 99, 3),
        ("a/b", 12, 3),
    ]
    assert query(tmp_path, "SELECT counter FROM v1_snapshot") == [("last-30-days-with-a-card",)]
    assert query(tmp_path, "SELECT DISTINCT value FROM v1_attribute WHERE attribute = 'task'") == [("fill-mask",)]
    assert "snapshot 1" in import_cards(tmp_path, rows, value="downloads").warnings[0]


def test_one_of_several_parts_is_not_stored_as_a_list(tmp_path: Path) -> None:
    part = {"name": "train-00001-of-00005"}
    with pytest.raises(ImportFailedError, match="one of several parts"):
        import_cards(tmp_path, [make_row("a/b", CARD)], value="downloads", **part)
    assert import_cards(tmp_path, [make_row("a/b", CARD)], **part).cards == 1


@pytest.mark.parametrize(
    ("changed", "rows", "events"),
    [("2025-01-10", 1, []), ("2025-02-01", 1, [("date_contradicted", "2025-02-01")]),
     ("2024-06-01", 1000, [("date_contradicted", "2024-06-01")])],
)  # fmt: skip
def test_the_newest_change_is_compared_with_the_date(tmp_path: Path, changed: str, rows: int, events: list) -> None:
    outcome = import_cards(tmp_path, [make_row(f"a/m{number}", "", changed) for number in range(rows)])
    assert query(tmp_path, "SELECT kind, after FROM quality_event") == events
    assert len(outcome.warnings) == len(events)


def test_another_parquet_file_and_another_registry_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    for rows, without, registry in (
        ([make_row("a", CARD)], ("card",), "huggingface/models"),
        ([make_row("a", CARD)], (), "npm"),
    ):
        with pytest.raises(ImportFailedError):
            import_cards(tmp_path, rows, *without, registry=registry)
    assert not (tmp_path / "store.db").exists()

"""A past collection of cards becomes cards of packages, once, without addresses of people."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path

import pytest

from crawler.__main__ import main as crawl
from crawler.importers import ImportFailedError, ImportSpec, import_file
from crawler.importers.cards import CardImportOutcome
from db.cli import parse_day
from db.connection import open_for_reading
from db.store.cards import blob_hash
from tests.db.builders import read_card

MODELS = "huggingface/models"
DAY = parse_day("2022-02-15")
CARD = "---\nlicense: mit\nlanguage: no\n---\n# Ünder\n\nAsk jo.doe@mail.example.org or @jo.\n"


def file_of(tmp_path: Path, lines: list[object], name: str = "cards.jsonl.gz") -> Path:
    file = tmp_path / name
    text = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines)
    file.write_bytes(gzip.compress(text.encode(), mtime=0) if name.endswith("gz") else text.encode())
    return file


def brought(tmp_path: Path, lines: list[object], registry: str = MODELS, **more: str) -> CardImportOutcome:
    wanted = ImportSpec(registry, DAY, "downloads", None, None)
    found = import_file(tmp_path / "store.db", "cards", str(file_of(tmp_path, lines, **more)), wanted)
    assert isinstance(found, CardImportOutcome)
    return found


def rows(tmp_path: Path, statement: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(tmp_path / "store.db") as connection:
        return connection.execute(statement).fetchall()


def test_cards_are_kept_without_addresses_under_the_hash_of_the_whole(tmp_path: Path) -> None:
    brought(tmp_path, [{"modelId": "a/b", "downloads": None, "card": CARD}])
    with open_for_reading(tmp_path / "store.db") as connection:
        card = read_card(connection, 1, DAY)
        assert read_card(connection, 1, DAY - 1) is None
    assert card and card.blob == blob_hash(CARD.encode())
    assert card.text == CARD.replace("jo.doe@mail.example.org", "[address removed]")
    assert b"jo.doe" not in (tmp_path / "store.db").read_bytes()
    assert rows(tmp_path, "SELECT size, redacted, truncated, front FROM card") == [(len(CARD.encode()), 1, 0, "read")]
    assert rows(tmp_path, "SELECT field FROM card_field ORDER BY 1") == [("language",), ("license",)]


def test_a_package_without_a_card_and_an_empty_card_are_not_the_same(tmp_path: Path) -> None:
    found = brought(
        tmp_path,
        [{"modelId": "a", "card": ""}, {"modelId": "b", "card": "", "has_readme_file": True}, {"modelId": "c"}],
    )
    assert (found.cards, found.none) == (1, 2)
    assert rows(tmp_path, "SELECT name, state, size FROM v1_card ORDER BY name") == [
        ("a", "none", None), ("b", "card", 0), ("c", "none", None),
    ]  # fmt: skip


def test_the_same_file_again_changes_nothing(tmp_path: Path) -> None:
    lines: list[object] = [{"modelId": "a", "card": "one"}]
    assert not brought(tmp_path, lines).again
    before = rows(tmp_path, "SELECT * FROM v1_card")
    assert brought(tmp_path, lines).again
    assert rows(tmp_path, "SELECT * FROM v1_card") == before


def test_cards_belong_to_the_packages_of_the_lists(tmp_path: Path) -> None:
    list_file = tmp_path / "list.csv"
    list_file.write_text("name,count\na/b,5\nc/d,3\n")
    columns = {"id": "name", "value": "count", "rank": None}
    import_file(tmp_path / "store.db", "csv", str(list_file), ImportSpec(MODELS, DAY, "downloads", None, None, columns))
    brought(tmp_path, [{"modelId": "c/d", "card": "one"}, {"modelId": "new", "card": "two"}])
    assert rows(tmp_path, "SELECT count(*) FROM package") == [(3,)]
    ranked = "SELECT p.name FROM ranking r JOIN card_revision v USING (package_id) JOIN package p USING (package_id)"
    assert rows(tmp_path, ranked) == [("c/d",)]


LISTED: list[object] = [
    {"modelId": "a", "card": "one", "downloads": 5, "likes": 0}, {"modelId": "b", "downloads": 9, "likes": 2},
    {"modelId": "c", "downloads": None, "likes": True}, {"modelId": "d", "downloads": "many"},
]  # fmt: skip


def as_list(tmp_path: Path, by: str = "downloads", value: str = "downloads", *more: object) -> CardImportOutcome:
    wanted = ImportSpec(MODELS, DAY, by, None, None, {"value": value})
    found = import_file(tmp_path / "store.db", "cards", str(file_of(tmp_path, [*LISTED, *more])), wanted)
    assert isinstance(found, CardImportOutcome)
    return found


def test_lines_with_counters_are_a_list_too_where_that_is_asked_for(tmp_path: Path) -> None:
    assert brought(tmp_path, LISTED).snapshot is None
    found = as_list(tmp_path)
    assert (found.snapshot, found.listed, found.status) == (1, 4, "complete")
    assert "as a list, snapshot 1 with 4 packages" in found.as_text()
    ranked = "SELECT p.name, r.downloads, r.likes FROM ranking r JOIN package p USING (package_id) ORDER BY r.rank"
    assert rows(tmp_path, ranked) == [("b", 9, 2), ("a", 5, 0), ("c", None, None), ("d", None, None)]
    assert rows(tmp_path, "SELECT origin, date, ordered_by, counter FROM snapshot") == [
        ("import", "2022-02-15", "downloads", "last-30-days")
    ]
    assert rows(tmp_path, "SELECT count(*) FROM package") == [(4,)]


def test_a_day_that_has_its_list_gets_no_other(tmp_path: Path) -> None:
    as_list(tmp_path)
    again = as_list(tmp_path, "downloads", "downloads", {"modelId": "e", "downloads": 1})
    assert (again.snapshot, again.none) == (None, 4)
    assert "there is a list of that day already, snapshot 1" in again.as_text()


def test_a_list_by_what_cards_do_not_count_is_refused(tmp_path: Path) -> None:
    for by, value in [("downloads", "likes"), ("trending", "trending")]:
        with pytest.raises(ImportFailedError):
            as_list(tmp_path, by, value)


def test_lines_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    found = brought(tmp_path, ["not json", {"card": "no name"}, "", {"modelId": "a", "card": "one"}], name="c.jsonl")
    assert (found.cards, found.rejected) == (1, 2)


@pytest.mark.parametrize("lines", [[], ["nothing"]])
def test_a_file_without_cards_is_refused_and_leaves_nothing(tmp_path: Path, lines: list[object]) -> None:
    with pytest.raises(ImportFailedError):
        brought(tmp_path, lines)
    assert rows(tmp_path, "SELECT count(*) FROM card_collection") == [(0,)]


def test_only_the_hub_has_cards(tmp_path: Path) -> None:
    with pytest.raises(ImportFailedError):
        brought(tmp_path, [{"modelId": "a", "card": "one"}], registry="npm")


def test_the_command_tells_what_it_brought_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = file_of(tmp_path, [{"modelId": "a", "card": "one"}, {"modelId": "b", "card": ""}])
    words = ["import", "cards", str(file), "--registry", MODELS, "--date", "2022-02-15", "--db", str(tmp_path / "s.db")]
    assert crawl([*words, "--format", "json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["imports"]
    assert (told["cards"], told["none"], told["again"], told["status"]) == (1, 1, False, "complete")
    assert crawl(words) == 0
    assert "nothing was changed" in capsys.readouterr().out


@pytest.mark.real_data
@pytest.mark.slow
def test_the_real_collection_is_brought_in_whole(tmp_path: Path, real_data: Path) -> None:
    file = real_data / "hf_cards" / "hf_cards_2022-02-15.jsonl.gz"
    found = import_file(tmp_path / "store.db", "cards", str(file), ImportSpec(MODELS, DAY, "downloads", None, None))
    assert found.as_text().count("16,590 cards, 12,842 packages without one")
    with open_for_reading(tmp_path / "store.db") as connection:
        small, raw = connection.execute("SELECT sum(length(content)), sum(size) FROM card").fetchone()
    assert small * 5 < raw

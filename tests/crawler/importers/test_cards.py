"""A past collection of cards is imported once, as cards of packages, without e-mail addresses."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from crawler.__main__ import main as crawl
from crawler.importers import ImportFailedError, ImportSpec
from crawler.importers.cards import CardImportOutcome
from db.cli import parse_day
from db.connection import open_for_reading
from db.store.cards import blob_hash
from tests.crawler.importers.conftest import import_file, query
from tests.db.builders import read_card

MODELS = "huggingface/models"
DAY = parse_day("2022-02-15")
CARD = "---\nlicense: mit\nlanguage: no\n---\n# Ünder\n\nAsk jo.doe@mail.example.org or @jo.\n"


def write_lines(tmp_path: Path, lines: list[object], name: str = "cards.jsonl.gz") -> Path:
    file = tmp_path / name
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    file.write_bytes(gzip.compress(text.encode(), mtime=0) if name.endswith("gz") else text.encode())
    return file


def import_cards(tmp_path: Path, lines: list[object], registry: str = MODELS, **more: str) -> CardImportOutcome:
    spec = ImportSpec(registry, DAY, "downloads", None, None)
    outcome = import_file(tmp_path, "cards", str(write_lines(tmp_path, lines, **more)), spec)
    assert isinstance(outcome, CardImportOutcome)
    return outcome


def test_cards_are_stored_without_addresses_under_the_hash_of_the_whole_file(tmp_path: Path) -> None:
    import_cards(tmp_path, [{"modelId": "a/b", "downloads": None, "card": CARD}])
    with open_for_reading(tmp_path / "store.db") as connection:
        card = read_card(connection, 1, DAY)
        assert read_card(connection, 1, DAY - 1) is None
    assert card and card.blob == blob_hash(CARD.encode())
    assert card.text == CARD.replace("jo.doe@mail.example.org", "[address removed]")
    assert b"jo.doe" not in (tmp_path / "store.db").read_bytes()
    assert query(tmp_path, "SELECT size, redacted, truncated, front FROM card") == [(len(CARD.encode()), 1, 0, "read")]
    assert query(tmp_path, "SELECT field FROM card_field ORDER BY 1") == [("language",), ("license",)]


def test_a_missing_card_and_an_empty_card_are_told_apart(tmp_path: Path) -> None:
    outcome = import_cards(
        tmp_path,
        [{"modelId": "a", "card": ""}, {"modelId": "b", "card": "", "has_readme_file": True}, {"modelId": "c"}],
    )
    assert (outcome.cards, outcome.none) == (1, 2)
    assert query(tmp_path, "SELECT name, state, size FROM v1_card ORDER BY name") == [
        ("a", "none", None),
        ("b", "card", 0),
        ("c", "none", None),
    ]


def test_the_same_file_again_changes_nothing(tmp_path: Path) -> None:
    lines: list[object] = [{"modelId": "a", "card": "one"}]
    assert not import_cards(tmp_path, lines).again
    before = query(tmp_path, "SELECT * FROM v1_card")
    assert import_cards(tmp_path, lines).again
    assert query(tmp_path, "SELECT * FROM v1_card") == before


def test_cards_belong_to_the_packages_of_imported_lists(tmp_path: Path) -> None:
    list_file = tmp_path / "list.csv"
    list_file.write_text("name,count\na/b,5\nc/d,3\n")
    columns = {"id": "name", "value": "count", "rank": None}
    import_file(tmp_path, "csv", str(list_file), ImportSpec(MODELS, DAY, "downloads", None, None, columns))
    import_cards(tmp_path, [{"modelId": "c/d", "card": "one"}, {"modelId": "new", "card": "two"}])
    assert query(tmp_path, "SELECT count(*) FROM package") == [(3,)]
    ranked = "SELECT p.name FROM ranking r JOIN card_revision v USING (package_id) JOIN package p USING (package_id)"
    assert query(tmp_path, ranked) == [("c/d",)]


LISTED: list[object] = [
    {"modelId": "a", "card": "one", "downloads": 5, "likes": 0},
    {"modelId": "b", "downloads": 9, "likes": 2},
    {"modelId": "c", "downloads": None, "likes": True},
    {"modelId": "d", "downloads": ""},
]


def import_as_list(tmp_path: Path, by: str = "downloads", value: str = "downloads", *more: object) -> CardImportOutcome:
    spec = ImportSpec(MODELS, DAY, by, None, None, {"value": value})
    outcome = import_file(tmp_path, "cards", str(write_lines(tmp_path, [*LISTED, *more])), spec)
    assert isinstance(outcome, CardImportOutcome)
    return outcome


def test_lines_with_counters_are_stored_as_a_list_too_on_request(tmp_path: Path) -> None:
    assert import_cards(tmp_path, LISTED).snapshot is None
    outcome = import_as_list(tmp_path)
    assert (outcome.snapshot, outcome.listed, outcome.status) == (1, 4, "complete")
    assert "as a list, snapshot 1 with 4 packages" in outcome.as_text()
    ranked = "SELECT p.name, r.downloads, r.likes FROM ranking r JOIN package p USING (package_id) ORDER BY r.rank"
    assert query(tmp_path, ranked) == [("b", 9, 2), ("a", 5, 0), ("c", None, None), ("d", None, None)]
    assert query(tmp_path, "SELECT origin, date, ordered_by, counter FROM snapshot") == [
        ("import", "2022-02-15", "downloads", "last-30-days")
    ]
    assert query(tmp_path, "SELECT count(*) FROM package") == [(4,)]


def test_a_day_with_a_list_gets_no_second_list(tmp_path: Path) -> None:
    import_as_list(tmp_path)
    again = import_as_list(tmp_path, "downloads", "downloads", {"modelId": "e", "downloads": 1})
    assert (again.snapshot, again.none) == (None, 4)
    assert "the store already has a list of that day, snapshot 1" in again.as_text()


def test_a_list_by_a_counter_that_cards_lack_is_refused(tmp_path: Path) -> None:
    for by, value in [("downloads", "likes"), ("trending", "trending")]:
        with pytest.raises(ImportFailedError):
            import_as_list(tmp_path, by, value)


def test_unreadable_lines_are_counted(tmp_path: Path) -> None:
    outcome = import_cards(
        tmp_path, ["not json", {"card": "no name"}, "", {"modelId": "a", "card": "one"}], name="c.jsonl"
    )
    assert (outcome.cards, outcome.rejected) == (1, 2)


@pytest.mark.parametrize("lines", [[], ["nothing"]])
def test_a_file_without_cards_is_refused_and_leaves_nothing(tmp_path: Path, lines: list[object]) -> None:
    with pytest.raises(ImportFailedError):
        import_cards(tmp_path, lines)
    assert [path.name for path in tmp_path.iterdir() if "store.db" in path.name] == []


def test_only_the_hub_has_cards(tmp_path: Path) -> None:
    with pytest.raises(ImportFailedError):
        import_cards(tmp_path, [{"modelId": "a", "card": "one"}], registry="npm")


def test_the_command_reports_its_imports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_lines(tmp_path, [{"modelId": "a", "card": "one"}, {"modelId": "b", "card": ""}])
    store, date = str(tmp_path / "store.db"), "2022-02-15"
    arguments = ["import", "cards", str(file), "--registry", MODELS, "--date", date, "--db", store]
    assert crawl([*arguments, "--format", "json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["imports"]
    assert (result["cards"], result["none"], result["again"], result["status"]) == (1, 1, False, "complete")
    assert crawl(arguments) == 0
    assert "nothing was changed" in capsys.readouterr().out


@pytest.mark.real_data
@pytest.mark.slow
def test_the_real_collection_is_imported_whole(tmp_path: Path, real_data: Path) -> None:
    file = real_data / "hf_cards" / "hf_cards_2022-02-15.jsonl.gz"
    outcome = import_file(tmp_path, "cards", str(file), ImportSpec(MODELS, DAY, "downloads", None, None))
    assert outcome.as_text().count("16,590 cards, 12,842 packages without one")
    with open_for_reading(tmp_path / "store.db") as connection:
        stored_bytes, original_bytes = connection.execute("SELECT sum(length(content)), sum(size) FROM card").fetchone()
    assert stored_bytes * 5 < original_bytes

"""`observatory score`: cards of files and of a store, and the output."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from analysis.scoring import ITEMS
from analysis.scoring.__main__ import main
from analysis.scoring.rule_scorer import locate_passage, rules_version, score_cards
from db.connection import open_for_reading
from schedules.cli import main as observatory
from tests.analysis.scoring.conftest import store_cards
from tests.db.builders import read_scores

OWL = "Owl is a **small** language model for Welsh.\n\n## Limitations\n\nIt knows nothing of what came after 2020.\n"


@pytest.fixture
def owl(tmp_path: Path) -> Path:
    """Write a card to a file."""
    file = tmp_path / "owl.md"
    file.write_text(OWL)
    return file


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Create a store with two cards."""
    return store_cards(tmp_path / "o.db", OWL, "Buy our tea.")


def test_a_file_is_scored_without_a_store(owl, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert observatory(["score", str(owl), "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert list(row) == ["file", *ITEMS, "score", "evidence"]
    assert {item for item in ITEMS if row[item]} == {"description", "limitations"} == set(row["evidence"])
    assert (row["file"], row["score"]) == (str(owl), 0.4)
    assert row["evidence"]["limitations"]["passage"] == "It knows nothing of what came after 2020."
    assert not list(tmp_path.glob("*.db*"))


def test_the_text_output_shows_the_passage(owl, capsys):
    assert main([str(owl)]) == 0
    out = capsys.readouterr().out
    assert "2 of 5" in out
    assert "Owl is a small language model" in out


@pytest.mark.parametrize("compressed", [True, False])
def test_json_lines_have_one_card_per_line(tmp_path, capsys, compressed):
    lines = "".join(json.dumps({"modelId": f"a/{n}", "card": OWL if n else ""}) + "\n" for n in range(3)).encode()
    file = tmp_path / ("c.jsonl.gz" if compressed else "c.jsonl")
    file.write_bytes(gzip.compress(lines) if compressed else lines)
    assert main([str(file), "--format", "json"]) == 0
    assert [(row["file"], row["score"]) for row in json.loads(capsys.readouterr().out)] == [
        ("a/0", 0.0),
        ("a/1", 0.4),
        ("a/2", 0.4),
    ]


@pytest.mark.parametrize("content", [b"no json", b"[]", b'{"card": "x"}', b"\xff\xfe"])
def test_a_file_without_cards_is_an_error_in_four_parts(tmp_path, capsys, content):
    (tmp_path / "c.jsonl").write_bytes(content)
    assert main([str(tmp_path / "c.jsonl")]) == 1
    err = capsys.readouterr().err
    assert all(part in err for part in ("error: No card can be read", "why", "fix", "more"))


def test_the_number_of_processes_does_not_change_the_scores():
    cards = [(f"a/{n}", OWL * (n % 3)) for n in range(60)]
    assert list(score_cards(cards, 2)) == list(score_cards(cards, 1))


def test_the_cards_of_a_store_are_scored_once_with_the_position_of_each_passage(store, capsys):
    assert main(["--db", str(store), "--processes", "1"]) == 0
    assert "Scored 2 cards" in capsys.readouterr().out
    with open_for_reading(store) as connection:
        scores = read_scores(connection, "rules", rules_version())
    assert {score.state for score in scores} == {"yes", "no"}
    (limitations,) = [score for score in scores if score.item == "limitations" and score.state == "yes"]
    assert OWL[limitations.start : limitations.end] == "It knows nothing of what came after 2020"
    assert main(["--db", str(store), "--processes", "1"]) == 0
    output = capsys.readouterr()
    assert "Scored 0 cards" in output.out and "F1" not in output.out
    assert "`observatory crawl cards huggingface/models`" in output.err


@pytest.mark.parametrize("arguments", [[], ["--scorer", "reference", "labels.jsonl"]])
def test_no_store_is_created_to_score_nothing(tmp_path, capsys, arguments):
    (tmp_path / "labels.jsonl").write_text(json.dumps({"card": OWL, "labels": dict.fromkeys(ITEMS, False)}))
    arguments = [str(tmp_path / word) if word.endswith("jsonl") else word for word in arguments]
    assert main([*arguments, "--db", str(tmp_path / "absent.db")]) == 1
    assert "There is no store at" in capsys.readouterr().err
    assert not (tmp_path / "absent.db").exists()


def test_a_missing_passage_has_no_position():
    assert locate_passage(OWL, "There is no such thing") is None
    assert locate_passage("", "") is None

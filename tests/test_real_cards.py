"""Rules on real cards: those that a reader has labelled, and any that somebody has published."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import pytest

from analysis.__main__ import main as compute
from analysis.scoring import ITEMS
from analysis.scoring.__main__ import main as score
from analysis.scoring.agreement import macro_f1, measure_agreements
from analysis.scoring.card_files import read_json_lines
from analysis.scoring.rule_scorer import score_cards, to_answers
from analysis.scoring.rules import find_all_evidence
from crawler.__main__ import main as crawl
from db.connection import open_for_reading

pytestmark = pytest.mark.real_data


def test_the_rules_agree_with_a_reader(real_data: Path) -> None:
    labelled = list(read_json_lines(real_data / "hf_cards" / "hf_cards_labelled_dev.jsonl.gz"))
    found = measure_agreements(
        ITEMS, [to_answers(find_all_evidence(row["card"])) for row in labelled], [row["labels"] for row in labelled]
    )
    assert len(labelled) == 130
    assert macro_f1(found) >= 0.95
    assert min(one.f1 for one in found) >= 0.85


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_metric_4_is_computed_on_a_real_collection(real_data: Path, tmp_path: Path) -> None:
    every = read_json_lines(real_data / "hf_cards" / "hf_cards_2022-02-15.jsonl.gz")
    some = tmp_path / "some.jsonl"
    some.write_text("".join(json.dumps(row) + "\n" for row in islice(every, 0, None, 12)))
    words = [
        "import",
        "cards",
        str(some),
        "--registry",
        "huggingface/models",
        "--date",
        "2022-02-15",
        "--value",
        "downloads",
    ]
    store = tmp_path / "o.db"
    assert crawl([*words, "--db", str(store)]) == 0
    assert score(["--db", str(store)]) == 0
    assert compute(["--db", str(store)]) == 0
    with open_for_reading(store) as connection:
        told = {row["name"]: row for row in connection.execute("SELECT * FROM result WHERE k IN (0, 1000)")}
    for by in ("downloads", "likes"):
        named = f"documentation.rules.{by}"
        assert told[f"{named}.trend"]["low"] > 0.1
        assert (
            told[f"{named}.difference"]["low"]
            < told[f"{named}.difference"]["value"]
            < told[f"{named}.difference"]["high"]
        )
        assert 0 <= told[f"{named}.mann_whitney_p"]["value"] <= 1
    assert "does not say" in told["documentation.rules.descendants.trend"]["note"]  # nothing of 2022 names parents


@pytest.mark.timeout(900)
@pytest.mark.parametrize("step", [400, pytest.param(1, marks=pytest.mark.slow)])
def test_every_passage_is_of_its_card(real_data: Path, step: int) -> None:
    cards = [
        (str(row["modelId"]), str(row["card"]))
        for row in read_json_lines(real_data / "hf_cards" / "hf_cards_2022-02-15.jsonl.gz")
    ][::step]
    scored = list(score_cards(cards))
    assert [row["file"] for row in scored] == [name for name, _ in cards]
    for (_, text), row in zip(cards, scored, strict=True):
        assert text or row["score"] == 0.0
        assert all(told["passage"] for told in row["evidence"].values())

"""The rules on real cards: cards that a reader has labelled, and a published collection."""

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


def test_the_rules_agree_with_the_labels_of_a_reader(real_data: Path) -> None:
    rows = list(read_json_lines(real_data / "hf_cards" / "hf_cards_labelled_dev.jsonl.gz"))
    agreements = measure_agreements(
        ITEMS, [to_answers(find_all_evidence(row["card"])) for row in rows], [row["labels"] for row in rows]
    )
    assert len(rows) == 130
    assert macro_f1(agreements) >= 0.95
    assert min(agreement.f1 for agreement in agreements) >= 0.85


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_metric_4_is_computed_on_a_real_collection(real_data: Path, tmp_path: Path) -> None:
    rows = read_json_lines(real_data / "hf_cards" / "hf_cards_2022-02-15.jsonl.gz")
    sample = tmp_path / "sample.jsonl"
    sample.write_text("".join(json.dumps(row) + "\n" for row in islice(rows, 0, None, 12)))
    arguments = [
        "import", "cards", str(sample), "--registry", "huggingface/models", "--date", "2022-02-15",
        "--value", "downloads",
    ]  # fmt: skip
    store = tmp_path / "o.db"
    assert crawl([*arguments, "--db", str(store)]) == 0
    assert score(["--db", str(store)]) == 0
    assert compute(["--db", str(store)]) == 0
    with open_for_reading(store) as connection:
        results = {row["name"]: row for row in connection.execute("SELECT * FROM result WHERE k IN (0, 1000)")}
    for counter in ("downloads", "likes"):
        prefix = f"documentation.rules.{counter}"
        assert results[f"{prefix}.trend"]["low"] > 0.1
        difference = results[f"{prefix}.difference"]
        assert difference["low"] < difference["value"] < difference["high"]
        assert 0 <= results[f"{prefix}.mann_whitney_p"]["value"] <= 1
    assert "does not state" in results["documentation.rules.descendants.trend"]["note"]  # cards of 2022 name no parents


@pytest.mark.timeout(900)
@pytest.mark.parametrize("step", [400, pytest.param(1, marks=pytest.mark.slow)])
def test_each_passage_is_from_its_card(real_data: Path, step: int) -> None:
    cards = [
        (str(row["modelId"]), str(row["card"]))
        for row in read_json_lines(real_data / "hf_cards" / "hf_cards_2022-02-15.jsonl.gz")
    ][::step]
    scored = list(score_cards(cards))
    assert [row["file"] for row in scored] == [name for name, _ in cards]
    for (_, text), row in zip(cards, scored, strict=True):
        assert text or row["score"] == 0.0
        assert all(evidence["passage"] for evidence in row["evidence"].values())

"""Rules on real cards: those that a reader has labelled, and any that somebody has published."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import pytest

from analysis.__main__ import main as compute
from analysis.scoring import ITEMS
from analysis.scoring.__main__ import main as score
from analysis.scoring.agreement import agreements, macro_f1
from analysis.scoring.card_files import rows
from analysis.scoring.rule_scorer import answers, score_all
from analysis.scoring.rules import findings
from crawler.__main__ import main as crawl
from db.connection import reading

pytestmark = pytest.mark.real_data


def test_the_rules_agree_with_a_reader(real_data: Path) -> None:
    labelled = list(rows(real_data / "hf_cards" / "hf_cards_labelled_dev.jsonl.gz"))
    found = agreements(ITEMS, [answers(findings(row["card"])) for row in labelled], [row["labels"] for row in labelled])
    assert len(labelled) == 130
    assert macro_f1(found) >= 0.95
    assert min(one.f1 for one in found) >= 0.85


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_metric_4_is_computed_on_a_real_collection(real_data: Path, tmp_path: Path) -> None:
    every = rows(real_data / "hf_cards" / "hf_cards_2022-02-15.jsonl.gz")
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
    with reading(store) as connection:
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
        (str(row["modelId"]), str(row["card"])) for row in rows(real_data / "hf_cards" / "hf_cards_2022-02-15.jsonl.gz")
    ][::step]
    scored = list(score_all(cards))
    assert [row["file"] for row in scored] == [name for name, _ in cards]
    for (_, text), row in zip(cards, scored, strict=True):
        assert text or row["score"] == 0.0
        assert all(told["passage"] for told in row["evidence"].values())

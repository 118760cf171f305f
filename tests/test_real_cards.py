"""Rules on real cards: those that a reader has labelled, and any that somebody has published."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.scoring import ITEMS
from analysis.scoring.agreement import agreements, macro_f1
from analysis.scoring.files import rows
from analysis.scoring.offline import answers, score_all
from analysis.scoring.rules import findings

pytestmark = pytest.mark.real_data


def test_the_rules_agree_with_a_reader(real_data: Path) -> None:
    labelled = list(rows(real_data / "hf_cards" / "hf_cards_labelled_dev.jsonl.gz"))
    found = agreements(ITEMS, [answers(findings(row["card"])) for row in labelled], [row["labels"] for row in labelled])
    assert len(labelled) == 130
    assert macro_f1(found) >= 0.95
    assert min(one.f1 for one in found) >= 0.85


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

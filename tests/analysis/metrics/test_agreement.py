"""Agreement of two scorers, over the cards that both have read."""

from __future__ import annotations

import pytest
from pandas import DataFrame

from analysis.metrics.agreement import agreement

COLUMNS = ["scorer", "card", "item", "yes"]


def answered(scorer: str, item: str, answers: str) -> list[tuple[str, int, str, int]]:
    return [(scorer, card, item, int(one)) for card, one in enumerate(answers) if one in "01"]


def values(*rows: list[tuple[str, int, str, int]]) -> dict[str, tuple[float | None, int | None]]:
    frame = DataFrame([one for many in rows for one in many], columns=COLUMNS)
    return {result.name: (result.value, result.n) for result in agreement(frame)}


def test_the_counts_of_two_scorers_give_kappa_and_f1() -> None:
    found = values(answered("openai", "training", "1111100000"), answered("rules", "training", "1111010000"))
    name = "agreement.openai.rules.training"
    assert found[f"{name}.kappa"] == (pytest.approx(0.6), 10)
    assert found[f"{name}.f1"] == (pytest.approx(0.8), 10)
    assert found[f"{name}.precision"] == (pytest.approx(0.8), 10)


def test_a_card_that_one_has_not_read_is_left_out() -> None:
    found = values(answered("openai", "training", "10-"), answered("rules", "training", "101"))
    assert found["agreement.openai.rules.training.kappa"] == (1.0, 2)


def test_fewer_than_two_scorers_or_no_common_card_is_none_with_a_note() -> None:
    assert values(answered("rules", "training", "10")) == {"agreement": (None, None)}
    assert values() == {"agreement": (None, None)}
    assert values(answered("openai", "training", "1--"), answered("rules", "training", "-01")) == {
        "agreement.openai.rules": (None, None)
    }


def test_every_number_has_an_interval_around_it():
    rows = answered("openai", "training", "1111100000" * 9) + answered("rules", "training", "1111010000" * 9)
    for result in agreement(DataFrame(rows, columns=COLUMNS)):
        assert result.low < result.value < result.high, result.name


def test_labels_are_what_is_held_to_be_so():
    found = values(answered("reference", "training", "1100"), answered("rules", "training", "1000"))
    assert found["agreement.rules.reference.training.precision"] == (1.0, 4)
    assert found["agreement.rules.reference.training.recall"] == (0.5, 4)


def test_what_is_not_defined_says_why() -> None:
    frame = DataFrame(answered("a", "training", "00") + answered("b", "training", "00"), columns=COLUMNS)
    notes = {result.name.rpartition(".")[2]: result.note for result in agreement(frame) if result.value is None}
    assert set(notes) == {"kappa", "f1", "precision", "recall"}
    assert all(notes.values())

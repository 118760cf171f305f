"""Agreement of two scorers on the cards that both have read."""

from __future__ import annotations

import pytest
from pandas import DataFrame

from analysis.metrics.agreement import agreement

COLUMNS = ["scorer", "card", "item", "yes"]


def make_answers(scorer: str, item: str, answers: str) -> list[tuple[str, int, str, int]]:
    return [(scorer, card, item, int(answer)) for card, answer in enumerate(answers) if answer in "01"]


def values(*rows: list[tuple[str, int, str, int]]) -> dict[str, tuple[float | None, int | None]]:
    frame = DataFrame([row for scorer_rows in rows for row in scorer_rows], columns=COLUMNS)
    return {result.name: (result.value, result.n) for result in agreement(frame)}


def test_the_counts_of_two_scorers_give_kappa_and_f1() -> None:
    results = values(make_answers("openai", "training", "1111100000"), make_answers("rules", "training", "1111010000"))
    name = "agreement.openai.rules.training"
    assert results[f"{name}.kappa"] == (pytest.approx(0.6), 10)
    assert results[f"{name}.f1"] == (pytest.approx(0.8), 10)
    assert results[f"{name}.precision"] == (pytest.approx(0.8), 10)


def test_a_card_read_by_one_scorer_is_left_out() -> None:
    results = values(make_answers("openai", "training", "10-"), make_answers("rules", "training", "101"))
    assert results["agreement.openai.rules.training.kappa"] == (1.0, 2)


def test_fewer_than_two_scorers_or_no_common_card_is_undefined() -> None:
    assert values(make_answers("rules", "training", "10")) == {"agreement": (None, None)}
    assert values() == {"agreement": (None, None)}
    assert values(make_answers("openai", "training", "1--"), make_answers("rules", "training", "-01")) == {
        "agreement.openai.rules": (None, None)
    }


def test_every_value_lies_in_its_interval():
    rows = make_answers("openai", "training", "1111100000" * 9) + make_answers("rules", "training", "1111010000" * 9)
    for result in agreement(DataFrame(rows, columns=COLUMNS)):
        assert result.low < result.value < result.high, result.name


def test_labels_of_a_reader_are_the_reference():
    results = values(make_answers("reference", "training", "1100"), make_answers("rules", "training", "1000"))
    assert results["agreement.rules.reference.training.precision"] == (1.0, 4)
    assert results["agreement.rules.reference.training.recall"] == (0.5, 4)


def test_undefined_measures_say_why() -> None:
    frame = DataFrame(make_answers("a", "training", "00") + make_answers("b", "training", "00"), columns=COLUMNS)
    notes = {result.name.rpartition(".")[2]: result.note for result in agreement(frame) if result.value is None}
    assert set(notes) == {"kappa", "f1", "precision", "recall"}
    assert all(notes.values())

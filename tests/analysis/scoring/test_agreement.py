"""Agreement between readers, against another implementation and by hand."""

from __future__ import annotations

import random

import numpy as np
import pytest
from statsmodels.stats.inter_rater import cohens_kappa

from analysis.scoring.agreement import Agreement, agreement_intervals, macro_f1, measure_agreement, measure_agreements


@pytest.mark.parametrize("seed", range(20))
def test_kappa_is_that_of_statsmodels_and_f1_that_of_precision_and_recall(seed: int) -> None:
    drawn = random.Random(seed)
    share = drawn.uniform(0.1, 0.9)
    pairs = [(drawn.random() < share, drawn.random() < 0.5) for _ in range(drawn.randint(20, 300))]
    found = measure_agreement("training", pairs)
    table = np.array([[found.tp, found.fp], [found.fn, found.tn]])
    assert found.kappa == pytest.approx(cohens_kappa(table, return_results=False), abs=1e-9)
    assert found.f1 == pytest.approx(2 * found.precision * found.recall / (found.precision + found.recall))
    assert found.n == len(pairs)


@pytest.mark.slow
def test_the_interval_of_f1_holds_the_truth_about_as_often_as_it_says():
    drawn, held = np.random.default_rng(3), 0
    for _ in range(200):
        counts = drawn.multinomial(150, [0.5, 0.05, 0.1, 0.35])
        found = agreement_intervals(Agreement("training", *map(int, counts)))["f1"]
        held += found.low <= 2 * 0.5 / (2 * 0.5 + 0.05 + 0.1) <= found.high
    assert 0.9 <= held / 200 <= 0.99


def test_what_is_not_defined_is_none() -> None:
    assert Agreement("training", 0, 0, 0, 0).kappa is None
    assert Agreement("training", 0, 0, 0, 5).f1 is None
    assert Agreement("training", 5, 0, 0, 0).kappa is None
    assert macro_f1([Agreement("training", 0, 0, 0, 5)]) is None
    assert macro_f1([]) is None


def test_a_card_that_one_reader_did_not_read_is_left_out_of_that_item() -> None:
    (found,) = measure_agreements(["training"], [{"training": None}, {"training": True}], [{"training": True}] * 2)
    assert (found.n, found.tp) == (1, 1)

"""Agreement between readers equals another implementation and counts by hand."""

from __future__ import annotations

import random

import numpy as np
import pytest
from statsmodels.stats.inter_rater import cohens_kappa

from analysis.scoring.agreement import Agreement, agreement_intervals, macro_f1, measure_agreement, measure_agreements


@pytest.mark.parametrize("seed", range(20))
def test_kappa_equals_statsmodels_and_f1_follows_from_precision_and_recall(seed: int) -> None:
    rng = random.Random(seed)
    share = rng.uniform(0.1, 0.9)
    pairs = [(rng.random() < share, rng.random() < 0.5) for _ in range(rng.randint(20, 300))]
    agreement = measure_agreement("training", pairs)
    table = np.array([[agreement.tp, agreement.fp], [agreement.fn, agreement.tn]])
    assert agreement.kappa == pytest.approx(cohens_kappa(table, return_results=False), abs=1e-9)
    precision, recall = agreement.precision, agreement.recall
    assert agreement.f1 == pytest.approx(2 * precision * recall / (precision + recall))
    assert agreement.n == len(pairs)


@pytest.mark.slow
def test_the_interval_of_f1_has_its_stated_coverage():
    rng, covered = np.random.default_rng(3), 0
    for _ in range(200):
        counts = rng.multinomial(150, [0.5, 0.05, 0.1, 0.35])
        f1 = agreement_intervals(Agreement("training", *map(int, counts)))["f1"]
        covered += f1.low <= 2 * 0.5 / (2 * 0.5 + 0.05 + 0.1) <= f1.high
    assert 0.9 <= covered / 200 <= 0.99


def test_undefined_measures_are_none() -> None:
    assert Agreement("training", 0, 0, 0, 0).kappa is None
    assert Agreement("training", 0, 0, 0, 5).f1 is None
    assert Agreement("training", 5, 0, 0, 0).kappa is None
    assert macro_f1([Agreement("training", 0, 0, 0, 5)]) is None
    assert macro_f1([]) is None


def test_a_card_that_one_reader_did_not_read_is_left_out_of_that_item() -> None:
    (agreement,) = measure_agreements(["training"], [{"training": None}, {"training": True}], [{"training": True}] * 2)
    assert (agreement.n, agreement.tp) == (1, 1)

"""Agreement of two scorers on the cards of a snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from pandas import DataFrame

from analysis.compute.metric import Result
from analysis.scoring.agreement import Agreement, agreement_intervals, measure_agreement

VERSION = 3
APPLIES_TO = "cards"


def agreement(answers: DataFrame) -> Iterator[Result]:
    """Compare each pair of scorers on each question: Cohen's κ, and F1, precision and recall against one of them.

    `agreement.A.B.ITEM.MEASURE` takes the answers of B as true, and those of A as predictions. κ = (p - e) / (1 - e),
    with p the share of cards on which they agree, and e the agreement expected by chance from their shares of yes
    (doi 10.1177/001316446002000104). F1 = 2·tp / (2·tp + fp + fn). `n` is the number of cards that both have answered.
    The intervals of 95 % are Wilson's for precision and recall (doi 10.1080/01621459.1927.10502953), and percentiles of
    a bootstrap over cards for F1 and κ. The labels of a reader (`observatory score --scorer reference`) are always B.

    Caveats: no scorer is the truth. κ falls where nearly all cards have the same answer, however well the scorers
    agree. The answers of a judge are the majority of its readings, and its model may change (`judge_drift`). Cards that
    one of the two has not read are left out.

    >>> rows = [("judge", 1, "training", 1), ("judge", 2, "training", 0), ("rules", 1, "training", 1)]
    >>> frame = DataFrame([*rows, ("rules", 2, "training", 0)], columns=["scorer", "card", "item", "yes"])
    >>> [(result.name, result.value, result.n) for result in agreement(frame)][:1]
    [('agreement.judge.rules.training.precision', 1.0, 2)]
    """
    scorers = sorted(answers["scorer"].unique(), key=lambda scorer: (scorer == "reference", scorer))
    if len(scorers) < 2:
        yield Result("agreement", None, note="fewer than two scorers have read the cards of this snapshot")
    for scorer, reference in combinations(scorers, 2):
        predictions = answers[answers["scorer"] == scorer]
        both = predictions.merge(answers[answers["scorer"] == reference], on=["card", "item"])
        if both.empty:
            yield Result(f"agreement.{scorer}.{reference}", None, note="no card was read by both")
        for item, rows in both.groupby("item"):
            pairs = zip(rows["yes_x"] == 1, rows["yes_y"] == 1, strict=True)
            yield from _measure_results(f"agreement.{scorer}.{reference}.{item}", measure_agreement(str(item), pairs))


def _measure_results(name: str, agreement: Agreement) -> Iterator[Result]:
    undefined_notes = {
        "kappa": "both gave the same answer to every card",
        "f1": "neither answered yes to any card",
        "precision": "the first answered yes to no card",
        "recall": "the second answered yes to no card",
    }
    for measure, estimate in agreement_intervals(agreement).items():
        note = "" if estimate.value is not None else undefined_notes[measure]
        yield Result(f"{name}.{measure}", estimate.value, estimate.low, estimate.high, agreement.n, note)

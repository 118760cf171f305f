"""How far two scorers agree on the cards of a snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from pandas import DataFrame

from analysis.compute.metric import Result
from analysis.scoring.agreement import Agreement, agreement_intervals
from analysis.scoring.agreement import measure_agreement as agreement_on

VERSION = 2
APPLIES_TO = "cards"


def agreement(answers: DataFrame) -> Iterator[Result]:
    """For each two scorers and each question: Cohen's κ, and F1, precision and recall of one against the other.

    `agreement.A.B.ITEM.MEASURE` takes B as what is held to be so and A as what was read. κ = (p - e) / (1 - e), with p
    the share of cards they agree on and e what their shares of yes give by chance (doi 10.1177/001316446002000104);
    F1 = 2·tp / (2·tp + fp + fn). `n` is how many cards both have answered. Intervals of 95 %: Wilson's of precision and
    recall (doi 10.1080/01621459.1927.10502953), percentiles of a bootstrap over cards of F1 and κ. What a reader has
    labelled (`observatory score --scorer reference`) is always B.

    Caveats: no scorer is the truth; κ falls where nearly all cards have the same answer, however well they
    agree; a judge's answers are the majority of its readings, and its model may change (`judge_drift`). Cards that one
    of them has not read are left out.

    >>> rows = [("judge", 1, "training", 1), ("judge", 2, "training", 0), ("rules", 1, "training", 1)]
    >>> frame = DataFrame([*rows, ("rules", 2, "training", 0)], columns=["scorer", "card", "item", "yes"])
    >>> [(result.name, result.value, result.n) for result in agreement(frame)][:1]
    [('agreement.judge.rules.training.precision', 1.0, 2)]
    """
    scorers = sorted(answers["scorer"].unique(), key=lambda scorer: (scorer == "reference", scorer))
    if len(scorers) < 2:
        yield Result("agreement", None, note="the cards of this snapshot have the answers of fewer than two scorers")
    for one, other in combinations(scorers, 2):
        left = answers[answers["scorer"] == one]
        both = left.merge(answers[answers["scorer"] == other], on=["card", "item"])
        if both.empty:
            yield Result(f"agreement.{one}.{other}", None, note="no card was read by both")
        for item, rows in both.groupby("item"):
            pairs = zip(rows["yes_x"] == 1, rows["yes_y"] == 1, strict=True)
            yield from _measure_results(f"agreement.{one}.{other}.{item}", agreement_on(str(item), pairs))


def _measure_results(name: str, agreement: Agreement) -> Iterator[Result]:
    notes = {
        "kappa": "both gave every card the same answer",
        "f1": "neither gave a yes",
        "precision": "the first gave no yes",
        "recall": "the second gave no yes",
    }
    for measure, one in agreement_intervals(agreement).items():
        note = "" if one.value is not None else notes[measure]
        yield Result(f"{name}.{measure}", one.value, one.low, one.high, agreement.n, note)

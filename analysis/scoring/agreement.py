"""How far two readings of the same cards agree: per item the confusion, precision, recall, F1 and Cohen's κ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.statistics.inference import Estimate, cluster_bootstrap, wilson_interval


@dataclass(frozen=True)
class Agreement:
    """The four counts of one item: what was read against what is held to be so."""

    item: str
    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def n(self) -> int:
        """How many cards both have read."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def precision(self) -> float | None:
        """Of those read as yes, the share that are."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float | None:
        """Of those that are yes, the share read so."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float | None:
        """The harmonic mean of both: 2·tp / (2·tp + fp + fn)."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def kappa(self) -> float | None:
        """Cohen's κ: agreement beyond what the two shares of yes would give by chance (doi 10.1177/001316446002000104).

        >>> Agreement("training", 20, 5, 10, 15).kappa
        0.4
        """
        if not self.n:
            return None
        seen = (self.tp + self.tn) / self.n
        yes = (self.tp + self.fp) * (self.tp + self.fn) / self.n**2
        no = (self.fn + self.tn) * (self.fp + self.tn) / self.n**2
        return None if yes + no == 1 else round((seen - yes - no) / (1 - yes - no), 12)


def agreement_intervals(agreement: Agreement) -> dict[str, Estimate]:
    """The four measures with 95 % intervals: Wilson's of precision and recall, a bootstrap over cards of F1 and κ.

    >>> told = agreement_intervals(Agreement("training", 20, 5, 10, 15))
    >>> [round(bound, 2) for bound in (told["precision"].low, told["precision"].value, told["precision"].high)]
    [0.61, 0.8, 0.91]
    """
    cells = np.repeat(np.eye(4), [agreement.tp, agreement.fp, agreement.fn, agreement.tn], axis=0)
    told = {
        "precision": wilson_interval(agreement.tp, agreement.tp + agreement.fp),
        "recall": wilson_interval(agreement.tp, agreement.tp + agreement.fn),
        "f1": cluster_bootstrap(cells, _f1) if agreement.n else Estimate(None),
        "kappa": cluster_bootstrap(cells, _kappa) if agreement.n else Estimate(None),
    }
    return {
        measure: replace(one, value=getattr(agreement, measure))
        if getattr(agreement, measure) is not None
        else Estimate(None)
        for measure, one in told.items()
    }


def _f1(totals: np.ndarray) -> np.ndarray:
    return 2 * totals[..., 0] / (2 * totals[..., 0] + totals[..., 1] + totals[..., 2])


def _kappa(totals: np.ndarray) -> np.ndarray:
    tp, fp, fn, tn = (totals[..., cell] for cell in range(4))
    n = totals.sum(-1)
    chance = ((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn)) / n**2
    return ((tp + tn) / n - chance) / (1 - chance)


def measure_agreement(item: str, pairs: Iterable[tuple[bool, bool]]) -> Agreement:
    """The agreement on one item, of pairs (read, held to be so).

    >>> measure_agreement("training", [(True, True), (True, False), (False, False)])
    Agreement(item='training', tp=1, fp=1, fn=0, tn=1)
    """
    counts = {(read, held): 0 for read in (True, False) for held in (True, False)}
    for read, held in pairs:
        counts[bool(read), bool(held)] += 1
    return Agreement(item, counts[True, True], counts[True, False], counts[False, True], counts[False, False])


def measure_agreements(
    items: Sequence[str], readings: Sequence[Mapping[str, bool | None]], references: Sequence[Mapping[str, bool | None]]
) -> list[Agreement]:
    """The agreement on each item; a card that one of the two gave no answer for is left out of that item."""
    return [
        measure_agreement(item, [
            (one[item], other[item])
            for one, other in zip(readings, references, strict=True)
            if one.get(item) is not None and other.get(item) is not None
        ])
        for item in items
    ]  # fmt: skip


def macro_f1(agreements: Sequence[Agreement]) -> float | None:
    """The mean F1 over the items; None where one of them has none."""
    values = [one.f1 for one in agreements]
    return None if not values or None in values else sum(values) / len(values)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None

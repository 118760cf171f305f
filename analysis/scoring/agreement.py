"""Agreement of two readings of the same cards: per item the counts, precision, recall, F1 and Cohen's κ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from numpy import eye, repeat

from analysis.statistics.inference import Column, Estimate, cluster_bootstrap, wilson_interval


@dataclass(frozen=True)
class Agreement:
    """The four counts of one item: the answers of a reading against the reference answers."""

    item: str
    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def n(self) -> int:
        """The number of cards that both have read."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def precision(self) -> float | None:
        """The share of the yes answers that are a yes in the reference."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float | None:
        """The share of the reference's yes answers that were answered yes."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float | None:
        """The harmonic mean of both: 2·tp / (2·tp + fp + fn)."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def kappa(self) -> float | None:
        """Cohen's κ: agreement beyond the chance agreement of the two shares of yes (doi 10.1177/001316446002000104).

        >>> Agreement("training", 20, 5, 10, 15).kappa
        0.4
        """
        if not self.n:
            return None
        observed = (self.tp + self.tn) / self.n
        yes = (self.tp + self.fp) * (self.tp + self.fn) / self.n**2
        no = (self.fn + self.tn) * (self.fp + self.tn) / self.n**2
        return None if yes + no == 1 else round((observed - yes - no) / (1 - yes - no), 12)


def agreement_intervals(agreement: Agreement) -> dict[str, Estimate]:
    """Return the four measures with 95 % intervals.

    The intervals are Wilson's for precision and recall, and a bootstrap over cards for F1 and κ.

    >>> estimates = agreement_intervals(Agreement("training", 20, 5, 10, 15))
    >>> precision = estimates["precision"]
    >>> [round(bound, 2) for bound in (precision.low, precision.value, precision.high)]
    [0.61, 0.8, 0.91]
    """
    cells = repeat(eye(4), [agreement.tp, agreement.fp, agreement.fn, agreement.tn], axis=0)
    measures = {
        "precision": (agreement.precision, wilson_interval(agreement.tp, agreement.tp + agreement.fp)),
        "recall": (agreement.recall, wilson_interval(agreement.tp, agreement.tp + agreement.fn)),
        "f1": (agreement.f1, cluster_bootstrap(cells, _f1) if agreement.n else Estimate(None)),
        "kappa": (agreement.kappa, cluster_bootstrap(cells, _kappa) if agreement.n else Estimate(None)),
    }
    return {
        measure: Estimate(None) if value is None else replace(estimate, value=value)
        for measure, (value, estimate) in measures.items()
    }


def _f1(totals: Column) -> Column:
    return 2 * totals[..., 0] / (2 * totals[..., 0] + totals[..., 1] + totals[..., 2])


def _kappa(totals: Column) -> Column:
    tp, fp, fn, tn = (totals[..., cell] for cell in range(4))
    n = totals.sum(-1)
    chance = ((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn)) / n**2
    kappas: Column = ((tp + tn) / n - chance) / (1 - chance)
    return kappas


def measure_agreement(item: str, pairs: Iterable[tuple[bool, bool]]) -> Agreement:
    """Return the agreement on one item, from pairs of an answer and its reference.

    >>> measure_agreement("training", [(True, True), (True, False), (False, False)])
    Agreement(item='training', tp=1, fp=1, fn=0, tn=1)
    """
    counts = {(answer, reference): 0 for answer in (True, False) for reference in (True, False)}
    for answer, reference in pairs:
        counts[bool(answer), bool(reference)] += 1
    return Agreement(item, counts[True, True], counts[True, False], counts[False, True], counts[False, False])


def measure_agreements(
    items: Sequence[str], readings: Sequence[Mapping[str, bool | None]], references: Sequence[Mapping[str, bool | None]]
) -> list[Agreement]:
    """Return the agreement on each item. Cards to which one of the two gave no answer are left out of that item."""
    agreements = []
    for item in items:
        answers = (
            (reading.get(item), reference.get(item)) for reading, reference in zip(readings, references, strict=True)
        )
        pairs = ((answer, reference) for answer, reference in answers if answer is not None and reference is not None)
        agreements.append(measure_agreement(item, pairs))
    return agreements


def macro_f1(agreements: Sequence[Agreement]) -> float | None:
    """Return the mean F1 over the items, or None if an item has none."""
    values = [agreement.f1 for agreement in agreements if agreement.f1 is not None]
    return sum(values) / len(values) if values and len(values) == len(agreements) else None


def _ratio(part: int, total: int) -> float | None:
    return part / total if total else None

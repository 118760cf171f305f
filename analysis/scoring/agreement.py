"""How far two readings of the same cards agree: per item the confusion, precision, recall, F1 and Cohen's κ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


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
        return _share(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float | None:
        """Of those that are yes, the share read so."""
        return _share(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float | None:
        """The harmonic mean of both: 2·tp / (2·tp + fp + fn)."""
        return _share(2 * self.tp, 2 * self.tp + self.fp + self.fn)

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


def agreement(item: str, pairs: Iterable[tuple[bool, bool]]) -> Agreement:
    """The agreement on one item, of pairs (read, held to be so).

    >>> agreement("training", [(True, True), (True, False), (False, False)])
    Agreement(item='training', tp=1, fp=1, fn=0, tn=1)
    """
    counts = {(read, held): 0 for read in (True, False) for held in (True, False)}
    for read, held in pairs:
        counts[bool(read), bool(held)] += 1
    return Agreement(item, counts[True, True], counts[True, False], counts[False, True], counts[False, False])


def agreements(
    items: Sequence[str], read: Sequence[Mapping[str, bool | None]], held: Sequence[Mapping[str, bool | None]]
) -> list[Agreement]:
    """The agreement on each item; a card that one of the two gave no answer for is left out of that item."""
    return [
        agreement(item, [
            (one[item], other[item])
            for one, other in zip(read, held, strict=True)
            if one.get(item) is not None and other.get(item) is not None
        ])
        for item in items
    ]  # fmt: skip


def macro_f1(found: Sequence[Agreement]) -> float | None:
    """The mean F1 over the items; None where one of them has none."""
    values = [one.f1 for one in found]
    return None if not values or None in values else sum(values) / len(values)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None

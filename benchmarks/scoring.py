"""The agreement of the rules with a human reader: `python benchmarks/scoring.py LABELLED_FILE`.

Or `python -m benchmarks.scoring LABELLED_FILE`. The file, compressed or not, has one card on each line: `modelId`,
`card`, `labels` (the five items as booleans) and optionally `borderline`. Intervals are of 95 %, by a bootstrap over
cards.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from itertools import compress
from pathlib import Path

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from analysis.scoring import ITEMS
from analysis.scoring.agreement import agreement_intervals, macro_f1, measure_agreements
from analysis.scoring.card_files import read_json_lines
from analysis.scoring.rule_scorer import to_answers
from analysis.scoring.rules import find_all_evidence
from analysis.statistics.inference import SEED, Estimate

NAMES = ("tp", "fp", "fn", "tn", "precision", "recall", "F1", "from", "to", "kappa", "from", "to")
HEADER = f"{'item':<13}" + "".join(f"{name:>10}" for name in NAMES)
DRAWS = 2_000
Labels = Mapping[str, bool]


class LabelledCard(msgspec.Struct):
    """A line of the labelled file. The labels are the answers of the reader."""

    card: str
    labels: dict[str, bool]
    borderline: bool = False


def main(argv: Sequence[str] | None = None) -> int:
    """Print the agreement on all cards, on cards that are not borderline, and on borderline cards."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    cards = [msgspec.convert(row, LabelledCard) for row in read_json_lines(Path(arguments[0]))]
    start = time.perf_counter()
    predictions: list[Labels] = [to_answers(find_all_evidence(card.card)) for card in cards]
    seconds = time.perf_counter() - start
    parts = {
        "all cards": [True] * len(cards),
        "without borderline cards": [not card.borderline for card in cards],
        "borderline cards only": [card.borderline for card in cards],
    }
    for name, mask in parts.items():
        labels = [card.labels for card in compress(cards, mask)]
        print(format_table(name, list(compress(predictions, mask)), labels))
    print(f"{len(cards)} cards in {seconds:.2f} s")
    return 0


def format_table(name: str, predictions: Sequence[Labels], labels: Sequence[Labels]) -> str:
    """Return one table: a line for each item, and the macro-F1."""
    agreements = measure_agreements(ITEMS, predictions, labels)
    lines = [f"{name}: n = {len(labels)}", HEADER]
    for item in agreements:
        intervals = agreement_intervals(item)
        measures = [item.precision, item.recall, *_with_bounds(intervals["f1"]), *_with_bounds(intervals["kappa"])]
        counts = "".join(f"{number:>10}" for number in (item.tp, item.fp, item.fn, item.tn))
        lines.append(f"{item.item:<13}{counts}" + "".join(map(format_share, measures)))
    low, high = bootstrap_macro_f1(predictions, labels)
    return "\n".join([*lines, f"macro-F1 {format_share(macro_f1(agreements)).strip()} [{low:.3f}, {high:.3f}]", ""])


def _with_bounds(estimate: Estimate) -> tuple[float | None, float | None, float | None]:
    return estimate.value, estimate.low, estimate.high


def bootstrap_macro_f1(predictions: Sequence[Labels], labels: Sequence[Labels]) -> tuple[float, float]:
    """Return the interval of the macro-F1 by a bootstrap over cards, skipping draws that lack an item."""
    if not labels:
        return float("nan"), float("nan")
    pairs = zip(predictions, labels, strict=True)
    cells = np.array(
        [[2 * (not prediction[item]) + (not label[item]) for item in ITEMS] for prediction, label in pairs]
    )
    draws = cells[np.random.default_rng(SEED).integers(0, len(cells), (DRAWS, len(cells)))]
    tp, fp, fn = ((draws == cell).sum(1) for cell in range(3))
    with np.errstate(invalid="ignore"):
        low, high = np.nanquantile((2 * tp / (2 * tp + fp + fn)).mean(1), (0.025, 0.975))
    return float(low), float(high)


def format_share(value: float | None) -> str:
    """Return a share, or a dash if it is undefined."""
    return f"{'—' if value is None else f'{value:.3f}':>10}"


if __name__ == "__main__":
    sys.exit(main())

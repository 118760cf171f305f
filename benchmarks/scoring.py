"""How far the rules agree with a reader: `python benchmarks/scoring.py LABELLED_FILE`.

Or `python -m benchmarks.scoring LABELLED_FILE`. The file, packed or not, has one card to a line: `modelId`, `card`,
`labels` (the five items as booleans) and perhaps `borderline`. Intervals are of 95 %, by a bootstrap over cards.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from analysis.scoring import ITEMS
from analysis.scoring.agreement import agreement_intervals, macro_f1, measure_agreements
from analysis.scoring.card_files import read_json_lines
from analysis.scoring.rule_scorer import to_answers
from analysis.scoring.rules import find_all_evidence
from analysis.statistics.inference import SEED, Estimate

NAMES = ("tp", "fp", "fn", "tn", "precision", "recall", "F1", "from", "to", "kappa", "from", "to")
HEAD = f"{'item':<13}" + "".join(f"{name:>10}" for name in NAMES)
DRAWS = 2_000


def main(words: Sequence[str] | None = None) -> int:
    """Print the agreement on all cards, on those that were not doubtful, and on those that were."""
    words = sys.argv[1:] if words is None else words
    if len(words) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    labelled = list(read_json_lines(Path(words[0])))
    begun = time.perf_counter()
    read = [to_answers(find_all_evidence(str(row["card"]))) for row in labelled]
    took = time.perf_counter() - begun
    parts = {
        "all cards": [True] * len(labelled),
        "without borderline cards": [not row.get("borderline") for row in labelled],
        "borderline cards only": [bool(row.get("borderline")) for row in labelled],
    }
    for name, chosen in parts.items():
        print(table(name, [one for one, is_in in zip(read, chosen, strict=True) if is_in],
                    [row["labels"] for row, is_in in zip(labelled, chosen, strict=True) if is_in]))  # fmt: skip
    print(f"{len(labelled)} cards in {took:.2f} s")
    return 0


def table(name: str, read: Sequence[dict[str, bool]], held: Sequence[dict[str, bool]]) -> str:
    """One table: an item to a line, and the macro-F1."""
    found = measure_agreements(ITEMS, read, held)
    lines = [f"{name}: n = {len(held)}", HEAD]
    for one in found:
        told = agreement_intervals(one)
        measures = [one.precision, one.recall, *_with_bounds(told["f1"]), *_with_bounds(told["kappa"])]
        counts = "".join(f"{number:>10}" for number in (one.tp, one.fp, one.fn, one.tn))
        lines.append(f"{one.item:<13}{counts}" + "".join(map(shown, measures)))
    low, high = macro_interval(read, held)
    return "\n".join([*lines, f"macro-F1 {shown(macro_f1(found)).strip()} [{low:.3f}, {high:.3f}]", ""])


def _with_bounds(found: Estimate) -> tuple[float | None, float | None, float | None]:
    return found.value, found.low, found.high


def macro_interval(read: Sequence[dict[str, bool]], held: Sequence[dict[str, bool]]) -> tuple[float, float]:
    """Of the macro-F1: cards are drawn, each with all its items; draws in which an item is nobody's are left out."""
    if not held:
        return float("nan"), float("nan")
    pairs = zip(read, held, strict=True)
    cells = np.array([[2 * (not one[item]) + (not other[item]) for item in ITEMS] for one, other in pairs])
    drawn = cells[np.random.default_rng(SEED).integers(0, len(cells), (DRAWS, len(cells)))]
    tp, fp, fn = ((drawn == cell).sum(1) for cell in range(3))
    with np.errstate(invalid="ignore"):
        low, high = np.nanquantile((2 * tp / (2 * tp + fp + fn)).mean(1), (0.025, 0.975))
    return float(low), float(high)


def shown(value: float | None) -> str:
    """A share, or a dash where it is undefined."""
    return f"{'—' if value is None else f'{value:.3f}':>10}"


if __name__ == "__main__":
    sys.exit(main())

"""How far the rules agree with a reader: `python benchmarks/scoring.py LABELLED_FILE`.

The file has one card to a line: `modelId`, `card`, `labels` (the five items as booleans) and perhaps `borderline`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from analysis.scoring import ITEMS
from analysis.scoring.agreement import agreements, macro_f1
from analysis.scoring.files import rows
from analysis.scoring.offline import answers
from analysis.scoring.rules import findings

HEAD = f"{'item':<13}" + "".join(
    f"{name:>10}" for name in ("tp", "fp", "fn", "tn", "precision", "recall", "F1", "kappa")
)


def main(words: Sequence[str] | None = None) -> int:
    """Print the agreement on all cards, on those that were not doubtful, and on those that were."""
    words = sys.argv[1:] if words is None else words
    if len(words) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    labelled = list(rows(Path(words[0])))
    begun = time.perf_counter()
    read = [answers(findings(str(row["card"]))) for row in labelled]
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
    found = agreements(ITEMS, read, held)
    lines = [f"{name}: n = {len(held)}", HEAD]
    for one in found:
        counts = "".join(f"{number:>10}" for number in (one.tp, one.fp, one.fn, one.tn))
        lines.append(
            f"{one.item:<13}{counts}" + "".join(shown(v) for v in (one.precision, one.recall, one.f1, one.kappa))
        )
    return "\n".join([*lines, f"macro-F1 {shown(macro_f1(found)).strip()}", ""])


def shown(value: float | None) -> str:
    """A share, or a dash where it is undefined."""
    return f"{'—' if value is None else f'{value:.3f}':>10}"


if __name__ == "__main__":
    sys.exit(main())

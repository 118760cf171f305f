"""Reading cards: which of five questions a model's documentation answers, and how far two readers agree."""

from __future__ import annotations

ITEMS = ("description", "limitations", "how_to_use", "training", "evaluation")

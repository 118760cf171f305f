"""Scoring of cards: which of five questions the documentation of a model answers, and how far two readers agree."""

from __future__ import annotations

from typing import Literal, TypedDict

Item = Literal["description", "limitations", "how_to_use", "training", "evaluation"]
ITEMS: tuple[Item, ...] = ("description", "limitations", "how_to_use", "training", "evaluation")


class Evidence(TypedDict):
    """Why an item is a yes, and the passage that shows it."""

    reason: str
    passage: str


class ScoreRow(TypedDict):
    """The score of one card: five answers (None if unknown), the share of yes, and the evidence for each yes."""

    file: str
    description: bool | None
    limitations: bool | None
    how_to_use: bool | None
    training: bool | None
    evaluation: bool | None
    score: float | None
    evidence: dict[Item, Evidence]

"""Scores: what a scorer, at one version, found in a card, question by question."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from db.store import Store, load_statements

ITEMS = ("description", "limitations", "how_to_use", "training", "evaluation")
STATES = ("yes", "no", "invalid", "refused", "over_budget", "error")


@dataclass(frozen=True, slots=True)
class Score:
    """One question of one card. Only yes and no are findings; every other state says why there is none.

    `start` and `end` are the passage, as characters of the card's text (`StoredCard.text`): the text itself is not
    repeated.
    """

    card: int
    item: str
    state: str
    agreement: float | None = None
    start: int | None = None
    end: int | None = None
    reason: str = ""


def save_scores(
    store: Store, connection: sqlite3.Connection, scorer: str, version: str, scores: Iterable[Score], at: int
) -> int:
    """Write what one scorer found, in one transaction; how many. The same question again is written over."""
    rows = [
        (one.card, scorer, version, one.item, one.state, one.agreement, one.start, one.end, one.reason, at)
        for one in scores
    ]
    with store.transaction():
        connection.executemany(
            "INSERT OR REPLACE INTO score (card_id, scorer, version, item, state, agreement, evidence_start,"
            " evidence_end, reason, scored_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        if rows:
            invalidate_results(connection)
    return len(rows)


def invalidate_results(connection: sqlite3.Connection) -> None:
    """Let results go that rest on cards or scores, where there are others now; what is missing is computed anew."""
    for statement in load_statements("invalidate_card_results"):
        connection.execute(statement)


def read_scores(connection: sqlite3.Connection, scorer: str, version: str) -> list[Score]:
    """Every score of one scorer at one version."""
    rows = connection.execute(
        "SELECT card_id, item, state, agreement, evidence_start, evidence_end, reason FROM score"
        " WHERE scorer = ? AND version = ? ORDER BY card_id, item",
        (scorer, version),
    )
    return [Score(*row) for row in rows]

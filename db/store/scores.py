"""Scores: the answers of a scorer, at one version, to each question about a card."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from db.sql_files import load_statements
from db.store import Store

ITEMS = ("description", "limitations", "how_to_use", "training", "evaluation")
STATES = ("yes", "no", "invalid", "refused", "over_budget", "error")


@dataclass(frozen=True, slots=True)
class Score:
    """The answer to one question about one card. The states other than yes and no say why there is no answer.

    `start` and `end` delimit the evidence in characters of the card's text (`StoredCard.text`), which is not repeated.
    """

    card: int
    item: str
    state: str
    agreement: float | None = None
    start: int | None = None
    end: int | None = None
    reason: str = ""


def save_scores(store: Store, scorer: str, version: str, scores: Iterable[Score], at: int) -> int:
    """Save the scores of one scorer in one transaction and return their number. Earlier scores are replaced."""
    rows = [
        {
            "card_id": score.card, "scorer": scorer, "version": version, "item": score.item, "state": score.state,
            "agreement": score.agreement, "evidence_start": score.start, "evidence_end": score.end,
            "reason": score.reason, "scored_at": at,
        }
        for score in scores
    ]  # fmt: skip
    with store.transaction():
        store.database.table("score").insert_all(rows, replace=True)
        if rows:
            cards = json.dumps(sorted({score["card_id"] for score in rows}))
            since = store.query("first_use_of_cards", cards=cards)[0]["since"]
            if since is not None:
                invalidate_results(store.connection, since)
    return len(rows)


def invalidate_results(connection: sqlite3.Connection, since: int) -> None:
    """Delete the results of the snapshots since an instant that depend on cards or scores."""
    for statement in load_statements("invalidate_card_results"):
        connection.execute(statement, {"since": since})

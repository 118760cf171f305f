"""The store's cards by rules: those that have no score of this version get one, a thousand at a time."""

from __future__ import annotations

import itertools
import sys
import time
from collections import Counter
from pathlib import Path

from analysis.scoring import ITEMS
from analysis.scoring.rule_scorer import SCORER, locate, version, workers
from analysis.scoring.rules import findings
from db.connection import writing
from db.store import Store
from db.store.cards import unscored
from db.store.scores import Score, put_scores

PART = 1_000


def score_stored(path: Path, most: int | None, processes: int | None) -> tuple[Counter[str], int]:
    """Score what is not scored; how often each item was a yes, and of how many cards."""
    yes: Counter[str] = Counter(dict.fromkeys(ITEMS, 0))
    cards = 0
    with writing(path) as database, workers(processes) as mapped:
        store = Store(database)
        waiting = unscored(database.conn, SCORER, version(), -1 if most is None else most)
        while part := list(itertools.islice(waiting, PART)):
            scores = [one for many in mapped(scores_of, [(card.card, card.text) for card in part]) for one in many]
            put_scores(store, database.conn, SCORER, version(), scores, int(time.time()))
            yes.update(one.item for one in scores if one.state == "yes")
            cards += len(part)
            print(f"{cards:,} cards scored", file=sys.stderr)
    return yes, cards


def scores_of(card: tuple[int, str]) -> list[Score]:
    """One card's scores, the passages as places in its text."""
    number, text = card
    made = []
    for item, found in findings(text).items():
        start, end = (locate(text, found.passage) if found else None) or (None, None)
        made.append(Score(number, item, "yes" if found else "no", None, start, end, found.reason if found else ""))
    return made

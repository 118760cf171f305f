"""The store's cards by rules: those that have no score of this version get one, a thousand at a time."""

from __future__ import annotations

import itertools
import sys
import time
from collections import Counter
from pathlib import Path

from analysis.scoring import ITEMS
from analysis.scoring.rule_scorer import SCORER, locate_passage, rules_version, worker_map
from analysis.scoring.rules import find_all_evidence
from db.connection import open_for_writing
from db.store import Store
from db.store.cards import unscored_cards
from db.store.scores import Score, save_scores

BATCH_SIZE = 1_000


def score_stored_cards(path: Path, limit: int | None, processes: int | None) -> tuple[Counter[str], int]:
    """Score what is not scored; how often each item was a yes, and of how many cards."""
    yes: Counter[str] = Counter(dict.fromkeys(ITEMS, 0))
    cards = 0
    with open_for_writing(path) as database, worker_map(processes) as mapped:
        store = Store(database)
        waiting = unscored_cards(database.conn, SCORER, rules_version(), -1 if limit is None else limit)
        while part := list(itertools.islice(waiting, BATCH_SIZE)):
            scores = [one for many in mapped(build_scores, [(card.card, card.text) for card in part]) for one in many]
            save_scores(store, SCORER, rules_version(), scores, int(time.time()))
            yes.update(one.item for one in scores if one.state == "yes")
            cards += len(part)
            print(f"{cards:,} cards scored", file=sys.stderr)
    return yes, cards


def build_scores(card: tuple[int, str]) -> list[Score]:
    """One card's scores, the passages as places in its text."""
    number, text = card
    made = []
    for item, found in find_all_evidence(text).items():
        start, end = (locate_passage(text, found.passage) if found else None) or (None, None)
        made.append(Score(number, item, "yes" if found else "no", None, start, end, found.reason if found else ""))
    return made

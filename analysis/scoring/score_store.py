"""Scores by rules of the cards in the store that have no score of this version, a thousand at a time."""

from __future__ import annotations

import itertools
import sys
import time
from collections import Counter
from pathlib import Path

from analysis.scoring import ITEMS
from analysis.scoring.rule_scorer import SCORER, locate_passage, rules_version, worker_map
from analysis.scoring.rules import find_all_evidence
from db.connection import open_for_writing, require_file
from db.store import Store
from db.store.cards import unscored_cards
from db.store.scores import Score, save_scores

BATCH_SIZE = 1_000


def score_stored_cards(path: Path, limit: int | None, processes: int | None) -> tuple[Counter[str], int]:
    """Score the cards without a score. Return how often each item was a yes, and the number of cards."""
    require_file(path)
    yes_counts: Counter[str] = Counter(dict.fromkeys(ITEMS, 0))
    count = 0
    with open_for_writing(path) as database, worker_map(processes) as map_cards:
        store = Store(database)
        cards = unscored_cards(database.conn, SCORER, rules_version(), -1 if limit is None else limit)
        while batch := list(itertools.islice(cards, BATCH_SIZE)):
            by_card = map_cards(build_scores, [(card.card, card.text) for card in batch])
            scores = [score for card_scores in by_card for score in card_scores]
            save_scores(store, SCORER, rules_version(), scores, int(time.time()))
            yes_counts.update(score.item for score in scores if score.state == "yes")
            count += len(batch)
            print(f"{count:,} cards scored", file=sys.stderr)
    return yes_counts, count


def build_scores(card: tuple[int, str]) -> list[Score]:
    """Return the scores of one card, with the passages as positions in its text."""
    number, text = card
    scores = []
    for item, evidence in find_all_evidence(text).items():
        start, end = (locate_passage(text, evidence.passage) if evidence else None) or (None, None)
        state, reason = ("yes", evidence.reason) if evidence else ("no", "")
        scores.append(Score(number, item, state, None, start, end, reason))
    return scores

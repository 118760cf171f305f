"""Write the cards of one crawl."""

from __future__ import annotations

import sys
from collections import Counter

from db.cli import escape_control_characters
from db.store.cards import CardCollection, CardObservation, CardStore

PROGRESS_INTERVAL = 100


class CardRecorder:
    """Where a look at cards writes: a collection, begun with its first card."""

    def __init__(self, cards: CardStore, collection: CardCollection, card_count: int, quiet: bool) -> None:
        self._cards, self._card_collection, self._card_count, self._is_quiet = cards, collection, card_count, quiet
        self._collection_id = 0
        self.state_counts: Counter[str] = Counter()

    def store_observation(self, observation: CardObservation, quota: str) -> None:
        """Store what was found of one package, and say now and then how far we are."""
        if not self._collection_id:
            self._collection_id, _ = self._cards.begin_collection(self._card_collection)
        self._cards.save_observation(self._collection_id, observation)
        self.state_counts[observation.state] += 1
        done = self.state_counts.total()
        if not self._is_quiet and (done % PROGRESS_INTERVAL == 0 or done == self._card_count):
            said = f"{self._card_collection.registry.name}: {done} of {self._card_count} cards, {quota}"
            print(escape_control_characters(said), file=sys.stderr, flush=True)

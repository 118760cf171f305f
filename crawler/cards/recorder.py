"""Write the cards of one crawl."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace

from db.cli import escape_control_characters
from db.store.cards import CardCollection, CardObservation, CardStore

PROGRESS_INTERVAL = 100  # cards between two progress lines


class CardRecorder:
    """Writer of one crawl of cards. The collection begins with the first card."""

    def __init__(self, cards: CardStore, collection: CardCollection, card_count: int, quiet: bool) -> None:
        self._cards, self._card_collection, self._card_count, self._is_quiet = cards, collection, card_count, quiet
        self._collection_id = 0
        self.state_counts: Counter[str] = Counter()

    def date_collection(self, at: int) -> None:
        """Date the collection, which has not begun yet, by the clock that dates the responses."""
        self._card_collection = replace(self._card_collection, taken_at=at, started_at=at)

    def store_observation(self, observation: CardObservation, quota: str) -> None:
        """Store the observation of one package, and print the progress after every 100 cards."""
        if not self._collection_id:
            self._collection_id, _ = self._cards.begin_collection(self._card_collection)
        self._cards.save_observation(self._collection_id, observation)
        self.state_counts[observation.state] += 1
        stored_count = self.state_counts.total()
        is_last = stored_count == self._card_count
        if not self._is_quiet and (stored_count % PROGRESS_INTERVAL == 0 or is_last):
            line = f"{self._card_collection.registry.name}: {stored_count} of {self._card_count} cards, {quota}"
            print(escape_control_characters(line), file=sys.stderr, flush=True)

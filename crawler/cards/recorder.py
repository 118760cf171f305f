"""Write the cards of one crawl."""

from __future__ import annotations

import sys
from collections import Counter

from db.cli import plain
from db.store.cards import Cards, Collection, Look

SAY_EVERY = 100


class CardRecording:
    """Where a look at cards writes: a collection, begun with its first card."""

    def __init__(self, cards: Cards, asked: Collection, wanted: int, quiet: bool) -> None:
        self._cards, self._asked, self._wanted, self._quiet = cards, asked, wanted, quiet
        self._collection = 0
        self.found: Counter[str] = Counter()

    def take(self, look: Look, quota: str) -> None:
        """Store what was found of one package, and say now and then how far we are."""
        if not self._collection:
            self._collection, _ = self._cards.begin(self._asked)
        self._cards.put(self._collection, look)
        self.found[look.state] += 1
        done = self.found.total()
        if not self._quiet and (done % SAY_EVERY == 0 or done == self._wanted):
            said = f"{self._asked.registry.name}: {done} of {self._wanted} cards, {quota}"
            print(plain(said), file=sys.stderr, flush=True)

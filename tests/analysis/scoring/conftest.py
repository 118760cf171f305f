"""Small stores with cards, written through the store's own methods."""

from __future__ import annotations

from pathlib import Path

from db.cli import parse_day
from db.connection import open_for_writing
from db.rows import Registry
from db.store import Store
from db.store.cards import CardCollection, CardObservation, CardStore, CardText, blob_hash

HUB = Registry("huggingface/models", "huggingface", "models")


def store_cards(path: Path, *texts: str) -> Path:
    """Create a store whose packages have these cards."""
    at = parse_day("2026-01-01")
    with open_for_writing(path) as database:
        cards = CardStore(Store(database))
        collection, _ = cards.begin_collection(CardCollection(HUB, "import", "a test", at, at))
        for number, text in enumerate(texts):
            content, name = text.encode(), f"a/{number}"
            observation = CardObservation(
                cards.find_or_add_package(HUB, name, name, at),
                at,
                "card",
                CardText(blob_hash(content), len(content), content),
            )
            cards.save_observation(collection, observation)
    return path

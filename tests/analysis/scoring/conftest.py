"""Small stores with cards, written through the store's own verbs."""

from __future__ import annotations

from pathlib import Path

from db.cli import day
from db.connection import writing
from db.rows import Registry
from db.store import Store
from db.store.cards import Cards, CardText, Collection, Look, blob_hash

HUB = Registry("huggingface/models", "huggingface", "models")


def cards_in(path: Path, *texts: str) -> Path:
    """A store whose packages have these cards."""
    at = day("2026-01-01")
    with writing(path) as database:
        cards = Cards(Store(database), database.conn)
        number, _ = cards.begin(Collection(HUB, "import", "a test", at, at))
        for place, text in enumerate(texts):
            content, name = text.encode(), f"a/{place}"
            look = Look(
                cards.package(HUB, name, name, at), at, "card", CardText(blob_hash(content), len(content), content)
            )
            cards.put(number, look)
    return path

"""The labels of a reader as a scorer, to compare other scorers with, and the measured agreement of the rules."""

from __future__ import annotations

import hashlib
import time
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from analysis.scoring import ITEMS, Item
from analysis.scoring.card_files import read_json_lines, unreadable_file_error
from db.connection import open_for_writing, require_file
from db.store import Store
from db.store.cards import blob_hash, find_card_by_blob
from db.store.scores import Score, save_scores

SCORER = "reference"
MEASUREMENTS_FILE = Path(__file__).with_name("measured.toml")


def store_labels(path: Path, files: Sequence[Path]) -> tuple[int, int]:
    """Store the labels of files (lines with `card` and `labels`) as scores of the same cards in the store.

    Return the number of cards whose labels were stored, and of labelled cards that are not in the store.

    Raises:
        ObservatoryError: a file has no labelled cards.
    """
    stored = unknown = 0
    require_file(path)
    with open_for_writing(path) as database:
        store = Store(database)
        for file in files:
            scores: list[Score] = []
            for text, labels in read_labels(file):
                card = find_card_by_blob(database.conn, blob_hash(text.encode("utf-8", "replace")))
                if card is None:
                    unknown += 1
                    continue
                stored += 1
                scores += [Score(card, item, "yes" if labels[item] else "no") for item in ITEMS]
            version = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
            save_scores(store, SCORER, version, scores, int(time.time()))
    return stored, unknown


def read_labels(file: Path) -> Iterator[tuple[str, dict[Item, bool]]]:
    """Yield the cards of a file with their five labels.

    Raises:
        ObservatoryError: a line has no labels.
    """
    try:
        for row in read_json_lines(file):
            yield str(row["card"]), {item: bool(row["labels"][item]) for item in ITEMS}
    except (OSError, ValueError, TypeError, KeyError, EOFError) as error:
        raise unreadable_file_error(file, error) from None


@cache
def load_measurements() -> dict[str, Any]:
    """Return how far the rules agreed with a reader, on cards that the rules were not developed with."""
    return tomllib.loads(MEASUREMENTS_FILE.read_text("utf-8"))


def _format_f1(item: Item, value: float, low: float, high: float) -> str:
    return f"{item} {value:.2f} [{low:.2f}, {high:.2f}]"


def format_agreement() -> str:
    """Format the agreement of the rules with a reader as one line."""
    measurements = load_measurements()
    f1 = ", ".join(_format_f1(item, *measurements[item]["f1"]) for item in ITEMS)
    cards = f"{measurements['cards']} cards they were not developed with"
    return f"Agreement of the rules with a reader, F1 on {cards}: {f1} (docs/scoring.md)."

"""What a reader has labelled, as a scorer of its own, so that others can be held against it; and how the rules fare."""

from __future__ import annotations

import hashlib
import time
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from analysis.scoring import ITEMS
from analysis.scoring.card_files import read_json_lines, unreadable_file_error
from db.connection import open_for_writing
from db.store import Store
from db.store.cards import blob_hash, find_card_by_blob
from db.store.scores import Score, save_scores

SCORER = "reference"
MEASUREMENTS_FILE = Path(__file__).with_name("measured.toml")


def store_labels(path: Path, files: Sequence[Path]) -> tuple[int, int]:
    """Put the labels of files (lines with `card` and `labels`) beside the scores of the same cards in the store.

    How many cards have labels now, and how many labelled ones the store does not have.

    Raises:
        ObservatoryError: a file holds no labelled cards.
    """
    kept = unknown = 0
    with open_for_writing(path) as database:
        store = Store(database)
        for file in files:
            scores: list[Score] = []
            for text, labels in read_labels(file):
                card = find_card_by_blob(database.conn, blob_hash(text.encode("utf-8", "replace")))
                kept, unknown = kept + (card is not None), unknown + (card is None)
                if card is not None:
                    scores += [Score(card, item, "yes" if labels[item] else "no") for item in ITEMS]
            version = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
            save_scores(store, SCORER, version, scores, int(time.time()))
    return kept, unknown


def read_labels(file: Path) -> Iterator[tuple[str, dict[str, bool]]]:
    """The cards of a file with their five labels.

    Raises:
        ObservatoryError: a line has no labels.
    """
    try:
        for row in read_json_lines(file):
            yield str(row["card"]), {item: bool(row["labels"][item]) for item in ITEMS}  # type: ignore[index]
    except (OSError, ValueError, TypeError, KeyError, EOFError) as error:
        raise unreadable_file_error(file, error) from None


@cache
def load_measurements() -> dict[str, object]:
    """How far the rules agreed with a reader, on cards that they had not been made with."""
    return tomllib.loads(MEASUREMENTS_FILE.read_text("utf-8"))


def format_agreement() -> str:
    """The agreement in one line, to stand beside what the rules say."""
    told = load_measurements()
    f1 = ", ".join(
        f"{item} {told[item]['f1'][0]:.2f} [{told[item]['f1'][1]:.2f}, {told[item]['f1'][2]:.2f}]" for item in ITEMS
    )  # type: ignore[index]
    return f"The rules against a reader, F1 on {told['cards']} cards they were not made with: {f1} (docs/scoring.md)."

"""A store with a rename, a return, a tie, a name of two registries and a redaction, and commands that read it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from db.cli import parse_day
from db.connection import open_for_writing
from db.redactions import save_redactions
from db.rows import Observation, Parent, Registry
from db.store import Store
from db.store.cards import CardCollection, CardObservation, CardStore, CardText, blob_hash, unscored_cards
from db.store.scores import Score, save_scores
from tests.analysis.conftest import MODELS, add_snapshot

ROOT = Path(__file__).resolve().parents[2]
NPM = Registry("npm", "ecosystems", "npm.example")
CARD = b"# Alpha"
HOSTILE_NAME = "red\x1b[31m\u202ename"


def model(key: str, downloads: int, name: str = "", **fields: object) -> Observation:
    """Return a row of a model. The name is `owner/KEY` unless another is given."""
    return Observation(f"id-{key}", name or f"owner/{key}", downloads=downloads, likes=downloads // 10, **fields)


def build_store(path: Path) -> None:
    """Write four lists of the Hub, one of them partial, another list of the last day, and one list of npm."""
    child = {"parents": (Parent("owner/alpha", "finetune", None),), "attributes": {"task": "text"}}
    with open_for_writing(path) as database:
        store = Store(database)
        first = [model("alpha", 100), model("beta", 90), model("gamma", 80, **child), model("twin", 70, "twin")]
        add_snapshot(store, "2026-01-01", [*first, model("secret", 60), model("delta", 50, **child)])
        second = [model("gamma", 200), model("alpha", 150, "owner/alpha-v2"), model("epsilon", 150)]
        add_snapshot(store, "2026-02-01", [*second, model("twin", 70, "twin"), model("secret", 60), model("beta", 10)])
        add_snapshot(store, "2026-03-01", [model("partial", 9)], "partial", reason="stopped")
        last = [model("beta", 300), model("gamma", 200), model("alpha", 120, "owner/alpha-v2"), model("zeta", 120)]
        add_snapshot(store, "2026-03-02", last)
        add_snapshot(store, "2026-03-02", [model("gamma", 301), model("beta", 300)])
        npm = [Observation(name, name, downloads=5) for name in ("twin", "@scope/tool", HOSTILE_NAME)]
        add_snapshot(store, "2026-03-02", npm, registry=NPM, counter="last-month", value_after=5)
        save_card(store)
        save_redactions(database.conn, [("name", "owner/secret")])


def save_card(store: Store) -> None:
    """Save a card of alpha in which the rules find one of two questions answered."""
    at = parse_day("2026-02-01")
    cards = CardStore(store)
    number, _ = cards.begin_collection(CardCollection(MODELS, "crawl", "a test", at, at))
    package = cards.find_or_add_package(MODELS, "id-alpha", "owner/alpha-v2", at)
    text = CardText(blob_hash(CARD), len(CARD), CARD)
    cards.save_observation(number, CardObservation(package, at, "card", text, "0" * 40))
    (card,) = unscored_cards(store.connection, "rules", "1")
    save_scores(store, "rules", "1", [Score(card.card, "description", "yes"), Score(card.card, "training", "no")], at)


def run_lookup(store: Path, *words: str, columns: int = 80) -> subprocess.CompletedProcess[str]:
    """Run `observatory WORDS …` in a new process on a terminal of some columns."""
    command = [sys.executable, "-m", "schedules.cli", *words, "--db", str(store)]
    environment = {**os.environ, "COLUMNS": str(columns)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def read_lookup(store: Path, *words: str) -> Any:
    """Run a command that ends with 0, and return its JSON."""
    process = run_lookup(store, *words, "--format", "json")
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)

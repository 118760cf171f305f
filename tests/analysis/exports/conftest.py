"""A store with rows in every table of a bundle, and short ways to export it."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.export import main
from db.cli import parse_day
from db.connection import open_for_writing
from db.rows import Event, Observation, Parent, Registry
from db.store import Store
from db.store.cards import CardCollection, CardObservation, CardStore, CardText, blob_hash, unscored_cards
from db.store.scores import ITEMS, Score, save_scores
from tests.analysis.conftest import MODELS, History, add_snapshot, descending_rows

NPM = Registry("npm", "ecosystems", "npm.example")
Export = Callable[..., Path]


def fill_store(path: Path) -> History:
    """Add models with parents and libraries over three weeks, the last of them partial, and two lists of npm."""
    history = History(path)
    history.set_depths(2, 4)
    for week, names in enumerate(["abcdef", "bacxyz", "zyxabc"]):
        rows = [make_model(name, 900 - index) for index, name in enumerate(names)]
        status = "partial" if week == 2 else "complete"
        event = Event("counter_fell", "warning", "a fell", "9", "3")
        history.add_snapshot(f"2026-01-{1 + 7 * week:02d}", rows, status, rejected=(6,), events=(event,))
    with open_for_writing(path) as database:
        for week in (1, 2):
            rows = descending_rows(["@types/node", "lodash"][:week])
            add_snapshot(Store(database), f"2026-02-0{week}", rows, registry=NPM, counter="last-month")
        _add_cards(Store(database), database.conn)
    history.compute_pending()
    return history


def _add_cards(store: Store, connection: sqlite3.Connection) -> None:
    """Add cards of three models, of which one has changed and one is missing, and their scores by two scorers."""
    cards = CardStore(store)
    number, _ = cards.begin_collection(
        CardCollection(MODELS, "crawl", "https://hub.example", parse_day("2026-01-01"), parse_day("2026-01-02"))
    )
    for name, day, text in (("a", 1, "one"), ("b", 1, "two"), ("c", 1, ""), ("a", 7, "three")):
        content = CardText(blob_hash(text.encode()), len(text), text.encode(), fields=("license",)) if text else None
        package = cards.find_or_add_package(MODELS, f"id-{name}", f"maker/{name}", parse_day("2026-01-01"))
        instant, outcome = parse_day(f"2026-01-0{day}"), "card" if text else "none"
        cards.save_observation(number, CardObservation(package, instant, outcome, content, "5" * 40, day))
    for scorer, answers in (("rules", "yes no yes no yes"), ("openai", "yes yes yes no refused")):
        for card in unscored_cards(connection, scorer, "1"):
            scores = [Score(card.card, item, state) for item, state in zip(ITEMS, answers.split(), strict=True)]
            save_scores(store, scorer, "1", scores, parse_day("2026-01-09"))


def make_model(name: str, downloads: int) -> Observation:
    """Return a model with a value in every field that a row may have."""
    return Observation(
        f"id-{name}", f"maker/{name}", downloads=downloads, likes=3, created_at=1_600_000_000,
        attributes={"task": "text", "licence": "license:mit"}, parents=(Parent("maker/base", "finetune", None),),
        libraries=(("transformers", "library"),),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def skip_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip flushing to the disk: its order is not tested here."""
    monkeypatch.setattr("os.fsync", lambda handle: None)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of that store, which is made once."""
    path = fill_store(tmp_path_factory.mktemp("filled") / "observatory.db").path
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> Path:
    """Return the path of a copy of that store."""
    return Path(shutil.copy(filled, tmp_path / "observatory.db"))


@pytest.fixture
def export(store: Path, tmp_path: Path) -> Export:
    """Return a function that exports the store and returns the folder of the bundle."""

    def export_store(*options: str, out: str = "out", code: int = 0) -> Path:
        assert main([str(tmp_path / out), "--db", str(store), *options]) == code
        return tmp_path / out

    return export_store


def hash_tree(folder: Path) -> dict[str, str]:
    """Return the hash of every file in a folder, by its path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def query(store: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Return the rows of a query to a SQLite file."""
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        return connection.execute(statement, values).fetchall()
    finally:
        connection.close()

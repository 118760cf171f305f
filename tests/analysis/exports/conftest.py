"""A store with something in every table of a bundle, and short ways to export it."""

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
    """Models with parents and libraries over three weeks, the last week partial, and two lists of npm."""
    history = History(path)
    history.set_depths(2, 4)
    for week, names in enumerate(["abcdef", "bacxyz", "zyxabc"]):
        rows = [model(name, 900 - place) for place, name in enumerate(names)]
        status = "partial" if week == 2 else "complete"
        event = Event("counter_fell", "warning", "a fell", "9", "3")
        history.add_snapshot(f"2026-01-{1 + 7 * week:02d}", rows, status, rejected=(6,), events=(event,))
    with open_for_writing(path) as database:
        for week in (1, 2):
            add_snapshot(Store(database), f"2026-02-0{week}", descending_rows(["@types/node", "lodash"][:week]), registry=NPM,
                counter="last-month")  # fmt: skip
        _cards(Store(database), database.conn)
    history.compute_pending()
    return history


def _cards(store: Store, connection: sqlite3.Connection) -> None:
    """Cards of three models, one of which changed, another of which has none; two scorers have read them."""
    cards = CardStore(store)
    number, _ = cards.begin_collection(
        CardCollection(MODELS, "crawl", "https://hub.example", parse_day("2026-01-01"), parse_day("2026-01-02"))
    )
    for name, at, text in (("a", 1, "one"), ("b", 1, "two"), ("c", 1, ""), ("a", 7, "three")):
        content = CardText(blob_hash(text.encode()), len(text), text.encode(), fields=("license",)) if text else None
        package = cards.find_or_add_package(MODELS, f"id-{name}", f"maker/{name}", parse_day("2026-01-01"))
        cards.save_observation(
            number,
            CardObservation(package, parse_day(f"2026-01-0{at}"), "card" if text else "none", content, "5" * 40, at),
        )
    for scorer, answers in (("rules", "yes no yes no yes"), ("openai", "yes yes yes no refused")):
        for card in unscored_cards(connection, scorer, "1"):
            found = [Score(card.card, item, state) for item, state in zip(ITEMS, answers.split(), strict=True)]
            save_scores(store, scorer, "1", found, parse_day("2026-01-09"))


def model(name: str, downloads: int) -> Observation:
    """A model with everything a row may bring."""
    return Observation(
        f"id-{name}", f"maker/{name}", downloads=downloads, likes=3, created_at=1_600_000_000,
        attributes={"task": "text", "licence": "license:mit"}, parents=(Parent("maker/base", "finetune", None),),
        libraries=(("transformers", "library"),),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def skip_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is flushed, and in which order, is no matter here."""
    monkeypatch.setattr("os.fsync", lambda handle: None)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That store, made once."""
    path = fill_store(tmp_path_factory.mktemp("filled") / "observatory.db").path
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> Path:
    """A copy of that store."""
    return Path(shutil.copy(filled, tmp_path / "observatory.db"))


@pytest.fixture
def export(store: Path, tmp_path: Path) -> Export:
    """Export it with some options to a folder, and say which."""

    def exported(*options: str, out: str = "out", code: int = 0) -> Path:
        assert main([str(tmp_path / out), "--db", str(store), *options]) == code
        return tmp_path / out

    return exported


def hash_tree(folder: Path) -> dict[str, str]:
    """Every file of a folder with the hash of its bytes."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def query(store: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    """The rows of one question to a SQLite file."""
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        return connection.execute(statement, values).fetchall()
    finally:
        connection.close()

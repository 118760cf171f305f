"""Stores for the tests of this room: in memory, and on disk; and which tests are slow."""

from __future__ import annotations

from pathlib import Path

import pytest

from db.connection import open_for_writing
from db.store import Store
from tests.db.builders import FAILED, begin_snapshot, make_observation, make_page, make_store, take_snapshot


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow ones out unless marks are asked for."""
    if not config.option.markexpr:
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow; run with -m slow"))


@pytest.fixture
def store() -> Store:
    """An empty store in memory."""
    return make_store()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store may be made."""
    return tmp_path / "observatory.db"


@pytest.fixture(scope="session")
def full_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a store with two complete snapshots, a partial one and an open one."""
    made = tmp_path_factory.mktemp("full") / "observatory.db"
    with open_for_writing(made) as database:
        fill_store(Store(database))
    return made.read_bytes()


@pytest.fixture
def full(path: Path, full_file: bytes) -> Path:
    """A copy of that store."""
    path.write_bytes(full_file)
    return path


def fill_store(store: Store) -> None:
    """Two complete snapshots, a partial one and an open one, of 300 packages each."""
    for day in (1, 2):
        rows = [
            make_observation(
                f"owner-{place % 7}/package-{place}",
                90_000 - 100 * place + day,
                likes=place,
                attributes={"task": "text"},
            )
            for place in range(300)
        ]
        take_snapshot(store, rows, at=day * 86_400, k=300)
    partial = begin_snapshot(store, at=3 * 86_400)
    store.save_page(partial, make_page(["a", "b"], rejected=[1]))
    store.end_snapshot(partial, "partial", FAILED, "one page is missing", 3 * 86_400)
    store.save_page(begin_snapshot(store, at=4 * 86_400), make_page(["a", "c"]))

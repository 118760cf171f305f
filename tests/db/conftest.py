"""Stores for the tests of this room: in memory, and on disk; and which tests are slow."""

from __future__ import annotations

from pathlib import Path

import pytest

from db.connection import writing
from db.store import Store
from tests.db.builders import FAILED, begin, in_memory, page, seen, take


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow ones out unless marks are asked for."""
    if not config.option.markexpr:
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow; run with -m slow"))


@pytest.fixture
def store() -> Store:
    """An empty store in memory."""
    return in_memory()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store may be made."""
    return tmp_path / "observatory.db"


@pytest.fixture(scope="session")
def full_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a store with two complete snapshots, a partial one and an open one."""
    made = tmp_path_factory.mktemp("full") / "observatory.db"
    with writing(made) as database:
        fill(Store(database))
    return made.read_bytes()


@pytest.fixture
def full(path: Path, full_file: bytes) -> Path:
    """A copy of that store."""
    path.write_bytes(full_file)
    return path


def fill(store: Store) -> None:
    """Two complete snapshots, a partial one and an open one, of 300 packages each."""
    for day in (1, 2):
        rows = [
            seen(
                f"owner-{place % 7}/package-{place}",
                90_000 - 100 * place + day,
                likes=place,
                attributes={"task": "text"},
            )
            for place in range(300)
        ]
        take(store, rows, at=day * 86_400, k=300)
    partial = begin(store, at=3 * 86_400)
    store.record(partial, page(["a", "b"], rejected=[1]))
    store.end(partial, "partial", FAILED, "one page is missing", 3 * 86_400)
    store.record(begin(store, at=4 * 86_400), page(["a", "c"]))

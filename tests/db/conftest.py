"""Stores for the tests of this folder, in memory and on disk. Tests marked slow run only when marks are selected."""

from __future__ import annotations

from pathlib import Path

import pytest

from db.connection import open_for_writing
from db.store import Store
from tests.db.builders import FAILED, begin_snapshot, make_observation, make_page, make_store, take_snapshot


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the tests that are marked slow unless marks are selected."""
    if not config.option.markexpr:
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow; run with -m slow"))


@pytest.fixture
def store() -> Store:
    """Return an empty store in memory."""
    return make_store()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a store that does not exist yet."""
    return tmp_path / "observatory.db"


@pytest.fixture(scope="session")
def full_content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of a store with two complete snapshots, a partial one and an open one."""
    path = tmp_path_factory.mktemp("full") / "observatory.db"
    with open_for_writing(path) as database:
        fill_store(Store(database))
    return path.read_bytes()


@pytest.fixture
def full(path: Path, full_content: bytes) -> Path:
    """Return the path of a copy of the full store."""
    path.write_bytes(full_content)
    return path


def fill_store(store: Store) -> None:
    """Save two complete snapshots of 300 packages each, a partial one and an open one."""
    for day in (1, 2):
        rows = [
            make_observation(
                f"owner-{index % 7}/package-{index}",
                90_000 - 100 * index + day,
                likes=index,
                attributes={"task": "text"},
            )
            for index in range(300)
        ]
        take_snapshot(store, rows, at=day * 86_400, k=300)
    partial = begin_snapshot(store, at=3 * 86_400)
    store.save_page(partial, make_page(["a", "b"], rejected=[1]))
    store.end_snapshot(partial, "partial", FAILED, "one page is missing", 3 * 86_400)
    store.save_page(begin_snapshot(store, at=4 * 86_400), make_page(["a", "c"]))

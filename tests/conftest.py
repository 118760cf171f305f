"""What every test may rely on: no network but loopback, no token, no store but its own."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.forked_crawl import import_modules, list_crawl_modules
from tests.measurements import FaultMeasurements

REAL_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def pytest_configure(config: pytest.Config) -> None:
    """Keep what the tests of faults give, where the environment says so."""
    if "MEASURED" in os.environ and not hasattr(config, "workerinput"):
        config.pluginmanager.register(FaultMeasurements(Path(os.environ["MEASURED"])))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the simulated years first: they take longest."""
    items.sort(key=lambda item: item.get_closest_marker("years") is None)


def pytest_collection_finish() -> None:
    """What was collected stays, and need not be looked through for garbage (some libraries look with every call)."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Refuse any connection that is not loopback."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and str(address[0]) not in (
            "127.0.0.1",
            "::1",
            "localhost",
        ):
            raise AssertionError(f"a test reached for {address}")
        connect(self, address)

    socket.socket.connect = guarded
    yield
    socket.socket.connect = connect


@pytest.fixture(autouse=True, scope="session")
def no_settings_of_this_machine(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No token, endpoint, contact or store of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith(("HF_", "HUGGING", "OBSERVATORY_", "ECOSYSTEMS_")) or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ["HF_HOME"] = str(tmp_path_factory.mktemp("hf-home"))


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Say a number that belongs into docs/reliability.md."""
    return lambda text: record_property("measured", text)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with recorded real data; a test that needs it is skipped where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"recorded real data is not at {REAL_DATA}")
    return REAL_DATA


@pytest.fixture(scope="session")
def warmed() -> None:
    """This process has imported what a crawl needs."""
    import_modules(list_crawl_modules())

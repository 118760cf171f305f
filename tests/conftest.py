"""The environment of each test: no network except loopback, no token, and no store except its own."""

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
    """Record the results of the fault tests in the file that `MEASURED` names."""
    if "MEASURED" in os.environ and not hasattr(config, "workerinput"):
        config.pluginmanager.register(FaultMeasurements(Path(os.environ["MEASURED"])))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the simulated years first, because they take longest."""
    items.sort(key=lambda item: item.get_closest_marker("years") is None)


def pytest_collection_finish() -> None:
    """Exempt the collected tests from garbage collection, which some libraries start with each call."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Refuse each connection that is not to loopback."""
    connect = socket.socket.connect

    def connect_to_loopback(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and str(address[0]) not in (
            "127.0.0.1",
            "::1",
            "localhost",
        ):
            raise AssertionError(f"a test connected to {address}")
        connect(self, address)

    socket.socket.connect = connect_to_loopback
    yield
    socket.socket.connect = connect


@pytest.fixture(autouse=True, scope="session")
def no_settings_of_this_machine(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Remove the tokens, endpoints, contact and store of this machine from the environment."""
    for name in list(os.environ):
        if name.startswith(("HF_", "HUGGING", "OBSERVATORY_", "ECOSYSTEMS_")) or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ["HF_HOME"] = str(tmp_path_factory.mktemp("hf-home"))


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Return a function that records a number for docs/reliability.md."""
    return lambda text: record_property("measured", text)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of recorded real data, or skip the test if the folder is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"recorded real data is not at {REAL_DATA}")
    return REAL_DATA


@pytest.fixture(scope="session")
def warmed() -> None:
    """Import the modules of a crawl into this process."""
    import_modules(list_crawl_modules())

"""One simulation for the tests that only read, and a way to start others for tests that change something."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.simulated import Simulation

START = "2026-01-05"


@pytest.fixture(scope="session")
def shared() -> Iterator[Simulation]:
    """Yield a month-old simulation with a large quota, for every test of the run."""
    with Simulation(start=START, models=2600, datasets=150, spaces=150, packages=1300, quota=10**6) as running:
        running.advance(30)
        yield running


@pytest.fixture
def simulation(shared: Simulation) -> Simulation:
    """Return the shared simulation without requests and faults. Tests must not change it."""
    shared.reset()
    return shared


@pytest.fixture
def start_simulation() -> Iterator[Callable[..., Simulation]]:
    """Yield a function that starts small simulations with options. They end with the test."""
    running: list[Simulation] = []

    def start(**options: object) -> Simulation:
        small = {"start": START, "models": 120, "datasets": 20, "spaces": 20, "packages": 60}
        running.append(Simulation(**(small | options)))
        return running[-1]

    yield start
    for simulation in running:
        simulation.close()

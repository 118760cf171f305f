"""One simulation for the tests that only look, and a way to start others for those that change something."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.simulated import Simulation

START = "2026-01-05"


@pytest.fixture(scope="session")
def shared() -> Iterator[Simulation]:
    """A month-old simulation with plenty of quota, for every test of the run."""
    with Simulation(start=START, models=2600, datasets=150, spaces=150, packages=1300, quota=10**6) as running:
        running.advance(30)
        yield running


@pytest.fixture
def pretend(shared: Simulation) -> Simulation:
    """The shared simulation without requests and faults; a test may look but not touch."""
    shared.reset()
    return shared


@pytest.fixture
def begin() -> Iterator[Callable[..., Simulation]]:
    """Start small simulations with options of the test's own; they end with the test."""
    running: list[Simulation] = []

    def start(**options: object) -> Simulation:
        small = {"start": START, "models": 120, "datasets": 20, "spaces": 20, "packages": 60}
        running.append(Simulation(**(small | options)))
        return running[-1]

    yield start
    for one in running:
        one.close()

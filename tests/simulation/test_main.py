"""The command: its first line, its end, and the same bytes for the same seed."""

from __future__ import annotations

import json
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from simulation.options import SimulationOptions, read_options
from tests.simulated import ROOT, Simulation, format_arguments
from tests.simulation.client import fetch

PATHS = (
    "/api/models?limit=1000&sort=downloads&full=true&cardData=true&config=true",
    "/api/models?limit=1000&sort=createdAt&expand=baseModels&expand=downloadsAllTime&expand=trendingScore",
    "/api/datasets?full=true",
    "/api/spaces?full=true",
)
LISTS = ("packages?sort=downloads&order=desc&per_page=50", "package_names?sort=name&order=asc&per_page=9999")


@pytest.fixture(scope="module")
def twins() -> Iterator[tuple[Simulation, Simulation]]:
    """Yield two simulations with the same seed after a month, one of them advanced in steps."""
    sizes = {"start": "2026-01-05", "models": 300, "datasets": 60, "spaces": 60, "packages": 200}
    with Simulation(**sizes) as first, Simulation(**sizes) as second:
        first.advance(30)
        for days in (1, 20, 9):
            second.advance(days)
        yield first, second


@pytest.fixture
def process() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the command itself. Its processes end with the test."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "simulation", "--models=20", "--packages=20", *arguments]
        running.append(subprocess.Popen(command, cwd=ROOT, stdin=-1, stdout=-1, stderr=-1, text=True))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()


def test_the_same_seed_gives_the_same_hub(twins: tuple[Simulation, Simulation]) -> None:
    for path in PATHS:
        first, second = (fetch(twin.huggingface + path) for twin in twins)
        assert first.body == second.body, path


@pytest.mark.parametrize("registry", ["npm.example", "pypi.example", "gems.example", "go.example"])
def test_the_same_seed_gives_the_same_packages(twins: tuple[Simulation, Simulation], registry: str) -> None:
    for path in LISTS:
        first, second = (fetch(f"{twin.ecosystems}/registries/{registry}/{path}") for twin in twins)
        ports = [twin.ecosystems.split(":")[2].split("/")[0].encode() for twin in twins]
        assert first.body == second.body.replace(ports[1], ports[0]), path


def test_the_same_seed_gives_the_same_events(twins: tuple[Simulation, Simulation]) -> None:
    assert twins[0].events() == twins[1].events()


def test_another_seed_gives_another_hub(start_simulation: Callable[..., Simulation]) -> None:
    first, second = start_simulation(seed=1), start_simulation(seed=2)
    assert first.truth("huggingface/models") != second.truth("huggingface/models")


def test_the_ready_line_is_one_line_of_json(process: Callable[..., subprocess.Popen[str]]) -> None:
    started = process()
    assert started.stdout is not None
    ready = json.loads(started.stdout.readline())
    assert set(ready) == {"huggingface", "ecosystems", "control", "pid"}
    assert ready["pid"] == started.pid
    assert ready["ecosystems"].endswith("/api/v1") and ready["control"] == ready["huggingface"] + "/_simulation"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_simulation_without_output(
    process: Callable[..., subprocess.Popen[str]], number: int
) -> None:
    started = process()
    assert started.stdout is not None and started.stdout.readline()
    started.send_signal(number)
    assert started.communicate(timeout=5) == ("", "")
    assert started.returncode == 0


def test_it_ends_with_the_process_that_started_it(process: Callable[..., subprocess.Popen[str]]) -> None:
    started = process("--until-stdin-closes")
    assert started.stdout is not None and started.stdin is not None and started.stdout.readline()
    started.stdin.close()
    assert started.wait(5) == 0


def test_without_a_start_the_clock_is_the_real_one(start_simulation: Callable[..., Simulation]) -> None:
    assert start_simulation(start="").now()[:3] == "202"


def test_an_unknown_option_is_wrong_usage(process: Callable[..., subprocess.Popen[str]]) -> None:
    assert process("--nonsense").wait(10) == 2


def test_options_are_named_after_their_fields() -> None:
    options = read_options(["--models", "5", "--churn", "0.5", "--no-expand", "gguf", "--no-expand", "sha"])
    assert options == SimulationOptions(models=5, churn=0.5, no_expand=("gguf", "sha"))


def test_python_keywords_become_arguments() -> None:
    assert format_arguments({"row_bytes": 5, "no_expand": ["a", "b"]}) == [
        "--row-bytes",
        "5",
        "--no-expand",
        "a",
        "--no-expand",
        "b",
    ]


def test_no_other_package_is_imported_and_nothing_real_is_named() -> None:
    sources = "".join(path.read_text() for path in Path(ROOT, "simulation").glob("*.py"))
    for room in ("crawler", "db", "analysis", "schedules"):
        assert f"import {room}" not in sources and f"from {room}" not in sources
    assert "registry.npm" not in sources and "pypi." not in sources.replace("pypi.example", "")


def test_a_client_that_cuts_its_connection_is_no_error(process: Callable[..., subprocess.Popen[str]]) -> None:
    started = process("--until-stdin-closes")
    assert started.stdin and started.stdout and started.stderr
    url = urlsplit(json.loads(started.stdout.readline())["huggingface"])
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(b"GET /api/models?limit=1 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert fetch(f"{url.geturl()}/api/models?limit=1").status == 200
    started.stdin.close()
    started.wait(10)
    assert started.stderr.read() == ""

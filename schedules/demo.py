"""`observatory demo`: half a year of a simulated Hub, crawled by the real crawler and reported.

No request leaves this machine. The numbers are those of an invented population, and show only how a report looks.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from db import ObservatoryError
from db.causes import describe_cause
from db.cli import DONE, create_parser, positive_int, run_command
from schedules import commands

START_DATE = "2026-01-05"
DAYS_BEFORE_CRAWL = (0, 30, 31, 30, 30, 31, 30)  # half a year, once a month
QUARTERLY_CRAWLS = {0, 3, 6}  # the crawls that include the package registries
HUB_REGISTRIES = ("huggingface/models",)
PACKAGE_REGISTRIES = ("npm", "pypi")


@dataclass(frozen=True)
class RunningSimulation:
    """The URLs of a running simulation."""

    huggingface: str
    ecosystems: str
    control: str

    def advance_days(self, days: int) -> str:
        """Let days pass, and return the simulated date after them."""
        request = urllib.request.Request(f"{self.control}/advance?days={days}", method="POST")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as response:
            return str(json.load(response)["now"])[:10]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demonstration, and return the exit code."""
    return run_command(make_parser, argv)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of this command."""
    parser = create_parser("observatory demo", commands.COMMANDS["demo"].description)
    parser.add_argument(
        "--top", type=positive_int, default=1000, metavar="K", help="length of each ranking (default: 1000)"
    )
    parser.add_argument("--keep", metavar="FILE", type=Path, help="keep the store of the demonstration in this file")
    parser.set_defaults(do=run_demo)
    return parser


def run_demo(options: argparse.Namespace) -> int:
    """Simulate half a year, crawl it once a month, compute the results and print the report."""
    if options.keep and options.keep.exists():
        raise ObservatoryError(
            f"{options.keep} exists.", why="The demonstration starts with an empty store.", fix="Name another file."
        )
    with tempfile.TemporaryDirectory(prefix="observatory-demo-") as folder, start_simulation() as simulation:
        environment = _make_environment(simulation, options.keep or Path(folder) / "demo.db")
        for crawl, days in enumerate(DAYS_BEFORE_CRAWL):
            date = simulation.advance_days(days)
            progress = f"[{crawl + 1}/{len(DAYS_BEFORE_CRAWL)}] {date}"
            print(f"{progress}: crawling the simulated registries", file=sys.stderr, flush=True)
            registries = HUB_REGISTRIES + (PACKAGE_REGISTRIES if crawl in QUARTERLY_CRAWLS else ())
            arguments = (
                "--top",
                str(options.top),
                "--clock",
                "registry",
                "--delay",
                "0",
                "--quiet",
                "--format",
                "json",
            )
            run_module(environment, "crawler", "snapshot", *registries, *arguments)
        print("computing and reporting", file=sys.stderr, flush=True)
        run_module(environment, "analysis")
        print(make_report(environment), end="")
    print(describe_next_steps(options.keep), file=sys.stderr)
    return DONE


def describe_next_steps(kept: Path | None) -> str:
    """Return what to do after the demonstration, in five lines. Some lines need its store."""
    store = shlex.quote(str(kept or "demo.db"))
    first = f"its store is {store}" if kept else f"observatory demo --keep {store}"
    steps = {
        "keep this store": first,
        "see it as a page": f"observatory report --db {store} --format html --out report.html --open",
        "export it": f"observatory export OUT --db {store}",
        "crawl the real Hub": "observatory crawl snapshot huggingface/models --top 1000",
        "crawl every day": "observatory schedule run",
    }
    return "\n".join(["", "What to do next:", *(f"  {aim:<19} {line}" for aim, line in steps.items())])


def _make_environment(simulation: RunningSimulation, store: Path) -> dict[str, str]:
    without_proxies = {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy") and name != "HF_TOKEN"
    }
    return {
        **without_proxies,
        "HF_ENDPOINT": simulation.huggingface,
        "ECOSYSTEMS_ENDPOINT": simulation.ecosystems,
        "OBSERVATORY_DB": str(store),
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    }


@contextmanager
def start_simulation() -> Iterator[RunningSimulation]:
    """Run a simulated Hub and Ecosyste.ms in a process that ends with the block, or with this process."""
    command = [sys.executable, "-m", "simulation", "--start", START_DATE, "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        try:
            yield _read_urls(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(timeout=10)


def _read_urls(line: str) -> RunningSimulation:
    try:
        urls = json.loads(line or "{}")
        return RunningSimulation(urls["huggingface"], urls["ecosystems"], urls["control"])
    except (KeyError, ValueError) as error:
        raise ObservatoryError(
            "The simulation did not start.", why=describe_cause(error), fix="Run it again with --debug."
        ) from error


def run_module(environment: Mapping[str, str], *arguments: str) -> None:
    """Run `python -m` with these arguments, and drop what it prints on stdout.

    Raises:
        ObservatoryError: the exit code is not 0.
    """
    completed = subprocess.run(
        [sys.executable, "-m", *arguments], env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if completed.returncode != DONE:
        raise ObservatoryError(
            f"`python -m {' '.join(arguments)}` ended with {completed.returncode}.", why=completed.stdout[-500:]
        )


def make_report(environment: Mapping[str, str]) -> str:
    """Return the report as text."""
    command = [sys.executable, "-m", "analysis.report"]
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())

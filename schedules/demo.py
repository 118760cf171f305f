"""`observatory demo`: a simulated Hub lives through two quarters, and is looked at through the real crawler.

Nothing leaves this machine. The numbers are those of a pretend population: they show what a report looks like.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from db import ObservatoryError
from db.cli import DONE, create_parser, positive_int, run_command

START_DATE = "2026-01-05"
DAYS_BEFORE_CRAWL = (0, 30, 31, 30, 30, 31, 30)  # between two looks: half a year, once a month
QUARTERLY_CRAWLS = {0, 3, 6}  # at these looks the package registries too
HUB_REGISTRIES = ("huggingface/models",)
PACKAGE_REGISTRIES = ("npm", "pypi")


@dataclass(frozen=True)
class RunningSimulation:
    """Where a running simulation is."""

    huggingface: str
    ecosystems: str
    control: str

    def advance_days(self, days: int) -> str:
        """Let days go by; the simulated date after them."""
        asked = urllib.request.Request(f"{self.control}/advance?days={days}", method="POST")
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(asked, timeout=60) as answer:
            return str(json.load(answer)["now"])[:10]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demonstration; the exit code."""
    return run_command(make_parser, argv)


def make_parser() -> argparse.ArgumentParser:
    """The words of this command."""
    made = create_parser("observatory demo", "A whole run without a network: simulate, snapshot, compute, report.")
    made.add_argument("--top", type=positive_int, default=1000, metavar="K", help="how deep (default: 1000)")
    made.add_argument("--keep", metavar="FILE", type=Path, help="keep the store of the demonstration in this file")
    made.set_defaults(do=run_demo)
    return made


def run_demo(options: argparse.Namespace) -> int:
    """Simulate half a year, take snapshots of it, compute, report."""
    if options.keep and options.keep.exists():
        raise ObservatoryError(
            f"{options.keep} exists.", why="A demonstration begins with an empty store.", fix="Name another file."
        )
    with tempfile.TemporaryDirectory(prefix="observatory-demo-") as folder, start_simulation() as pretend:
        store = options.keep or Path(folder) / "demo.db"
        ours = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        environment = {**ours, "HF_ENDPOINT": pretend.huggingface, "ECOSYSTEMS_ENDPOINT": pretend.ecosystems,
                       "OBSERVATORY_DB": str(store), "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}  # fmt: skip
        environment.pop("HF_TOKEN", None)
        for look, days in enumerate(DAYS_BEFORE_CRAWL):
            date = pretend.advance_days(days)
            print(f"{date}: a look at the simulated registries", file=sys.stderr)
            registries = HUB_REGISTRIES + (PACKAGE_REGISTRIES if look in QUARTERLY_CRAWLS else ())
            run_module(environment, "crawler", "snapshot", *registries, "--top", str(options.top), "--clock", "registry",
                    "--pause", "0", "--quiet", "--format", "json")  # fmt: skip
        run_module(environment, "analysis")
        print(print_report(environment), end="")
    if options.keep:
        print(f"\nThe store is kept in {options.keep}: observatory report --db {options.keep}", file=sys.stderr)
    return DONE


@contextmanager
def start_simulation() -> Iterator[RunningSimulation]:
    """A simulated Hub and Ecosyste.ms in a process of its own, which ends with the block or with us."""
    line = [sys.executable, "-m", "simulation", "--start", START_DATE, "--until-stdin-closes"]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        try:
            said = json.loads(process.stdout.readline() or "{}")
            yield RunningSimulation(said["huggingface"], said["ecosystems"], said["control"])
        except (KeyError, ValueError) as error:
            raise ObservatoryError(
                "The simulation did not start.", why=str(error), fix="Try again with --debug."
            ) from error
        finally:
            process.stdin.close()
            process.wait(timeout=10)


def run_module(environment: dict[str, str], *arguments: str) -> None:
    """Run one of our commands; what it prints on stdout is passed over.

    Raises:
        ObservatoryError: it did not end well.
    """
    done = subprocess.run(
        [sys.executable, "-m", *arguments], env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != DONE:
        raise ObservatoryError(
            f"`python -m {' '.join(arguments)}` ended with {done.returncode}.", why=done.stdout[-500:]
        )


def print_report(environment: dict[str, str]) -> str:
    """The report, as it is printed."""
    line = [sys.executable, "-m", "analysis.report"]
    return subprocess.run(line, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())

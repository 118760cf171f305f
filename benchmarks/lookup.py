"""Look one package and one list up in a store of two million ranking rows: wall and CPU seconds of each command.

The store is written with the present schema. Before migration 0014 a name took 4.9 s in a view of 2 million rows.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from benchmarks.timing import format_spread, make_parser, print_table
from db import SECONDS_PER_DAY
from db.cli import DONE, FAILED
from db.connection import open_for_writing
from db.rows import GateResult, Observation, Page, Parent, Registry, SnapshotSpec
from db.store import Store

MODELS = Registry("huggingface/models", "huggingface")
FIRST_DAY = 1_767_571_200  # 2026-01-05
BASE = 0  # the package that has by far the most children
PASSED = (GateResult("rows", "pass", "all of them", "every requested row"),)
QUERIES = {
    "v1_ranking by name": "SELECT date, rank, downloads FROM v1_ranking WHERE name = 'owner-7/model-7' ORDER BY date",
    "v1_ranking by a former name": "SELECT date, rank FROM v1_ranking WHERE name = 'owner-7/model-7-old' ORDER BY date",
    "v1_ranking by stable id": "SELECT date, rank FROM v1_ranking WHERE package = '000000000000000000000007'",
    "v1_ranking by snapshot": "SELECT rank, name FROM v1_ranking WHERE snapshot = 9 ORDER BY rank",
    "v1_ranking, the top three": "SELECT date, rank, name FROM v1_ranking WHERE registry = 'huggingface/models'"
    " AND rank <= 3 ORDER BY date, rank",
    "v1_ranking, every name": "SELECT count(name), max(rank) FROM v1_ranking",
    "v1_ranking, rows of each date": "SELECT date, count(*) FROM v1_ranking GROUP BY date",
}
COMMANDS = {
    "observatory show NAME": (DONE, "show", "owner-7/model-7"),
    "observatory show, with 5,000 children": (DONE, "show", f"owner-{BASE}/model-{BASE}"),
    "observatory show, an unknown name": (FAILED, "show", "owner-7/modle-77"),
    "observatory top, 20 rows": (DONE, "top", "huggingface/models"),
    "observatory top, 1,000 rows since the first list": (
        DONE, "top", "huggingface/models", "--limit", "1000", "--since", "2026-01-05",
    ),
}  # fmt: skip


def main() -> None:
    """Print the tables."""
    options = make_parser(__doc__, lists=134, size=15_000, packages=41_000, turns=7).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "observatory.db"
        build_store(store, options.lists, options.size, options.packages)
        listed = options.lists * options.size
        size = store.stat().st_size
        queries = {name: measure_query(store, query, options.turns) for name, query in QUERIES.items()}
        commands = {
            name: measure_command(store, code, words, options.turns) for name, (code, *words) in COMMANDS.items()
        }
    print(f"{listed:,} ranking rows: {size:,} bytes")
    head = ("wall s", "min", "median", "max")
    print_table("Queries of v1_ranking", head, [(name, *format_spread(times)) for name, times in queries.items()])
    rows = [(name, *format_spread(wall), format_spread(cpu)[1]) for name, (wall, cpu) in commands.items()]
    print_table("Commands, each in a new process", (*head, "CPU s"), rows)


def build_store(path: Path, lists: int, size: int, packages: int) -> None:
    """Write the lists of consecutive days."""
    with open_for_writing(path) as database:
        store = Store(database)
        for day, rows in enumerate(generate_lists(lists, size, packages)):
            save_list(store, FIRST_DAY + day * SECONDS_PER_DAY, rows)


def generate_lists(lists: int, size: int, packages: int) -> Iterator[list[Observation]]:
    """Yield the list of each day. Downloads drift. One package in a thousand is renamed at half time."""
    generator = np.random.default_rng(1)
    level = np.log(1e8) - 1.1 * np.log1p(np.arange(packages))
    for day in range(lists):
        level += generator.normal(0, 0.03, packages)
        order = np.argsort(-level, kind="stable")[:size]
        downloads = np.exp(level[order]).astype(np.int64).tolist()
        yield [
            make_observation(package, value, is_late=day * 2 >= lists)
            for package, value in zip(order.tolist(), downloads, strict=True)
        ]


def make_observation(package: int, downloads: int, is_late: bool) -> Observation:
    """Return the row of a package. Every third package is made from the base."""
    old = "-old" if package % 1000 == 7 and not is_late else ""
    return Observation(
        f"{package:024x}",
        f"owner-{package % 997}/model-{package}{old}",
        downloads=downloads,
        likes=downloads % 1000,
        parents=(Parent(f"owner-{BASE}/model-{BASE}", "finetune"),) if package % 3 == 1 else (),
    )


def save_list(store: Store, at: int, rows: Sequence[Observation]) -> None:
    """Save a complete list of one page."""
    spec = SnapshotSpec(MODELS, "downloads", "last-30-days", len(rows), "a benchmark", "generated", at, at)
    snapshot = store.begin_snapshot(spec)
    page = Page("ranking", "https://hub.example", at, 200, 1, "0" * 64, {}, len(rows), observations=tuple(rows))
    store.save_page(snapshot, page)
    store.end_snapshot(snapshot, "complete", PASSED, None, at)


def measure_query(path: Path, query: str, turns: int) -> list[float]:
    """Return the wall seconds of a query, each time on a new connection."""

    def run() -> None:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            connection.execute(query).fetchall()

    return measure_wall(run, turns)


def measure_command(path: Path, code: int, words: Sequence[str], turns: int) -> tuple[list[float], list[float]]:
    """Return the wall and the CPU seconds of a command that ends with an exit code, each time in a new process."""
    command = [sys.executable, "-m", "schedules.cli", *words, "--db", str(path)]
    cpu: list[float] = []

    def run() -> None:
        before = os.times()
        assert subprocess.run(command, check=False, capture_output=True).returncode == code, command
        after = os.times()
        cpu.append(sum(after[2:4]) - sum(before[2:4]))

    return measure_wall(run, turns), cpu


def measure_wall(run: Callable[[], object], turns: int) -> list[float]:
    """Return the wall seconds of each run."""
    times = []
    for _ in range(turns):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return times


if __name__ == "__main__":
    main()

"""`python -m benchmarks.imports`: the seconds to import many past lists, by one command for each kind of list.

The generated lists have the number and the sizes of the public lists that this project was tried on: 118 of a top 5,000
with ranks and counts, 6 of ranks alone, 3 of a whole registry, and 7 of a top 530. Each kind is one process, as a
person types it. `again` is the same line once more, when every file is stored. `processor` is the time of the processes
alone. `wall` includes other processes and the wait for the disk.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from benchmarks.timing import print_table

ROOT = Path(__file__).resolve().parent.parent
FIRST_DAY = date(2022, 9, 1)
CHURN = 0.02  # share of a list that is replaced from one list to the next


@dataclass(frozen=True)
class ListKind:
    """Lists of one registry: how many rows each list has, the days between them, and their columns."""

    registry: str
    sizes: tuple[int, ...]
    days_apart: int
    has_ranks: bool
    has_counts: bool

    @property
    def options(self) -> list[str]:
        """The options of the command for these lists."""
        columns = ["--id", "name"]
        columns += ["--rank", "rank"] if self.has_ranks else []
        columns += ["--value", "count"] if self.has_counts else []
        return ["--registry", self.registry, "--counter", "last-30-days", *columns]


KINDS = (
    ListKind("pypi", (5000,) * 118, 7, True, True),
    ListKind("npm", (4700,) * 6, 60, True, False),
    ListKind("huggingface/models", (10_000, 29_000, 55_000, *(530,) * 7), 30, False, True),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Generate the lists, import them twice, and print the seconds."""
    parser = argparse.ArgumentParser("python -m benchmarks.imports", description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="share of the lists and of their rows (default: 1)")
    share = parser.parse_args(argv).share
    with tempfile.TemporaryDirectory() as name:
        rows = [measure_kind(kind, Path(name), share) for kind in KINDS]
    numbers = [*rows, ("all", *(sum(column) for column in zip(*(row[1:] for row in rows), strict=True)))]
    lines = [(row[0], row[1], f"{row[2]:,}", *(f"{seconds:.1f}" for seconds in row[3:])) for row in numbers]
    head = ("registry", "lists", "rows", "wall", "processor", "again, wall", "again, processor")
    print_table("Seconds", head, lines)
    return 0


def measure_kind(kind: ListKind, folder: Path, share: float) -> tuple[str, int, int, float, float, float, float]:
    """Return a registry, the number of its lists and rows, and the seconds of the first and of the second import."""
    sizes = [max(20, int(size * share)) for size in kind.sizes[: max(2, int(len(kind.sizes) * share))]]
    files = [str(path) for path in write_lists(kind, sizes, folder)]
    command = [sys.executable, "-m", "schedules.cli", "crawl", "import", "csv", *files, "--date-from-name", "--quiet"]
    command += [*kind.options, "--db", str(folder / "store.db")]
    return kind.registry, len(files), sum(sizes), *measure_command(command), *measure_command(command)


def measure_command(command: Sequence[str]) -> tuple[float, float]:
    """Run a command and return its seconds of wall and of processor time."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, processor


def write_lists(kind: ListKind, sizes: Sequence[int], folder: Path) -> Iterator[Path]:
    """Write lists whose names have their dates, each a little different from the list before."""
    seeded = random.Random(len(sizes))
    names = [f"package-{number}" for number in range(max(sizes))]
    for number, size in enumerate(sizes):
        for position in seeded.sample(range(len(names)), int(CHURN * len(names))):
            names[position] = f"package-{number}-{position}"
        day = FIRST_DAY + timedelta(days=number * kind.days_apart)
        path = folder / f"{kind.registry.replace('/', '-')}_{day}.csv.gz"
        path.write_bytes(gzip.compress("\n".join(make_rows(kind, names[:size], number)).encode(), 1))
        yield path


def make_rows(kind: ListKind, names: Sequence[str], number: int) -> Iterator[str]:
    """Yield the lines of one list, with the columns of its kind."""
    yield ",".join(["rank"] * kind.has_ranks + ["name"] + ["count"] * kind.has_counts)
    for rank, name in enumerate(names, 1):
        cells = [str(rank)] * kind.has_ranks + [name]
        yield ",".join([*cells, str(10**9 // rank + number)] if kind.has_counts else cells)


if __name__ == "__main__":
    sys.exit(main())

"""A first and a second census at several sizes, in a process of their own: CPU, peak memory and bytes at rest.

The pages come through a pipe, so that their making is not in the figures.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.ingest import ROWS, store_census
from benchmarks.population import encode_page, generate_days
from benchmarks.timing import make_parser, print_table
from db.census.writer import CensusStore
from db.connection import open_for_writing

STEADY = 100  # pages, from which on memory should be flat


def main() -> None:
    """Print the table, or be the process that takes a census from its standard input."""
    made = make_parser(__doc__)
    made.add_argument("--sizes", type=int, nargs="+", default=[30_000, 300_000], help="default: 30000 300000")
    made.add_argument("--take", type=Path, help="take a census of the pages on stdin into this store")
    options = made.parse_args()
    if options.take:
        taken(options.take)
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes:
            rows += measured(Path(folder) / f"{size}.db", size)
    print_table("Censuses at several sizes", ("", "packages", "CPU s", "models a CPU s", "MB at page 100", "at the last page",
                                        "at most", "bytes at rest a package"), rows)  # fmt: skip


def measured(path: Path, size: int) -> Iterator[tuple[object, ...]]:
    """The lines of one size."""
    for name, day in zip(("first", "second"), generate_days(size, 2), strict=True):
        line = [sys.executable, "-m", "benchmarks.scale", "--take", str(path)]
        with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert child.stdin and child.stdout
            for start in range(0, len(day.packages), ROWS):
                page = encode_page(day, start, start + ROWS)
                child.stdin.write(len(page).to_bytes(8, "little") + page)
            child.stdin.close()
            seconds, *megabytes = child.stdout.read().decode().split()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        packages = len(day.packages)
        yield (name, f"{packages:,}", f"{float(seconds):.1f}", f"{packages / float(seconds):,.0f}", *megabytes,
               f"{path.stat().st_size / packages:.0f}")  # fmt: skip


def taken(path: Path) -> None:
    """Take one census of the pages on stdin; say what it took."""
    held: list[int] = []

    with open_for_writing(path) as database:
        began = time.process_time()
        store_census(CensusStore(database), pages_on_stdin(), lambda number: held.append(peak_memory()))
        took = time.process_time() - began
    print(f"{took:.3f}", held[: STEADY + 1][-1], held[-1], peak_memory())


def peak_memory() -> int:
    """The most this process has held, in MB; `getrusage` would tell the parent's, if that is more."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def pages_on_stdin() -> Iterator[bytes]:
    """Each page, after its length."""
    while head := sys.stdin.buffer.read(8):
        yield sys.stdin.buffer.read(int.from_bytes(head, "little"))


if __name__ == "__main__":
    main()

"""CPU, peak memory and bytes at rest of a first and a second census at several sizes, each in a separate process.

The pages come through a pipe, so that generating them is not measured.
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

HEADER = (
    "", "packages", "CPU s", "models a CPU s", "MB at page 100", "at the last page", "at most",
    "bytes at rest a package",
)  # fmt: skip
STEADY_PAGE = 100  # the page from which on memory should be constant


def main() -> None:
    """Print the table, or be the process that stores a census from its standard input."""
    parser = make_parser(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[30_000, 300_000], help="default: 30000 300000")
    parser.add_argument("--take", type=Path, help="store a census of the pages on stdin in this file")
    options = parser.parse_args()
    if options.take:
        store_from_stdin(options.take)
        return
    rows: list[tuple[object, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes:
            rows += measure_size(Path(folder) / f"{size}.db", size)
    print_table("Censuses at several sizes", HEADER, rows)


def measure_size(path: Path, size: int) -> Iterator[tuple[object, ...]]:
    """Yield the rows of one size."""
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


def store_from_stdin(path: Path) -> None:
    """Store one census of the pages on stdin, and print its CPU seconds and its memory."""
    memory: list[int] = []

    with open_for_writing(path) as database:
        start = time.process_time()
        store_census(CensusStore(database), read_pages(), lambda number: memory.append(read_peak_memory()))
        seconds = time.process_time() - start
    print(f"{seconds:.3f}", memory[: STEADY_PAGE + 1][-1], memory[-1], read_peak_memory())


def read_peak_memory() -> int:
    """Return the peak memory of this process in MB, because `getrusage` may return that of the parent."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def read_pages() -> Iterator[bytes]:
    """Yield each page of the standard input, where its length comes first."""
    while head := sys.stdin.buffer.read(8):
        yield sys.stdin.buffer.read(int.from_bytes(head, "little"))


if __name__ == "__main__":
    main()

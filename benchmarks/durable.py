"""Make a decoded census durable: CPU seconds from its columns to the commit, compared with plain rows of integers.

The peer does not need the previous census, while ours writes the differences from it. In the first lines
the previous census is in memory. In the next lines it is read from its blocks. In the last lines the new census is read
from its staged pages too, which are then removed, as at the end of a crawl.
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from benchmarks.ingest import ROWS
from benchmarks.population import Day, generate_days
from benchmarks.storage import begin_census
from benchmarks.timing import format_spread, make_parser, print_table
from db.census.history import KEYFRAME_INTERVAL, iter_blocks, write_blocks, write_census
from db.census.staging import load_staged
from db.connection import open_for_writing

IN_HAND, READ_BACK, AS_A_CRAWL = "previous census in memory", "previous census read", "as a crawl ends"


def main() -> None:
    """Print the table."""
    options = make_parser(__doc__, packages=300_000, days=KEYFRAME_INTERVAL).parse_args()
    times_by_way: dict[str, list[float]] = {IN_HAND: [], READ_BACK: [], AS_A_CRAWL: []}
    peer_times = []
    with tempfile.TemporaryDirectory() as name, open_for_writing(Path(name) / "census.db") as database:
        connection = database.conn
        connection.execute("INSERT INTO registry (registry_id, name, service) VALUES (1, 'x', 'huggingface')")
        for table in ("observation_block", "census"):  # each census is written three times
            connection.execute(f"DROP TRIGGER {table}_removed")
        for number, day in enumerate(generate_days(options.packages, options.days), 1):
            begin_census(connection, number, day, ROWS)
            for way, seconds in measure_ways(connection, number).items():
                times_by_way[way].append(seconds)
            if number % 8 == 1:
                peer_times.append(write_narrow_rows(Path(name) / f"{number}.db", day))
    peer_median = statistics.median(peer_times)
    ways = {"ours: whole blocks, the first of a chain": times_by_way[IN_HAND][:1]}
    ways |= {f"ours: differences, {way}": seconds[1:] for way, seconds in times_by_way.items()}
    ways["executemany of narrow rows, WITHOUT ROWID"] = peer_times
    rows = [
        (way, *format_spread(times), f"{peer_median / statistics.median(times):.1f}") for way, times in ways.items()
    ]
    head = ("CPU s", "min", "median", "max", "x less")
    print_table(f"A census of {options.packages:,}, from columns to the commit", head, rows)


def measure_ways(connection: sqlite3.Connection, number: int) -> dict[str, float]:
    """Write an open census in each way, keep the last, and return the CPU seconds of each."""
    columns, before = load_staged(connection, number), list(iter_blocks(connection, number - 1, 1))
    arguments = (*columns, (number - 1) % KEYFRAME_INTERVAL)
    seconds = {
        IN_HAND: measure_transaction(
            connection, partial(write_blocks, connection, (1, number), iter(before), *arguments)
        )
    }
    delete_census(connection, number)
    seconds[READ_BACK] = measure_transaction(
        connection, lambda: write_blocks(connection, (1, number), iter_blocks(connection, number - 1, 1), *arguments)
    )
    delete_census(connection, number)
    return seconds | {AS_A_CRAWL: measure_transaction(connection, partial(write_census, connection, number))}


def measure_transaction(connection: sqlite3.Connection, act: Callable[[], object]) -> float:
    """Do something in a transaction, and return the CPU seconds."""
    start = time.process_time()
    connection.execute("BEGIN IMMEDIATE")
    act()
    connection.execute("COMMIT")
    return time.process_time() - start


def delete_census(connection: sqlite3.Connection, number: int) -> None:
    """Delete the blocks of a census, to write them again."""
    connection.execute("DELETE FROM observation_block WHERE snapshot_id = ?", (number,))
    connection.execute("DELETE FROM census WHERE snapshot_id = ?", (number,))


def write_narrow_rows(path: Path, day: Day) -> float:
    """Write the same census as rows, and return the CPU seconds."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE o (s INT, p INT, d INT, l INT, PRIMARY KEY (s, p)) WITHOUT ROWID")
        columns = [column.tolist() for column in (day.packages, day.downloads, day.likes)]
        start = time.process_time()
        with connection:
            connection.executemany("INSERT INTO o VALUES (1, ?, ?, ?)", zip(*columns, strict=True))
        return time.process_time() - start


if __name__ == "__main__":
    main()

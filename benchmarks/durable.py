"""Make a decoded census durable: CPU seconds from its columns to the commit, beside plain rows of integers.

The peer has no use for the census before. Ours writes what differs from it: that census is in hand in the first lines,
is read out of its blocks in the next, and in the last the new one is read from its staged pages too, which are removed,
as a crawl ends.
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

IN_HAND, READ, ENDS = "the census before in hand", "that is read", "as a crawl ends"


def main() -> None:
    """Print the table."""
    options = make_parser(__doc__, packages=300_000, days=KEYFRAME_INTERVAL).parse_args()
    ours: dict[str, list[float]] = {IN_HAND: [], READ: [], ENDS: []}
    theirs = []
    with tempfile.TemporaryDirectory() as name, open_for_writing(Path(name) / "census.db") as database:
        connection = database.conn
        connection.execute("INSERT INTO registry (registry_id, name, service) VALUES (1, 'x', 'huggingface')")
        for table_ in ("observation_block", "census"):  # each census is written three times
            connection.execute(f"DROP TRIGGER {table_}_removed")
        for number, day in enumerate(generate_days(options.packages, options.days), 1):
            begin_census(connection, number, day, ROWS)
            for way, seconds in made_durable(connection, number).items():
                ours[way].append(seconds)
            if number % 8 == 1:
                theirs.append(narrow(Path(name) / f"{number}.db", day))
    least = statistics.median(theirs)
    ways = {"ours: whole blocks, the first of a chain": ours[IN_HAND][:1]}
    ways |= {f"ours: differences, {way}": seconds[1:] for way, seconds in ours.items()}
    ways["executemany of narrow rows, WITHOUT ROWID"] = theirs
    rows = [(way, *format_spread(took), f"{least / statistics.median(took):.1f}") for way, took in ways.items()]
    head = ("CPU s", "min", "median", "max", "x less")
    print_table(f"A census of {options.packages:,}, from columns to the commit", head, rows)


def made_durable(connection: sqlite3.Connection, number: int) -> dict[str, float]:
    """Write an open census in each way, the last of which stays; CPU seconds."""
    columns, before = load_staged(connection, number), list(iter_blocks(connection, number - 1, 1))
    rest = (*columns, (number - 1) % KEYFRAME_INTERVAL)
    seconds = {IN_HAND: transaction(connection, partial(write_blocks, connection, (1, number), iter(before), *rest))}
    forget(connection, number)
    seconds[READ] = transaction(
        connection, lambda: write_blocks(connection, (1, number), iter_blocks(connection, number - 1, 1), *rest)
    )
    forget(connection, number)
    return seconds | {ENDS: transaction(connection, partial(write_census, connection, number))}


def transaction(connection: sqlite3.Connection, act: Callable[[], object]) -> float:
    """Do something in a transaction; CPU seconds."""
    began = time.process_time()
    connection.execute("BEGIN IMMEDIATE")
    act()
    connection.execute("COMMIT")
    return time.process_time() - began


def forget(connection: sqlite3.Connection, number: int) -> None:
    """Take back the blocks of a census, to write them once more."""
    connection.execute("DELETE FROM observation_block WHERE snapshot_id = ?", (number,))
    connection.execute("DELETE FROM census WHERE snapshot_id = ?", (number,))


def narrow(path: Path, day: Day) -> float:
    """The same census as rows; CPU seconds."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE o (s INT, p INT, d INT, l INT, PRIMARY KEY (s, p)) WITHOUT ROWID")
        columns = [column.tolist() for column in (day.packages, day.downloads, day.likes)]
        began = time.process_time()
        with connection:
            connection.executemany("INSERT INTO o VALUES (1, ?, ?, ?)", zip(*columns, strict=True))
        return time.process_time() - began


if __name__ == "__main__":
    main()

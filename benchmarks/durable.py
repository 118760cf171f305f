"""Make a decoded census durable: CPU seconds from its columns to the commit, beside plain rows of integers."""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

from benchmarks.population import Day, days
from benchmarks.storage import begun
from benchmarks.timing import parser, spread, table
from db.census import WHOLE_EVERY, assemble
from db.connect import writing


def main() -> None:
    """Print the table."""
    options = parser(__doc__, packages=300_000, days=WHOLE_EVERY).parse_args()
    ours: list[float] = []
    theirs: list[float] = []
    with tempfile.TemporaryDirectory() as name, writing(Path(name) / "census.db") as database:
        connection = database.conn
        connection.execute("INSERT INTO registry (registry_id, name, service) VALUES (1, 'x', 'huggingface')")
        for number, day in enumerate(days(options.packages, options.days), 1):
            begun(connection, number, day)
            began = time.process_time()
            with connection:
                assemble(connection, number)
            ours.append(time.process_time() - began)
            if number % 8 == 1:
                theirs.append(narrow(Path(name) / f"{number}.db", day))
    least = statistics.median(theirs)
    ways = {
        "ours: whole blocks, the first of a chain": ours[:1],
        "ours: the second to the eighth of a chain": ours[1:8],
        "ours: the last eight of a chain": ours[-8:],
        "executemany of narrow rows, WITHOUT ROWID": theirs,
    }
    rows = [(way, *spread(took), f"{least / statistics.median(took):.1f}") for way, took in ways.items()]
    table(f"A census of {options.packages:,}, from columns to the commit", ("CPU s", "min", "median", "max",
                                                                            "x less"), rows)  # fmt: skip


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

"""Read one past census as a frame, and one package's whole series: wall seconds, beside rows of integers."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas

from analysis.compute.relations import load_relation
from benchmarks.population import generate_days
from benchmarks.storage import begin_census
from benchmarks.timing import format_spread, make_parser, print_table
from db.census.history import KEYFRAME_INTERVAL, load_series, write_census
from db.connection import open_for_reading, open_for_writing


def main() -> None:
    """Print the table."""
    options = make_parser(
        __doc__, packages=300_000, days=KEYFRAME_INTERVAL, series=365, series_packages=65_000, turns=5
    ).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        last = fill(folder / "census.db", options.packages, options.days)
        fill(folder / "series.db", options.series_packages, options.series)
        narrow(folder / "narrow.db", last)
        ways = {
            "ours: the last of a chain, the slowest to read": lambda: ours(folder / "census.db", options.days),
            "ours: the first of a chain, whole blocks": lambda: ours(folder / "census.db", 1),
            "pandas read_sql of narrow rows": lambda: read_sql(folder / "narrow.db"),
            f"ours: one package over {options.series} censuses": lambda: one(
                folder / "series.db", options.series_packages // 2
            ),
        }
        rows = [(name, *timed(way, options.turns)) for name, way in ways.items()]
    title = f"A past census of {options.packages:,} packages, {options.days} censuses to a chain"
    print_table(title, ("wall s", "min", "median", "max"), rows)


def fill(path: Path, packages: int, count: int) -> list[np.ndarray]:
    """A store with that many censuses; the columns of the last."""
    with open_for_writing(path) as database:
        connection = database.conn
        connection.execute("INSERT INTO registry (registry_id, name, service) VALUES (1, 'x', 'huggingface')")
        for number, day in enumerate(generate_days(packages, count)):
            begin_census(connection, number + 1, day)
            connection.execute("BEGIN")
            write_census(connection, number + 1)
            connection.execute("COMMIT")
        connection.execute(
            "INSERT INTO package (package_id, registry_id, key, name, name_hash, first_seen_at, seen_at)"
            " VALUES (?, 1, 'x', 'x', 0, 0, 0)",
            (packages // 2,),
        )
    return [day.packages, day.downloads, day.likes]


def narrow(path: Path, columns: list[np.ndarray]) -> None:
    """The last census as rows."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE o (s INT, p INT, d INT, l INT, PRIMARY KEY (s, p)) WITHOUT ROWID")
        said = zip(*(column.tolist() for column in columns), strict=True)
        connection.executemany("INSERT INTO o VALUES (1, ?, ?, ?)", said)


def ours(path: Path, snapshot: int) -> int:
    """One census as the relation that metrics read."""
    with open_for_reading(path) as connection:
        return len(load_relation(connection, snapshot, "census"))


def read_sql(path: Path) -> int:
    """The usual way."""
    with closing(sqlite3.connect(path)) as connection:
        return len(pandas.read_sql("SELECT p, d, l FROM o WHERE s = 1", connection))


def one(path: Path, package: int) -> int:
    """One package's series."""
    with open_for_reading(path) as connection:
        return len(load_series(connection, package))


def timed(way: Callable[[], int], turns: int) -> tuple[str, str, str]:
    """Least, median and most wall seconds of a way that gives something."""
    took = []
    for _ in range(turns):
        began = time.perf_counter()
        assert way()
        took.append(time.perf_counter() - began)
    return format_spread(took)


if __name__ == "__main__":
    main()

"""Read one past census as a frame, and the series of one package: wall seconds, compared with rows of integers."""

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
        columns = build_store(folder / "census.db", options.packages, options.days)
        build_store(folder / "series.db", options.series_packages, options.series)
        write_narrow_rows(folder / "narrow.db", columns)
        ways = {
            "ours: the last of a chain, the slowest to read": lambda: read_census(folder / "census.db", options.days),
            "ours: the first of a chain, whole blocks": lambda: read_census(folder / "census.db", 1),
            "pandas read_sql of narrow rows": lambda: read_with_pandas(folder / "narrow.db"),
            f"ours: one package over {options.series} censuses": lambda: read_series(
                folder / "series.db", options.series_packages // 2
            ),
        }
        rows = [(name, *measure_wall(way, options.turns)) for name, way in ways.items()]
    title = f"A past census of {options.packages:,} packages, {options.days} censuses to a chain"
    print_table(title, ("wall s", "min", "median", "max"), rows)


def build_store(path: Path, packages: int, count: int) -> list[np.ndarray]:
    """Build a store with this number of censuses, and return the columns of the last census."""
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


def write_narrow_rows(path: Path, columns: list[np.ndarray]) -> None:
    """Write the last census as rows."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE o (s INT, p INT, d INT, l INT, PRIMARY KEY (s, p)) WITHOUT ROWID")
        rows = zip(*(column.tolist() for column in columns), strict=True)
        connection.executemany("INSERT INTO o VALUES (1, ?, ?, ?)", rows)


def read_census(path: Path, snapshot: int) -> int:
    """Read one census as the relation for metrics, and return its size."""
    with open_for_reading(path) as connection:
        return len(load_relation(connection, snapshot, "census"))


def read_with_pandas(path: Path) -> int:
    """Read one census the usual way, and return its size."""
    with closing(sqlite3.connect(path)) as connection:
        return len(pandas.read_sql("SELECT p, d, l FROM o WHERE s = 1", connection))


def read_series(path: Path, package: int) -> int:
    """Read the series of one package, and return its length."""
    with open_for_reading(path) as connection:
        return len(load_series(connection, package))


def measure_wall(way: Callable[[], int], turns: int) -> tuple[str, str, str]:
    """Return the minimum, median and maximum of the wall seconds of a way that returns rows."""
    times = []
    for _ in range(turns):
        start = time.perf_counter()
        assert way()
        times.append(time.perf_counter() - start)
    return format_spread(times)


if __name__ == "__main__":
    main()

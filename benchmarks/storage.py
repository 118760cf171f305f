"""The size of thirty censuses at rest, compared with the usual ways to store them and the entropy of the changes."""

from __future__ import annotations

import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet

from benchmarks.population import Day, change_entropy, changed_share, generate_days, make_package_id
from benchmarks.timing import make_parser, print_table
from db.census.history import load_counters, write_census
from db.census.staging import encode_page
from db.connection import open_for_reading, open_for_writing
from db.database import Database

SAMPLE_DAYS = 3  # censuses that are stored in the ways in which every census has the same size


def main() -> None:
    """Print the table."""
    options = make_parser(__doc__, packages=300_000, days=30, top=15_000, top_days=30, git_packages=30_000).parse_args()
    history = list(generate_days(options.packages, options.days))
    rows = sum(len(day.packages) for day in history)
    share = np.mean([changed_share(before, after) for before, after in pairwise(history)])
    floor = change_entropy(history)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        blocks = measure_blocks(folder / "blocks.db", history) / rows
        sizes = [
            ("order-1 entropy of the changes (floor)", floor),
            ("ours: blocks in SQLite, its overhead included", blocks),
            (
                "Parquet for each day, integers by popularity, DELTA, zstd 9",
                measure_parquet(folder, history, True) / rows,
            ),
            ("Parquet for each day, text names, zstd", measure_parquet(folder, history, False) / rows),
            ("narrow integer rows, WITHOUT ROWID", measure_narrow_rows(folder / "narrow.db", history)),
            ("sqlite-utils, text keys, two indexes", measure_text_rows(folder / "text.db", history)),
            (
                "git: a file for each day, repacked",
                measure_git(folder / "git", generate_days(options.git_packages, options.days)),
            ),
        ]
        lines = [(name, f"{size:.3f}", f"{size / floor:.2f}", f"{size / blocks:,.1f}") for name, size in sizes]
        title = f"{options.days} censuses of {options.packages:,} packages; {share:.1%} of the downloads change"
        print_table(title, ("", "bytes a package and census", "x floor", "x ours"), lines)
        rows_size, index_size = measure_ranking(folder / "ranking.db", options.top, options.top_days)
        print_table(
            f"A daily top {options.top:,}",
            ("", "bytes an entry"),
            [("ours: plain rows", f"{rows_size:.1f}"), ("and their index by package", f"{index_size:.1f}")],
        )


def measure_blocks(path: Path, history: Sequence[Day]) -> int:
    """Write and verify our blocks of a history, and return their size without the schema."""
    with open_for_writing(path) as database:
        connection = database.conn
        connection.execute("INSERT INTO registry (registry_id, name, service) VALUES (1, 'x', 'huggingface')")
        for number, day in enumerate(history):
            begin_census(connection, number + 1, day)
            with connection:
                write_census(connection, number + 1)
    with open_for_reading(path) as connection:
        for number in range(0, len(history), 7):
            counters = load_counters(connection, number + 1)
            assert np.array_equal(counters["package"], history[number].packages + 1)
            assert np.array_equal(counters["downloads"], history[number].downloads)
            assert np.array_equal(counters["likes"], history[number].likes)
    return measure_deletion(path, "DELETE FROM observation_block")


def begin_census(connection: sqlite3.Connection, snapshot: int, day: Day, rows: int = 10**9) -> None:
    """Add an open census, completely staged, in pages of this number of rows."""
    connection.execute(
        "INSERT INTO snapshot (snapshot_id, registry_id, kind, ordered_by, counter, origin, source, date_evidence,"
        " settings, taken_at, started_at) VALUES (?, 1, 'full', 'downloads', 'x', 'crawl', '', '', '{}', ?, ?)",
        (snapshot, snapshot, snapshot),
    )
    for page, start in enumerate(range(0, len(day.packages), rows)):
        part = slice(start, start + rows)
        numbers, downloads, likes = (column[part].tolist() for column in (day.packages + 1, day.downloads, day.likes))
        content = encode_page(numbers, (downloads, likes, [None] * len(numbers)))
        connection.execute("INSERT INTO census_page VALUES (?, ?, '', '{}', ?)", (snapshot, page, content))


def measure_deletion(path: Path, deletion: str) -> int:
    """Return by how much a statement that deletes shrinks a file, measured without free pages."""
    sizes = []
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{trigger}"')
        for statement in ("SELECT 1", deletion):
            connection.execute(statement)
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            sizes.append(path.stat().st_size)
    return sizes[0] - sizes[1]


def measure_parquet(folder: Path, history: Sequence[Day], is_tuned: bool) -> int:
    """Return the size of one Parquet file for each census."""
    popular = np.argsort(-history[-1].downloads, kind="stable")
    popularity = np.full(int(history[-1].packages.max()) + 1, len(popular), np.int64)
    popularity[history[-1].packages[popular]] = np.arange(len(popular))
    size = 0
    for day in history if is_tuned else history[:SAMPLE_DAYS]:
        ids = popularity[day.packages]
        order = np.argsort(ids, kind="stable") if is_tuned else np.arange(len(ids))
        names = ids[order] if is_tuned else [make_package_id(package) for package in day.packages.tolist()]
        columns = {"package": names, "downloads": day.downloads[order], "likes": day.likes[order]}
        file = folder / "day.parquet"
        encoding = dict.fromkeys(columns, "DELTA_BINARY_PACKED")
        tuning = {"use_dictionary": False, "column_encoding": encoding, "compression_level": 9} if is_tuned else {}
        pyarrow.parquet.write_table(pyarrow.table(columns), file, compression="zstd", **tuning)
        size += file.stat().st_size
    return size if is_tuned else size * len(history) // SAMPLE_DAYS


def measure_narrow_rows(path: Path, history: Sequence[Day]) -> float:
    """Store integers by snapshot and package, and return the bytes for each row."""
    rows = 0
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE o (s INTEGER, p INTEGER, d INTEGER, l INTEGER, PRIMARY KEY (s, p)) WITHOUT ROWID"
        )
        for number, day in enumerate(history[:SAMPLE_DAYS]):
            counters = zip(day.packages.tolist(), day.downloads.tolist(), day.likes.tolist(), strict=True)
            connection.executemany("INSERT INTO o VALUES (?, ?, ?, ?)", [(number, *row) for row in counters])
            rows += len(day.packages)
    return path.stat().st_size / rows


def measure_text_rows(path: Path, history: Sequence[Day]) -> float:
    """Store names and dates as text in every row, the obvious way, and return the bytes for each row."""
    database, rows = Database(path), 0
    for number, day in enumerate(history[:SAMPLE_DAYS]):
        counters = zip(day.packages.tolist(), day.downloads.tolist(), day.likes.tolist(), strict=True)
        date = f"2026-01-{number + 1:02d}"
        database.table("observation").insert_all(
            (
                {"id": f"owner{p % 9973}/model-{p}-7B-Instruct", "date": date, "downloads": d, "likes": k}
                for p, d, k in counters
            ),
            batch_size=5000,
        )
        rows += len(day.packages)
    database.table("observation").create_index(["id"])
    database.table("observation").create_index(["date"])
    database.close()
    return path.stat().st_size / rows


def measure_git(path: Path, history: Iterator[Day]) -> float:
    """Commit a text file every day, repack at the end, and return the bytes for each package and census."""
    path.mkdir()
    rows = 0
    run_git(path, "init", "-q")
    for number, day in enumerate(history):
        counters = zip(day.packages.tolist(), day.downloads.tolist(), day.likes.tolist(), strict=True)
        (path / "models.csv").write_text("".join(f"{make_package_id(p)},{d},{k}\n" for p, d, k in counters))
        run_git(path, "add", "models.csv")
        run_git(path, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", str(number))
        rows += len(day.packages)
    run_git(path, "gc", "-q", "--aggressive")
    return sum(file.stat().st_size for file in (path / ".git" / "objects" / "pack").iterdir()) / rows


def run_git(path: Path, *words: str) -> None:
    """Run a git command."""
    subprocess.run(["git", "-C", str(path), *words], check=True, capture_output=True)


def measure_ranking(path: Path, top: int, count: int) -> tuple[float, float]:
    """Return the bytes for each entry of our plain rows, and of their index by package."""
    with open_for_writing(path) as database:
        connection = database.conn
        connection.execute("INSERT INTO registry (registry_id, name, service) VALUES (1, 'x', 'huggingface')")
        connection.execute("PRAGMA foreign_keys = OFF")
        for number, day in enumerate(generate_days(top * 4, count)):
            connection.execute(
                "INSERT INTO snapshot (snapshot_id, registry_id, kind, k, ordered_by, counter, origin, source,"
                " date_evidence, settings, taken_at, started_at)"
                " VALUES (?, 1, 'top', ?, 'downloads', 'x', 'crawl', '', '', '{}', 0, 0)",
                (number, top),
            )
            best = np.argsort(-day.downloads, kind="stable")[:top]
            counters = zip(range(1, top + 1), day.packages[best].tolist(), day.downloads[best].tolist(),
                       day.likes[best].tolist(), strict=True)  # fmt: skip
            connection.execute("BEGIN")
            connection.executemany(
                "INSERT INTO ranking (snapshot_id, rank, package_id, page, downloads, likes) VALUES (?, ?, ?, 0, ?, ?)",
                [(number, *row) for row in counters],
            )
            connection.execute("COMMIT")
    index = measure_deletion(path, "DROP INDEX ranking_package")
    return measure_deletion(path, "DELETE FROM ranking") / top / count, index / top / count


if __name__ == "__main__":
    main()

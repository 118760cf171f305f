"""What thirty censuses take at rest, beside the usual ways to keep them and beside the entropy of what changed."""

from __future__ import annotations

import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
from sqlite_utils import Database

from benchmarks.population import Day, change_entropy, changed_share, generate_days, make_package_id
from benchmarks.timing import make_parser, print_table
from db.census.history import load_counters, write_census
from db.census.staging import encode_page
from db.connection import open_for_reading, open_for_writing

SAMPLE = 3  # censuses that ways are measured on whose every census takes the same room


def main() -> None:
    """Print the table."""
    options = make_parser(__doc__, packages=300_000, days=30, top=15_000, top_days=30, git_packages=30_000).parse_args()
    history = list(generate_days(options.packages, options.days))
    rows = sum(len(day.packages) for day in history)
    share = np.mean([changed_share(one, two) for one, two in zip(history, history[1:], strict=False)])
    floor = change_entropy(history)
    with tempfile.TemporaryDirectory() as folder:
        ours = blocks(Path(folder) / "ours.db", history) / rows
        other = Path(folder)
        found = [
            ("order-1 entropy of the changes (floor)", floor),
            ("ours: blocks in SQLite, its overhead included", ours),
            ("Parquet for each day, integers by popularity, DELTA, zstd 9", parquet(other, history, True) / rows),
            ("Parquet for each day, text names, zstd", parquet(other, history, False) / rows),
            ("narrow integer rows, WITHOUT ROWID", narrow(other / "narrow.db", history)),
            ("sqlite-utils, text keys, two indexes", text_rows(other / "text.db", history)),
            (
                "git: a file for each day, repacked",
                git(other / "git", generate_days(options.git_packages, options.days)),
            ),
        ]
        lines = [(name, f"{size:.3f}", f"{size / floor:.2f}", f"{size / ours:,.1f}") for name, size in found]
        title = f"{options.days} censuses of {options.packages:,} packages; {share:.1%} of the downloads change"
        print_table(title, ("", "bytes a package and census", "x floor", "x ours"), lines)
        entry = ranking(Path(folder) / "ranking.db", options.top, options.top_days)
        print_table(f"A daily top {options.top:,}", ("", "bytes an entry"), [
            ("ours: plain rows", f"{entry[0]:.1f}"), ("and their index by package", f"{entry[1]:.1f}"),
        ])  # fmt: skip


def blocks(path: Path, history: Sequence[Day]) -> int:
    """The size of our blocks of a history, verified; nothing else is in the file but the schema."""
    with open_for_writing(path) as database:
        connection = database.conn
        connection.execute("INSERT INTO registry (registry_id, name, service) VALUES (1, 'x', 'huggingface')")
        for number, day in enumerate(history):
            begin_census(connection, number + 1, day)
            with connection:
                write_census(connection, number + 1)
    with open_for_reading(path) as connection:
        for number in range(0, len(history), 7):
            found = load_counters(connection, number + 1)
            assert np.array_equal(found["package"], history[number].packages + 1)
            assert np.array_equal(found["downloads"], history[number].downloads)
            assert np.array_equal(found["likes"], history[number].likes)
    return vacuumed(path, "DELETE FROM observation_block")


def begin_census(connection: sqlite3.Connection, snapshot: int, day: Day, rows: int = 10**9) -> None:
    """An open census with everything staged, in pages of so many rows."""
    connection.execute(
        "INSERT INTO snapshot (snapshot_id, registry_id, kind, ordered_by, counter, origin, source, date_evidence, settings,"
        " taken_at, started_at) VALUES (?, 1, 'full', 'downloads', 'x', 'crawl', '', '', '{}', ?, ?)",
        (snapshot, snapshot, snapshot),
    )
    for page, start in enumerate(range(0, len(day.packages), rows)):
        part = slice(start, start + rows)
        numbers, downloads, likes = (one[part].tolist() for one in (day.packages + 1, day.downloads, day.likes))
        content = encode_page(numbers, (downloads, likes, [None] * len(numbers)))
        connection.execute("INSERT INTO census_page VALUES (?, ?, '', '{}', ?)", (snapshot, page, content))


def vacuumed(path: Path, without: str) -> int:
    """By how much a file grows with what a statement deletes, both without free pages."""
    sizes = []
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{trigger}"')
        for statement in ("SELECT 1", without):
            connection.execute(statement)
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            sizes.append(path.stat().st_size)
    return sizes[0] - sizes[1]


def parquet(folder: Path, history: Sequence[Day], best: bool) -> int:
    """The size of one Parquet file for each census."""
    popular = np.argsort(-history[-1].downloads, kind="stable")
    place = np.full(int(history[-1].packages.max()) + 1, len(popular), np.int64)
    place[history[-1].packages[popular]] = np.arange(len(popular))
    size = 0
    for day in history if best else history[:SAMPLE]:
        ids = place[day.packages]
        order = np.argsort(ids, kind="stable") if best else np.arange(len(ids))
        names = ids[order] if best else [make_package_id(package) for package in day.packages.tolist()]
        columns = {"package": names, "downloads": day.downloads[order], "likes": day.likes[order]}
        file = folder / "day.parquet"
        if best:
            coded = {
                "package": "DELTA_BINARY_PACKED",
                "downloads": "DELTA_BINARY_PACKED",
                "likes": "DELTA_BINARY_PACKED",
            }
            how = {"use_dictionary": False, "column_encoding": coded, "compression_level": 9}
        else:
            how = {}
        pyarrow.parquet.write_table(pyarrow.table(columns), file, compression="zstd", **how)
        size += file.stat().st_size
    return size if best else size * len(history) // SAMPLE


def narrow(path: Path, history: Sequence[Day]) -> float:
    """Integers by snapshot and package; bytes a row."""
    rows = 0
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE o (s INTEGER, p INTEGER, d INTEGER, l INTEGER, PRIMARY KEY (s, p)) WITHOUT ROWID"
        )
        for number, day in enumerate(history[:SAMPLE]):
            said = zip(day.packages.tolist(), day.downloads.tolist(), day.likes.tolist(), strict=True)
            connection.executemany("INSERT INTO o VALUES (?, ?, ?, ?)", [(number, *one) for one in said])
            rows += len(day.packages)
    return path.stat().st_size / rows


def text_rows(path: Path, history: Sequence[Day]) -> float:
    """As one does it at first: names and dates as text in every row; bytes a row."""
    database, rows = Database(path), 0
    for number, day in enumerate(history[:SAMPLE]):
        said = zip(day.packages.tolist(), day.downloads.tolist(), day.likes.tolist(), strict=True)
        date = f"2026-01-{number + 1:02d}"
        database["observation"].insert_all(
            (
                {"id": f"owner{p % 9973}/model-{p}-7B-Instruct", "date": date, "downloads": d, "likes": k}
                for p, d, k in said
            ),
            batch_size=5000,
        )
        rows += len(day.packages)
    database["observation"].create_index(["id"])
    database["observation"].create_index(["date"])
    database.close()
    return path.stat().st_size / rows


def git(path: Path, history: Iterator[Day]) -> float:
    """A text file, committed every day and repacked at the end; bytes a package and census."""
    path.mkdir()
    rows = 0
    run(path, "init", "-q")
    for number, day in enumerate(history):
        said = zip(day.packages.tolist(), day.downloads.tolist(), day.likes.tolist(), strict=True)
        (path / "models.csv").write_text("".join(f"{make_package_id(p)},{d},{k}\n" for p, d, k in said))
        run(path, "add", "models.csv")
        run(path, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", str(number))
        rows += len(day.packages)
    run(path, "gc", "-q", "--aggressive")
    return sum(file.stat().st_size for file in (path / ".git" / "objects" / "pack").iterdir()) / rows


def run(path: Path, *words: str) -> None:
    """One git command."""
    subprocess.run(["git", "-C", str(path), *words], check=True, capture_output=True)


def ranking(path: Path, top: int, count: int) -> tuple[float, float]:
    """Bytes an entry of our plain rows, and of their index by package."""
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
            first = np.argsort(-day.downloads, kind="stable")[:top]
            said = zip(range(1, top + 1), day.packages[first].tolist(), day.downloads[first].tolist(),
                       day.likes[first].tolist(), strict=True)  # fmt: skip
            connection.execute("BEGIN")
            connection.executemany(
                "INSERT INTO ranking (snapshot_id, rank, package_id, page, downloads, likes) VALUES (?, ?, ?, 0, ?, ?)",
                [(number, *one) for one in said],
            )
            connection.execute("COMMIT")
    index = vacuumed(path, "DROP INDEX ranking_package")
    return vacuumed(path, "DELETE FROM ranking") / top / count, index / top / count


if __name__ == "__main__":
    main()

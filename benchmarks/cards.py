"""The cost of cards: `python benchmarks/cards.py FILE [DATE]`, with a FILE for `observatory crawl import cards`.

The benchmark imports the cards and the ranking of their counters, scores the cards by rules and computes Metric 4. It
runs the commands of a user, with a store of its own. It prints the seconds and the memory of each command, the bytes of
a stored card compared with those of the text, and the most popular packages compared with the least popular ones.
"""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import zstandard

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from db.connection import open_for_reading
from db.store.cards import COMPRESSION_LEVEL, unscored_cards

ROOT = Path(__file__).resolve().parent.parent
HUB = "huggingface/models"
DEPTH = 1_000
METRICS = ("documentation", "documentation_as_published")
ORDER = ("coverage", "top", "bottom", "difference", "d", "delta", "welch_p", "mann_whitney_p", "p", "trend")


def main(argv: Sequence[str] | None = None) -> int:
    """Print both tables."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) not in (1, 2) or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    date = arguments[1] if len(arguments) == 2 else "2022-02-15"
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "cards.db"
        list_options = ("--registry", HUB, "--date", date, "--value", "downloads")
        run_timed("import", "-m", "crawler", "import", "cards", arguments[0], *list_options, "--db", str(store))
        run_timed("score by rules", "-m", "analysis.scoring", "--db", str(store))
        for metric in METRICS:
            run_timed(metric, "-m", "analysis", "--metric", metric, "--db", str(store))
        print(format_sizes(store))
        print(format_groups(store))
    return 0


def format_groups(store: Path) -> str:
    """Return Metric 4 at K = 1,000: a line for each scorer, popularity and statistic, with its interval and note."""
    with open_for_reading(store) as connection:
        rows = connection.execute("SELECT name, k, value, low, high, n, note FROM result").fetchall()
    results = sorted((row for row in rows if row["k"] in (0, DEPTH)), key=sort_key)
    return "\n".join([f"\nMetric 4, top {DEPTH:,} against bottom {DEPTH:,}", *map(format_result, results)])


def sort_key(row: sqlite3.Row) -> tuple[str, int]:
    """Return a key that keeps the statistics of one scorer and popularity together, in the order of `ORDER`."""
    group, _, statistic = row["name"].rpartition(".")
    if statistic.isdigit():
        return group.rpartition(".")[0], len(ORDER) + int(statistic)
    return group, ORDER.index(statistic)


def format_result(row: sqlite3.Row) -> str:
    """Return the line of one result."""
    bounds = "" if row["low"] is None else f"[{row['low']:.3f}, {row['high']:.3f}]"
    value = "—" if row["value"] is None else f"{row['value']:.3g}" if row["value"] else "<1e-300"
    return f"{row['name']:<46}{value:>10} {bounds:<18}{row['n'] or 0:>7,}  {row['note']}"


def run_timed(name: str, *arguments: str) -> None:
    """Run one command and print its cost. The memory is that of the largest process so far."""
    start = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    wall = time.perf_counter() - start
    print(f"{name:<16}{wall:8.1f} s{cpu:8.1f} s of processor{after.ru_maxrss / 1024:8.0f} MB", flush=True)


def format_sizes(store: Path) -> str:
    """Return the bytes of a card as text, compressed alone, compressed with the dictionary, and in the whole store."""
    with open_for_reading(store) as connection:
        texts = [card.content for card in unscored_cards(connection, "nobody", "")]
        compressed, dictionary = sum_sizes(connection)
    alone = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL)
    rows = [
        ("text", sum(map(len, texts))),
        (f"zstd {COMPRESSION_LEVEL}, each alone", sum(len(alone.compress(text)) for text in texts)),
        (f"zstd {COMPRESSION_LEVEL}, with dictionary", compressed),
        ("the same and the dictionary", compressed + dictionary),
        ("the file, with packages, fields and scores", store.stat().st_size),
    ]
    lines = [f"{name:<44}{size:>14,}{size / len(texts):>10,.0f}{rows[0][1] / size:>8.1f}" for name, size in rows]
    return "\n".join([f"\n{len(texts):,} cards", f"{'':<44}{'bytes':>14}{'a card':>10}{'ratio':>8}", *lines])


def sum_sizes(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return the bytes of all compressed cards, and of the dictionaries."""
    (cards,) = connection.execute("SELECT sum(length(content)) FROM card").fetchone()
    (dictionaries,) = connection.execute("SELECT coalesce(sum(length(content)), 0) FROM card_dictionary").fetchone()
    return cards, dictionaries


if __name__ == "__main__":
    sys.exit(main())

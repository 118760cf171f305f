"""What cards take: `python benchmarks/cards.py FILE [DATE]`, with FILE as `observatory crawl import cards` takes it.

It imports the cards, and the list that their counters make, scores them by rules and computes Metric 4, with the
commands a person types, into a store of its own. It prints the seconds and the memory of each, the bytes of a stored
card against those of the text, and the most popular against the least with every statistic.
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


def main(words: Sequence[str] | None = None) -> int:
    """Print both tables."""
    words = sys.argv[1:] if words is None else words
    if len(words) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    date = words[1] if len(words) == 2 else "2022-02-15"
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "cards.db"
        of_day = ("--registry", HUB, "--date", date, "--value", "downloads")
        timed("import", "-m", "crawler", "import", "cards", words[0], *of_day, "--db", str(store))
        timed("score by rules", "-m", "analysis.scoring", "--db", str(store))
        for metric in METRICS:
            timed(metric, "-m", "analysis", "--metric", metric, "--db", str(store))
        print(table(store))
        print(groups(store))
    return 0


def groups(store: Path) -> str:
    """Metric 4 at K = 1,000: a line to each way to read, popularity and statistic, with its interval and note."""
    with open_for_reading(store) as connection:
        rows = connection.execute("SELECT name, k, value, low, high, n, note FROM result").fetchall()
    shown = sorted((row for row in rows if row["k"] in (0, DEPTH)), key=place)
    return "\n".join([f"\nMetric 4, top {DEPTH:,} against bottom {DEPTH:,}", *map(line, shown)])


def place(row: sqlite3.Row) -> tuple[str, int]:
    """Results of one reading and popularity together, their statistics in the order they are read in."""
    above, _, what = row["name"].rpartition(".")
    if what.isdigit():
        return above.rpartition(".")[0], len(ORDER) + int(what)
    return above, ORDER.index(what)


def line(row: sqlite3.Row) -> str:
    """One result."""
    bounds = "" if row["low"] is None else f"[{row['low']:.3f}, {row['high']:.3f}]"
    value = "—" if row["value"] is None else f"{row['value']:.3g}" if row["value"] else "<1e-300"
    return f"{row['name']:<46}{value:>10} {bounds:<18}{row['n'] or 0:>7,}  {row['note']}"


def timed(name: str, *words: str) -> None:
    """Run one command and tell what it took; the memory is of the largest process so far."""
    begun = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    took = time.perf_counter() - begun
    print(f"{name:<16}{took:8.1f} s{cpu:8.1f} s of processor{after.ru_maxrss / 1024:8.0f} MB", flush=True)


def table(store: Path) -> str:
    """Bytes of a card: as text, packed alone, packed with the dictionary, and in the store with all that is of it."""
    with open_for_reading(store) as connection:
        texts = [card.content for card in unscored_cards(connection, "nobody", "")]
        packed, dictionary = sizes(connection)
    alone = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL)
    rows = [
        ("text", sum(map(len, texts))),
        (f"zstd {COMPRESSION_LEVEL}, each alone", sum(len(alone.compress(text)) for text in texts)),
        (f"zstd {COMPRESSION_LEVEL}, with dictionary", packed),
        ("the same and the dictionary", packed + dictionary),
        ("the file, with packages, fields and scores", store.stat().st_size),
    ]
    lines = [f"{name:<44}{size:>14,}{size / len(texts):>10,.0f}{rows[0][1] / size:>8.1f}" for name, size in rows]
    return "\n".join([f"\n{len(texts):,} cards", f"{'':<44}{'bytes':>14}{'a card':>10}{'ratio':>8}", *lines])


def sizes(connection: sqlite3.Connection) -> tuple[int, int]:
    """Bytes of all packed cards, and of the dictionaries."""
    packed = connection.execute("SELECT sum(length(content)) FROM card").fetchone()[0]
    return packed, connection.execute("SELECT coalesce(sum(length(content)), 0) FROM card_dictionary").fetchone()[0]


if __name__ == "__main__":
    sys.exit(main())

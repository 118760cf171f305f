"""What cards take: `python benchmarks/cards.py FILE [DATE]`, with FILE as `observatory crawl import cards` takes it.

It imports the cards and scores them by rules with the commands a person types, into a store of its own, and prints the
seconds and the memory of each, and the bytes of a stored card against those of the text.
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

from db.cards import LEVEL, unscored
from db.connect import reading

ROOT = Path(__file__).resolve().parent.parent
HUB = "huggingface/models"


def main(words: Sequence[str] | None = None) -> int:
    """Print both tables."""
    words = sys.argv[1:] if words is None else words
    if len(words) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    date = words[1] if len(words) == 2 else "2022-02-15"
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "cards.db"
        timed(
            "import",
            "-m",
            "crawler",
            "import",
            "cards",
            words[0],
            "--registry",
            HUB,
            "--date",
            date,
            "--db",
            str(store),
        )
        timed("score by rules", "-m", "analysis.scoring", "--db", str(store))
        print(table(store))
    return 0


def timed(name: str, *line: str) -> None:
    """Run one command and tell what it took; the memory is of the largest process so far."""
    begun = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *line], cwd=ROOT, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    took = time.perf_counter() - begun
    print(f"{name:<16}{took:8.1f} s{cpu:8.1f} s of processor{after.ru_maxrss / 1024:8.0f} MB", flush=True)


def table(store: Path) -> str:
    """Bytes of a card: as text, packed alone, packed with the dictionary, and in the store with all that is of it."""
    with reading(store) as connection:
        texts = [card.content for card in unscored(connection, "nobody", "")]
        packed, dictionary = sizes(connection)
    alone = zstandard.ZstdCompressor(level=LEVEL)
    rows = [
        ("text", sum(map(len, texts))),
        (f"zstd {LEVEL}, each alone", sum(len(alone.compress(text)) for text in texts)),
        (f"zstd {LEVEL}, with dictionary", packed),
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

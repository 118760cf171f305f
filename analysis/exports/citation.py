"""How to cite: an identifier that is made of the content, so that it proves what was used."""

from __future__ import annotations

import base64
import re
import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from analysis.exports.manifest import read_manifest


def cite_bundle(folder: Path) -> str:
    """The line for a bundle.

    Raises:
        NotABundle: there is none.
    """
    told = read_manifest(folder)
    complete = sum(one["status"] == "complete" for one in told["snapshots"])
    return (
        f"hub-observatory export {short_digest(str(told['id']))}: {told['title']} ({complete:,} complete snapshots)."
        f" sha256:{told['id']}."
    )


def cite_snapshots(connection: sqlite3.Connection) -> Iterator[str]:
    """A line for each complete snapshot."""
    found = connection.execute(
        "SELECT registry, date, taken_at, kind, depth, \"by\", digest FROM v1_snapshot WHERE status = 'complete'"
        " ORDER BY registry, taken_at, snapshot"
    )
    for registry, day, taken_at, kind, depth, by, digest in found:
        what = "all packages" if kind == "full" else f"top {depth:,}"
        name = f"{_slugify(registry)}-{format_week(day)}-{short_digest(digest)}"
        yield f"hub-observatory snapshot {name} ({registry}, {what} by {by}, taken {taken_at}), sha256:{digest}."


def short_digest(digest: str) -> str:
    """Eight letters and digits of a hash, which do not look alike.

    >>> short_digest("00" * 32), short_digest("ff" * 32)
    ('aaaaaaaa', '77777777')
    """
    return base64.b32encode(bytes.fromhex(digest)[:5]).decode("ascii").lower()


def format_week(date_text: str) -> str:
    """The ISO week of a day.

    >>> format_week("2026-11-25")
    '2026w48'
    """
    year, number, _ = date.fromisoformat(date_text).isocalendar()
    return f"{year}w{number:02d}"


def _slugify(registry: str) -> str:
    return re.sub("[^a-z0-9]+", "-", registry.lower().replace("huggingface", "hf")).strip("-")

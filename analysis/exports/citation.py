"""Citations: each has an identifier made of the content, so that a reader can check which data was used."""

from __future__ import annotations

import base64
import re
import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from analysis.exports.authors import NO_AUTHOR
from analysis.exports.manifest import read_manifest
from db.sources import load_stand_ins

BIBTEX_ESCAPES = {letter: f"\\{letter}" for letter in "{}%&#$_"} | {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
}


def cite_bundle(folder: Path) -> str:
    """Return the citation of a bundle.

    Raises:
        InvalidBundleError: the folder is not a bundle.
    """
    manifest = read_manifest(folder)
    complete = sum(snapshot["status"] == "complete" for snapshot in manifest["snapshots"])
    bundle_id = manifest["id"]
    names = "; ".join(author["name"] for author in manifest.get("authors", []))
    sources = "".join(f" {source}." for source in manifest.get("not_public", []))
    return (
        f"{names or NO_AUTHOR}. hub-observatory export {short_digest(bundle_id)}: {manifest['title']}"
        f" ({complete:,} complete snapshots).{sources} sha256:{bundle_id}."
    )


def cite_bundle_as_bibtex(folder: Path) -> str:
    """Return BibTeX entries of a bundle and of the program.

    Raises:
        InvalidBundleError: the folder is not a bundle.
    """
    manifest = read_manifest(folder)
    dates = [snapshot["date"] for snapshot in manifest["snapshots"] if snapshot["status"] == "complete"]
    names = " and ".join(f"{{{_escape_bibtex(author['name'])}}}" for author in manifest.get("authors", []))
    sources = "; ".join(manifest.get("not_public", []))
    note = "; ".join(part for part in (sources, f"sha256:{manifest['id']}") if part)
    return (
        f"@dataset{{hub-observatory-{short_digest(manifest['id'])},\n"
        + (f"  author = {{{names}}},\n" if names else "")
        + f"  title = {{{_escape_bibtex(manifest['title'])}}},\n"
        + (f"  year = {{{max(dates)[:4]}}},\n" if dates else "")
        + f"  note = {{{_escape_bibtex(note)}}}\n}}\n\n"
        "@software{hub-observatory,\n"
        "  author = {{The hub-observatory developers}},\n"
        f"  title = {{{manifest['tool']}}}\n}}"
    )


def _escape_bibtex(text: str) -> str:
    return "".join(BIBTEX_ESCAPES.get(letter, letter) for letter in text)


def cite_snapshots(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield the citation of each complete snapshot of the store."""
    stand_ins = load_stand_ins(connection)
    rows = connection.execute(
        'SELECT snapshot, registry, date, taken_at, kind, depth, "by", digest FROM v1_snapshot'
        " WHERE status = 'complete' ORDER BY registry, taken_at, snapshot"
    )
    for snapshot, registry, day, taken_at, kind, depth, by, digest in rows:
        extent = "all packages" if kind == "full" else f"top {depth:,}"
        name = f"{_slugify(registry)}-{format_week(day)}-{short_digest(digest)}"
        notice = f"; {stand_ins[snapshot]}" if snapshot in stand_ins else ""
        details = f"{registry}, {extent} by {by}, taken {taken_at}{notice}"
        yield f"hub-observatory snapshot {name} ({details}), sha256:{digest}."


def short_digest(digest: str) -> str:
    """Return eight letters and digits for a hash, from an alphabet without look-alikes.

    >>> short_digest("00" * 32), short_digest("ff" * 32)
    ('aaaaaaaa', '77777777')
    """
    return base64.b32encode(bytes.fromhex(digest)[:5]).decode("ascii").lower()


def format_week(date_text: str) -> str:
    """Return the ISO week of a date.

    >>> format_week("2026-11-25")
    '2026w48'
    """
    year, week, _ = date.fromisoformat(date_text).isocalendar()
    return f"{year}w{week:02d}"


def _slugify(registry: str) -> str:
    return re.sub("[^a-z0-9]+", "-", registry.lower().replace("huggingface", "hf")).strip("-")

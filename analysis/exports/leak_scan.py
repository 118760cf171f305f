"""Scan of a finished bundle: an e-mail address or a token is an error, whichever step let it through."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path

from db import ObservatoryError
from db.private_text import find_unmistakable

CHUNK_CHARACTERS, CHUNK_ROWS = 1 << 20, 5_000  # searched as one text


class PrivateContentError(ObservatoryError):
    """A bundle would hold something that must not leave the store."""


def refuse_private_content(folder: Path, verified: Collection[Path], credentials: Collection[str]) -> None:
    """Scan every text of every file, except files that an earlier export has scanned.

    Raises:
        PrivateContentError: with the kind of the content and the file, never with the text itself.
    """
    for path in sorted(folder.rglob("*")):
        for text in read_texts(path) if path.is_file() and path not in verified else ():
            if kind := find_unmistakable(text, credentials):
                raise PrivateContentError(
                    f"The bundle would hold {kind}, in {path.relative_to(folder)}.",
                    why="E-mail addresses and tokens must not be published. Nothing was written.",
                    fix="Find the text in the store, and leave out what has it with redactions.toml.",
                    more="docs/exports.md",
                )


def read_texts(path: Path) -> Iterator[str]:
    """Yield the texts of a file of a bundle, many at a time."""
    if path.suffix == ".parquet":
        yield from _read_parquet_texts(path)
    elif path.suffix == ".sqlite":
        yield from _read_sqlite_texts(path)
    else:
        with path.open(encoding="utf-8", newline="\n") as stream:
            while lines := stream.readlines(CHUNK_CHARACTERS):
                yield "".join(lines)


def _read_parquet_texts(path: Path) -> Iterator[str]:
    from pyarrow import compute, types
    from pyarrow.parquet import ParquetFile

    for batch in ParquetFile(path).iter_batches():
        for column in batch.columns:
            if types.is_string(column.type):
                yield "\n".join(text for text in compute.unique(column).to_pylist() if text is not None)


def _read_sqlite_texts(path: Path) -> Iterator[str]:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            cursor = connection.execute(f'SELECT * FROM "{table}"')
            while rows := cursor.fetchmany(CHUNK_ROWS):
                yield "\n".join(value for row in rows for value in row if isinstance(value, str))
    finally:
        connection.close()

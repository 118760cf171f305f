"""Cards out of files: a Markdown file is one; a file of JSON lines, packed or not, has one to a line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from db import ObservatoryError

MAX_FILE_CHARACTERS = 1_000_000  # characters of a file, or of a line, that are read
JSON_LINES_SUFFIXES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")


def read_cards(files: Sequence[Path], public_only: bool = False) -> Iterator[tuple[str, str]]:
    """The name and text of each card: the file's name, or the `modelId` of a line; if `public`, none that is gated.

    Raises:
        ObservatoryError: a file cannot be read.
    """
    for file in files:
        try:
            if file.name.endswith(JSON_LINES_SUFFIXES):
                held = (
                    row
                    for row in read_json_lines(file)
                    if not (public_only and (row.get("private") or row.get("gated")))
                )
                yield from ((str(row["modelId"]), str(row.get("card") or "")) for row in held)
            else:
                with file.open(encoding="utf-8-sig", errors="replace") as opened:
                    yield str(file), opened.read(MAX_FILE_CHARACTERS)
        except (OSError, ValueError, TypeError, KeyError, EOFError) as error:
            raise unreadable_file_error(file, error) from None


def read_json_lines(file: Path) -> Iterator[dict[str, object]]:
    """The lines of a file of JSON lines."""
    with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as opened:
        for line in opened:
            if line.strip():
                yield json.loads(line)


def unreadable_file_error(file: Path, error: Exception) -> ObservatoryError:
    """The error for a file that holds no cards."""
    return ObservatoryError(
        f"No card can be read from {file}.",
        why=f"{type(error).__name__}: {error}",
        fix="Name Markdown files, or files of JSON lines that each have `modelId` and `card`.",
        more="docs/scoring.md",
    )

"""Cards from files: a Markdown file is one card, a file of JSON lines has one card per line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from db import ObservatoryError
from db.causes import describe_cause

MAX_FILE_CHARACTERS = 1_000_000  # the rest of a file is not read
JSON_LINES_SUFFIXES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")


def read_cards(files: Sequence[Path], public_only: bool = False) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each card. The name is the file's, or the `modelId` of the line.

    With `public_only`, cards of private and gated models are skipped.

    Raises:
        ObservatoryError: a file cannot be read.
    """
    for path in files:
        try:
            if path.name.endswith(JSON_LINES_SUFFIXES):
                for row in read_json_lines(path):
                    if not (public_only and any(row.get(field) for field in ("private", "gated", "resourceGroup"))):
                        yield replace_half_characters(str(row["modelId"])), replace_half_characters(row.get("card"))
            else:
                with path.open(encoding="utf-8-sig", errors="replace") as file:
                    yield str(path), file.read(MAX_FILE_CHARACTERS)
        except (OSError, ValueError, TypeError, KeyError, EOFError, zlib.error) as error:
            raise unreadable_file_error(path, error) from None


def replace_half_characters(text: object) -> str:
    """Return a text that can be stored and printed. A text that was cut may have half of an emoji.

    >>> replace_half_characters("film \\ud83d reviews"), replace_half_characters(None)
    ('film ? reviews', '')
    """
    return str(text or "").encode("utf-8", "replace").decode("utf-8")


def read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file of JSON lines, compressed or not."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield parse_line(line)


def parse_line(line: str) -> dict[str, Any]:
    """Return the object of a line.

    Raises:
        ValueError: the line is no JSON, no object, or nests too deeply.
    """
    try:
        row = json.loads(line)
    except RecursionError:
        raise ValueError("A line nests too deeply.") from None
    if not isinstance(row, dict):
        raise ValueError(f"A line is no object but {type(row).__name__}.")
    return row


def unreadable_file_error(path: Path, error: Exception) -> ObservatoryError:
    """Return the error for a file from which no cards can be read."""
    return ObservatoryError(
        f"No card can be read from {path}.",
        why=describe_cause(error),
        fix="Name Markdown files, or files of JSON lines that each have `modelId` and `card`.",
        more="docs/scoring.md",
    )

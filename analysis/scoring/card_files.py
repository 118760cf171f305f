"""Cards from files: a Markdown file is one card, a file of JSON lines has one card per line."""

from __future__ import annotations

import gzip
import json
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
                        yield str(row["modelId"]), str(row.get("card") or "")
            else:
                with path.open(encoding="utf-8-sig", errors="replace") as file:
                    yield str(path), file.read(MAX_FILE_CHARACTERS)
        except (OSError, ValueError, TypeError, KeyError, EOFError) as error:
            raise unreadable_file_error(path, error) from None


def read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file of JSON lines, compressed or not."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def unreadable_file_error(path: Path, error: Exception) -> ObservatoryError:
    """Return the error for a file from which no cards can be read."""
    return ObservatoryError(
        f"No card can be read from {path}.",
        why=describe_cause(error),
        fix="Name Markdown files, or files of JSON lines that each have `modelId` and `card`.",
        more="docs/scoring.md",
    )

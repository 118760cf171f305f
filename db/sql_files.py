"""The statements of the files of `db/statements/`. Reading them imports nothing but the standard library."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from db.migrate import split_statements

STATEMENTS_FOLDER = Path(__file__).parent / "statements"


@cache
def load_statements(name: str) -> tuple[str, ...]:
    """Return the statements of one file of `statements/`."""
    return tuple(split_statements((STATEMENTS_FOLDER / f"{name}.sql").read_text("utf-8")))

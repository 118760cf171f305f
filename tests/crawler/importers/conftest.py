"""One import into the store of a test, as the command runs it, and the content of the store."""

from __future__ import annotations

from pathlib import Path

from crawler.importers import ImportOutcome, ImportSpec, PlannedImport, import_planned
from tests.db import builders


def import_file(folder: Path, format_name: str, file: str, spec: ImportSpec) -> ImportOutcome:
    """Import a file into the store of a folder, and return the outcome."""
    (outcome,) = import_planned(folder / "store.db", [PlannedImport(file, format_name, spec)], debug=False)
    return outcome


def query(folder: Path, statement: str) -> list[tuple[object, ...]]:
    """Return the rows of a statement on the store of a folder."""
    return builders.query(folder / "store.db", statement)

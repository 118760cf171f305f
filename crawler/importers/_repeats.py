"""Find out whether a list is in the store already: as the same file, or as the same content under another date."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from crawler.importers._files import FileIdentity, ImportFailedError
from crawler.importers._outcomes import ListImportOutcome
from crawler.importers._spec import ImportSpec, resolve_counter
from crawler.response import Event

if TYPE_CHECKING:
    from db.store import Store


def find_same_file(store: Store, file: str, identity: FileIdentity, spec: ImportSpec) -> ListImportOutcome | None:
    """Return the outcome of an earlier import of the file for the same day, or None.

    Raises:
        ImportFailedError: the file was imported for that day with another counter, or read in another way.
    """
    rows = store.query(
        "imports_of_file", registry=spec.registry, by=spec.ordered_by, at=spec.taken_at, content=identity.sha256
    )
    if not rows:
        return None
    row = next((row for row in rows if not describe_differences(row, spec)), None)
    if row is None:
        raise _stored_otherwise_error(file, rows[-1], spec)
    return ListImportOutcome(file, spec.registry, row["snapshot_id"], row["status"], row["depth"], again=True)


def describe_differences(row: Mapping[str, object] | sqlite3.Row, spec: ImportSpec) -> list[str]:
    """Return what was stated otherwise for an earlier import of the same file: counter, columns or number of rows."""
    settings = json.loads(str(row["settings"]))
    columns = {name: column for name, column in settings.get("columns", {}).items() if column}
    stated_columns = {name: column for name, column in spec.columns.items() if column}
    differences = []
    if row["counter"] != resolve_counter(spec):
        differences.append(f"counter {row['counter']}")
    if columns != stated_columns:
        differences.append(f"columns {_format_columns(columns)}")
    if settings.get("top", spec.top) != spec.top:
        differences.append("all rows" if settings["top"] is None else f"its first {settings['top']:,} rows")
    return differences


def same_content_events(store: Store, snapshot: int) -> tuple[Event, ...]:
    """Return an event if the newest earlier snapshot with the same rows has another date."""
    rows = store.query("same_content", snapshot=snapshot)
    return tuple(
        Event("content_repeated", "warning", f"identical content to snapshot {row['snapshot_id']} of {row['date']}")
        for row in rows[:1]
    )


def _stored_otherwise_error(file: str, row: sqlite3.Row, spec: ImportSpec) -> ImportFailedError:
    number, date = row["snapshot_id"], row["date"]
    return ImportFailedError(
        f"{file} is already stored as snapshot {number} of {date}, with {_join(describe_differences(row, spec))}.",
        why="A stored snapshot never changes, and one list of a day must not be counted twice.",
        fix=f"To import it anew, first take it back: `observatory store remove {number} --reason TEXT`.",
    )


def _format_columns(columns: Mapping[str, str]) -> str:
    return " ".join(f"--{name} {column}" for name, column in columns.items()) or "none"


def _join(parts: Iterable[str]) -> str:
    return " and ".join(parts)

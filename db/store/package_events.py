"""Events of single packages: the histories in which they are detected, and how they are saved. No value is altered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import itemgetter

from db.sql_files import load_statements
from db.store import Store

MAX_HISTORY_SNAPSHOTS = 30


@dataclass(frozen=True, slots=True)
class CounterReading:
    """The counters of a package in one snapshot."""

    taken_at: int
    downloads: int | None
    all_time: int | None = None
    synced_at: int | None = None


@dataclass(frozen=True, slots=True)
class PackageEvent:
    """A fact that a reader of a package's numbers should know. `package` is None for the whole snapshot."""

    package: int | None
    kind: str
    severity: str
    evidence: str
    before: str | None = None
    after: str | None = None


def load_histories(store: Store, snapshot: int) -> Iterator[tuple[int, list[CounterReading]]]:
    """Yield each package of a snapshot with its readings in the last crawls of the list, oldest first."""
    rows = store.query("counter_histories", snapshot=snapshot, newest=MAX_HISTORY_SNAPSHOTS)
    for package, readings in groupby(rows, key=itemgetter("package_id")):
        yield package, [CounterReading(*tuple(row)[1:]) for row in readings]


def load_ranking_changes(store: Store, snapshot: int) -> list[PackageEvent]:
    """Return the changes of a snapshot's packages other than those of their counters."""
    return [
        PackageEvent(row["package_id"], row["kind"], "note", row["evidence"], row["before"], row["after"])
        for row in store.query("package_changes", snapshot=snapshot)
    ]


def add_package_events(store: Store, snapshot: int, events: Iterable[PackageEvent], at: int) -> None:
    """Add events of packages, in the open transaction or in one of their own."""
    (statement,) = load_statements("insert_package_event")
    with store.transaction():
        for event in events:
            store.connection.execute(statement, {**asdict(event), "snapshot": snapshot, "at": at})

"""The writer of snapshots: begin a snapshot, save its pages, end it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TypedDict

import zstandard

from db.database import Database
from db.ids import compact_id, short_hash
from db.rows import RELATIONS, Event, GateResult, Observation, Page, Progress, Registry, SnapshotSpec, StoredResult
from db.sql_files import load_statements
from db.store.terms import TermIds

UNLIMITED = 2**62
NEXT_SNAPSHOT = (
    "SELECT 1 + coalesce(max(snapshot_id), 0) FROM"
    " (SELECT snapshot_id FROM snapshot UNION ALL SELECT snapshot_id FROM removed_snapshot)"
)
MAX_NAMES_WITHOUT_COUNTERS = 50


@dataclass(frozen=True)
class ResumableSnapshot:
    """An open snapshot that can be resumed: its settings, and the last page that was saved."""

    snapshot: int
    started_at: int
    taken_at: int
    source: str
    settings: Mapping[str, object]
    last_page: Page | None


class PageParameters(TypedDict):
    """The parameters of the statements that save a page. `at` is the instant of the snapshot."""

    snapshot: int
    registry: int
    at: int
    k: int
    page: int


class Store:
    """The writer of snapshots, events and results. Every method that writes is one transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.connection: sqlite3.Connection = database.conn
        self._term_ids = TermIds(database.conn)
        if not self._query_value("SELECT count(*) FROM temp.sqlite_master"):
            self._run_statements("create_incoming_tables")

    def begin_snapshot(self, spec: SnapshotSpec) -> int:
        """Open a snapshot and return its number."""
        with self.transaction():
            registry, number = self.ensure_registry(spec.registry), self._query_value(NEXT_SNAPSHOT)
            self.connection.execute(
                "INSERT INTO snapshot (snapshot_id, registry_id, kind, ordered_by, counter, k, origin, source,"
                " date_evidence, settings, file_sha256, taken_at, started_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (number, registry, "full" if spec.k is None else "top", spec.ordered_by, spec.counter, spec.k,
                 spec.origin, spec.source, spec.date_evidence, json.dumps(dict(spec.settings), sort_keys=True),
                 spec.file_sha256, spec.taken_at, spec.started_at),
            )  # fmt: skip
            return number

    def save_page(self, snapshot: int, page: Page) -> Progress:
        """Save the rows, the provenance and the next URL of a page, and return the progress of the snapshot."""
        with self.transaction():
            parameters = self._page_parameters(
                snapshot, self._query_value("SELECT count(*) FROM page WHERE snapshot_id = ?", snapshot)
            )
            self._load_incoming(page)
            self._run_statements("upsert_packages", parameters)
            if page.role == "file":
                has_ids = any(not row.stable_id.startswith("name:") for row in page.observations)
                self._run_statements("record_import", {**parameters, "has_ids": has_ids})
            if page.role in ("ranking", "file"):
                self._run_statements("assign_ranks", parameters)
            elif page.role == "counters":
                self._run_statements("update_counters", parameters)
            self._save_ranking_page(parameters, page)
            return self.progress(snapshot)

    def _page_parameters(self, snapshot: int, page: int) -> PageParameters:
        row = self.connection.execute(
            "SELECT registry_id, taken_at, k FROM snapshot WHERE snapshot_id = ?", (snapshot,)
        ).fetchone()
        k = row["k"] or UNLIMITED
        return {"snapshot": snapshot, "registry": row["registry_id"], "at": row["taken_at"], "k": k, "page": page}

    def progress(self, snapshot: int) -> Progress:
        """Return the progress of an open snapshot. `depth` counts the ranks assigned, those of rejected rows too."""
        row = self.connection.execute(
            "SELECT count(*) AS pages, coalesce(sum(duplicates), 0) AS duplicates, "
            " coalesce(sum(CASE WHEN role <> 'probe' THEN hidden END), 0) AS hidden,"
            " coalesce(sum(CASE WHEN role IN ('ranking', 'file') THEN kept + rejected END), 0) AS depth,"
            " coalesce(sum(CASE WHEN role = 'counters' THEN kept END), 0) AS with_counters"
            " FROM page WHERE snapshot_id = ?",
            (snapshot,),
        ).fetchone()
        missing = self._names_without_counters(snapshot, MAX_NAMES_WITHOUT_COUNTERS) if row["with_counters"] else ()
        return Progress(snapshot, row["pages"], row["depth"], row["duplicates"], row["with_counters"], missing,
                        row["hidden"])  # fmt: skip

    def add_quality_events(
        self, registry: Registry, events: Iterable[Event], at: int, snapshot: int | None = None
    ) -> None:
        """Add events that a reader of the numbers should know."""
        with self.transaction():
            self._add_quality_events(self.ensure_registry(registry), events, at, snapshot)

    def end_snapshot(
        self, snapshot: int, status: str, gate_results: Iterable[GateResult], reason: str | None, at: int,
        field_coverage: Mapping[str, float] | None = None, content_digest: str | None = None,
    ) -> None:  # fmt: skip
        """End a snapshot with its gate results. The schema refuses a second end.

        `content_digest` is the digest of the rows, if it has been computed already.
        """
        with self.transaction():
            content_digest = content_digest or compute_digest(self.connection, snapshot)
            depth = self.progress(snapshot).depth
            self.connection.executemany(
                "INSERT INTO gate_result (snapshot_id, gate, outcome, measured, rule) VALUES (?, ?, ?, ?, ?)",
                [(snapshot, result.gate, result.outcome, result.measured, result.rule) for result in gate_results],
            )
            self.connection.executemany(
                "INSERT INTO field_coverage (snapshot_id, field, share) VALUES (?, ?, ?)",
                [(snapshot, field, share) for field, share in (field_coverage or {}).items()],
            )
            self.connection.execute(
                "UPDATE snapshot SET status = ?, reason = ?, ended_at = ?, digest = ?,"
                " depth = min(coalesce(k, ?), ?) WHERE snapshot_id = ?",
                (status, reason, at, content_digest, UNLIMITED, depth, snapshot),
            )
            if status == "complete":
                self._run_statements("update_top_k_membership", {"snapshot": snapshot})

    def resumable_snapshots(self, registry: str, ordered_by: str, k: int | None) -> list[ResumableSnapshot]:
        """Return the open snapshots of one list, newest first."""
        rows = self.query("resumable_snapshots", registry=registry, ordered_by=ordered_by, k=k)
        return [
            ResumableSnapshot(
                row["snapshot_id"], row["started_at"], row["taken_at"], row["source"], json.loads(row["settings"]),
                _last_page(row),
            )
            for row in rows
        ]  # fmt: skip

    def save_results(self, results: Iterable[StoredResult], at: int) -> None:
        """Save the results of metrics. A result is saved once for each version of its metric."""
        with self.transaction():
            self.connection.executemany(
                "INSERT OR REPLACE INTO result (snapshot_id, metric, version, name, k, previous_snapshot_id, value,"
                " low, high, n, note, computed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(*asdict(result).values(), at) for result in results],
            )

    def prune_bodies(self, before: int) -> int:
        """Delete the bodies of pages fetched before an instant and return their number. Their provenance stays."""
        with self.transaction():
            return self.connection.execute(
                "DELETE FROM body WHERE (snapshot_id, number) IN"
                " (SELECT snapshot_id, number FROM page WHERE fetched_at < ?)",
                (before,),
            ).rowcount

    def query(self, name: str, **values: object) -> list[sqlite3.Row]:
        """Return the rows of one query of `statements/`."""
        (statement,) = load_statements(name)
        return self.connection.execute(statement, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a block in one transaction, or in the transaction that is already open.

        The transaction begins with BEGIN IMMEDIATE. One that starts by reading and writes later fails at once if
        another process has committed in between, whatever the busy timeout.
        """
        if self.connection.in_transaction:
            yield
            return
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._term_ids.clear()
            if self.connection.in_transaction:  # SQLite itself rolls back when the disk is full
                self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def ensure_registry(self, registry: Registry) -> int:
        """Return the number of a registry, which is added if it is new."""
        row = self.connection.execute(
            "SELECT registry_id, service_name FROM registry WHERE name = ?", (registry.name,)
        ).fetchone()
        if row is None:
            self.database.table("registry").insert(asdict(registry))
            return self.ensure_registry(registry)
        number: int = row["registry_id"]
        if registry.service_name not in (None, row["service_name"]):
            self.database.table("registry").update(number, {"service_name": registry.service_name})
        return number

    def _add_quality_events(self, registry: int, events: Iterable[Event], at: int, snapshot: int | None = None) -> None:
        subject = {"registry_id": registry, "snapshot_id": snapshot, "noted_at": at}
        self._insert_quality_events([{**subject, **asdict(event)} for event in events])

    def _insert_quality_events(self, rows: Sequence[dict[str, object]]) -> None:
        if rows:
            self.database.table("quality_event").insert_all(rows)

    def _names_without_counters(self, snapshot: int, limit: int) -> tuple[str, ...]:
        rows = self.connection.execute(
            "SELECT p.name FROM ranking r JOIN package p ON p.package_id = r.package_id JOIN page g"
            " ON g.snapshot_id = r.snapshot_id AND g.number = r.page AND g.role = 'ranking'"
            " WHERE r.snapshot_id = ? ORDER BY r.rank LIMIT ?",
            (snapshot, limit),
        )
        return tuple(row["name"] for row in rows)

    def _load_incoming(self, page: Page, fingerprints: Sequence[int | None] | None = None) -> None:
        """Load the rows of a page into the temporary tables that the statements read."""
        for table in ("incoming", "incoming_attribute", "incoming_parent", "stated_parent", "incoming_library"):
            self.connection.execute(f"DELETE FROM temp.{table}")
        rejected = {reject.position for reject in page.rejects}
        free = (position for position in range(page.received + len(rejected)) if position not in rejected)
        rows = list(zip(free, page.observations, strict=False))
        self.connection.executemany(
            "INSERT INTO temp.incoming (position, stable_id, name, downloads, likes, downloads_all_time, trending,"
            " dependents, dependent_repos, created_at, modified_at, revision, synced_at, lineage, libraries, key,"
            " name_hash, fingerprint) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                _incoming_row(position, observation, fingerprint)
                for (position, observation), fingerprint in zip(rows, fingerprints or [None] * len(rows), strict=True)
            ],
        )
        self.connection.executemany(
            "INSERT INTO temp.incoming (position) VALUES (?)", [(position,) for position in rejected]
        )
        self._load_incoming_terms(rows)
        self._load_incoming_parents(rows)

    def _load_incoming_parents(self, rows: Sequence[tuple[int, Observation]]) -> None:
        self.connection.executemany(
            "INSERT OR IGNORE INTO temp.incoming_parent (position, name, relation, code, stable_id, key, name_hash)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (position, parent.name, parent.relation, RELATIONS.index(parent.relation), parent.stable_id,
                 compact_id(parent.stable_id), short_hash(parent.name))
                for position, observation in rows
                for parent in observation.parents or ()
            ],
        )  # fmt: skip

    def _load_incoming_terms(self, rows: Sequence[tuple[int, Observation]]) -> None:
        term_ids = self._term_ids
        self.connection.executemany(
            "INSERT INTO temp.incoming_attribute (position, name, term_id) VALUES (?, ?, ?)",
            [
                (position, name, None if value is None else term_ids[name, value])
                for position, observation in rows
                for name, value in observation.attributes.items()
            ],
        )
        self.connection.executemany(
            "INSERT OR IGNORE INTO temp.incoming_library (position, term_id) VALUES (?, ?)",
            [
                (position, term_ids[kind, name])
                for position, observation in rows
                for name, kind in observation.libraries or ()
            ],
        )

    def _save_ranking_page(self, parameters: PageParameters, page: Page) -> None:
        counts = self.connection.execute(
            "SELECT coalesce(sum(rank <= :k), 0),"
            " coalesce(sum(rank IS NULL AND :role <> 'counters'), 0),"
            " coalesce(sum(CASE WHEN :role = 'counters' THEN rank IS NULL ELSE rank > :k END), 0)"
            " FROM temp.incoming WHERE stable_id IS NOT NULL",
            {"k": parameters["k"], "role": page.role},
        ).fetchone()
        self._save_page_row(parameters, page, *counts)

    def _save_page_row(
        self, parameters: PageParameters, page: Page, kept_rows: int, duplicates: int, beyond: int
    ) -> None:
        """Save the provenance, the body, the rejected rows and the events of a page."""
        snapshot, number = parameters["snapshot"], parameters["page"]
        self.connection.execute(
            "INSERT INTO page (snapshot_id, number, role, url, fetched_at, status, bytes, sha256, headers, age, skew,"
            " received, kept, duplicates, rejected, beyond, hidden, inversions, next_url)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (snapshot, number, page.role, page.url, page.fetched_at, page.status, page.bytes, page.sha256,
             json.dumps(dict(page.headers), sort_keys=True), page.age, page.skew, page.received, kept_rows, duplicates,
             len(page.rejects), beyond, page.hidden, page.inversions, page.next_url),
        )  # fmt: skip
        if page.body is not None:
            self.connection.execute(
                "INSERT INTO body (snapshot_id, number, form, content) VALUES (?, ?, ?, ?)",
                (snapshot, number, page.form, zstandard.compress(page.body, 9)),
            )
        self.connection.executemany(
            "INSERT INTO reject (snapshot_id, page, position, reason, raw) VALUES (?, ?, ?, ?, ?)",
            [(snapshot, number, reject.position, reject.reason, reject.raw) for reject in page.rejects],
        )
        self._add_quality_events(parameters["registry"], page.events, page.fetched_at, snapshot)

    def _run_statements(self, name: str, parameters: Mapping[str, object] | None = None) -> None:
        for statement in load_statements(name):
            self.connection.execute(statement, parameters or {})

    def _query_value(self, statement: str, *values: object) -> int:
        """Return the number that a query gives."""
        value: int = self.connection.execute(statement, values).fetchone()[0]
        return value


def compute_digest(connection: sqlite3.Connection, snapshot: int) -> str:
    """Return the sha256 of a snapshot's rows. Equal rows give an equal digest in every store."""
    (statement,) = load_statements("digest_rows")
    content = hashlib.sha256()
    for row in connection.execute(statement, {"snapshot": snapshot}):
        content.update(json.dumps(list(row), ensure_ascii=True).encode("ascii") + b"\n")
    return content.hexdigest()


def _last_page(row: sqlite3.Row) -> Page | None:
    if row["url"] is None:
        return None
    return Page(row["role"], row["url"], 0, 200, 0, "", {}, 0, next_url=row["next_url"])


def _incoming_row(position: int, observation: Observation, fingerprint: int | None) -> tuple[object, ...]:
    return (
        position, observation.stable_id, observation.name, observation.downloads, observation.likes,
        observation.downloads_all_time, observation.trending, observation.dependents, observation.dependent_repos,
        observation.created_at, observation.modified_at, compact_id(observation.sha), observation.synced_at,
        observation.parents is not None, observation.libraries is not None, compact_id(observation.stable_id),
        short_hash(observation.name), fingerprint,
    )  # fmt: skip

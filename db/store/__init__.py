"""The only code that writes: a snapshot is begun, its pages are recorded, it ends."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import zstandard
from sqlite_utils import Database

from db.ids import compact_id, short_hash
from db.migrate import split_statements
from db.rows import RELATIONS, Event, GateResult, Observation, Page, Progress, Registry, SnapshotSpec, StoredResult

STATEMENTS_FOLDER = Path(__file__).parent.parent / "statements"
UNLIMITED = 2**62
MAX_CACHED_TERMS = 50_000  # words


@cache
def load_statements(name: str) -> tuple[str, ...]:
    """The statements of one file of `statements/`."""
    return tuple(split_statements((STATEMENTS_FOLDER / f"{name}.sql").read_text("utf-8")))


@dataclass(frozen=True)
class ResumableSnapshot:
    """An open snapshot that can be gone on with: what it was asked, and the last page it stored."""

    snapshot: int
    started_at: int
    taken_at: int
    source: str
    settings: Mapping[str, object]
    last_page: Page | None


class TermIds(dict[tuple[str, str], int]):
    """The number of each word (kind and text), found or given when it is asked for, and then kept in mind.

    What a transaction that is undone has given is not there any more: forget everything then.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self.connection = connection

    def __missing__(self, term: tuple[str, str]) -> int:
        if len(self) >= MAX_CACHED_TERMS:
            self.clear()
        key = (short_hash(term[1]), *term)
        found = self.connection.execute(
            "SELECT term_id FROM term WHERE hash = ? AND kind = ? AND text = ?", key
        ).fetchone()
        self[term] = (
            found[0]
            if found
            else self.connection.execute("INSERT INTO term (hash, kind, text) VALUES (?, ?, ?)", key).lastrowid or 0
        )
        return self[term]


class Store:
    """The writer's side of the store. Every verb is one transaction: it happens whole or not at all."""

    def __init__(self, database: Database) -> None:
        self.connection: sqlite3.Connection = database.conn
        self._term_ids = TermIds(database.conn)
        if not self._query_value("SELECT count(*) FROM temp.sqlite_master"):
            self._run_statements("create_incoming_tables")

    def begin_snapshot(self, spec: SnapshotSpec) -> int:
        """Open a snapshot; its number."""
        with self.transaction():
            registry = self._ensure_registry(spec.registry)
            return self.connection.execute(
                "INSERT INTO snapshot (registry_id, kind, ordered_by, counter, k, origin, source, date_evidence,"
                " settings, file_sha256, taken_at, started_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (registry, "full" if spec.k is None else "top", spec.ordered_by, spec.counter, spec.k,
                 spec.origin, spec.source, spec.date_evidence, json.dumps(dict(spec.settings), sort_keys=True),
                 spec.file_sha256, spec.taken_at, spec.started_at),
            ).lastrowid or 0  # fmt: skip

    def save_page(self, snapshot: int, page: Page) -> Progress:
        """Write a page's rows, its provenance and where to go on, in one transaction; how far the snapshot is."""
        with self.transaction():
            subject = self.connection.execute(
                "SELECT registry_id, taken_at, k FROM snapshot WHERE snapshot_id = ?", (snapshot,)
            ).fetchone()
            number = self._query_value("SELECT count(*) FROM page WHERE snapshot_id = ?", snapshot)
            values = {
                "snapshot": snapshot, "registry": subject["registry_id"], "at": subject["taken_at"],
                "k": subject["k"] or UNLIMITED, "page": number,
            }  # fmt: skip
            self._load_incoming(page)
            self._run_statements("upsert_packages", values)
            if page.role in ("ranking", "file"):
                self._run_statements("assign_ranks", values)
            elif page.role == "counters":
                self._run_statements("update_counters", values)
            self._save_ranking_page(values, page)
            return self.progress(snapshot)

    def progress(self, snapshot: int) -> Progress:
        """How far an open snapshot has come. `depth` counts the places taken, rejected rows among them."""
        row = self.connection.execute(
            "SELECT count(*) AS pages, coalesce(sum(duplicates), 0) AS duplicates,"
            " coalesce(sum(CASE WHEN role IN ('ranking', 'file') THEN kept + rejected END), 0) AS depth,"
            " coalesce(sum(CASE WHEN role = 'counters' THEN kept END), 0) AS with_counters"
            " FROM page WHERE snapshot_id = ?",
            (snapshot,),
        ).fetchone()
        missing = self._names_without_counters(snapshot, 50) if row["with_counters"] else ()
        return Progress(snapshot, row["pages"], row["depth"], row["duplicates"], row["with_counters"], missing)

    def add_quality_events(
        self, registry: Registry, events: Iterable[Event], at: int, snapshot: int | None = None
    ) -> None:
        """Write events that a reader of the numbers should know."""
        with self.transaction():
            number = self._ensure_registry(registry)
            self.connection.executemany(
                "INSERT INTO quality_event"
                " (registry_id, snapshot_id, kind, severity, before, after, evidence, noted_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(number, snapshot, e.kind, e.severity, e.before, e.after, e.evidence, at) for e in events],
            )

    def end_snapshot(
        self, snapshot: int, status: str, gate_results: Iterable[GateResult], reason: str | None, at: int,
        field_coverage: Mapping[str, float] | None = None, content_digest: str | None = None,
    ) -> None:  # fmt: skip
        """End a snapshot, with the gate's findings, in one transaction. The schema refuses a second end.

        `content` is its digest, where that is known already.
        """
        with self.transaction():
            content_digest, taken = (
                content_digest or compute_digest(self.connection, snapshot),
                self.progress(snapshot).depth,
            )
            self.connection.executemany(
                "INSERT INTO gate_result (snapshot_id, gate, outcome, measured, rule) VALUES (?, ?, ?, ?, ?)",
                [(snapshot, f.gate, f.outcome, f.measured, f.rule) for f in gate_results],
            )
            self.connection.executemany(
                "INSERT INTO field_coverage (snapshot_id, field, share) VALUES (?, ?, ?)",
                [(snapshot, field, share) for field, share in (field_coverage or {}).items()],
            )
            self.connection.execute(
                "UPDATE snapshot SET status = ?, reason = ?, ended_at = ?, digest = ?,"
                " depth = min(coalesce(k, ?), ?) WHERE snapshot_id = ?",
                (status, reason, at, content_digest, UNLIMITED, taken, snapshot),
            )
            if status == "complete":
                self._run_statements("update_top_k_membership", {"snapshot": snapshot})

    def resumable_snapshots(self, registry: str, ordered_by: str, k: int | None) -> list[ResumableSnapshot]:
        """The open snapshots of one list, newest first."""
        found = self.query("resumable_snapshots", registry=registry, ordered_by=ordered_by, k=k)
        return [
            ResumableSnapshot(
                row["snapshot_id"],
                row["started_at"],
                row["taken_at"],
                row["source"],
                json.loads(row["settings"]),
                _last_page(row),
            )
            for row in found
        ]

    def find_imported(self, registry: str, ordered_by: str, taken_at: int, file_sha256: str) -> sqlite3.Row | None:
        """Number, status and depth of the snapshot that this very file already became, if it did."""
        return self.connection.execute(
            "SELECT snapshot_id, status, depth FROM snapshot JOIN registry USING (registry_id)"
            " WHERE name = ? AND ordered_by = ? AND taken_at = ? AND file_sha256 = ?"
            " AND status IN ('complete', 'partial')",
            (registry, ordered_by, taken_at, file_sha256),
        ).fetchone()

    def save_results(self, results: Iterable[StoredResult], at: int) -> None:
        """Write what metrics gave. A result is written once for each version of its metric."""
        with self.transaction():
            self.connection.executemany(
                "INSERT OR REPLACE INTO result (snapshot_id, metric, version, name, k, previous_snapshot_id, value,"
                " low, high, n, note, computed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(*asdict(result).values(), at) for result in results],
            )

    def prune_bodies(self, before: int) -> int:
        """Remove kept bodies of pages fetched before an instant; how many. Their provenance stays."""
        with self.transaction():
            return self.connection.execute(
                "DELETE FROM body WHERE (snapshot_id, number) IN"
                " (SELECT snapshot_id, number FROM page WHERE fetched_at < ?)",
                (before,),
            ).rowcount

    def query(self, name: str, **values: object) -> list[sqlite3.Row]:
        """The rows of one query of `statements/`."""
        (statement,) = load_statements(name)
        return self.connection.execute(statement, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Inside another transaction it is part of that one.

        BEGIN IMMEDIATE: a transaction that starts by reading and writes later fails at once when another process has
        committed in between, whatever the busy timeout.
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

    def _ensure_registry(self, registry: Registry) -> int:
        self.connection.execute(
            "INSERT INTO registry (name, service, service_name) VALUES (?, ?, ?) ON CONFLICT (name)"
            " DO UPDATE SET service_name = coalesce(excluded.service_name, registry.service_name)",
            (registry.name, registry.service, registry.service_name),
        )
        return self._query_value("SELECT registry_id FROM registry WHERE name = ?", registry.name)

    def _names_without_counters(self, snapshot: int, limit: int) -> tuple[str, ...]:
        rows = self.connection.execute(
            "SELECT p.name FROM ranking r JOIN package p ON p.package_id = r.package_id JOIN page g"
            " ON g.snapshot_id = r.snapshot_id AND g.number = r.page AND g.role = 'ranking'"
            " WHERE r.snapshot_id = ? ORDER BY r.rank LIMIT ?",
            (snapshot, limit),
        )
        return tuple(row["name"] for row in rows)

    def _load_incoming(self, page: Page, fingerprints: Sequence[int | None] | None = None) -> None:
        for table in ("incoming", "incoming_attribute", "incoming_parent", "incoming_library"):
            self.connection.execute(f"DELETE FROM temp.{table}")
        refused = {reject.position for reject in page.rejects}
        free = (position for position in range(page.received + len(refused)) if position not in refused)
        placed = list(zip(free, page.observations, strict=False))
        prints = fingerprints or [None] * len(placed)
        self.connection.executemany(
            "INSERT INTO temp.incoming (position, stable_id, name, downloads, likes, downloads_all_time, trending,"
            " dependents, dependent_repos, created_at, modified_at, revision, synced_at, lineage, libraries, key,"
            " name_hash, fingerprint) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [_incoming_row(position, seen, print_) for (position, seen), print_ in zip(placed, prints, strict=True)],
        )
        self.connection.executemany(
            "INSERT INTO temp.incoming (position) VALUES (?)", [(position,) for position in refused]
        )
        self._load_incoming_terms(placed)
        self._load_incoming_parents(placed)

    def _load_incoming_parents(self, placed: Sequence[tuple[int, Observation]]) -> None:
        self.connection.executemany(
            "INSERT OR IGNORE INTO temp.incoming_parent (position, name, relation, code, stable_id, key, name_hash)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (position, parent.name, parent.relation, RELATIONS.index(parent.relation), parent.stable_id,
                 compact_id(parent.stable_id), short_hash(parent.name))
                for position, seen in placed
                for parent in seen.parents or ()
            ],
        )  # fmt: skip

    def _load_incoming_terms(self, placed: Sequence[tuple[int, Observation]]) -> None:
        words = self._term_ids
        self.connection.executemany(
            "INSERT INTO temp.incoming_attribute (position, name, term_id) VALUES (?, ?, ?)",
            [
                (position, name, None if value is None else words[name, value])
                for position, seen in placed
                for name, value in seen.attributes.items()
            ],
        )
        self.connection.executemany(
            "INSERT OR IGNORE INTO temp.incoming_library (position, term_id) VALUES (?, ?)",
            [(position, words[kind, name]) for position, seen in placed for name, kind in seen.libraries or ()],
        )

    def _save_ranking_page(self, values: Mapping[str, object], page: Page) -> None:
        counts = self.connection.execute(
            "SELECT coalesce(sum(rank <= :k), 0),"
            " coalesce(sum(rank IS NULL AND :role <> 'counters'), 0),"
            " coalesce(sum(CASE WHEN :role = 'counters' THEN rank IS NULL ELSE rank > :k END), 0)"
            " FROM temp.incoming WHERE stable_id IS NOT NULL",
            {"k": values["k"], "role": page.role},
        ).fetchone()
        self._save_page_row(values, page, *counts)

    def _save_page_row(self, values: Mapping[str, object], page: Page, kept: int, duplicates: int, beyond: int) -> None:
        snapshot, number = values["snapshot"], values["page"]
        self.connection.execute(
            "INSERT INTO page (snapshot_id, number, role, url, fetched_at, status, bytes, sha256, headers, age, skew,"
            " received, kept, duplicates, rejected, beyond, inversions, next_url)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (snapshot, number, page.role, page.url, page.fetched_at, page.status, page.bytes, page.sha256,
             json.dumps(dict(page.headers), sort_keys=True), page.age, page.skew, page.received, kept, duplicates,
             len(page.rejects), beyond, page.inversions, page.next_url),
        )  # fmt: skip
        if page.body is not None:
            self.connection.execute(
                "INSERT INTO body (snapshot_id, number, form, content) VALUES (?, ?, ?, ?)",
                (snapshot, number, page.form, zstandard.compress(page.body, 9)),
            )
        self.connection.executemany(
            "INSERT INTO reject (snapshot_id, page, position, reason, raw) VALUES (?, ?, ?, ?, ?)",
            [(snapshot, number, r.position, r.reason, r.raw) for r in page.rejects],
        )
        self.connection.executemany(
            "INSERT INTO quality_event (registry_id, snapshot_id, kind, severity, before, after, evidence, noted_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (values["registry"], snapshot, e.kind, e.severity, e.before, e.after, e.evidence, page.fetched_at)
                for e in page.events
            ],
        )

    def _run_statements(self, name: str, values: Mapping[str, object] | None = None) -> None:
        for statement in load_statements(name):
            self.connection.execute(statement, values or {})

    def _query_value(self, statement: str, *values: object) -> int:
        return self.connection.execute(statement, values).fetchone()[0]


def compute_digest(connection: sqlite3.Connection, snapshot: int) -> str:
    """The sha256 of a snapshot's content: the same rows give the same digest in every store."""
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
        position, observation.stable_id, observation.name, observation.downloads, observation.likes, observation.downloads_all_time, observation.trending,
        observation.dependents, observation.dependent_repos, observation.created_at, observation.modified_at, compact_id(observation.sha), observation.synced_at,
        observation.parents is not None, observation.libraries is not None, compact_id(observation.stable_id), short_hash(observation.name),
        fingerprint,
    )  # fmt: skip

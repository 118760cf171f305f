"""The writer of change crawls: packages with their attributes and lineage, never a ranking and never a counter."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from db.ids import compact_id
from db.rows import Event, Observation, Page, Registry
from db.store import Store

NO_CHANGES = {"new": 0, "edited": 0, "known": 0, "duplicates": 0}


class ChangeStore(Store):
    """The writer of a crawl of changes. The rows of a page and the cursor after them are one transaction."""

    def begin_change_crawl(self, registry: Registry, source: str, at: int) -> int:
        """Open a crawl of changes and return its number. A crawl that a killed process left open ends as stopped."""
        with self.transaction():
            number = self.ensure_registry(registry)
            self.connection.execute(
                "UPDATE change_crawl SET status = 'stopped', reason = 'interrupted', ended_at = ?"
                " WHERE registry_id = ? AND status = 'open'",
                (at, number),
            )
            return self.connection.execute(
                "INSERT INTO change_crawl (registry_id, source, started_at) VALUES (?, ?, ?)", (number, source, at)
            ).lastrowid or 0  # fmt: skip

    def end_change_crawl(self, crawl: int, status: str, reason: str | None, at: int) -> None:
        """End a crawl of changes."""
        with self.transaction():
            self.connection.execute(
                "UPDATE change_crawl SET status = ?, reason = ?, ended_at = ? WHERE change_crawl_id = ?",
                (status, reason, at, crawl),
            )

    def change_cursors(self, registry: str) -> dict[str, sqlite3.Row]:
        """Return the cursor of each order of a registry."""
        rows = self.connection.execute(
            'SELECT "order", high_water_mark, upper_bound, resume_url'
            " FROM change_cursor JOIN registry USING (registry_id) WHERE name = ?",
            (registry,),
        )
        return {row["order"]: row for row in rows}

    def save_change_page(
        self, crawl: int, page: Page, seen_ids: Collection[str], cursor: Mapping[str, object] | None = None
    ) -> dict[str, int]:
        """Save the packages and the provenance of a page, and the cursor after it. Return the counts of its rows.

        `seen_ids` are the stable ids on earlier pages of this order in this crawl.
        """
        with self.transaction():
            registry = self._query_value("SELECT registry_id FROM change_crawl WHERE change_crawl_id = ?", crawl)
            counts = self._count_changes(registry, page, seen_ids)
            observations = tuple(_without_counters(observation) for observation in page.observations)
            self._upsert_packages(registry, replace(page, observations=observations))
            self._save_crawl_page(crawl, page, counts)
            self._add_page_events(registry, page)
            if cursor is not None:
                self._save_cursor(registry, crawl, page.role, cursor)
            return counts

    def _save_cursor(self, registry: int, crawl: int, order: str, cursor: Mapping[str, object]) -> None:
        self.connection.execute(
            'INSERT OR REPLACE INTO change_cursor (registry_id, "order", high_water_mark, upper_bound,'
            " resume_url, change_crawl_id) VALUES (?, ?, ?, ?, ?, ?)",
            (registry, order, cursor["high_water_mark"], cursor["upper_bound"], cursor["resume_url"], crawl),
        )

    def _upsert_packages(self, registry: int, page: Page) -> None:
        self._load_incoming(page)
        self._run_statements("upsert_packages", {"snapshot": None, "registry": registry, "at": page.fetched_at})

    def _count_changes(self, registry: int, page: Page, seen_ids: Collection[str]) -> dict[str, int]:
        counts = dict(NO_CHANGES)
        earlier_ids = set(seen_ids)
        for observation in page.observations:
            is_duplicate = observation.stable_id in earlier_ids
            counts["duplicates" if is_duplicate else self._classify_change(registry, observation)] += 1
            earlier_ids.add(observation.stable_id)
        return counts

    def _classify_change(self, registry: int, observation: Observation) -> str:
        stored = self.connection.execute(
            "SELECT sha, modified_at FROM package WHERE registry_id = ? AND key = ?",
            (registry, compact_id(observation.stable_id)),
        ).fetchone()
        if stored is None:
            return "new"
        is_known = (stored["sha"], stored["modified_at"]) == (observation.sha, observation.modified_at)
        return "known" if is_known else "edited"

    def _save_crawl_page(self, crawl: int, page: Page, counts: Mapping[str, int]) -> None:
        number = self._query_value("SELECT count(*) FROM change_crawl_page WHERE change_crawl_id = ?", crawl)
        self.connection.execute(
            "INSERT INTO change_crawl_page (change_crawl_id, number, role, url, fetched_at, status, bytes, sha256,"
            " headers, received, new, edited, unchanged, duplicates, rejected, hidden, next_url)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (crawl, number, page.role, page.url, page.fetched_at, page.status, page.bytes, page.sha256,
             json.dumps(dict(page.headers), sort_keys=True), page.received, counts["new"], counts["edited"],
             counts["known"], counts["duplicates"], len(page.rejects), page.hidden, page.next_url),
        )  # fmt: skip

    def _add_page_events(self, registry: int, page: Page) -> None:
        events = [*page.events]
        events += [Event("look_reject", "note", f"row {reject.position}: {reject.reason}") for reject in page.rejects]
        self._add_quality_events(registry, events, page.fetched_at)

    def open_missing(self, missing: Iterable[tuple[int, int, int]]) -> int:
        """Open a case for each missing package (package, last seen, missing since), and return their number."""
        with self.transaction():
            before = self.connection.total_changes
            self.connection.executemany(
                "INSERT OR IGNORE INTO missing_package (package_id, missing_since, last_seen, name, state)"
                " SELECT p.package_id, ?3, ?2, p.name, 'unknown' FROM package p WHERE p.package_id = ?1"
                " AND NOT EXISTS (SELECT 1 FROM missing_package m WHERE m.package_id = ?1 AND m.state = 'unknown')",
                list(missing),
            )
            return self.connection.total_changes - before

    def close_returned(self, registry: str, at: int) -> int:
        """Close the open cases of packages that were listed again, and return the number of closed cases."""
        with self.transaction():
            self._run_statements("close_returned", {"registry": registry, "at": at})
            return self._query_value("SELECT changes()")

    def pending_missing(self, registry: str) -> list[sqlite3.Row]:
        """Return the missing packages whose case is open, least recently probed first."""
        return self.connection.execute(
            "SELECT m.package_id, p.stable_id, m.name, m.missing_since, m.probes, m.first_probe, m.last_probe,"
            " p.seen_at FROM missing_package m JOIN package p ON p.package_id = m.package_id"
            " JOIN registry r ON r.registry_id = p.registry_id WHERE r.name = ? AND m.state = 'unknown'"
            " ORDER BY coalesce(m.last_probe, 0), m.package_id",
            (registry,),
        ).fetchall()

    def save_missing_package(self, crawl: int, page: Page | None, case: Mapping[str, object]) -> None:
        """Save the state of a missing package after a probe, the page of the probe, and the decision as an event."""
        with self.transaction():
            registry = self._query_value("SELECT registry_id FROM change_crawl WHERE change_crawl_id = ?", crawl)
            self.connection.execute(
                "UPDATE missing_package SET state = :state, probes = :probes, first_probe = :first_probe,"
                " last_probe = :last_probe, successor = :successor, decided_at = :decided_at"
                " WHERE package_id = :package AND missing_since = :missing_since AND state = 'unknown'",
                dict(case),
            )
            if page is not None:
                self._upsert_packages(registry, page)
                self._save_crawl_page(crawl, page, NO_CHANGES)
            if case["decided_at"] is not None and case["state"] != "renamed":  # a rename has its event already
                self._insert_quality_events([{**_decision_event(case), "registry_id": registry}])


def _without_counters(observation: Observation) -> Observation:
    return replace(
        observation, downloads=None, likes=None, downloads_all_time=None, trending=None, dependents=None,
        dependent_repos=None, synced_at=None,
    )  # fmt: skip


def _decision_event(case: Mapping[str, object]) -> dict[str, object]:
    return {
        "package_id": case["package"], "kind": case["state"], "severity": "note", "before": case["name"],
        "after": case["successor"], "evidence": f"not in the census, and not found by {case['probes']} probes",
        "noted_at": case["decided_at"],
    }  # fmt: skip

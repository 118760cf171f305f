"""What a look at changes may write: packages with their attributes and lineage, never a ranking and never a counter."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from db.ids import compact_id
from db.rows import Event, Page, Registry
from db.store import Store

NO_COUNTERS = dict.fromkeys(
    ("downloads", "likes", "downloads_all_time", "trending", "dependents", "dependent_repos", "synced_at")
)


class ChangeStore(Store):
    """The writer's side of looks. Each verb is one transaction; a page's rows and the mark after it are one too."""

    def begin_change_crawl(self, registry: Registry, source: str, at: int) -> int:
        """Open a look; its number. One that was left open by a killed process ends as stopped."""
        with self.transaction():
            number = self._ensure_registry(registry)
            self.connection.execute(
                "UPDATE change_crawl SET status = 'stopped', reason = 'interrupted', ended_at = ?"
                " WHERE registry_id = ? AND status = 'open'",
                (at, number),
            )
            return self.connection.execute(
                "INSERT INTO change_crawl (registry_id, source, started_at) VALUES (?, ?, ?)", (number, source, at)
            ).lastrowid or 0  # fmt: skip

    def end_change_crawl(self, crawl: int, status: str, reason: str | None, at: int) -> None:
        """End a look."""
        with self.transaction():
            self.connection.execute(
                "UPDATE change_crawl SET status = ?, reason = ?, ended_at = ? WHERE change_crawl_id = ?",
                (status, reason, at, crawl),
            )

    def change_cursors(self, registry: str) -> dict[str, sqlite3.Row]:
        """How far each order of a registry is known."""
        found = self.connection.execute(
            'SELECT "order", high_water_mark, upper_bound, resume_url'
            " FROM change_cursor JOIN registry USING (registry_id) WHERE name = ?",
            (registry,),
        )
        return {row["order"]: row for row in found}

    def save_change_page(
        self, crawl: int, page: Page, seen_ids: Collection[str], cursor: Mapping[str, object] | None = None
    ) -> dict[str, int]:
        """Write what a page says has changed, its provenance and the mark after it; what it brought.

        `seen` are the stable ids that this look has had in this order before.
        """
        with self.transaction():
            registry = self._query_value("SELECT registry_id FROM change_crawl WHERE change_crawl_id = ?", crawl)
            bare = replace(page, observations=tuple(replace(one, **NO_COUNTERS) for one in page.observations))
            counts = self._count_changes(registry, page, seen_ids)
            self._load_incoming(bare)
            self._run_statements("upsert_packages", {"snapshot": None, "registry": registry, "at": page.fetched_at})
            self._save_crawl_page(crawl, page, counts)
            self._add_page_events(registry, page)
            if cursor is not None:
                self.connection.execute(
                    'INSERT OR REPLACE INTO change_cursor (registry_id, "order", high_water_mark, upper_bound,'
                    " resume_url, change_crawl_id) VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        registry,
                        page.role,
                        cursor["high_water_mark"],
                        cursor["upper_bound"],
                        cursor["resume_url"],
                        crawl,
                    ),
                )
            return counts

    def _count_changes(self, registry: int, page: Page, seen_ids: Collection[str]) -> dict[str, int]:
        counts = {"new": 0, "edited": 0, "known": 0, "duplicates": 0}
        before = set(seen_ids)
        for one in page.observations:
            if one.stable_id in before:
                counts["duplicates"] += 1
                continue
            before.add(one.stable_id)
            was = self.connection.execute(
                "SELECT sha, modified_at FROM package WHERE registry_id = ? AND key = ?",
                (registry, compact_id(one.stable_id)),
            ).fetchone()
            same = was is not None and (was["sha"], was["modified_at"]) == (one.sha, one.modified_at)
            counts["new" if was is None else "known" if same else "edited"] += 1
        return counts

    def _save_crawl_page(self, crawl: int, page: Page, counts: Mapping[str, int]) -> None:
        number = self._query_value("SELECT count(*) FROM change_crawl_page WHERE change_crawl_id = ?", crawl)
        self.connection.execute(
            "INSERT INTO change_crawl_page (change_crawl_id, number, role, url, fetched_at, status, bytes, sha256,"
            " headers, received, new, edited, unchanged, duplicates, rejected, next_url)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (crawl, number, page.role, page.url, page.fetched_at, page.status, page.bytes, page.sha256,
             json.dumps(dict(page.headers), sort_keys=True), page.received, counts["new"], counts["edited"],
             counts["known"], counts["duplicates"], len(page.rejects), page.next_url),
        )  # fmt: skip

    def _add_page_events(self, registry: int, page: Page) -> None:
        events = [*page.events]
        events += [Event("look_reject", "note", f"row {one.position}: {one.reason}") for one in page.rejects]
        self.connection.executemany(
            "INSERT INTO quality_event (registry_id, kind, severity, before, after, evidence, noted_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(registry, e.kind, e.severity, e.before, e.after, e.evidence, page.fetched_at) for e in events],
        )

    def open_missing(self, missing: Iterable[tuple[int, int, int]]) -> int:
        """Open a case for each package that a census no longer lists (package, last seen, missed at); how many."""
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
        """Close the undecided cases of packages that were seen again since they were missed; how many."""
        with self.transaction():
            values = {"registry": registry, "at": at}
            self._run_statements("close_returned", values)
            return self._query_value("SELECT changes()")

    def pending_missing(self, registry: str) -> list[sqlite3.Row]:
        """The absent packages of which nothing is decided, those first that were asked for longest ago."""
        return self.connection.execute(
            "SELECT m.package_id, p.stable_id, m.name, m.missing_since, m.probes, m.first_probe, m.last_probe,"
            " p.seen_at FROM missing_package m JOIN package p ON p.package_id = m.package_id"
            " JOIN registry r ON r.registry_id = p.registry_id WHERE r.name = ? AND m.state = 'unknown'"
            " ORDER BY coalesce(m.last_probe, 0), m.package_id",
            (registry,),
        ).fetchall()

    def save_missing_package(self, crawl: int, page: Page | None, case: Mapping[str, object]) -> None:
        """Write what is known of an absent package after one more answer, the answer, and the decision as an event."""
        with self.transaction():
            registry = self._query_value("SELECT registry_id FROM change_crawl WHERE change_crawl_id = ?", crawl)
            self.connection.execute(
                "UPDATE missing_package SET state = :state, probes = :probes, first_probe = :first_probe,"
                " last_probe = :last_probe, successor = :successor, decided_at = :decided_at"
                " WHERE package_id = :package AND missing_since = :missing_since AND state = 'unknown'",
                dict(case),
            )
            if page is not None:
                self._load_incoming(page)
                self._run_statements("upsert_packages", {"snapshot": None, "registry": registry, "at": page.fetched_at})
                self._save_crawl_page(crawl, page, {"new": 0, "edited": 0, "known": 0, "duplicates": 0})
            if case["decided_at"] is not None and case["state"] != "renamed":  # a new name has its event already
                self.connection.execute(
                    "INSERT INTO quality_event"
                    " (registry_id, package_id, kind, severity, before, after, evidence, noted_at)"
                    " VALUES (?, ?, ?, 'note', ?, ?, ?, ?)",
                    (registry, case["package"], case["state"], case["name"], case["successor"],
                     f"not in the census; {case['probes']} times not there when asked for", case["decided_at"]),
                )  # fmt: skip

"""What a look at changes may write: packages with their attributes and lineage, never a ranking and never a counter."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from db.ids import compact
from db.rows import Event, Page, Registry
from db.store import Store

NO_COUNTERS = dict.fromkeys(
    ("downloads", "likes", "downloads_all_time", "trending", "dependents", "dependent_repos", "synced_at")
)


class LookStore(Store):
    """The writer's side of looks. Each verb is one transaction; a page's rows and the mark after it are one too."""

    def begin_look(self, registry: Registry, source: str, at: int) -> int:
        """Open a look; its number. One that was left open by a killed process ends as stopped."""
        with self.transaction():
            number = self._registry(registry)
            self.connection.execute(
                "UPDATE look SET status = 'stopped', reason = 'interrupted', ended_at = ?"
                " WHERE registry_id = ? AND status = 'open'",
                (at, number),
            )
            return self.connection.execute(
                "INSERT INTO look (registry_id, source, started_at) VALUES (?, ?, ?)", (number, source, at)
            ).lastrowid or 0  # fmt: skip

    def end_look(self, look: int, status: str, reason: str | None, at: int) -> None:
        """End a look."""
        with self.transaction():
            self.connection.execute(
                "UPDATE look SET status = ?, reason = ?, ended_at = ? WHERE look_id = ?", (status, reason, at, look)
            )

    def feeds(self, registry: str) -> dict[str, sqlite3.Row]:
        """How far each order of a registry is known."""
        found = self.connection.execute(
            'SELECT "order", mark, ceiling, continue_at FROM feed JOIN registry USING (registry_id) WHERE name = ?',
            (registry,),
        )
        return {row["order"]: row for row in found}

    def record_change(
        self, look: int, page: Page, seen: Collection[str], feed: Mapping[str, object] | None = None
    ) -> dict[str, int]:
        """Write what a page says has changed, its provenance and the mark after it; what it brought.

        `seen` are the stable ids that this look has had in this order before.
        """
        with self.transaction():
            registry = self._one("SELECT registry_id FROM look WHERE look_id = ?", look)
            bare = replace(page, observations=tuple(replace(one, **NO_COUNTERS) for one in page.observations))
            counts = self._compare(registry, page, seen)
            self._bring_in(bare)
            self._run("packages", {"snapshot": None, "registry": registry, "at": page.fetched_at})
            self._write_look_page(look, page, counts)
            self._note_page(registry, page)
            if feed is not None:
                self.connection.execute(
                    'INSERT OR REPLACE INTO feed (registry_id, "order", mark, ceiling, continue_at, look_id)'
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (registry, page.role, feed["mark"], feed["ceiling"], feed["continue_at"], look),
                )
            return counts

    def _compare(self, registry: int, page: Page, seen: Collection[str]) -> dict[str, int]:
        counts = {"new": 0, "edited": 0, "known": 0, "duplicates": 0}
        before = set(seen)
        for one in page.observations:
            if one.stable_id in before:
                counts["duplicates"] += 1
                continue
            before.add(one.stable_id)
            was = self.connection.execute(
                "SELECT sha, modified_at FROM package WHERE registry_id = ? AND key = ?",
                (registry, compact(one.stable_id)),
            ).fetchone()
            same = was is not None and (was["sha"], was["modified_at"]) == (one.sha, one.modified_at)
            counts["new" if was is None else "known" if same else "edited"] += 1
        return counts

    def _write_look_page(self, look: int, page: Page, counts: Mapping[str, int]) -> None:
        number = self._one("SELECT count(*) FROM look_page WHERE look_id = ?", look)
        self.connection.execute(
            "INSERT INTO look_page (look_id, number, role, url, fetched_at, status, bytes, sha256, headers, received,"
            " new, edited, known, duplicates, rejected, next_url)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (look, number, page.role, page.url, page.fetched_at, page.status, page.bytes, page.sha256,
             json.dumps(dict(page.headers), sort_keys=True), page.received, counts["new"], counts["edited"],
             counts["known"], counts["duplicates"], len(page.rejects), page.next_url),
        )  # fmt: skip

    def _note_page(self, registry: int, page: Page) -> None:
        events = [*page.events]
        events += [Event("look_reject", "note", f"row {one.position}: {one.reason}") for one in page.rejects]
        self.connection.executemany(
            "INSERT INTO quality_event (registry_id, kind, severity, before, after, evidence, noted_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(registry, e.kind, e.severity, e.before, e.after, e.evidence, page.fetched_at) for e in events],
        )

    def miss(self, absent: Iterable[tuple[int, int, int]]) -> int:
        """Open a case for each package that a census no longer lists (package, last seen, missed at); how many."""
        with self.transaction():
            before = self.connection.total_changes
            self.connection.executemany(
                "INSERT OR IGNORE INTO absence (package_id, missed_at, last_seen, name, state)"
                " SELECT p.package_id, ?3, ?2, p.name, 'unknown' FROM package p WHERE p.package_id = ?1"
                " AND NOT EXISTS (SELECT 1 FROM absence a WHERE a.package_id = ?1 AND a.state = 'unknown')",
                list(absent),
            )
            return self.connection.total_changes - before

    def welcome_back(self, registry: str, at: int) -> int:
        """Close the undecided cases of packages that were seen again since they were missed; how many."""
        with self.transaction():
            values = {"registry": registry, "at": at}
            self._run("returned", values)
            return self._one("SELECT changes()")

    def undecided(self, registry: str) -> list[sqlite3.Row]:
        """The absent packages of which nothing is decided, those first that were asked for longest ago."""
        return self.connection.execute(
            "SELECT a.package_id, p.stable_id, a.name, a.missed_at, a.probes, a.first_probe, a.last_probe, p.seen_at"
            " FROM absence a JOIN package p ON p.package_id = a.package_id"
            " JOIN registry r ON r.registry_id = p.registry_id WHERE r.name = ? AND a.state = 'unknown'"
            " ORDER BY coalesce(a.last_probe, 0), a.package_id",
            (registry,),
        ).fetchall()

    def record_absence(self, look: int, page: Page | None, case: Mapping[str, object]) -> None:
        """Write what is known of an absent package after one more answer, the answer, and the decision as an event."""
        with self.transaction():
            registry = self._one("SELECT registry_id FROM look WHERE look_id = ?", look)
            self.connection.execute(
                "UPDATE absence SET state = :state, probes = :probes, first_probe = :first, last_probe = :last,"
                " successor = :successor, decided_at = :decided_at"
                " WHERE package_id = :package AND missed_at = :missed_at AND state = 'unknown'",
                dict(case),
            )
            if page is not None:
                self._bring_in(page)
                self._run("packages", {"snapshot": None, "registry": registry, "at": page.fetched_at})
                self._write_look_page(look, page, {"new": 0, "edited": 0, "known": 0, "duplicates": 0})
            if case["decided_at"] is not None and case["state"] != "renamed":  # a new name has its event already
                self.connection.execute(
                    "INSERT INTO quality_event"
                    " (registry_id, package_id, kind, severity, before, after, evidence, noted_at)"
                    " VALUES (?, ?, ?, 'note', ?, ?, ?, ?)",
                    (registry, case["package"], case["state"], case["name"], case["successor"],
                     f"not in the census; {case['probes']} times not there when asked for", case["decided_at"]),
                )  # fmt: skip

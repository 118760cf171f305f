"""Write a census: a page in one transaction, most of whose rows say nothing new; in the end, the blocks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import compress, count, repeat
from operator import itemgetter, ne

from sqlite_utils import Database

from db.census import new_packages as newcomers
from db.census.history import compute_census_digest, find_absent_packages, write_census
from db.census.staging import Key, compute_staged_digest, encode_page, load_staged
from db.ids import compact_ids
from db.rows import CensusPage, GateResult, Page, Progress
from db.store import Store, load_statements

KnownRow = tuple  # package, fingerprint (None: look at it), four newest values, key
UNKNOWN_ROW: KnownRow = (None, None, *(None,) * 4, None)


class CensusStore(Store):
    """The writer's side of a store while a census is taken."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._progress: Progress | None = None

    def save_page(self, snapshot: int, page: Page) -> Progress:
        """Write a page of a census, or any other page as ever."""
        before = self.progress(snapshot)
        census_page = page.as_census
        if census_page is None:
            self._progress = None
            return super().save_page(snapshot, page)
        with self.transaction():
            subject = self.connection.execute(
                "SELECT registry_id, taken_at FROM snapshot WHERE snapshot_id = ?", (snapshot,)
            ).fetchone()
            values = {"snapshot": snapshot, "registry": subject[0], "at": subject[1], "page": before.pages}
            self._write_rows(values, census_page)
            self._save_page_row(
                values, census_page, len(census_page.stable_ids), census_page.repeated, census_page.beyond
            )
        self._progress = replace(
            before, pages=before.pages + 1, depth=before.depth + len(census_page.stable_ids) + len(census_page.rejects),
            duplicates=before.duplicates + census_page.repeated,
        )  # fmt: skip
        return self._progress

    def progress(self, snapshot: int) -> Progress:
        """How far an open snapshot has come; counted once, then kept in mind."""
        if self._progress is None or self._progress.snapshot != snapshot:
            self._progress = super().progress(snapshot)
        return self._progress

    def last_id(self, snapshot: int) -> str:
        """The largest stable id that an open census has come to; '' at its beginning."""
        row = self.connection.execute(
            "SELECT last_id FROM census_page WHERE snapshot_id = ? ORDER BY number DESC LIMIT 1", (snapshot,)
        ).fetchone()
        return row[0] if row else ""

    def has_census_pages(self, snapshot: int) -> bool:
        """Whether an open snapshot has pages of a census."""
        return bool(self._query_value("SELECT count(*) FROM census_page WHERE snapshot_id = ?", snapshot))

    def field_coverage(self, snapshot: int) -> dict[str, float]:
        """The share of an open census's rows in which each field is there."""
        rows = self.connection.execute(
            "SELECT c.fields, g.kept FROM census_page c JOIN page g USING (snapshot_id, number)"
            " WHERE c.snapshot_id = ?",
            (snapshot,),
        ).fetchall()
        listed, counts = sum(row[1] for row in rows), Counter[str]()
        for row in rows:
            counts.update(json.loads(row[0]))
        return {name: count / listed for name, count in sorted(counts.items()) if count} if listed else {}

    def largest_packages(self, snapshot: int) -> list[tuple[str, bool]]:
        """The largest packages known from earlier censuses, and whether an open one has them."""
        found = self.query("census_leaders", snapshot=snapshot)
        packages, _ = load_staged(self.connection, snapshot) if found else ((), ())
        return [(row["name"], row["package_id"] in packages) for row in found]

    def expected_size(self, registry: str) -> int | None:
        """How many packages the last complete census of a registry held; None if there is none."""
        return self._query_value(
            "SELECT max(packages) FROM census WHERE snapshot_id = (SELECT max(snapshot_id) FROM census"
            " JOIN snapshot s USING (snapshot_id) JOIN registry r USING (registry_id)"
            " WHERE r.name = ? AND s.status = 'complete')",
            registry,
        )

    def end_snapshot(
        self, snapshot: int, status: str, gate_results: Iterable[GateResult], reason: str | None, at: int,
        field_coverage: Mapping[str, float] | None = None, content_digest: str | None = None,
    ) -> None:  # fmt: skip
        """End a census: its blocks, and then as any snapshot ends."""
        if not self.has_census_pages(snapshot):
            super().end_snapshot(snapshot, status, gate_results, reason, at, field_coverage, content_digest)
            return
        with self.transaction():
            content_digest = compute_staged_digest(self.connection, snapshot)
            packages, departed = write_census(self.connection, snapshot)
            content_digest = content_digest or compute_census_digest(self.connection, snapshot)
            if status == "complete":
                (gone,) = load_statements("mark_missing_from_census")
                lacking = find_absent_packages(self.connection, snapshot, packages, departed)
                self.connection.executemany(gone, ({"snapshot": snapshot, "package": package} for package in lacking))
            del packages  # there may be millions, and what follows needs room
            super().end_snapshot(snapshot, status, gate_results, reason, at, field_coverage, content_digest)

    def _write_rows(self, values: Mapping[str, object], page: CensusPage) -> None:
        keys = compact_ids(page.stable_ids)
        known = self._load_known_rows(values, keys)
        ids = [row[0] for row in known]
        differing, drifted = _split_changed_rows(page, known, values["at"])
        if differing:
            self._write_changed_rows(values, page, differing, ids)
        (newest,) = load_statements("update_newest_counters")
        self.connection.executemany(newest, drifted)
        columns = (page.downloads, page.likes, page.downloads_all_time)
        last = page.stable_ids[-1] if page.stable_ids else self.last_id(values["snapshot"])
        self.connection.execute(
            "INSERT INTO census_page (snapshot_id, number, last_id, fields, content) VALUES (?, ?, ?, ?, ?)",
            (values["snapshot"], values["page"], last, json.dumps(dict(page.fields)), encode_page(ids, columns, keys)),
        )

    def _write_changed_rows(
        self, values: Mapping[str, object], page: CensusPage, changed: Sequence[int], ids: list[int | None]
    ) -> None:
        """Write the rows that say something new, and put the numbers of their packages into `ids`."""
        by_name = newcomers.has_packages_by_name(self.connection, values["registry"])
        new = [] if by_name else [place for place in changed if ids[place] is None]
        old = changed if by_name else [place for place in changed if ids[place] is not None]
        seen, prints = [page.observe(place) for place in new], [page.fingerprints[place] for place in new]
        numbers = newcomers.write_new_packages(self.connection, self._term_ids, values, seen, prints)
        for place, number in zip(new, numbers, strict=True):
            ids[place] = number
        self._load_incoming(select_rows(page, old), [page.fingerprints[place] for place in old])
        made = [(len(old) + n, one, numbers[n]) for n, one in enumerate(seen) if one.parents]
        self.connection.executemany(
            "INSERT INTO temp.incoming (position, stable_id, name, package_id, is_new) VALUES (?, ?, ?, ?, 1)",
            [(position, one.stable_id, one.name, number) for position, one, number in made],
        )
        self._load_incoming_parents([(position, one) for position, one, _ in made])
        self._run_statements("upsert_packages", values)
        found = self.connection.execute("SELECT position, package_id FROM temp.incoming ORDER BY position")
        for place, row in zip(old, found, strict=False):
            ids[place] = row[1]

    def _load_known_rows(self, values: Mapping[str, object], keys: Sequence[Key]) -> list[KnownRow]:
        """What is known of each row of a page: package, fingerprint, and the newest values."""
        if not keys:
            return []
        (statement,) = load_statements("packages_by_key_range")
        cursor = self.connection.cursor()
        cursor.row_factory = None
        asked = {"registry": values["registry"], "first": keys[0], "last": keys[-1]}
        rows = cursor.execute(statement, asked).fetchall()
        found = dict(zip(map(itemgetter(-1), rows), rows, strict=True))
        return list(map(found.get, keys, repeat(UNKNOWN_ROW)))


def select_rows(page: CensusPage, positions: Sequence[int]) -> Page:
    """A plain page of some of a census page's rows."""
    rows = tuple(page.observe(place) for place in positions)
    return Page(page.role, page.url, 0, 200, 0, "", {}, len(rows), observations=rows)


def _split_changed_rows(page: CensusPage, known: Sequence[KnownRow], at: int) -> tuple[list[int], list[tuple]]:
    """The rows that say something new; and of the others, the newest values that have changed, the package, and when
    they were so."""
    if not known:
        return [], []
    packages, prints, *columns, _ = zip(*known, strict=True)
    differing = list(compress(count(), map(ne, prints, page.fingerprints)))
    before = list(zip(*columns, strict=True))
    said = list(zip(page.downloads, page.likes, page.downloads_all_time, page.trending, strict=True))
    looked_at = set(differing)
    drifted = [
        (*said[place], packages[place], at)
        for place in compress(count(), map(ne, said, before))
        if place not in looked_at
    ]
    return differing, drifted

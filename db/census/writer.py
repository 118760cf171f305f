"""The writer of a census: save its pages, most of whose rows are unchanged, and in the end write its blocks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import compress, count, repeat
from operator import itemgetter, ne

from db.census import new_packages
from db.census.history import compute_census_digest, find_absent_packages, write_census
from db.census.staging import Key, compute_staged_digest, encode_page, load_staged
from db.database import Database
from db.ids import compact_ids
from db.rows import CensusPage, GateResult, Page, Progress
from db.sql_files import load_statements
from db.store import PageParameters, Store

# Package, fingerprint (None: compare all fields), the newest downloads, likes, all-time downloads and trending, key.
KnownRow = tuple[int | None, int | None, int | None, int | None, int | None, float | None, Key]
UNKNOWN_ROW: KnownRow = (None, None, None, None, None, None, None)


class CensusStore(Store):
    """The writer of a census."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._progress: Progress | None = None

    def save_page(self, snapshot: int, page: Page) -> Progress:
        """Save a page, and return the progress of the snapshot. A page without census rows is saved as in a ranking."""
        progress = self.progress(snapshot)
        census_page = page.as_census
        if census_page is None:
            self._progress = None
            return super().save_page(snapshot, page)
        rows = len(census_page.stable_ids)
        with self.transaction():
            parameters = self._page_parameters(snapshot, progress.pages)
            self._write_rows(parameters, census_page)
            self._save_page_row(parameters, page, rows, census_page.repeated, census_page.beyond)
        self._progress = replace(
            progress,
            pages=progress.pages + 1,
            depth=progress.depth + rows + len(page.rejects),
            duplicates=progress.duplicates + census_page.repeated,
            hidden=progress.hidden + page.hidden,
        )
        return self._progress

    def progress(self, snapshot: int) -> Progress:
        """Return the progress of an open snapshot, which is counted once and then kept up to date."""
        if self._progress is None or self._progress.snapshot != snapshot:
            self._progress = super().progress(snapshot)
        return self._progress

    def last_id(self, snapshot: int) -> str:
        """Return the last stable id of an open census, '' at its beginning."""
        row = self.connection.execute(
            "SELECT last_id FROM census_page WHERE snapshot_id = ? ORDER BY number DESC LIMIT 1", (snapshot,)
        ).fetchone()
        return row[0] if row else ""

    def has_census_pages(self, snapshot: int) -> bool:
        """Return whether an open snapshot has pages of a census."""
        return bool(self._query_value("SELECT count(*) FROM census_page WHERE snapshot_id = ?", snapshot))

    def field_coverage(self, snapshot: int) -> dict[str, float]:
        """Return for each field the share of an open census's rows that have it."""
        rows = self.connection.execute(
            "SELECT c.fields, g.kept FROM census_page c JOIN page g USING (snapshot_id, number)"
            " WHERE c.snapshot_id = ?",
            (snapshot,),
        ).fetchall()
        total, counts = sum(row[1] for row in rows), Counter[str]()
        for row in rows:
            counts.update(json.loads(row[0]))
        return {name: count / total for name, count in sorted(counts.items()) if count} if total else {}

    def largest_packages(self, snapshot: int) -> list[tuple[str, bool]]:
        """Return the largest packages of earlier censuses, and whether an open one has them."""
        rows = self.query("census_leaders", snapshot=snapshot)
        if not rows:
            return []
        packages, _ = load_staged(self.connection, snapshot)
        return [(row["name"], row["package_id"] in packages) for row in rows]

    def expected_size(self, registry: str) -> int | None:
        """Return how many packages the last complete census of a registry has, None if there is none."""
        row = self.connection.execute(
            "SELECT max(packages) FROM census WHERE snapshot_id = (SELECT max(snapshot_id) FROM census"
            " JOIN snapshot s USING (snapshot_id) JOIN registry r USING (registry_id)"
            " WHERE r.name = ? AND s.status = 'complete')",
            (registry,),
        ).fetchone()
        size: int | None = row[0]
        return size

    def end_snapshot(
        self, snapshot: int, status: str, gate_results: Iterable[GateResult], reason: str | None, at: int,
        field_coverage: Mapping[str, float] | None = None, content_digest: str | None = None,
    ) -> None:  # fmt: skip
        """Write the blocks of a census, then end the snapshot."""
        if not self.has_census_pages(snapshot):
            super().end_snapshot(snapshot, status, gate_results, reason, at, field_coverage, content_digest)
            return
        with self.transaction():
            content_digest = compute_staged_digest(self.connection, snapshot)
            packages, departed = write_census(self.connection, snapshot)
            content_digest = content_digest or compute_census_digest(self.connection, snapshot)
            if status == "complete":
                (statement,) = load_statements("mark_missing_from_census")
                absent = find_absent_packages(self.connection, snapshot, packages, departed)
                rows = ({"snapshot": snapshot, "package": package} for package in absent)
                self.connection.executemany(statement, rows)
            del packages  # there may be millions, and the rest needs memory
            super().end_snapshot(snapshot, status, gate_results, reason, at, field_coverage, content_digest)

    def _write_rows(self, parameters: PageParameters, page: CensusPage) -> None:
        keys = compact_ids(page.stable_ids)
        known_rows = self._load_known_rows(parameters["registry"], keys)
        packages = [row[0] for row in known_rows]
        changed, new_values = _split_changed_rows(page, known_rows, parameters["at"])
        if changed:
            self._write_changed_rows(parameters, page, changed, packages)
        (statement,) = load_statements("update_newest_counters")
        self.connection.executemany(statement, new_values)
        columns = (page.downloads, page.likes, page.downloads_all_time)
        last_id = page.stable_ids[-1] if page.stable_ids else self.last_id(parameters["snapshot"])
        content = encode_page(packages, columns, keys)
        self.connection.execute(
            "INSERT INTO census_page (snapshot_id, number, last_id, fields, content) VALUES (?, ?, ?, ?, ?)",
            (parameters["snapshot"], parameters["page"], last_id, json.dumps(dict(page.fields)), content),
        )

    def _write_changed_rows(
        self, parameters: PageParameters, page: CensusPage, changed: Sequence[int], packages: list[int | None]
    ) -> None:
        """Write the rows that are new or changed, and put the numbers of their packages into `packages`."""
        # A new id may belong to a package of which only the name is known, so these are compared as changed rows are.
        by_name = new_packages.has_packages_by_name(self.connection, parameters["registry"])
        new = [] if by_name else [index for index in changed if packages[index] is None]
        old = changed if by_name else [index for index in changed if packages[index] is not None]
        observations = [page.observe(index) for index in new]
        fingerprints = [page.fingerprints[index] for index in new]
        numbers = new_packages.write_new_packages(
            self.connection, self._term_ids, parameters, observations, fingerprints
        )
        for index, number in zip(new, numbers, strict=True):
            packages[index] = number
        self._load_incoming(select_rows(page, old), [page.fingerprints[index] for index in old])
        children = [
            (len(old) + index, observation, numbers[index])
            for index, observation in enumerate(observations)
            if observation.parents
        ]
        self.connection.executemany(
            "INSERT INTO temp.incoming (position, stable_id, name, package_id, is_new) VALUES (?, ?, ?, ?, 1)",
            [(position, child.stable_id, child.name, number) for position, child, number in children],
        )
        self._load_incoming_parents([(position, child) for position, child, _ in children])
        self._run_statements("upsert_packages", parameters)
        rows = self.connection.execute("SELECT position, package_id FROM temp.incoming ORDER BY position")
        for index, row in zip(old, rows, strict=False):
            packages[index] = row[1]

    def _load_known_rows(self, registry: int, keys: Sequence[Key]) -> list[KnownRow]:
        """Return what the store knows of each row of a page."""
        if not keys:
            return []
        (statement,) = load_statements("packages_by_key_range")
        cursor = self.connection.cursor()
        cursor.row_factory = None
        parameters = {"registry": registry, "first": keys[0], "last": keys[-1]}
        rows = cursor.execute(statement, parameters).fetchall()
        rows_by_key = dict(zip(map(itemgetter(-1), rows), rows, strict=True))
        return list(map(rows_by_key.get, keys, repeat(UNKNOWN_ROW)))


def select_rows(page: CensusPage, indices: Sequence[int]) -> Page:
    """Return some rows of a census page as a plain page."""
    rows = tuple(page.observe(index) for index in indices)
    return Page(page.role, page.url, 0, 200, 0, "", {}, len(rows), observations=rows)


def _split_changed_rows(
    page: CensusPage, known_rows: Sequence[KnownRow], at: int
) -> tuple[list[int], list[tuple[object, ...]]]:
    """Return the indices of new and changed rows, and the new values of unchanged rows.

    The new values are those that differ from the stored ones, with their package and the instant.
    """
    if not known_rows:
        return [], []
    packages, fingerprints, *columns, _ = zip(*known_rows, strict=True)
    changed = list(compress(count(), map(ne, fingerprints, page.fingerprints)))
    stored_values = list(zip(*columns, strict=True))
    values = list(zip(page.downloads, page.likes, page.downloads_all_time, page.trending, strict=True))
    changed_indices = set(changed)
    new_values: list[tuple[object, ...]] = [
        (*values[index], packages[index], at)
        for index in compress(count(), map(ne, values, stored_values))
        if index not in changed_indices
    ]
    return changed, new_values

"""Write a census whose pages come in an order of their own, and may overlap: what was there before is dropped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from sqlite_utils import Database

from db.census.staging import Key, iter_staged_packages
from db.census.writer import UNKNOWN_ROW, CensusStore, KnownRow
from db.ids import compact_ids
from db.rows import CensusPage, Page, Progress
from db.store import load_statements

MAX_REPORTED_MISSING = 2  # of the packages of a probe that were not seen
ROW_COLUMNS = ("stable_ids", "fingerprints", "downloads", "likes", "downloads_all_time", "trending")


class NamesCensusStore(CensusStore):
    """The writer's side of a store while such a census is taken."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._known_rows: Mapping[object, KnownRow] = {}
        self._member_mask = np.zeros(0, bool)  # by package number: whether the census has it
        self._mask_snapshot = 0

    def save_page(self, snapshot: int, page: Page) -> Progress:
        """Write what a page of a census has that no page before it had; of a probe, how much that is."""
        census_page = page.as_census
        if census_page is None:
            return super().save_page(snapshot, page)
        self._load_members(snapshot)
        with self.transaction():
            (registry,) = self.connection.execute(
                "SELECT registry_id FROM snapshot WHERE snapshot_id = ?", (snapshot,)
            ).fetchone()
            self._known_rows = self._query_known_rows(registry, census_page.stable_ids)
            fresh = self._new_positions(census_page.stable_ids)
            if census_page.role == "probe":
                values = {"snapshot": snapshot, "registry": registry, "page": self.progress(snapshot).pages}
                return self._save_probe(values, census_page, fresh)
            progress = super().save_page(snapshot, narrow_page(census_page, fresh))
        self._add_members(next(iter_staged_packages(self.connection, snapshot, newest_first=True)))
        return progress

    def newest_ids(self, snapshot: int) -> frozenset[str]:
        """The stable ids of the last page that brought any."""
        pages = iter_staged_packages(self.connection, snapshot, newest_first=True)
        packages = next((page for page in pages if len(page)), np.zeros(0, np.int64))
        found = self.query("stable_ids_of_packages", packages=json.dumps(packages.tolist()))
        return frozenset(row["stable_id"] for row in found)

    def _save_probe(self, values: Mapping[str, int], page: CensusPage, fresh: Sequence[int]) -> Progress:
        kept, beyond = len(page.stable_ids) - len(fresh), len(fresh) + page.beyond
        self._save_page_row(values, page, kept, page.repeated, beyond)
        self._progress = None
        some = tuple(page.stable_ids[place] for place in fresh[:MAX_REPORTED_MISSING])
        return replace(self.progress(values["snapshot"]), missing=some)

    def _load_known_rows(self, values: Mapping[str, object], keys: Sequence[Key]) -> list[KnownRow]:
        return [self._known_rows.get(key, UNKNOWN_ROW) for key in keys]

    def _query_known_rows(self, registry: int, ids: Sequence[str]) -> dict[object, KnownRow]:
        (statement,) = load_statements("packages_by_stable_id")
        cursor = self.connection.cursor()
        cursor.row_factory = None
        return {row[-1]: row for row in cursor.execute(statement, {"registry": registry, "ids": json.dumps(list(ids))})}

    def _new_positions(self, ids: Sequence[str]) -> list[int]:
        """The places of those that the census does not have yet."""
        packages = [self._known_rows.get(key, UNKNOWN_ROW)[0] for key in compact_ids(ids)]
        return [place for place, package in enumerate(packages) if package is None or not self._is_member(package)]

    def _is_member(self, package: int) -> bool:
        return package < len(self._member_mask) and bool(self._member_mask[package])

    def _load_members(self, snapshot: int) -> None:
        """Know what an open census has, if it was gone on with."""
        if self._mask_snapshot != snapshot:
            self._member_mask, self._mask_snapshot = np.zeros(0, bool), snapshot
            for packages in iter_staged_packages(self.connection, snapshot):
                self._add_members(packages)

    def _add_members(self, packages: np.ndarray) -> None:
        highest = int(packages.max(initial=-1))
        if highest >= len(self._member_mask):
            self._member_mask = np.concatenate(
                [self._member_mask, np.zeros(2 * highest + 1 - len(self._member_mask), bool)]
            )
        self._member_mask[packages] = True


def narrow_page(page: CensusPage, positions: Sequence[int]) -> CensusPage:
    """Some of a page's rows; the others were seen before."""
    kept = {name: [getattr(page, name)[place] for place in positions] for name in ROW_COLUMNS}
    repeated = page.repeated + len(page.stable_ids) - len(positions)
    return replace(page, **kept, observe=lambda place: page.observe(positions[place]), repeated=repeated)

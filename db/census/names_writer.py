"""Write a census whose pages come in an order of their own, and may overlap: what was there before is dropped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from sqlite_utils import Database

from db.census.staging import Key, staged_packages
from db.census.writer import STRANGER, CensusStore, Known
from db.ids import compact_all
from db.rows import CensusPage, Page, Progress
from db.store import script

TOLD = 2  # of the packages of a probe that were not seen
BY_PLACE = ("stable_ids", "fingerprints", "downloads", "likes", "downloads_all_time", "trending")


class NamesStore(CensusStore):
    """The writer's side of a store while such a census is taken."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._known_rows: Mapping[object, Known] = {}
        self._seen = np.zeros(0, bool)  # by package number: whether the census has it
        self._seen_in = 0

    def record(self, snapshot: int, page: Page) -> Progress:
        """Write what a page of a census has that no page before it had; of a probe, how much that is."""
        if not isinstance(page, CensusPage):
            return super().record(snapshot, page)
        self._remember(snapshot)
        with self.transaction():
            (registry,) = self.connection.execute(
                "SELECT registry_id FROM snapshot WHERE snapshot_id = ?", (snapshot,)
            ).fetchone()
            self._known_rows = self._ask_known(registry, page.stable_ids)
            fresh = self._fresh(page.stable_ids)
            if page.role == "probe":
                values = {"snapshot": snapshot, "registry": registry, "page": self.progress(snapshot).pages}
                return self._compare(values, page, fresh)
            progress = super().record(snapshot, narrowed(page, fresh))
        self._mark(next(staged_packages(self.connection, snapshot, newest_first=True)))
        return progress

    def newest_ids(self, snapshot: int) -> frozenset[str]:
        """The stable ids of the last page that brought any."""
        pages = staged_packages(self.connection, snapshot, newest_first=True)
        packages = next((page for page in pages if len(page)), np.zeros(0, np.int64))
        found = self.ask("names_newest", packages=json.dumps(packages.tolist()))
        return frozenset(row["stable_id"] for row in found)

    def _compare(self, values: Mapping[str, int], page: CensusPage, fresh: Sequence[int]) -> Progress:
        kept, beyond = len(page.stable_ids) - len(fresh), len(fresh) + page.beyond
        self._put_page(values, page, kept, page.repeated, beyond)
        self._progress = None
        some = tuple(page.stable_ids[place] for place in fresh[:TOLD])
        return replace(self.progress(values["snapshot"]), missing=some)

    def _known(self, values: Mapping[str, object], keys: Sequence[Key]) -> list[Known]:
        return [self._known_rows.get(key, STRANGER) for key in keys]

    def _ask_known(self, registry: int, ids: Sequence[str]) -> dict[object, Known]:
        (statement,) = script("names_known")
        cursor = self.connection.cursor()
        cursor.row_factory = None
        return {row[-1]: row for row in cursor.execute(statement, {"registry": registry, "ids": json.dumps(list(ids))})}

    def _fresh(self, ids: Sequence[str]) -> list[int]:
        """The places of those that the census does not have yet."""
        packages = [self._known_rows.get(key, STRANGER)[0] for key in compact_all(ids)]
        return [place for place, package in enumerate(packages) if package is None or not self._has(package)]

    def _has(self, package: int) -> bool:
        return package < len(self._seen) and bool(self._seen[package])

    def _remember(self, snapshot: int) -> None:
        """Know what an open census has, if it was gone on with."""
        if self._seen_in != snapshot:
            self._seen, self._seen_in = np.zeros(0, bool), snapshot
            for packages in staged_packages(self.connection, snapshot):
                self._mark(packages)

    def _mark(self, packages: np.ndarray) -> None:
        highest = int(packages.max(initial=-1))
        if highest >= len(self._seen):
            self._seen = np.concatenate([self._seen, np.zeros(2 * highest + 1 - len(self._seen), bool)])
        self._seen[packages] = True


def narrowed(page: CensusPage, places: Sequence[int]) -> CensusPage:
    """Some of a page's rows; the others were seen before."""
    kept = {name: [getattr(page, name)[place] for place in places] for name in BY_PLACE}
    repeated = page.repeated + len(page.stable_ids) - len(places)
    return replace(page, **kept, observe=lambda place: page.observe(places[place]), repeated=repeated)

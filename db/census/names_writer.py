"""The writer of a names census, whose pages overlap and have an order of their own. Repeated rows are discarded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from db.census.staging import Key, iter_staged_packages
from db.census.writer import UNKNOWN_ROW, CensusStore, KnownRow
from db.database import Database
from db.ids import compact_ids
from db.rows import CensusPage, Page, Progress
from db.sql_files import load_statements
from db.store import PageParameters

MAX_REPORTED_MISSING = 2  # the packages of a probe that `Progress.missing` names


class NamesCensusStore(CensusStore):
    """The writer of a names census."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._known_rows: Mapping[Key, KnownRow] = {}
        self._member_mask = np.zeros(0, bool)  # by package number: whether the census has it
        self._mask_snapshot = 0

    def save_page(self, snapshot: int, page: Page) -> Progress:
        """Save the rows of a page that no earlier page has. Of a probe, save only the number of these rows."""
        census_page = page.as_census
        if census_page is None:
            return super().save_page(snapshot, page)
        self._load_members(snapshot)
        with self.transaction():
            parameters = self._page_parameters(snapshot, self.progress(snapshot).pages)
            self._known_rows = self._query_known_rows(parameters["registry"], census_page.stable_ids)
            new_indices = self._new_indices(census_page.stable_ids)
            if page.role == "probe":
                return self._save_probe(parameters, census_page, new_indices)
            progress = super().save_page(snapshot, narrow_page(census_page, new_indices))
        self._add_members(next(iter_staged_packages(self.connection, snapshot, newest_first=True)))
        return progress

    def newest_ids(self, snapshot: int) -> frozenset[str]:
        """Return the stable ids of the last page that had new packages."""
        pages = iter_staged_packages(self.connection, snapshot, newest_first=True)
        packages = next((page for page in pages if len(page)), np.zeros(0, np.int64))
        rows = self.query("stable_ids_of_packages", packages=json.dumps(packages.tolist()))
        return frozenset(row["stable_id"] for row in rows)

    def _save_probe(self, parameters: PageParameters, page: CensusPage, new_indices: Sequence[int]) -> Progress:
        known_rows, beyond = len(page.stable_ids) - len(new_indices), len(new_indices) + page.beyond
        self._save_page_row(parameters, page, known_rows, page.repeated, beyond)
        self._progress = None
        missing = tuple(page.observe(index).name for index in new_indices[:MAX_REPORTED_MISSING])
        return replace(self.progress(parameters["snapshot"]), missing=missing)

    def _load_known_rows(self, registry: int, keys: Sequence[Key]) -> list[KnownRow]:
        return [self._known_rows.get(key, UNKNOWN_ROW) for key in keys]

    def _query_known_rows(self, registry: int, ids: Sequence[str]) -> dict[Key, KnownRow]:
        (statement,) = load_statements("packages_by_stable_id")
        cursor = self.connection.cursor()
        cursor.row_factory = None
        return {row[-1]: row for row in cursor.execute(statement, {"registry": registry, "ids": json.dumps(list(ids))})}

    def _new_indices(self, ids: Sequence[str]) -> list[int]:
        """Return the indices of the ids that the census does not have yet."""
        packages = [self._known_rows.get(key, UNKNOWN_ROW)[0] for key in compact_ids(ids)]
        return [index for index, package in enumerate(packages) if package is None or not self._is_member(package)]

    def _is_member(self, package: int) -> bool:
        return package < len(self._member_mask) and bool(self._member_mask[package])

    def _load_members(self, snapshot: int) -> None:
        """Load the packages of an open census, if it was resumed."""
        if self._mask_snapshot != snapshot:
            self._member_mask, self._mask_snapshot = np.zeros(0, bool), snapshot
            for packages in iter_staged_packages(self.connection, snapshot):
                self._add_members(packages)

    def _add_members(self, packages: np.ndarray) -> None:
        highest = int(packages.max(initial=-1))
        if highest >= len(self._member_mask):
            extension = np.zeros(2 * highest + 1 - len(self._member_mask), bool)
            self._member_mask = np.concatenate([self._member_mask, extension])
        self._member_mask[packages] = True


def narrow_page(page: CensusPage, indices: Sequence[int]) -> CensusPage:
    """Return a page with only some of its rows. The other rows count as repeated."""
    return replace(
        page,
        stable_ids=[page.stable_ids[index] for index in indices],
        fingerprints=[page.fingerprints[index] for index in indices],
        downloads=[page.downloads[index] for index in indices],
        likes=[page.likes[index] for index in indices],
        downloads_all_time=[page.downloads_all_time[index] for index in indices],
        trending=[page.trending[index] for index in indices],
        observe=lambda index: page.observe(indices[index]),
        repeated=page.repeated + len(page.stable_ids) - len(indices),
    )

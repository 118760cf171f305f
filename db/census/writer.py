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
from db.census.history import absent, assemble, digest
from db.census.staging import Key, digest_of_staged, stage, staged
from db.ids import compact_all
from db.rows import CensusPage, Finding, Page, Progress
from db.store import Store, script

Known = tuple  # package, fingerprint (None: look at it), four newest values, key
STRANGER: Known = (None, None, *(None,) * 4, None)


class CensusStore(Store):
    """The writer's side of a store while a census is taken."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._progress: Progress | None = None

    def record(self, snapshot: int, page: Page) -> Progress:
        """Write a page of a census, or any other page as ever."""
        before = self.progress(snapshot)
        if not isinstance(page, CensusPage):
            self._progress = None
            return super().record(snapshot, page)
        with self.transaction():
            subject = self.connection.execute(
                "SELECT registry_id, taken_at FROM snapshot WHERE snapshot_id = ?", (snapshot,)
            ).fetchone()
            values = {"snapshot": snapshot, "registry": subject[0], "at": subject[1], "page": before.pages}
            self._write_rows(values, page)
            self._put_page(values, page, len(page.stable_ids), page.repeated, page.beyond)
        self._progress = replace(
            before, pages=before.pages + 1, depth=before.depth + len(page.stable_ids) + len(page.rejects),
            duplicates=before.duplicates + page.repeated,
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

    def holds_pages(self, snapshot: int) -> bool:
        """Whether an open snapshot has pages of a census."""
        return bool(self._one("SELECT count(*) FROM census_page WHERE snapshot_id = ?", snapshot))

    def presence(self, snapshot: int) -> dict[str, float]:
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

    def leaders(self, snapshot: int) -> list[tuple[str, bool]]:
        """The largest packages known from earlier censuses, and whether an open one has them."""
        found = self.ask("census_leaders", snapshot=snapshot)
        packages, _ = staged(self.connection, snapshot) if found else ((), ())
        return [(row["name"], row["package_id"] in packages) for row in found]

    def expected(self, registry: str) -> int | None:
        """How many packages the last complete census of a registry held; None if there is none."""
        return self._one(
            "SELECT max(packages) FROM census WHERE snapshot_id = (SELECT max(snapshot_id) FROM census"
            " JOIN snapshot s USING (snapshot_id) JOIN registry r USING (registry_id)"
            " WHERE r.name = ? AND s.status = 'complete')",
            registry,
        )

    def end(
        self, snapshot: int, status: str, findings: Iterable[Finding], reason: str | None, at: int,
        presence: Mapping[str, float] | None = None, content: str | None = None,
    ) -> None:  # fmt: skip
        """End a census: its blocks, and then as any snapshot ends."""
        if not self.holds_pages(snapshot):
            super().end(snapshot, status, findings, reason, at, presence, content)
            return
        with self.transaction():
            content = digest_of_staged(self.connection, snapshot)
            packages, departed = assemble(self.connection, snapshot)
            content = content or digest(self.connection, snapshot)
            if status == "complete":
                (gone,) = script("census_gone")
                lacking = absent(self.connection, snapshot, packages, departed)
                self.connection.executemany(gone, ({"snapshot": snapshot, "package": package} for package in lacking))
            del packages  # there may be millions, and what follows needs room
            super().end(snapshot, status, findings, reason, at, presence, content)

    def _write_rows(self, values: Mapping[str, object], page: CensusPage) -> None:
        keys = compact_all(page.stable_ids)
        known = self._known(values, keys)
        ids = [row[0] for row in known]
        differing, drifted = _sorted_out(page, known, values["at"])
        if differing:
            self._write_differing(values, page, differing, ids)
        (newest,) = script("census_newest")
        self.connection.executemany(newest, drifted)
        columns = (page.downloads, page.likes, page.downloads_all_time)
        last = page.stable_ids[-1] if page.stable_ids else self.last_id(values["snapshot"])
        self.connection.execute(
            "INSERT INTO census_page (snapshot_id, number, last_id, fields, content) VALUES (?, ?, ?, ?, ?)",
            (values["snapshot"], values["page"], last, json.dumps(dict(page.fields)), stage(ids, columns, keys)),
        )

    def _write_differing(
        self, values: Mapping[str, object], page: CensusPage, differing: Sequence[int], ids: list[int | None]
    ) -> None:
        """Write the rows that say something new, and put the numbers of their packages into `ids`."""
        by_name = newcomers.may_be_known_by_name(self.connection, values["registry"])
        new = [] if by_name else [place for place in differing if ids[place] is None]
        old = differing if by_name else [place for place in differing if ids[place] is not None]
        seen, prints = [page.observe(place) for place in new], [page.fingerprints[place] for place in new]
        numbers = newcomers.write(self.connection, self._words, values, seen, prints)
        for place, number in zip(new, numbers, strict=True):
            ids[place] = number
        self._bring_in(replace_rows(page, old), [page.fingerprints[place] for place in old])
        made = [(len(old) + n, one, numbers[n]) for n, one in enumerate(seen) if one.parents]
        self.connection.executemany(
            "INSERT INTO temp.incoming (position, stable_id, name, package_id, fresh) VALUES (?, ?, ?, ?, 1)",
            [(position, one.stable_id, one.name, number) for position, one, number in made],
        )
        self._bring_in_parents([(position, one) for position, one, _ in made])
        self._run("packages", values)
        found = self.connection.execute("SELECT position, package_id FROM temp.incoming ORDER BY position")
        for place, row in zip(old, found, strict=False):
            ids[place] = row[1]

    def _known(self, values: Mapping[str, object], keys: Sequence[Key]) -> list[Known]:
        """What is known of each row of a page: package, fingerprint, and the newest values."""
        if not keys:
            return []
        (statement,) = script("census_known")
        cursor = self.connection.cursor()
        cursor.row_factory = None
        asked = {"registry": values["registry"], "first": keys[0], "last": keys[-1]}
        rows = cursor.execute(statement, asked).fetchall()
        found = dict(zip(map(itemgetter(-1), rows), rows, strict=True))
        return list(map(found.get, keys, repeat(STRANGER)))


def replace_rows(page: CensusPage, places: Sequence[int]) -> Page:
    """A plain page of some of a census page's rows."""
    rows = tuple(page.observe(place) for place in places)
    return Page(page.role, page.url, 0, 200, 0, "", {}, len(rows), observations=rows)


def _sorted_out(page: CensusPage, known: Sequence[Known], at: int) -> tuple[list[int], list[tuple]]:
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

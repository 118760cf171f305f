"""What is known of a bundle when its tables are written, for the files that tell of it."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from analysis.exports.files import WrittenFile
from analysis.exports.tables import Column, ExportScope, Part, Row, Table
from db import ObservatoryError

ECOSYSTEMS_LICENCE = {
    "name": "CC-BY-SA-4.0",
    "title": "Creative Commons Attribution Share Alike 4.0 International",
    "path": "https://creativecommons.org/licenses/by-sa/4.0/",
}
HUB_LICENCE = {
    "name": "other",
    "title": "Facts about repositories of the Hugging Face Hub; texts stay under the licences of their authors",
    "path": "https://huggingface.co/terms-of-service",
}
ATTRIBUTION = "ecosyste.ms Packages (https://packages.ecosyste.ms), CC BY-SA 4.0; reduced to name, rank and counters"
HUB_SOURCE = {"title": "Hugging Face Hub API", "path": "https://huggingface.co/docs/hub/api"}
ECOSYSTEMS_SOURCE = {"title": ATTRIBUTION, "path": "https://packages.ecosyste.ms"}


class MissingAttributionError(ObservatoryError):
    """A bundle would hold what must not be passed on without saying whose it is."""


@dataclass(frozen=True)
class BundleFile:
    """A written file with its hash, by its path in the bundle."""

    path: str
    bytes: int
    sha256: str
    contents: WrittenFile


@dataclass(frozen=True)
class BundleSnapshot:
    """A snapshot of a bundle."""

    number: int
    registry: str
    date: str
    status: str
    origin: str
    source: str
    digest: str | None


@dataclass(frozen=True)
class BundleFacts:
    """A bundle: its tables, files and snapshots, and since when each column has been collected."""

    tables: tuple[Table, ...]
    files: tuple[BundleFile, ...]
    snapshots: tuple[BundleSnapshot, ...]
    collected_since: Mapping[tuple[str, str], str]
    is_pseudonymised: bool
    redacted_packages: int
    redacted_rows: Mapping[str, int]
    schema_version: str

    @property
    def registries(self) -> list[str]:
        """The registries it has snapshots of."""
        return sorted({one.registry for one in self.snapshots})

    @property
    def complete_snapshots(self) -> list[BundleSnapshot]:
        """The snapshots whose rows it has, in the order of their dates."""
        return sorted((one for one in self.snapshots if one.status == "complete"), key=lambda s: (s.date, s.number))

    @property
    def has_ecosystems_data(self) -> bool:
        """Whether it has data of Ecosyste.ms."""
        return any(not is_hub_registry(name) for name in self.registries)

    @property
    def title(self) -> str:
        """What it is, in a line."""
        dates = [one.date for one in self.complete_snapshots]
        between = f", {dates[0]} to {dates[-1]}" if dates else ""
        return f"Snapshots of {', '.join(self.registries) or 'no registry'}{between}"


@dataclass
class ColumnHistory:
    """Notes the first day on which each column of each stable view has a value, while its rows go by."""

    first_dates: dict[tuple[str, str], str] = field(default_factory=dict)
    columns_by_file: dict[tuple[str | None, str | None, int | None], set[str]] = field(default_factory=dict)

    def columns_with_values(self, file: WrittenFile) -> tuple[str, ...]:
        """The columns that have a value in a file."""
        return tuple(sorted(self.columns_by_file.get((file.table, file.registry, file.snapshot), ())))

    def add_file(self, file: WrittenFile, date: str, columns: Sequence[str]) -> None:
        """What is known of a file that was not read again: of which day it is, and which columns have values."""
        self.columns_by_file[file.table, file.registry, file.snapshot] = set(columns)
        for name in columns:
            key = (str(file.table), name)
            self.first_dates[key] = min(self.first_dates.get(key, "9999"), date)

    def watch(self, tables: Sequence[Table]) -> list[Table]:
        """The same tables, watched."""
        return [table if table.is_lake else self._watch_table(table) for table in tables]

    def _watch_table(self, table: Table) -> Table:
        names = [column.name for column in table.columns]
        dated = next((names.index(name) for name in ("date", "since") if name in names), None)
        if dated is None:
            return table
        return replace(
            table,
            parts=tuple(
                replace(part, rows=self._watch_rows(table.name, part, table.columns, dated)) for part in table.parts
            ),
        )

    def _watch_rows(
        self, name: str, part: Part, columns: Sequence[Column], date_index: int
    ) -> Callable[[], Iterator[Row]]:
        def rows() -> Iterator[Row]:
            watching = (name, part.registry, part.snapshot) not in self.columns_by_file
            seen = self.columns_by_file.setdefault((name, part.registry, part.snapshot), set())
            for row in part.rows():
                if watching and row[date_index] is not None:
                    self._add_row(name, str(row[date_index])[:10], columns, row, seen)
                yield row

        return rows

    def _add_row(self, name: str, date: str, columns: Sequence[Column], row: Row, non_null: set[str]) -> None:
        for column, value in zip(columns, row, strict=True):
            key = (name, column.name)
            if value is not None:
                non_null.add(column.name)
                if self.first_dates.get(key, "9999") > date:
                    self.first_dates[key] = date


def load_snapshots(
    connection: sqlite3.Connection, scope: ExportScope, withhold_source: bool
) -> tuple[BundleSnapshot, ...]:
    """The ended snapshots of a bundle; without what names may be guessed by, if that is withheld."""
    found = connection.execute(
        "SELECT s.snapshot_id, r.name, s.date, s.status, s.origin, s.source, s.digest"
        " FROM snapshot s JOIN registry r USING (registry_id)"
        " WHERE s.status <> 'open' AND s.taken_at >= ? AND s.taken_at < ? ORDER BY s.snapshot_id",
        (scope.since, scope.until),
    ).fetchall()
    rows = [BundleSnapshot(*row) for row in found]
    rows = [one for one in rows if one.registry in scope.registries]
    return tuple(replace(one, source="withheld", digest=None) if withhold_source else one for one in rows)


def hash_files(folder: Path, written_files: Sequence[WrittenFile]) -> tuple[BundleFile, ...]:
    """The written files by their paths, with their hashes."""
    return tuple(
        BundleFile(one.path.relative_to(folder).as_posix(), one.path.stat().st_size, hash_file(one.path), one)
        for one in sorted(written_files, key=lambda one: one.path)
    )


def hash_file(path: Path) -> str:
    """The hash of a file."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_hub_registry(registry: str) -> bool:
    """Whether a registry is of the Hub; all others are of Ecosyste.ms."""
    return registry.startswith("huggingface/")


def collect_terms(facts: BundleFacts, registry: str | None) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Licences and sources of a file: of one registry, or of all that are in the bundle."""
    names = facts.registries if registry is None else [registry]
    hub, others = any(map(is_hub_registry, names)), any(not is_hub_registry(name) for name in names)
    licences = [ECOSYSTEMS_LICENCE] if others else [HUB_LICENCE]
    sources = [HUB_SOURCE] * hub + [ECOSYSTEMS_SOURCE] * others
    imported = sorted({one.source for one in facts.snapshots if one.origin == "import" and one.registry in names})
    return licences, [*sources, *({"title": f"imported: {source}"} for source in imported)]


def refuse_unattributed(facts: BundleFacts, descriptors: Mapping[str, bytes]) -> None:
    """Refuse a bundle that does not say whose data it has.

    Raises:
        NoAttribution: naming what lacks it.
    """
    nameless = [one.number for one in facts.snapshots if not one.source.strip()]
    if nameless:
        raise MissingAttributionError(
            f"Snapshot {nameless[0]} does not say where it comes from.",
            why="What is passed on has to name its source.",
            fix="Leave it out with --since, --as-of or --registry, or import it again with --source.",
            more="docs/exports.md",
        )
    lacking = [
        name for name in ("README.md", "datapackage.json", "CITATION.cff") if b"ecosyste.ms" not in descriptors[name]
    ]
    if facts.has_ecosystems_data and lacking:
        raise MissingAttributionError(
            f"{lacking[0]} would not name ecosyste.ms.",
            why="Its data is CC BY-SA 4.0: the source has to be named.",
            fix="This is a mistake of ours; please tell us.",
            more="docs/guest.md",
        )

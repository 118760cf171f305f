"""Make a bundle: write its tables and descriptors, scan it for private content, and move it to its path."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import import_module
from pathlib import Path

from analysis.exports.authors import BundleAuthor
from analysis.exports.bundle_facts import (
    BundleFacts,
    ColumnHistory,
    hash_files,
    load_snapshots,
    load_tombstones,
    refuse_unattributed,
)
from analysis.exports.files import WrittenFile, replace_folder, reuse_equal_files, write_file
from analysis.exports.leak_scan import refuse_private_content
from analysis.exports.manifest import MANIFEST, BundleDetails, refuse_foreign_folder, render_manifest
from analysis.exports.previous_bundle import PreviousBundle, load_previous_bundle, locate_file
from analysis.exports.privacy import Redactions, load_names, pseudonymise_tables, redact_tables
from analysis.exports.tables import ExportScope, Table, drop_empty_parts, load_tables
from db import UsageError

FORMATS_FOLDER = Path(__file__).parent / "formats"
DESCRIPTORS_FOLDER = Path(__file__).parent / "descriptors"


@dataclass(frozen=True)
class ExportSpec:
    """The content of a bundle: its scope, formats, redactions, authors, and the key of its pseudonyms, if any."""

    scope: ExportScope
    formats: tuple[str, ...]
    redactions: Redactions = field(default_factory=Redactions)
    pseudonym_key: bytes | None = None
    authors: tuple[BundleAuthor, ...] = ()
    credentials: tuple[str, ...] = ()  # of this run: no file may have one

    @property
    def is_unredacted(self) -> bool:
        """Whether the bundle has all rows as they are in the store."""
        return self.redactions.is_empty and self.pseudonym_key is None


@dataclass(frozen=True)
class ExportOutcome:
    """The facts of a bundle, and the numbers of files left unchanged and of files reused without reading a row."""

    facts: BundleFacts
    unchanged_files: int
    reused_files: int


def make_bundle(connection: sqlite3.Connection, spec: ExportSpec, out: Path) -> ExportOutcome:
    """Write a bundle beside `out`, and move it there when it is complete.

    A file of the old bundle stays if the new file has the same bytes.

    Raises:
        ObservatoryError: `out` is something else, or the bundle would hold private content.
    """
    refuse_foreign_folder(out)
    new_folder = out.absolute().with_name(f".{out.absolute().name}.new")
    _make_empty_folder(new_folder)
    try:
        previous = load_previous_bundle(out, connection, spec.is_unredacted)
        facts, reused_files = _write_bundle(connection, spec, new_folder, previous)
        unchanged_files = reuse_equal_files(new_folder, out) if out.exists() else 0
        replace_folder(new_folder, out.absolute())
    finally:
        if new_folder.exists():
            shutil.rmtree(new_folder)
    return ExportOutcome(facts, unchanged_files, reused_files)


def _make_empty_folder(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)


def _write_bundle(
    connection: sqlite3.Connection, spec: ExportSpec, folder: Path, previous: PreviousBundle
) -> tuple[BundleFacts, int]:
    """Write all files of a bundle, and return its facts and the number of reused files."""
    history, is_pseudonymised = ColumnHistory(), spec.pseudonym_key is not None
    tables = history.watch(drop_empty_parts(_load_tables(connection, spec), previous.has_part))
    snapshots = tuple(
        replace(snapshot, source=spec.redactions.withhold(snapshot.source))
        for snapshot in load_snapshots(connection, spec.scope, is_pseudonymised)
    )
    dates = {snapshot.number: snapshot.date for snapshot in snapshots}
    files, reused_paths = _write_files(spec.formats, tables, folder, previous, history, dates)
    facts = BundleFacts(
        tables=tuple(tables),
        files=hash_files(folder, files),
        snapshots=snapshots,
        collected_since=history.first_dates,
        is_pseudonymised=is_pseudonymised,
        redacted_packages=len(spec.redactions.package_ids),
        redacted_rows=_count_redacted_rows(spec.redactions),
        schema_version=_read_schema_version(connection),
        authors=spec.authors,
        tombstones=load_tombstones(connection, spec.scope, withhold_reason=not spec.is_unredacted),
    )
    _write_descriptors(facts, folder)
    refuse_private_content(folder, reused_paths, spec.credentials)
    write_file(folder / MANIFEST, render_manifest(folder, files, _describe_bundle(facts)))
    return facts, len(reused_paths)


def _write_descriptors(facts: BundleFacts, folder: Path) -> None:
    descriptors = dict(_render_descriptors(facts))
    refuse_unattributed(facts, descriptors)
    for name, content in descriptors.items():
        write_file(folder / name, content)


def _load_tables(connection: sqlite3.Connection, spec: ExportSpec) -> list[Table]:
    """Return the tables of a bundle, redacted or with pseudonyms if the export asks for that."""
    _refuse_unknown("format", spec.formats, list_modules(FORMATS_FOLDER))
    if spec.scope.tables:
        every_table = load_tables(connection, replace(spec.scope, tables=()))
        _refuse_unknown("table", spec.scope.tables, [table.name for table in every_table])
    tables = load_tables(connection, spec.scope)
    if not spec.redactions.is_empty:
        tables = redact_tables(tables, spec.redactions)
    if spec.pseudonym_key is not None:
        tables = pseudonymise_tables(tables, spec.pseudonym_key, load_names(connection))
    return tables


def _write_files(
    formats: Sequence[str],
    tables: Sequence[Table],
    folder: Path,
    previous: PreviousBundle,
    history: ColumnHistory,
    dates: Mapping[int, str],
) -> tuple[list[WrittenFile], set[Path]]:
    """Write every table in every format or reuse a previous file, and return all files and the reused paths."""
    keys = {
        locate_file("", table, part)[1:]: previous.make_key(table, part) for table in tables for part in table.parts
    }
    files: list[WrittenFile] = []
    reused_paths: set[Path] = set()
    for format_name in formats:
        tables_to_write, reused = previous.reuse_files(format_name, tables, folder)
        for file in reused:
            history.add_file(file, dates[file.snapshot or 0], file.columns)
            reused_paths.add(file.path)
        format_module = import_module(f"analysis.exports.formats.{format_name}")
        files += [*reused, *format_module.write_tables(tables_to_write, folder)]
    return [
        replace(
            file, key=keys.get((file.table, file.registry, file.snapshot)), columns=history.columns_with_values(file)
        )
        for file in files
    ], reused_paths


def _render_descriptors(facts: BundleFacts) -> Iterator[tuple[str, bytes]]:
    for name in list_modules(DESCRIPTORS_FOLDER):
        yield from import_module(f"analysis.exports.descriptors.{name}").render(facts).items()


def _count_redacted_rows(redactions: Redactions) -> Counter[str]:
    counts: Counter[str] = Counter()
    for (table, _, _), rows in redactions.row_counts.items():
        counts[table] += rows
    return counts


def list_modules(folder: Path) -> list[str]:
    """Return the names of the modules in a folder: presence is registration."""
    return sorted(path.stem for path in folder.glob("[a-z]*.py"))


def _describe_bundle(facts: BundleFacts) -> BundleDetails:
    return {
        "title": facts.title,
        "authors": [asdict(author) for author in facts.authors],
        "not_public": [str(stand_in) for stand_in in facts.stand_ins],
        "store_schema": facts.schema_version,
        "snapshots": [
            {"snapshot": row.number, "registry": row.registry, "date": row.date, "status": row.status,
             "digest": row.digest}
            for row in facts.snapshots
        ],
        "removed": [
            {"snapshot": row.number, "registry": row.registry, "date": row.date, "removed_on": row.removed_on,
             "reason": row.reason}
            for row in facts.tombstones
        ],
        "pseudonymised": facts.is_pseudonymised,
        "redacted": {
            "packages": facts.redacted_packages,
            "rows": {table: rows for table, rows in facts.redacted_rows.items() if rows},
        },
    }  # fmt: skip


def _read_schema_version(connection: sqlite3.Connection) -> str:
    (name,) = connection.execute("SELECT name FROM _sqlite_migrations ORDER BY name DESC LIMIT 1").fetchone()
    return str(int(name.split("_")[0]))


def _refuse_unknown(kind: str, names: Sequence[str], choices: Collection[str]) -> None:
    for name in names:
        if name not in choices:
            raise UsageError(
                f"There is no {kind} {name!r}.", fix=f"There are: {', '.join(sorted(choices))}.", more="docs/exports.md"
            )

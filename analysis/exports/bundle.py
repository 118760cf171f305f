"""Make a bundle: write its tables, tell what they are, look for what must not be in it, and then put it in place."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path

from analysis.exports.bundle_facts import BundleFacts, ColumnHistory, hash_files, load_snapshots, refuse_unattributed
from analysis.exports.files import WrittenFile, replace_folder, reuse_equal_files, write_file
from analysis.exports.leak_scan import refuse_private_content
from analysis.exports.manifest import MANIFEST, refuse_foreign_folder, render_manifest
from analysis.exports.previous_bundle import PreviousBundle, load_previous_bundle, locate_file
from analysis.exports.privacy import Redactions, load_names, pseudonymise_tables, redact_tables
from analysis.exports.tables import ExportScope, Table, drop_empty_parts, load_tables
from db import UsageError

FORMATS_FOLDER = Path(__file__).parent / "formats"
DESCRIPTORS_FOLDER = Path(__file__).parent / "descriptors"


@dataclass(frozen=True)
class ExportSpec:
    """What a bundle is to hold, in which forms, and what is not to be seen in it."""

    scope: ExportScope
    formats: tuple[str, ...]
    redactions: Redactions = field(default_factory=Redactions)
    pseudonym_key: bytes | None = None


@dataclass(frozen=True)
class ExportOutcome:
    """What was made: the facts of it; how many of its files were there already, and of how many no row was read."""

    facts: BundleFacts
    unchanged_files: int
    reused_files: int


def make_bundle(connection: sqlite3.Connection, spec: ExportSpec, out: Path) -> ExportOutcome:
    """Write a bundle beside `out` and put it in its place when it is whole; files with the same bytes stay.

    Raises:
        ObservatoryError: there is something else at `out`, or something that must not be in a bundle.
    """
    refuse_foreign_folder(out)
    new = out.absolute().with_name(f".{out.absolute().name}.new")
    if new.exists():
        shutil.rmtree(new)
    new.mkdir(parents=True)
    try:
        there = load_previous_bundle(
            out,
            connection,
            spec.pseudonym_key is None and not (spec.redactions.names or spec.redactions.author_prefixes),
        )
        facts, taken = _write_bundle(connection, spec, new, there)
        kept = reuse_equal_files(new, out) if out.exists() else 0
        replace_folder(new, out.absolute())
    finally:
        if new.exists():
            shutil.rmtree(new)
    return ExportOutcome(facts, kept, taken)


def _write_bundle(
    connection: sqlite3.Connection, spec: ExportSpec, folder: Path, previous: PreviousBundle
) -> tuple[BundleFacts, int]:
    since = ColumnHistory()
    found = load_tables(connection, spec.scope)
    _refuse_unknown("format", spec.formats, list_modules(FORMATS_FOLDER))
    _refuse_unknown("table", spec.scope.tables, [table.name for table in found])
    if spec.redactions.names or spec.redactions.author_prefixes:
        found = redact_tables(found, spec.redactions)
    if spec.pseudonym_key is not None:
        found = pseudonymise_tables(found, spec.pseudonym_key, load_names(connection))
    found = since.watch(drop_empty_parts(found, previous.has_part))
    listing = load_snapshots(connection, spec.scope, spec.pseudonym_key is not None)
    written, taken = _write_files(
        spec.formats, found, folder, previous, since, {one.number: one.date for one in listing}
    )
    left_out: Counter[str] = Counter()
    for (table, _, _), rows in spec.redactions.row_counts.items():
        left_out[table] += rows
    facts = BundleFacts(
        tuple(found), hash_files(folder, written), listing, since.first_dates,
        spec.pseudonym_key is not None, len(spec.redactions.package_ids), left_out, _read_schema_version(connection),
    )  # fmt: skip
    told = {
        name: content
        for module in list_modules(DESCRIPTORS_FOLDER)
        for name, content in import_module(f"analysis.exports.descriptors.{module}").render(facts).items()
    }
    refuse_unattributed(facts, told)
    for name, content in told.items():
        write_file(folder / name, content)
    refuse_private_content(folder, taken)
    write_file(folder / MANIFEST, render_manifest(folder, written, _describe_bundle(facts)))
    return facts, len(taken)


def _write_files(
    formats: Sequence[str],
    tables: Sequence[Table],
    folder: Path,
    previous: PreviousBundle,
    history: ColumnHistory,
    dates: Mapping[int, str],
) -> tuple[list[WrittenFile], set[Path]]:
    """Write every table in every form, or take over the file that is there; all files, and those taken over."""
    keys = {
        locate_file("", table, part)[1:]: previous.make_key(table, part) for table in tables for part in table.parts
    }
    written: list[WrittenFile] = []
    taken: set[Path] = set()
    for form in formats:
        left, found = previous.reuse_files(form, tables, folder)
        for one, columns in found:
            history.add_file(one, dates[one.snapshot or 0], columns)
            taken.add(one.path)
        made = import_module(f"analysis.exports.formats.{form}").write_tables(left, folder)
        written += [*(one for one, _ in found), *made]
    return [
        replace(one, key=keys.get((one.table, one.registry, one.snapshot)), columns=history.columns_with_values(one))
        for one in written
    ], taken


def list_modules(folder: Path) -> list[str]:
    """The modules of a folder: being there is the registration."""
    return sorted(path.stem for path in folder.glob("[a-z]*.py"))


def _describe_bundle(facts: BundleFacts) -> Mapping[str, object]:
    return {
        "title": facts.title,
        "store_schema": facts.schema_version,
        "snapshots": [
            {"snapshot": one.number, "registry": one.registry, "date": one.date, "status": one.status,
             "digest": one.digest}
            for one in facts.snapshots
        ],
        "pseudonymised": facts.is_pseudonymised,
        "redacted": {"packages": facts.redacted_packages, "rows": {name: n for name, n in facts.redacted_rows.items() if n}},
    }  # fmt: skip


def _read_schema_version(connection: sqlite3.Connection) -> str:
    found = connection.execute("SELECT name FROM _sqlite_migrations ORDER BY name DESC LIMIT 1").fetchone()
    return str(int(found[0].split("_")[0]))


def _refuse_unknown(kind: str, names: Sequence[str], choices: Collection[str]) -> None:
    for word in names:
        if word not in choices:
            raise UsageError(
                f"There is no {kind} {word!r}.", fix=f"There are: {', '.join(sorted(choices))}.", more="docs/exports.md"
            )

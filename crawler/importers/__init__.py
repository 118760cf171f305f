"""Import past lists as snapshots of their day. Each file of this folder reads one format.

A file without a leading underscore is a format. The name of the format is the name of the file, with `-` for `_`.
The file defines `IMPORTER`, an object with the method of the `Importer` protocol:

- `ContentImporter(parse_content)` for lists whose files are unpacked and read whole,
- `FileImporter(read_file)` for lists whose files are too large to hold in memory, or are databases,
- an importer of its own for anything that is not a list, such as cards.

Lists are dated, judged and stored here, once for all formats.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from crawler.importers._counters import sort_by_counter
from crawler.importers._dating import DatingResult, date_content, load_reference_points, summarize_content
from crawler.importers._files import FileIdentity, ImportFailedError, identify_content, identify_file, read_unpacked
from crawler.response import Event, Observation, Page, Registry, Reject
from db import SECONDS_PER_DAY, __version__
from db.cli import isoformat_utc
from db.rows import SnapshotSpec

if TYPE_CHECKING:
    from db.store import Store


__all__ = [
    "ContentImporter", "FileImporter", "ImportFailedError", "ImportOutcome", "ImportSpec", "Importer",
    "ListImportOutcome", "ParsedList", "date_parsed_list", "find_list", "format_warnings", "import_file",
    "list_formats", "load_importer", "parse_content", "read_unpacked", "resolve_counter", "sort_by_counter",
    "store_list",
]  # fmt: skip


@dataclass(frozen=True)
class ImportSpec:
    """What the user states about a file: its registry, day, order and columns.

    `top` is the number of rows to import, best first. None imports all rows.
    """

    registry: str
    taken_at: int
    ordered_by: str
    counter: str | None
    source: str | None
    columns: Mapping[str, str | None] = field(default_factory=dict)
    top: int | None = None


@dataclass(frozen=True)
class ParsedList:
    """Content of a file: its rows, best first, its rejected rows, and the instant of its newest row.

    `population` is the number of packages in the file, if not all of them were read.
    """

    received: int
    observations: tuple[Observation, ...]
    rejects: tuple[Reject, ...] = ()
    events: tuple[Event, ...] = ()
    newest: int | None = None
    population: int | None = None


class ImportOutcome(Protocol):
    """The result of one import."""

    @property
    def status(self) -> str:
        """The status: `complete`, or any other if the import is not whole."""

    def as_json(self) -> dict[str, object]:
        """Return the outcome as JSON."""

    def as_text(self) -> str:
        """Return the outcome as text."""


@runtime_checkable
class Importer(Protocol):
    """Importer of the files of one format."""

    def import_file(self, store_path: Path, file: str, spec: ImportSpec, format_name: str) -> ImportOutcome:
        """Read a file and store its content."""


@dataclass(frozen=True)
class ListImportOutcome:
    """The result of importing a list. The names of the fields are the documented JSON keys."""

    file: str
    registry: str
    snapshot: int
    status: str
    listed: int
    again: bool = False
    reason: str | None = None
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the documented JSON object, version 1."""
        return asdict(self)

    def as_text(self) -> str:
        """Return the outcome as one line, with a line for the reason and each warning."""
        head = f"{self.status:<9}{self.registry}"
        if self.again:
            return f"{head}  {self.file} is already stored as snapshot {self.snapshot}; nothing was changed"
        line = f"{head}  snapshot {self.snapshot}, {self.listed:,} packages from {self.file}"
        return "\n         ".join([line, *([self.reason] if self.reason else []), *self.warnings])


class ListImporter:
    """Base of the importers of lists. An import is one transaction."""

    def read_list(self, file: Path, spec: ImportSpec) -> tuple[FileIdentity, ParsedList]:
        """Read a file."""
        raise NotImplementedError

    def import_file(self, store_path: Path, file: str, spec: ImportSpec, format_name: str) -> ListImportOutcome:
        """Store the list of a file as a snapshot of its day, complete or partial.

        A file that is already stored for the same day changes nothing.
        """
        from db.connection import open_for_writing
        from db.store import Store

        identity, parsed = self.read_list(Path(file), spec)
        with open_for_writing(store_path) as database:
            store = Store(database)
            row = store.find_imported(spec.registry, spec.ordered_by, spec.taken_at, identity.sha256)
            if row is not None:
                return ListImportOutcome(
                    file, spec.registry, row["snapshot_id"], row["status"], row["depth"], again=True
                )
            with store.transaction():
                return store_list(store, file, identity, parsed, spec, format_name)


@dataclass(frozen=True)
class ContentImporter(ListImporter):
    """Importer of a list whose file is unpacked and read whole."""

    parse_content: Callable[[bytes, ImportSpec], ParsedList]

    def read_list(self, file: Path, spec: ImportSpec) -> tuple[FileIdentity, ParsedList]:
        """Read a file whole."""
        content = read_unpacked(file)
        return identify_content(content), self.parse_list(content, spec)

    def parse_list(self, content: bytes, spec: ImportSpec) -> ParsedList:
        """Parse content, and keep the top rows."""
        return _limit_to_top(self.parse_content(content, spec), spec)


@dataclass(frozen=True)
class FileImporter(ListImporter):
    """Importer of a list whose file is read from disk piece by piece."""

    read_file: Callable[[Path, ImportSpec], ParsedList]

    def read_list(self, file: Path, spec: ImportSpec) -> tuple[FileIdentity, ParsedList]:
        """Read a file from disk."""
        identity = identify_file(file)
        return identity, _limit_to_top(self.read_file(file, spec), spec)


def list_formats() -> tuple[str, ...]:
    """Return the names of the formats, one for each public file of this folder."""
    return tuple(sorted(path.stem.replace("_", "-") for path in Path(__file__).parent.glob("[!_]*.py")))


def load_importer(format_name: str) -> Importer:
    """Return the importer of a format.

    Raises:
        TypeError: the file of the format defines no importer.
    """
    module = importlib.import_module(f"crawler.importers.{format_name.replace('-', '_')}")
    if not isinstance(module.IMPORTER, Importer):
        raise TypeError(f"{module.__name__}.IMPORTER has no method import_file")
    return module.IMPORTER


def import_file(path: Path, format_name: str, file: str, spec: ImportSpec) -> ImportOutcome:
    """Read a file of a format and store its content.

    Raises:
        ImportFailedError: the file is not what the user states, or the stated day has not come.
    """
    if spec.taken_at > time.time() + SECONDS_PER_DAY:
        raise ImportFailedError(
            f"The day {isoformat_utc(spec.taken_at)[:10]} has not come.",
            why="A past list is stored under the day of its content.",
            fix="Give the day of the list with --date.",
        )
    return load_importer(format_name).import_file(path, file, spec, format_name)


def parse_content(format_name: str, content: bytes, spec: ImportSpec) -> ParsedList:
    """Parse content in a format that is read whole.

    Raises:
        TypeError: the format is not read whole.
    """
    importer = load_importer(format_name)
    if not isinstance(importer, ContentImporter):
        raise TypeError(f"files of {format_name} are not read whole")
    return importer.parse_list(content, spec)


def _limit_to_top(parsed: ParsedList, spec: ImportSpec) -> ParsedList:
    if not parsed.observations:
        raise ImportFailedError(
            "The file holds no row that can be read.",
            why=parsed.rejects[0].reason if parsed.rejects else "The file is empty.",
            fix="Check the file, and the columns that were named.",
        )
    population = parsed.population or len(parsed.observations)
    if spec.top is None or len(parsed.observations) <= spec.top:
        return parsed
    top_rows = parsed.observations[: spec.top]
    return replace(parsed, received=spec.top, observations=top_rows, rejects=(), population=population)


def find_list(store: Store, spec: ImportSpec) -> int | None:
    """Return the snapshot that is already stored for the registry, order and day, or None."""
    rows = store.query("find_ranking", registry=spec.registry, by=spec.ordered_by, at=spec.taken_at)
    return int(rows[0][0]) if rows else None


def store_list(
    store: Store, file: str, identity: FileIdentity, parsed: ParsedList, spec: ImportSpec, format_name: str
) -> ListImportOutcome:
    """Store a past list as a snapshot of its day, judged by the gate."""
    from crawler.parsing.redact import redact_page
    from crawler.snapshots.ending import end_snapshot
    from crawler.snapshots.kinds import load_kind

    now = int(time.time())
    dating = date_parsed_list(parsed, spec)
    events = (*parsed.events, *dating.events)
    name = Path(file).name
    snapshot = store.begin_snapshot(SnapshotSpec(
        Registry(spec.registry, "huggingface" if spec.registry.startswith("huggingface/") else "ecosystems"),
        spec.ordered_by, resolve_counter(spec), len(parsed.observations) + len(parsed.rejects), spec.source or name,
        f"stated at the import as {isoformat_utc(spec.taken_at)[:10]}; {dating.summary}", spec.taken_at, now, "import",
        {"file": name, "format": format_name, "columns": dict(spec.columns), "version": __version__,
         "population": len(parsed.observations)}, identity.sha256,
    ))  # fmt: skip
    page = Page("file", name, now, 200, identity.size, identity.sha256, {}, parsed.received,
                observations=parsed.observations, rejects=parsed.rejects, events=events)  # fmt: skip
    progress = store.save_page(snapshot, redact_page(page, keep_body=False))
    status, reason = end_snapshot(load_kind("ranking"), store, snapshot)
    return ListImportOutcome(
        file, spec.registry, snapshot, status, progress.depth, reason=reason, warnings=format_warnings(events, spec)
    )


def resolve_counter(spec: ImportSpec) -> str:
    """Return what the ordering number counts: the stated counter, the Hub's own, or 'unstated'.

    >>> resolve_counter(ImportSpec("pypi", 0, "downloads", None, None))
    'unstated'
    """
    if spec.counter:
        return spec.counter
    if spec.registry.startswith("huggingface/"):
        return {"downloads": "last-30-days", "trending": "trending-score"}.get(spec.ordered_by, spec.ordered_by)
    return "dependents" if spec.ordered_by == "dependents" else "unstated"


def date_parsed_list(parsed: ParsedList, spec: ImportSpec) -> DatingResult:
    """Compare the content of a list with its stated day."""
    content = summarize_content(parsed.observations, spec.ordered_by, parsed.population, parsed.newest)
    stated_day = datetime.fromtimestamp(spec.taken_at, UTC).date()
    return date_content(content, stated_day, load_reference_points(spec.registry))


def format_warnings(events: Iterable[Event], spec: ImportSpec) -> tuple[str, ...]:
    """Return the warnings and notes of an import, one line each."""
    lines = [
        f"warning: {event.evidence} ({event.before} → {event.after})" for event in events if event.severity == "error"
    ]
    if resolve_counter(spec) == "unstated":
        lines.append(
            "note: no --counter states what the numbers count, so this list is compared only with lists like it"
        )
    return tuple(lines)

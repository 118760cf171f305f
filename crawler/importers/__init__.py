"""Past lists as snapshots, one format to a file.

An importer is a module of this folder with `read(content, wanted) -> Past`: the rows of the file, best first. One whose
files are too large to hold, or are databases, has `read_file(path, wanted) -> Past` instead. Its name is the format's
name, with `-` for `_`. Judging, dating and storing are done here, once for all of them. An importer of what is no list
has `bring_in(path, file, wanted) -> Brought` instead, and stores what it reads.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from crawler.importers._dating import DatingResult, date_content, load_reference_points, summarize_content
from crawler.response import Event, Observation, Page, Registry, Reject
from db import ObservatoryError, __version__
from db.cli import isoformat_utc
from db.rows import SnapshotSpec

if TYPE_CHECKING:
    from db.store import Store

MAX_FILE_BYTES = 2 * 1024**3


class ImportFailedError(ObservatoryError):
    """A past list cannot be read."""


@dataclass(frozen=True)
class ImportSpec:
    """What a file is said to be: of which registry, of which day, in which order, and in which columns.

    `top` is how many of its rows to bring in, best first; None: all.
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
    """What a file holds: its rows, best first; the rows it could not read; what its content says of its date.

    `population` is how many packages it lists, where fewer were read than that.
    """

    received: int
    observations: tuple[Observation, ...]
    rejects: tuple[Reject, ...] = ()
    events: tuple[Event, ...] = ()
    newest: int | None = None
    population: int | None = None


class ImportOutcome(Protocol):
    """How an import went, whatever was brought in."""

    @property
    def status(self) -> str:
        """`complete`, or why not."""

    def as_json(self) -> dict[str, object]:
        """For a program."""

    def as_text(self) -> str:
        """For a person."""


@dataclass(frozen=True)
class ListImportOutcome:
    """How an import went."""

    file: str
    registry: str
    snapshot: int
    status: str
    listed: int
    again: bool = False
    reason: str | None = None
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The documented shape, version 1."""
        return asdict(self)

    def as_text(self) -> str:
        """One import in a line or two."""
        if self.again:
            return (
                f"{self.status:<9}{self.registry}  {self.file} is snapshot {self.snapshot} already; nothing was changed"
            )
        line = f"{self.status:<9}{self.registry}  snapshot {self.snapshot}, {self.listed:,} packages from {self.file}"
        return "\n         ".join([line, *([self.reason] if self.reason else []), *self.warnings])


def list_formats() -> tuple[str, ...]:
    """The formats there are: one for each file of this folder."""
    return tuple(sorted(path.stem.replace("_", "-") for path in Path(__file__).parent.glob("[!_]*.py")))


def import_file(path: Path, format_name: str, file: str, spec: ImportSpec) -> ImportOutcome:
    """Read a file and store it as a complete snapshot of its day, or as a partial one with the reason.

    The whole import is one transaction. A file that is in the store already, for the same day, changes nothing. What
    is no list (an importer with a `bring_in` of its own) is stored as what it is.

    Raises:
        ImportFailed: the file cannot be read as what it is said to be.
    """
    from db.connection import open_for_writing
    from db.store import Store

    own = getattr(load_importer(format_name), "import_file", None)
    if own is not None:
        return own(path, file, spec)
    size, sha256, past = _read_list(Path(file), format_name, spec)
    with open_for_writing(path) as database:
        store = Store(database)
        known = store.find_imported(spec.registry, spec.ordered_by, spec.taken_at, sha256)
        if known is not None:
            return ListImportOutcome(
                file, spec.registry, known["snapshot_id"], known["status"], known["depth"], again=True
            )
        with store.transaction():
            return store_list(store, file, size, sha256, past, spec, format_name)


def load_importer(format_name: str) -> ModuleType:
    """The module that reads a format."""
    return importlib.import_module(f"crawler.importers.{format_name.replace('-', '_')}")


def parse_content(format_name: str, content: bytes, spec: ImportSpec) -> ParsedList:
    """The rows of a file's content in one of the formats that are read whole."""
    return _limit_to_top(load_importer(format_name).parse_content(content, spec), spec)


def _read_list(file: Path, format_name: str, spec: ImportSpec) -> tuple[int, str, ParsedList]:
    """Size, sha256 and rows of a file: unpacked and held where its format is read whole, else as it lies there."""
    importer = load_importer(format_name)
    if not hasattr(importer, "read_file"):
        content = read_unpacked(file)
        return len(content), hashlib.sha256(content).hexdigest(), parse_content(format_name, content, spec)
    try:
        with file.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable_file_error(file, error) from error
    return file.stat().st_size, sha256, _limit_to_top(importer.read_file(file, spec), spec)


def _limit_to_top(parsed: ParsedList, spec: ImportSpec) -> ParsedList:
    """The rows that were asked for, of which there must be one."""
    if not parsed.observations:
        raise ImportFailedError(
            "The file holds no row that can be read.",
            why=parsed.rejects[0].reason if parsed.rejects else "It is empty.",
            fix="Look at the file, and at the columns that were named.",
        )
    if spec.top is None or len(parsed.observations) <= spec.top:
        return parsed
    kept, listed = parsed.observations[: spec.top], parsed.population or len(parsed.observations)
    return replace(parsed, received=spec.top, observations=kept, rejects=(), population=listed)


def read_unpacked(file: Path) -> bytes:
    """The bytes of a file, unpacked if it is gzip.

    Raises:
        ImportFailed: it is not there, is cut off, or is too large.
    """
    try:
        raw = file.read_bytes()
        content = raw
        if raw[:2] == b"\x1f\x8b":
            with gzip.open(file) as stream:
                content = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, EOFError) as error:
        raise _unreadable_file_error(file, error) from error
    if len(content) > MAX_FILE_BYTES:
        raise ImportFailedError(f"{file} unpacks to more than {MAX_FILE_BYTES >> 30} GiB.", fix="Split it by day.")
    return content


def _unreadable_file_error(file: Path, error: Exception) -> ImportFailedError:
    return ImportFailedError(f"{file} cannot be read: {error}.", fix="Look at the file's name and whether it is whole.")


def store_list(
    store: Store, file: str, size: int, sha256: str, parsed: ParsedList, spec: ImportSpec, format_name: str
) -> ListImportOutcome:
    """Store a past list as a snapshot of its day, judged by the gate."""
    from crawler.parsing.redact import redact_page
    from crawler.snapshots.ending import end_snapshot
    from crawler.snapshots.kinds import load_kind

    now = int(time.time())
    of_day = date_parsed_list(parsed, spec)
    events = (*parsed.events, *of_day.events)
    name = Path(file).name
    snapshot = store.begin_snapshot(SnapshotSpec(
        Registry(spec.registry, "huggingface" if spec.registry.startswith("huggingface/") else "ecosystems"),
        spec.ordered_by, resolve_counter(spec), len(parsed.observations) + len(parsed.rejects), spec.source or name,
        f"stated at the import as {isoformat_utc(spec.taken_at)[:10]}; {of_day.summary}", spec.taken_at, now, "import",
        {"file": name, "format": format_name, "columns": dict(spec.columns), "version": __version__,
         "population": len(parsed.observations)}, sha256,
    ))  # fmt: skip
    page = Page("file", name, now, 200, size, sha256, {}, parsed.received, observations=parsed.observations,
                rejects=parsed.rejects, events=events)  # fmt: skip
    progress = store.save_page(snapshot, redact_page(page, keep_body=False))
    status, why = end_snapshot(load_kind("ranking"), store, snapshot)
    return ListImportOutcome(
        file, spec.registry, snapshot, status, progress.depth, reason=why, warnings=format_warnings(events, spec)
    )


def resolve_counter(spec: ImportSpec) -> str:
    """What the ordering number counts: as stated, or what the Hub has always counted, or 'unstated'.

    >>> resolve_counter(ImportSpec("pypi", 0, "downloads", None, None))
    'unstated'
    """
    if spec.counter:
        return spec.counter
    if spec.registry.startswith("huggingface/"):
        return {"downloads": "last-30-days", "trending": "trending-score"}.get(spec.ordered_by, spec.ordered_by)
    return "dependents" if spec.ordered_by == "dependents" else "unstated"


def sort_by_counter(observations: Iterable[Observation], ordered_by: str) -> tuple[Observation, ...]:
    """Largest first, equal values by name, unknown values last."""
    field_of = {"downloads": "downloads", "likes": "likes", "dependents": "dependents", "trending": "trending"}[
        ordered_by
    ]

    def place(seen: Observation) -> tuple[bool, float, str]:
        value = getattr(seen, field_of)
        return value is None, -(value or 0), seen.name

    return tuple(sorted(observations, key=place))


def date_parsed_list(parsed: ParsedList, spec: ImportSpec) -> DatingResult:
    """What the content says of the day it was given."""
    content = summarize_content(parsed.observations, spec.ordered_by, parsed.population, parsed.newest)
    return date_content(
        content, datetime.fromtimestamp(spec.taken_at, UTC).date(), load_reference_points(spec.registry)
    )


def format_warnings(events: Iterable[Event], spec: ImportSpec) -> tuple[str, ...]:
    """What a person should know of an import, a line each."""
    said = [
        f"warning: {event.evidence} ({event.before} → {event.after})" for event in events if event.severity == "error"
    ]
    if resolve_counter(spec) == "unstated":
        said.append(
            "note: what the counts are of was not stated (--counter), so this list is compared only with such lists"
        )
    return tuple(said)

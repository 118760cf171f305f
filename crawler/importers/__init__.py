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

from crawler.importers._dating import Dated, content_of, dated, known
from crawler.response import Event, Observation, Page, Registry, Reject
from db import ObservatoryError, __version__
from db.cli import instant
from db.rows import Asked

if TYPE_CHECKING:
    from db.store import Store

LARGEST_FILE = 2 * 1024**3


class ImportFailed(ObservatoryError):
    """A past list cannot be read."""


@dataclass(frozen=True)
class Wanted:
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
class Past:
    """What a file holds: its rows, best first; the rows it could not read; what its content says of its date.

    `population` is how many packages it lists, where fewer were read than that.
    """

    received: int
    observations: tuple[Observation, ...]
    rejects: tuple[Reject, ...] = ()
    events: tuple[Event, ...] = ()
    newest: int | None = None
    population: int | None = None


class Brought(Protocol):
    """How an import went, whatever was brought in."""

    @property
    def status(self) -> str:
        """`complete`, or why not."""

    def as_json(self) -> dict[str, object]:
        """For a program."""

    def line(self) -> str:
        """For a person."""


@dataclass(frozen=True)
class Imported:
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

    def line(self) -> str:
        """One import in a line or two."""
        if self.again:
            return (
                f"{self.status:<9}{self.registry}  {self.file} is snapshot {self.snapshot} already; nothing was changed"
            )
        line = f"{self.status:<9}{self.registry}  snapshot {self.snapshot}, {self.listed:,} packages from {self.file}"
        return "\n         ".join([line, *([self.reason] if self.reason else []), *self.warnings])


def formats() -> tuple[str, ...]:
    """The formats there are: one for each file of this folder."""
    return tuple(sorted(path.stem.replace("_", "-") for path in Path(__file__).parent.glob("[!_]*.py")))


def bring_in(path: Path, form: str, file: str, wanted: Wanted) -> Brought:
    """Read a file and store it as a complete snapshot of its day, or as a partial one with the reason.

    The whole import is one transaction. A file that is in the store already, for the same day, changes nothing. What
    is no list (an importer with a `bring_in` of its own) is stored as what it is.

    Raises:
        ImportFailed: the file cannot be read as what it is said to be.
    """
    from db.connection import writing
    from db.store import Store

    own = getattr(importer_of(form), "bring_in", None)
    if own is not None:
        return own(path, file, wanted)
    size, sha256, past = _opened(Path(file), form, wanted)
    with writing(path) as database:
        store = Store(database)
        known = store.imported(wanted.registry, wanted.ordered_by, wanted.taken_at, sha256)
        if known is not None:
            return Imported(file, wanted.registry, known["snapshot_id"], known["status"], known["depth"], again=True)
        with store.transaction():
            return store_list(store, file, size, sha256, past, wanted, form)


def importer_of(form: str) -> ModuleType:
    """The module that reads a format."""
    return importlib.import_module(f"crawler.importers.{form.replace('-', '_')}")


def read(form: str, content: bytes, wanted: Wanted) -> Past:
    """The rows of a file's content in one of the formats that are read whole."""
    return _some(importer_of(form).read(content, wanted), wanted)


def _opened(file: Path, form: str, wanted: Wanted) -> tuple[int, str, Past]:
    """Size, sha256 and rows of a file: unpacked and held where its format is read whole, else as it lies there."""
    importer = importer_of(form)
    if not hasattr(importer, "read_file"):
        content = unpacked(file)
        return len(content), hashlib.sha256(content).hexdigest(), read(form, content, wanted)
    try:
        with file.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise _not_readable(file, error) from error
    return file.stat().st_size, sha256, _some(importer.read_file(file, wanted), wanted)


def _some(past: Past, wanted: Wanted) -> Past:
    """The rows that were asked for, of which there must be one."""
    if not past.observations:
        raise ImportFailed(
            "The file holds no row that can be read.",
            why=past.rejects[0].reason if past.rejects else "It is empty.",
            fix="Look at the file, and at the columns that were named.",
        )
    if wanted.top is None or len(past.observations) <= wanted.top:
        return past
    kept, listed = past.observations[: wanted.top], past.population or len(past.observations)
    return replace(past, received=wanted.top, observations=kept, rejects=(), population=listed)


def unpacked(file: Path) -> bytes:
    """The bytes of a file, unpacked if it is gzip.

    Raises:
        ImportFailed: it is not there, is cut off, or is too large.
    """
    try:
        raw = file.read_bytes()
        content = raw
        if raw[:2] == b"\x1f\x8b":
            with gzip.open(file) as stream:
                content = stream.read(LARGEST_FILE + 1)
    except (OSError, EOFError) as error:
        raise _not_readable(file, error) from error
    if len(content) > LARGEST_FILE:
        raise ImportFailed(f"{file} unpacks to more than {LARGEST_FILE >> 30} GiB.", fix="Split it by day.")
    return content


def _not_readable(file: Path, error: Exception) -> ImportFailed:
    return ImportFailed(f"{file} cannot be read: {error}.", fix="Look at the file's name and whether it is whole.")


def store_list(store: Store, file: str, size: int, sha256: str, past: Past, wanted: Wanted, form: str) -> Imported:
    """Store a past list as a snapshot of its day, judged by the gate."""
    from crawler.parsing.redact import redacted
    from crawler.snapshots.ending import end_snapshot

    now = int(time.time())
    of_day = dated_by_content(past, wanted)
    events = (*past.events, *of_day.events)
    name = Path(file).name
    snapshot = store.begin(Asked(
        Registry(wanted.registry, "huggingface" if wanted.registry.startswith("huggingface/") else "ecosystems"),
        wanted.ordered_by, counter_of(wanted), len(past.observations) + len(past.rejects), wanted.source or name,
        f"stated at the import as {instant(wanted.taken_at)[:10]}; {of_day.words}", wanted.taken_at, now, "import",
        {"file": name, "format": form, "columns": dict(wanted.columns), "version": __version__,
         "population": len(past.observations)}, sha256,
    ))  # fmt: skip
    page = Page("file", name, now, 200, size, sha256, {}, past.received, observations=past.observations,
                rejects=past.rejects, events=events)  # fmt: skip
    progress = store.record(snapshot, redacted(page, keep_body=False))
    status, why = end_snapshot(store, snapshot)
    return Imported(
        file, wanted.registry, snapshot, status, progress.depth, reason=why, warnings=warnings(events, wanted)
    )


def counter_of(wanted: Wanted) -> str:
    """What the ordering number counts: as stated, or what the Hub has always counted, or 'unstated'.

    >>> counter_of(Wanted("pypi", 0, "downloads", None, None))
    'unstated'
    """
    if wanted.counter:
        return wanted.counter
    if wanted.registry.startswith("huggingface/"):
        return {"downloads": "last-30-days", "trending": "trending-score"}.get(wanted.ordered_by, wanted.ordered_by)
    return "dependents" if wanted.ordered_by == "dependents" else "unstated"


def by_counter(observations: Iterable[Observation], ordered_by: str) -> tuple[Observation, ...]:
    """Largest first, equal values by name, unknown values last."""
    field_of = {"downloads": "downloads", "likes": "likes", "dependents": "dependents", "trending": "trending"}[
        ordered_by
    ]

    def place(seen: Observation) -> tuple[bool, float, str]:
        value = getattr(seen, field_of)
        return value is None, -(value or 0), seen.name

    return tuple(sorted(observations, key=place))


def dated_by_content(past: Past, wanted: Wanted) -> Dated:
    """What the content says of the day it was given."""
    content = content_of(past.observations, wanted.ordered_by, past.population, past.newest)
    return dated(content, datetime.fromtimestamp(wanted.taken_at, UTC).date(), known(wanted.registry))


def warnings(events: Iterable[Event], wanted: Wanted) -> tuple[str, ...]:
    """What a person should know of an import, a line each."""
    said = [
        f"warning: {event.evidence} ({event.before} → {event.after})" for event in events if event.severity == "error"
    ]
    if counter_of(wanted) == "unstated":
        said.append(
            "note: what the counts are of was not stated (--counter), so this list is compared only with such lists"
        )
    return tuple(said)

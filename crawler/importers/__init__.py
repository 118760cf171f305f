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
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from crawler.importers._counters import sort_by_counter
from crawler.importers._files import FileIdentity, ImportFailedError, identify_content, identify_file, read_unpacked
from crawler.importers._judging import judge_list
from crawler.importers._manifest import read_manifest
from crawler.importers._outcomes import FailedImport, ImportOutcome, ListImportOutcome
from crawler.importers._plan import PlannedImport, plan_imports
from crawler.importers._repeats import find_same_file
from crawler.importers._session import ImportSession
from crawler.importers._spec import ImportSpec, ParsedList, resolve_counter
from crawler.importers._storing import date_parsed_list, find_list, format_warnings, refuse_impossible_day, store_list
from crawler.importers._summary import format_plan, format_summary
from db import StoreError
from db.cli import describe_exception

STOPPING_ERRORS = (StoreError, sqlite3.Error, MemoryError)  # the next file would fail for the same reason

__all__ = [
    "ContentImporter", "FailedImport", "FileImporter", "ImportFailedError", "ImportOutcome", "ImportSession",
    "ImportSpec", "Importer", "ListImportOutcome", "ParsedList", "PlannedImport", "date_parsed_list", "find_list",
    "format_plan", "format_summary", "format_warnings", "import_planned", "list_formats",
    "load_importer", "parse_content", "plan_imports", "read_manifest", "read_unpacked", "refuse_impossible_day",
    "resolve_counter", "sort_by_counter", "store_list",
]  # fmt: skip


@runtime_checkable
class Importer(Protocol):
    """Importer of the files of one format."""

    def import_file(self, session: ImportSession, file: str, spec: ImportSpec, format_name: str) -> ImportOutcome:
        """Read a file and store its content."""


@dataclass(frozen=True)
class ListFile:
    """A file with a list: its identity, and the function that parses it."""

    identity: FileIdentity
    parse: Callable[[ImportSpec], ParsedList]


class ListImporter:
    """Base of the importers of lists. An import is one transaction."""

    def open_list(self, file: Path) -> ListFile:
        """Read as much of a file as its identity needs."""
        raise NotImplementedError

    def import_file(self, session: ImportSession, file: str, spec: ImportSpec, format_name: str) -> ListImportOutcome:
        """Store the list of a file as a snapshot of its day, complete or partial.

        A file that is already stored for the same day is not parsed and changes nothing.
        """
        list_file = self.open_list(Path(file))
        stored = find_same_file(session.store, file, list_file.identity, spec) if session.has_store else None
        if stored is not None:
            return stored
        parsed = list_file.parse(spec)
        refuse_impossible_day(spec, parsed.newest)
        with session.store.transaction():
            return store_list(session.store, file, list_file.identity, parsed, spec, format_name)


@dataclass(frozen=True)
class ContentImporter(ListImporter):
    """Importer of a list whose file is unpacked and read whole."""

    parse_content: Callable[[bytes, ImportSpec], ParsedList]

    def open_list(self, file: Path) -> ListFile:
        """Read a file whole."""
        content = read_unpacked(file)
        return ListFile(identify_content(content), lambda spec: self.parse_list(content, spec))

    def parse_list(self, content: bytes, spec: ImportSpec) -> ParsedList:
        """Parse content, and judge its rows."""
        return judge_list(self.parse_content(content, spec), spec)


@dataclass(frozen=True)
class FileImporter(ListImporter):
    """Importer of a list whose file is read from disk piece by piece."""

    read_file: Callable[[Path, ImportSpec], ParsedList]

    def open_list(self, file: Path) -> ListFile:
        """Compute the hash of a file."""
        return ListFile(identify_file(file), lambda spec: judge_list(self.read_file(file, spec), spec))


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


def import_planned(path: Path, planned_imports: Sequence[PlannedImport], debug: bool) -> Iterator[ImportOutcome]:
    """Import each file of a plan and yield its outcome. A file that cannot be imported does not stop the others.

    Raises:
        ObservatoryError: the store cannot be used, or the only file cannot be imported.
    """
    with ImportSession(path) as session:
        for planned in planned_imports:
            try:
                importer = load_importer(planned.format_name)
                yield importer.import_file(session, planned.file, planned.spec, planned.format_name)
            except STOPPING_ERRORS:
                raise
            except Exception as error:
                if debug or len(planned_imports) == 1:
                    raise
                yield FailedImport(planned.file, planned.spec.registry, _describe_failure(error))


def _describe_failure(error: Exception) -> str:
    described = describe_exception(error)
    return " ".join(part for part in (described.message, described.why, described.fix) if part)


def parse_content(format_name: str, content: bytes, spec: ImportSpec) -> ParsedList:
    """Parse content in a format that is read whole.

    Raises:
        TypeError: the format is not read whole.
    """
    importer = load_importer(format_name)
    if not isinstance(importer, ContentImporter):
        raise TypeError(f"files of {format_name} are not read whole")
    return importer.parse_list(content, spec)

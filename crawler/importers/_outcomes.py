"""The results of imports, for a program and for a person."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Protocol

from db.cli import pluralize


class ImportOutcome(Protocol):
    """The result of one import."""

    @property
    def file(self) -> str:
        """The name of the file as it was stated."""

    @property
    def status(self) -> str:
        """The status: `complete`, or any other if the import is not whole."""

    @property
    def again(self) -> bool:
        """Whether the file was imported before."""

    @property
    def rows(self) -> int:
        """The number of rows that are stored of the file."""

    @property
    def remark(self) -> str:
        """The reason why the import is not whole, or why nothing was changed."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings and notes, one sentence each."""

    def as_json(self) -> dict[str, object]:
        """Return the outcome as JSON."""

    def as_text(self) -> str:
        """Return the outcome as text."""


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

    @property
    def rows(self) -> int:
        """The number of ranks of the snapshot."""
        return self.listed

    @property
    def remark(self) -> str:
        """The reason of a partial snapshot, or that the list was stored before."""
        return f"already stored as snapshot {self.snapshot}" if self.again else self.reason or ""

    def as_json(self) -> dict[str, object]:
        """Return the documented JSON object, version 1."""
        return asdict(self)

    def as_text(self) -> str:
        """Return the outcome as one line, with a line for the reason and each warning."""
        head = f"{self.status:<9}{self.registry}"
        if self.again:
            return f"{head}  {self.file} is already stored as snapshot {self.snapshot}; nothing was changed"
        line = f"{head}  snapshot {self.snapshot}, {pluralize(self.listed, 'package')} from {self.file}"
        return "\n         ".join([line, *([self.reason] if self.reason else []), *self.warnings])


@dataclass(frozen=True)
class FailedImport:
    """A file that could not be imported, in a run of several. The names of the fields are the documented JSON keys."""

    file: str
    registry: str
    reason: str
    snapshot: None = None
    status: str = "failed"
    listed: int = 0
    again: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """The number of stored rows: none."""
        return 0

    @property
    def remark(self) -> str:
        """The reason of the failure."""
        return self.reason

    def as_json(self) -> dict[str, object]:
        """Return the documented JSON object, version 1."""
        return asdict(self)

    def as_text(self) -> str:
        """Return the outcome as one line."""
        return f"{self.status:<9}{self.registry}  {self.file}: {self.reason}"

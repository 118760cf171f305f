"""Kinds of snapshots: how each kind is stored, judged and ended. One file per kind; being here is the registration.

A spider names its kind (`snapshot_kind`), and `load_kind` imports that file only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic, TypeVar

from crawler.plan import CrawlPlan
from crawler.response import Page
from db.rows import GateResult
from db.store import Store
from db.store.package_events import PackageEvent

WriterT = TypeVar("WriterT", bound=Store)


@dataclass(frozen=True, slots=True)
class CensusPosition:
    """How far a census has come: its largest stable id, or the ids of its last page. Empty for other kinds."""

    last_id: str = ""
    newest_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Judgement:
    """The gate's results on an open snapshot, the share of rows with each field, and the number of packages."""

    gate_results: Sequence[GateResult]
    field_coverage: Mapping[str, float]
    package_count: int


class SnapshotKind(ABC, Generic[WriterT]):
    """How one kind of snapshot is stored, judged and ended."""

    writer_class: type[WriterT]

    @abstractmethod
    def expected_size(self, writer: WriterT, plan: CrawlPlan) -> int | None:
        """Return how many packages the snapshot will hold, or None if nothing tells."""

    @abstractmethod
    def redact_page(self, page: Page, keep_body: bool) -> Page:
        """Return the page without personal addresses."""

    @abstractmethod
    def judge(self, writer: WriterT, snapshot: int) -> Judgement:
        """Return what the gate says of an open snapshot."""

    @abstractmethod
    def find_events(self, writer: WriterT, snapshot: int) -> Iterable[PackageEvent]:
        """Return the events of an open snapshot that passed its gate."""

    def position(self, writer: WriterT, snapshot: int) -> CensusPosition:
        """Return how far an open census has come."""
        return CensusPosition()

    def estimate_missed(self, writer: WriterT, snapshot: int, depth: int) -> int | None:
        """Return the estimated number of packages that the snapshot lacks, or None without an estimate."""
        return None


def load_kind(name: str) -> SnapshotKind[Any]:
    """Return the kind of a name: the `KIND` of `crawler/snapshots/kinds/NAME.py`."""
    kind: SnapshotKind[Any] = import_module(f"{__name__}.{name}").KIND
    return kind

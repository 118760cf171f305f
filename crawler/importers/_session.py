"""The store of one run of imports. It is opened for the first file that is stored, and stays open for the others."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from db.store import Store


class ImportSession:
    """A store that is opened once for all files of a run. A run whose files cannot be read creates no store."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._exit_stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return self._exit_stack.__exit__(kind, error, traceback)

    @property
    def has_store(self) -> bool:
        """Whether there is a store that may hold the files already."""
        return self._path.exists()

    @cached_property
    def store(self) -> Store:
        """The store, opened for writing until the session ends."""
        from db.connection import open_for_writing
        from db.store import Store

        return Store(self._exit_stack.enter_context(open_for_writing(self._path)))

"""The classes of sqlite-utils that the store uses, imported without pandas.

sqlite-utils imports pandas where it is installed: half a second and 60 MB that no command of a store or crawl needs.
Only that import does not see pandas. Whatever needs pandas later in the same process imports it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec

__all__ = ["Database", "Migrations"]


class AbsentModule(MetaPathFinder):
    """A finder that reports one module as not installed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        """Refuse the module, and leave any other module to the next finder."""
        if name == self._name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


@contextmanager
def hide_module(name: str) -> Iterator[None]:
    """Let the imports of the block not find a module, unless the process has imported the module already."""
    finder = AbsentModule(name)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


with hide_module("pandas"):
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations

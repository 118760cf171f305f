"""The classes of sqlite-utils that the store uses, imported without pandas and numpy.

sqlite-utils imports both where they are installed: half a second and 60 MB that no command of a store or crawl needs.
Only that import does not see them. Whatever needs one of them later in the same process imports it.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec

__all__ = ["Database", "Migrations"]


class AbsentModules(MetaPathFinder):
    """A finder that reports some modules as not installed."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        """Refuse the modules, and leave any other module to the next finder."""
        if name in self._names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


@contextmanager
def hide_modules(*names: str) -> Iterator[None]:
    """Let the imports of the block not find modules, except those that the process has imported already."""
    finder = AbsentModules(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


with hide_modules("pandas", "numpy"):
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations

"""Where the documents are that errors name: in a clone, or where an installation has put them."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from pathlib import Path

INSTALLED_FOLDER = Path("share", "doc", "hub-observatory")  # below each scheme's folder of data: see setup.cfg


def locate_document(name: str) -> str:
    """Return the path of a document on this machine, relative if it is below the current folder.

    A document that is nowhere keeps its name.
    """
    for folder in list_document_folders():
        if (path := folder / name).is_file():
            return _shorten_path(path)
    return name


def _shorten_path(path: Path) -> str:
    try:
        current = Path.cwd()
    except FileNotFoundError:  # the current folder was deleted
        return str(path)
    return str(path.relative_to(current) if path.is_relative_to(current) else path)


def list_document_folders() -> Iterator[Path]:
    """Yield the folders that may hold the documents: the clone, the environment, the home of the user."""
    yield Path(__file__).resolve().parents[1]
    for key in ("prefix", "user"):
        yield Path(sysconfig.get_path("data", sysconfig.get_preferred_scheme(key))) / INSTALLED_FOLDER

"""The data dictionary: the meaning of every column of the stable views."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NotRequired, TypedDict

DICTIONARY = Path(__file__).parent / "dictionary.toml"


class ColumnDescription(TypedDict):
    """One column of a stable view.

    `personal` says whether it may name (name, hash) or quote (text) a person, or is mostly no name at all (label).
    """

    name: str
    type: str
    unit: str
    nullable: bool
    description: str
    source: str
    caveat: NotRequired[str]
    personal: NotRequired[str]


class ViewDescription(TypedDict):
    """One stable view with its columns."""

    name: str
    about: str
    column: list[ColumnDescription]


def load_dictionary() -> list[ViewDescription]:
    """Return every stable view with its description and the descriptions of its columns."""
    views: list[ViewDescription] = tomllib.loads(DICTIONARY.read_text("utf-8"))["view"]
    return views

"""The stable views as `db/dictionary.toml` describes them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NotRequired, TypedDict

import db

DICTIONARY = Path(db.__file__).parent / "dictionary.toml"


class ViewColumn(TypedDict):
    """A column of a stable view, as the dictionary describes it."""

    name: str
    type: str
    unit: str
    nullable: bool
    description: str
    source: str
    caveat: NotRequired[str]
    personal: NotRequired[str]


class StableView(TypedDict):
    """A stable view, as the dictionary describes it."""

    name: str
    about: str
    column: list[ViewColumn]


@cache
def load_views() -> Mapping[str, StableView]:
    """Return the stable views by name."""
    views: list[StableView] = tomllib.loads(DICTIONARY.read_text("utf-8"))["view"]
    return {view["name"]: view for view in views}


def list_view_columns(view: str) -> list[ViewColumn]:
    """Return the columns of a stable view in their order."""
    return load_views()[view]["column"]

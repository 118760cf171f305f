"""The stable views as `db/dictionary.toml` describes them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from db.dictionary import ColumnDescription, ViewDescription, load_dictionary


@cache
def load_views() -> Mapping[str, ViewDescription]:
    """Return the stable views by name."""
    return {view["name"]: view for view in load_dictionary()}


def list_view_columns(view: str) -> list[ColumnDescription]:
    """Return the columns of a stable view in their order."""
    return load_views()[view]["column"]

"""Known renames: packages that moved to another name before their stable ids could be seen (`renames.toml`)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

RENAMES = Path(__file__).with_name("renames.toml")


@dataclass(frozen=True)
class Rename:
    """A package that moved from one name to another.

    It moved between `last_former`, the day of the last list with the former name, and `first_current`, the day of the
    first source with the current name.
    """

    registry: str
    former_name: str
    current_name: str
    last_former: date
    first_current: date
    source: str


@cache
def load_renames() -> tuple[Rename, ...]:
    """Return the known renames."""
    tables = tomllib.loads(RENAMES.read_text("utf-8"))["rename"]
    return tuple(
        Rename(table["registry"], name, f"{table['owner']}/{name}", table["last_former"], table["first_current"],
               table["source"])
        for table in tables
        for name in table["names"]
    )  # fmt: skip


def current_name(registry: str, name: str) -> str:
    """Return the newest known name of a package, which is mostly its name itself.

    >>> current_name("huggingface/models", "gpt2"), current_name("npm", "gpt2")
    ('openai-community/gpt2', 'gpt2')
    """
    return _current_names().get((registry, name), name)


def other_name(registry: str, name: str) -> str:
    """Return the other name of a package that is known to have two, or else its name itself.

    >>> other_name("huggingface/models", "gpt2"), other_name("huggingface/models", "openai-community/gpt2")
    ('openai-community/gpt2', 'gpt2')
    """
    return _other_names().get((registry, name), name)


@cache
def _current_names() -> Mapping[tuple[str, str], str]:
    return {(rename.registry, rename.former_name): rename.current_name for rename in load_renames()}


@cache
def _other_names() -> Mapping[tuple[str, str], str]:
    former = {(rename.registry, rename.current_name): rename.former_name for rename in load_renames()}
    return {**former, **_current_names()}

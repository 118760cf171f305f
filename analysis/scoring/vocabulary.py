"""The words the rules know, out of `vocabulary.toml`: one expression for each list."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("vocabulary.toml")
UNSPACED = re.compile("[\u0e00-\u0eff\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@cache
def vocabulary() -> Mapping[str, Mapping[str, object]]:
    """The file, read once."""
    return tomllib.loads(FILE.read_text("utf-8"))


@cache
def words(table: str, name: str) -> re.Pattern[str]:
    """One expression that finds a list's words: at the beginning of a word, or anywhere in writing without spaces.

    >>> bool(words("headings", "limitations").search("Known limitations"))
    True
    """
    return any_of([str(one) for one in vocabulary()[table][name]])


def any_of(stems: Sequence[str]) -> re.Pattern[str]:
    """An expression for a list of stems; `=word` is the whole word, `~text` an expression as it is."""
    return re.compile("|".join(_one(stem) for stem in stems), re.IGNORECASE)


def _one(stem: str) -> str:
    if stem.startswith("~"):
        return stem[1:]
    whole = stem.startswith("=")
    escaped = re.escape(stem.removeprefix("=")).replace(r"\ ", r"[\s_-]+")
    if UNSPACED.search(stem):
        return escaped
    return rf"(?<![^\W_]){escaped}" + (r"(?![^\W_])" if whole else "")


def number(name: str) -> float:
    """A threshold of the file."""
    return float(vocabulary()["thresholds"][name])

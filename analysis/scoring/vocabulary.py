"""The words that the rules search for, from `vocabulary.toml`: one regular expression per list."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

VOCABULARY_FILE = Path(__file__).with_name("vocabulary.toml")
UNSPACED_SCRIPT = re.compile("[\u0e00-\u0eff\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@cache
def load_vocabulary() -> dict[str, dict[str, list[str]]]:
    """Return the lists of words, by table and name."""
    vocabulary = tomllib.loads(VOCABULARY_FILE.read_text("utf-8"))
    return {table: lists for table, lists in vocabulary.items() if table != "thresholds"}


@cache
def load_thresholds() -> dict[str, float]:
    """Return the thresholds, by name."""
    thresholds = tomllib.loads(VOCABULARY_FILE.read_text("utf-8"))["thresholds"]
    return {name: float(value) for name, value in thresholds.items()}


@cache
def word_pattern(table: str, name: str) -> re.Pattern[str]:
    """Return the expression of a list: it matches at the beginning of a word, or anywhere in scripts without spaces.

    >>> bool(word_pattern("headings", "limitations").search("Known limitations"))
    True
    """
    return compile_words(load_vocabulary()[table][name])


def compile_words(stems: Sequence[str]) -> re.Pattern[str]:
    """Return the expression of a list of stems. `=word` is a whole word, `~text` a regular expression."""
    return re.compile("|".join(_word_expression(stem) for stem in stems), re.IGNORECASE)


def threshold(name: str) -> float:
    """Return a threshold of the file."""
    return load_thresholds()[name]


def _word_expression(stem: str) -> str:
    if stem.startswith("~"):
        return stem[1:]
    is_whole_word = stem.startswith("=")
    escaped = re.escape(stem.removeprefix("=")).replace(r"\ ", r"[\s_-]+")
    if UNSPACED_SCRIPT.search(stem):
        return escaped
    return rf"(?<![^\W_]){escaped}" + (r"(?![^\W_])" if is_whole_word else "")

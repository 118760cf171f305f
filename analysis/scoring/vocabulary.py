"""The words the rules know, out of `vocabulary.toml`: one expression for each list."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

VOCABULARY_FILE = Path(__file__).with_name("vocabulary.toml")
UNSPACED_SCRIPT = re.compile("[\u0e00-\u0eff\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@cache
def load_vocabulary() -> Mapping[str, Mapping[str, object]]:
    """The file, read once."""
    return tomllib.loads(VOCABULARY_FILE.read_text("utf-8"))


@cache
def word_pattern(table: str, name: str) -> re.Pattern[str]:
    """One expression that finds a list's words: at the beginning of a word, or anywhere in writing without spaces.

    >>> bool(word_pattern("headings", "limitations").search("Known limitations"))
    True
    """
    return compile_words([str(one) for one in load_vocabulary()[table][name]])


def compile_words(stems: Sequence[str]) -> re.Pattern[str]:
    """An expression for a list of stems; `=word` is the whole word, `~text` an expression as it is."""
    return re.compile("|".join(_word_expression(stem) for stem in stems), re.IGNORECASE)


def _word_expression(stem: str) -> str:
    if stem.startswith("~"):
        return stem[1:]
    whole = stem.startswith("=")
    escaped = re.escape(stem.removeprefix("=")).replace(r"\ ", r"[\s_-]+")
    if UNSPACED_SCRIPT.search(stem):
        return escaped
    return rf"(?<![^\W_]){escaped}" + (r"(?![^\W_])" if whole else "")


def threshold(name: str) -> float:
    """A threshold of the file."""
    return float(load_vocabulary()["thresholds"][name])

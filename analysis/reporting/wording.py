"""The wording of numbers and lists, the same in every format and figure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from analysis.reporting.rows import Report
from db.cli import pluralize as pluralize

UNDEFINED = "\N{EN DASH}"
SHARE_NAMES = r"(turnover|preservation)(?!\.lift)"
HIDDEN_CHARACTERS = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)


def format_percent(share: float | None) -> str:
    """Return a share in percent with one decimal.

    >>> format_percent(0.2894), format_percent(None) == UNDEFINED
    ('28.9%', True)
    """
    return UNDEFINED if share is None else f"{share:.1%}"


def format_count(count: float | None) -> str:
    """Return a whole number with commas.

    >>> format_count(1619), format_count(None) == UNDEFINED
    ('1,619', True)
    """
    return UNDEFINED if count is None else f"{count:,.0f}"


def format_value(name: str, value: float | None) -> str:
    """Return the value of a result, in percent if its name says that it is a share.

    >>> format_value("turnover.91d", 0.2894), format_value("ever", 1619.0), format_value("descendants.slope", 0.1479)
    ('28.9%', '1,619', '0.148')
    """
    if value is None:
        return UNDEFINED
    if re.match(SHARE_NAMES, name):
        return format_percent(value)
    return format_count(value) if float(value).is_integer() else f"{value:,.3f}"


def format_range(name: str, low: float | None, high: float | None) -> str:
    """Return the interval of a result.

    >>> format_range("turnover", 0.1, 0.25), format_range("ever", None, None) == UNDEFINED
    ('10.0% to 25.0%', True)
    """
    return UNDEFINED if low is None or high is None else f"{format_value(name, low)} to {format_value(name, high)}"


def format_number(value: float | None, digits: int = 4) -> str:
    """Return a number of unknown scale with a few significant digits.

    >>> format_number(0.419666), format_number(2699, 6), format_number(None) == UNDEFINED
    ('0.4197', '2699', True)
    """
    return UNDEFINED if value is None else f"{value:.{digits}g}"


def join_words(words: Sequence[str]) -> str:
    """Join words into a list for a sentence.

    >>> join_words(["a", "b", "c"]), join_words([])
    ('a, b and c', '')
    """
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1] if words else "") if part)


def escape_hidden(report: Report) -> Report:
    """Return the report with control and direction characters written out, so that no reader obeys them."""
    return msgspec.convert(_escape(report), Report)


def _escape(value: object) -> object:
    r"""Escape every text in a value.

    >>> _escape({"name": ["a\x1bb", 1]})
    {'name': ['a⟨U+001B⟩b', 1]}
    """
    if isinstance(value, str):
        return re.sub(HIDDEN_CHARACTERS, lambda hidden: f"⟨U+{ord(hidden[0]):04X}⟩", value)
    if isinstance(value, Mapping):
        return {key: _escape(inner) for key, inner in value.items()}
    return [_escape(inner) for inner in value] if isinstance(value, list | tuple) else value

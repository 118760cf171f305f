"""Texts that must not be kept or published: an e-mail address or a token (pure)."""

from __future__ import annotations

import re

# Every repetition is bounded, so that a long text takes linear time. The @ of an address may be escaped.
_PATTERNS = {
    "an e-mail address": re.compile(
        r"\w[\w.%+'-]{0,63}(?:@|\\u0040|%40)(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[A-Za-z]{2,24}(?![\w-])"
    ),
    "a token of the Hub": re.compile(r"(?<![A-Za-z0-9_])hf_[A-Za-z0-9]{30,}"),
    "a key of a judge": re.compile(
        r"(?<![A-Za-z0-9_-])sk-(?=[A-Za-z0-9_-]{0,60}[0-9])(?=[A-Za-z0-9_-]{0,60}[A-Z])[A-Za-z0-9_-]{20,}"
    ),
}
_MARKERS = ("@", "%40", "\\u0040", "hf_", "sk-")


def find_private_content(text: str) -> str | None:
    """Return the kind of private content in a text, or None.

    >>> [find_private_content(text) for text in ("write to jo.doe@mail.example.org", "@types/node", "task-sk-learn")]
    ['an e-mail address', None, None]
    """
    if not any(marker in text for marker in _MARKERS):
        return None
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.search(text)), None)

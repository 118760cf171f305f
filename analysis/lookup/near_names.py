"""Names that resemble a name that the store does not have (pure)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import takewhile

MIN_PATTERN = 3
MIN_SIMILARITY = 0.6


def name_patterns(name: str) -> list[str]:
    """Return pieces of a name, one of which a similar name contains: halves and thirds of its last part, in lower case.

    >>> name_patterns("openai/GPT2"), name_patterns("bert-base")
    (['gpt2', 'gpt', 'pt2'], ['bert-base', 'bert', 'base', 'ber', 't-b', 'ase'])
    """
    last = name.lower().rstrip("/").rpartition("/")[2] or name.lower()
    half, third = max(MIN_PATTERN, len(last) // 2), max(MIN_PATTERN, len(last) // 3)
    pieces = [last, last[:half], last[-half:], last[:third], last[third : 2 * third], last[-third:]]
    return list(dict.fromkeys(piece for piece in pieces if len(piece) >= min(MIN_PATTERN, len(last))))


def nearest_names(name: str, candidates: Iterable[str], limit: int = 5) -> list[str]:
    """Return the candidates that resemble a name, the most similar first.

    >>> nearest_names("bert-bse", ["bert-base", "owner/Bert-Bse", "gpt2"])
    ['owner/Bert-Bse', 'bert-base']
    """
    similarities = {candidate: similarity(name, candidate) for candidate in dict.fromkeys(candidates)}
    similar = [candidate for candidate, value in similarities.items() if value >= MIN_SIMILARITY]
    return sorted(similar, key=lambda candidate: (-similarities[candidate], len(candidate), candidate))[:limit]


def similarity(name: str, candidate: str) -> float:
    """Return how far two names agree: above 2 if only case, owner or a piece differs, else a share of equal characters.

    >>> similarity("GPT2", "gpt2"), similarity("gpt2", "openai-community/gpt2"), similarity("gpt2", "distilgpt2")
    (4.0, 3.0, 2.4)
    """
    text, other = name.lower(), candidate.lower()
    last, other_last = text.rpartition("/")[2], other.rpartition("/")[2]
    if text == other:
        return 4.0
    if last == other_last:
        return 3.0
    if len(text) >= MIN_PATTERN and text in other:
        return 2 + len(text) / len(other_last) if len(text) < len(other_last) else 2.5
    return max(_ratio(text, other), _ratio(last, other_last) if last != text else 0.0)


def _ratio(text: str, other: str) -> float:
    matcher = difflib.SequenceMatcher(None, text, other, autojunk=False)
    if min(matcher.real_quick_ratio(), matcher.quick_ratio()) < MIN_SIMILARITY:
        return 0.0
    return max(matcher.ratio(), _share_of_ends(text, other))


def _share_of_ends(text: str, other: str) -> float:
    """Return the share of characters in the common beginning and end: one edit of equal letters misleads the matcher.

    >>> round(_share_of_ends("000000000000", "000010000000"), 3)
    0.917
    """
    beginning = _common_length(text, other)
    end = _common_length(text[beginning:][::-1], other[beginning:][::-1])
    return 2 * (beginning + end) / (len(text) + len(other))


def _common_length(text: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(text, other, strict=False)))

"""What a judge's service answers, of whatever shape: a part of another type counts as missing (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ModelReply:
    """The parts of a completion that are read."""

    content: str
    refusal: str | None
    finish_reason: str | None
    model: str


def reply_of(completion: object) -> ModelReply | None:
    """Return the first choice of a completion, or None. Not every endpoint sends all fields.

    >>> reply_of({"choices": [{"message": {"content": ["text"]}}]})
    ModelReply(content='', refusal=None, finish_reason=None, model='')
    >>> reply_of({"choices": {"message": "text"}}), reply_of("<html>")
    (None, None)
    """
    choices = part_of(completion, "choices")
    if not isinstance(choices, list) or not choices:
        return None
    message = part_of(choices[0], "message")
    refusal = part_of(message, "refusal")
    return ModelReply(
        _text_of(message, "content"),
        refusal if isinstance(refusal, str) else None,
        _text_of(choices[0], "finish_reason") or None,
        _text_of(completion, "model"),
    )


def tokens_of(completion: object) -> tuple[int, int] | None:
    """Return the input and output tokens that a completion states, or None.

    >>> tokens_of({"usage": {"prompt_tokens": 5, "completion_tokens": 2}}), tokens_of({"usage": {"prompt_tokens": "5"}})
    ((5, 2), None)
    """
    usage = part_of(completion, "usage")
    tokens = [part_of(usage, name) for name in ("prompt_tokens", "completion_tokens")]
    counts = [count for count in tokens if type(count) is int and 0 <= count < 10**12]
    return (counts[0], counts[1]) if len(counts) == 2 else None


def part_of(value: object, name: str) -> object:
    """Return a part of a JSON object, or of an object of the client, or None."""
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _text_of(value: object, name: str) -> str:
    text = part_of(value, name)
    return text if isinstance(text, str) else ""

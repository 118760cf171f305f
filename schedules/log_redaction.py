"""What must not reach a log, a row or a page: secrets of the environment, tokens, addresses of people (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from db.ticks import Tick

REPLACEMENT = "***"
SECRET_PATTERN = re.compile(
    r"hf_[A-Za-z0-9]{8,}|sk-[A-Za-z0-9_-]{8,}|(?<=[Bb]earer )[^\s\"',]+|(?<=://)[^/@\s]+(?=@)"
    r"|[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+"
)
SECRET_NAMES = ("TOKEN", "KEY", "SECRET", "PASSWORD")
MIN_SECRET_LENGTH = 6


def secret_values(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values of the environment that are secret by their name, the longest first."""
    found = {value for name, value in environment.items() if name.upper().endswith(SECRET_NAMES)}
    return tuple(sorted((value for value in found if len(value) >= MIN_SECRET_LENGTH), key=len, reverse=True))


def redact_tick(tick: Tick, secrets: tuple[str, ...]) -> Tick:
    """A tick as it may be written down: what a person put into a schedule's line may be a secret too."""
    command, said = (redact(text, secrets) if text else text for text in (tick.command, tick.last_line))
    return replace(tick, command=command, last_line=said)


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """A text without secrets and addresses.

    >>> redact("Bearer abcdefgh, hf_abcdefghijkl of jo@example.org at http://me:pw@proxy.example/")
    'Bearer ***, *** of *** at http://***@proxy.example/'
    """
    for secret in secrets:
        text = text.replace(secret, REPLACEMENT)
    return SECRET_PATTERN.sub(REPLACEMENT, text)

"""Redaction of logs and ticks: secrets of the environment, tokens, and addresses of people (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from db.private_text import list_credentials, remove_private_text
from db.ticks import Tick

REPLACEMENT = "***"
SECRET_PATTERN = re.compile(
    r"hf_[A-Za-z0-9]{8,}|sk-[A-Za-z0-9_-]{8,}|(?<=[Bb]earer )[^\s\"',]+|(?<=://)[^/@\s]+(?=@)"
    r"|[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+"
)
MIN_SECRET_LENGTH = 6


def secret_values(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the credentials of the environment, the longest first."""
    return list_credentials(environment, min_length=MIN_SECRET_LENGTH)


def redact_tick(tick: Tick, secrets: tuple[str, ...]) -> Tick:
    """Return a tick without secrets: its command line, from a schedule's file, may contain one."""
    command, last_line = (redact(text, secrets) if text else text for text in (tick.command, tick.last_line))
    return replace(tick, command=command, last_line=last_line)


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Return a text without secrets and addresses of people.

    >>> redact("Bearer abcdefgh, hf_abcdefghijkl of jo@example.org at http://me:pw@proxy.example/")
    'Bearer ***, *** of *** at http://[token removed]@proxy.example/'
    """
    for secret in secrets:
        text = text.replace(secret, REPLACEMENT)
    return remove_private_text(SECRET_PATTERN.sub(REPLACEMENT, text))

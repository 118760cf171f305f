"""The contact that every request states: an e-mail address or a web page of whoever crawls."""

from __future__ import annotations

import argparse
import os
import re

from db import UsageError

VARIABLE = "OBSERVATORY_CONTACT"
REACHABLE = re.compile(
    r"[^\s@<>()]+@[^\s@<>()]+\.[^\s@<>()]+|https?://[^\s<>()]+|(?:[\w-]+\.)+[A-Za-z]{2,}(?:[/:]\S*)?"
)


def parse_contact(text: str) -> str:
    """Return a contact without outer spaces, as an argument type. A name may stand beside the address.

    >>> [parse_contact(text) for text in (" jo@lab.example ", "Jo Doe <jo@lab.example>", "lab.example/crawls")]
    ['jo@lab.example', 'Jo Doe <jo@lab.example>', 'lab.example/crawls']

    Raises:
        argparse.ArgumentTypeError: the contact cannot be sent in a header, or nobody can be reached by it.
    """
    contact = text.strip()
    if not contact.isascii() or not contact.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r} has characters that a header cannot have; write it in ASCII")
    if not REACHABLE.search(contact):
        raise argparse.ArgumentTypeError(f"{text!r} is neither an e-mail address nor a URL")
    return contact


def find_contact(stated: str | None) -> str | None:
    """Return the stated contact, or else that of the environment, None without either.

    Raises:
        UsageError: the contact of the environment cannot be sent, or nobody can be reached by it.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if stated or not text:
        return stated
    try:
        return parse_contact(text)
    except argparse.ArgumentTypeError as error:
        raise UsageError(
            f"{VARIABLE} is not a contact.",
            why=f"{error}.",
            fix=f"Set it like {VARIABLE}=you@example.org, or unset it.",
            more="docs/guest.md",
        ) from None

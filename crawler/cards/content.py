"""Turn a README file into the card that is stored: hash, redacted text and filled metadata fields (pure)."""

from __future__ import annotations

import re

from crawler.cards.front_matter import MAX_CHARACTERS, parse_front_matter
from crawler.parsing.redact import EXCERPT_MARGIN, redact_bytes
from db.store.cards import MAX_CARD_BYTES, CardText, blob_hash

TEXT_FIELD_PATTERNS = {  # fields that authors write in the text and not in the front matter
    "paper": re.compile(r"arxiv\.org/(abs|pdf)/\d{4}\.\d{4,5}", re.IGNORECASE),
    "github": re.compile(r"github\.com/[\w.-]{1,60}/[\w.-]{1,100}", re.IGNORECASE),
    "grant": re.compile(
        r"^[^\w\n]{0,8}funded by[^:\n]{0,20}:[^\w\n]{0,8}(?!more information|none\b|n/a)\w",
        re.IGNORECASE | re.MULTILINE,
    ),
}


def redact_beginning(content: bytes) -> bytes:
    """Return as much of a file, redacted, as shows whether the stored part is the whole. A file may be much larger."""
    text = redact_bytes(content[: 2 * MAX_CARD_BYTES])
    is_enough = len(text) > MAX_CARD_BYTES + EXCERPT_MARGIN or len(content) <= 2 * MAX_CARD_BYTES
    return (text if is_enough else redact_bytes(content))[: MAX_CARD_BYTES + 1]


def parse_card(content: bytes) -> CardText:
    """Return the card of a README file.

    >>> card = parse_card(b"---\\nlicense: mit\\n---\\nWrite to jo@mail.example.org")
    >>> card.blob, card.size, card.redacted, card.fields
    ('4e349a19cc7c7d4a14cc8a438d17200ba23ad47d', 49, True, ('license',))
    """
    text = redact_beginning(content)
    beginning = content[: 5 * MAX_CHARACTERS].decode("utf-8-sig", "replace")
    front = parse_front_matter(beginning)
    text_fields = (name for name, pattern in TEXT_FIELD_PATTERNS.items() if pattern.search(beginning))
    is_redacted = text[:MAX_CARD_BYTES] != content[:MAX_CARD_BYTES]
    fields = tuple(sorted({*front.fields, *text_fields}))
    return CardText(blob_hash(content), len(content), text, is_redacted, front.state, fields)

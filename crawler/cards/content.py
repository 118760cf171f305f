"""A card as it may be kept: known by the hash of the whole file, without addresses, with what its front matter says."""

from __future__ import annotations

import re

from crawler.cards import front_matter
from crawler.parsing.redact import redact_bytes
from db.store.cards import MAX_CARD_BYTES, CardText, blob_hash

TEXT_FIELD_PATTERNS = {  # what is a field though it stands in the text
    "paper": re.compile(r"arxiv\.org/(abs|pdf)/\d{4}\.\d{4,5}", re.IGNORECASE),
    "github": re.compile(r"github\.com/[\w.-]{1,60}/[\w.-]{1,100}", re.IGNORECASE),
    "grant": re.compile(
        r"^[^\w\n]{0,8}funded by[^:\n]{0,20}:[^\w\n]{0,8}(?!more information|none\b|n/a)\w",
        re.IGNORECASE | re.MULTILINE,
    ),
}


def parse_card(content: bytes) -> CardText:
    """The card of a whole file.

    >>> card = parse_card(b"---\\nlicense: mit\\n---\\nWrite to jo@mail.example.org")
    >>> card.blob, card.size, card.redacted, card.fields
    ('4e349a19cc7c7d4a14cc8a438d17200ba23ad47d', 49, True, ('license',))
    """
    kept = redact_bytes(content)[: MAX_CARD_BYTES + 1]
    beginning = content[: 5 * front_matter.MAX_CHARACTERS].decode("utf-8-sig", "replace")
    front = front_matter.parse_front_matter(beginning)
    fields = {*front.fields, *(name for name, sign in TEXT_FIELD_PATTERNS.items() if sign.search(beginning))}
    redacted = kept[:MAX_CARD_BYTES] != content[:MAX_CARD_BYTES]
    return CardText(blob_hash(content), len(content), kept, redacted, front.state, tuple(sorted(fields)))

"""A card as it may be kept: known by the hash of the whole file, without addresses, with what its front matter says."""

from __future__ import annotations

from crawler import front_matter
from crawler.redact import without_addresses
from db.cards import LARGEST_KEPT, CardText, blob_hash


def card_text(content: bytes) -> CardText:
    """The card of a whole file.

    >>> card = card_text(b"---\\nlicense: mit\\n---\\nWrite to jo@mail.example.org")
    >>> card.blob, card.size, card.redacted, card.fields
    ('4e349a19cc7c7d4a14cc8a438d17200ba23ad47d', 49, True, ('license',))
    """
    kept = without_addresses(content)[: LARGEST_KEPT + 1]
    front = front_matter.read(content[: 5 * front_matter.MOST_CHARACTERS].decode("utf-8-sig", "replace"))
    redacted = kept[:LARGEST_KEPT] != content[:LARGEST_KEPT]
    return CardText(blob_hash(content), len(content), kept, redacted, front.state, front.fields)

"""A README of any size is redacted as far as it is stored."""

from __future__ import annotations

import pytest

from crawler.cards.content import redact_beginning
from crawler.parsing.redact import redact_bytes
from db.store.cards import MAX_CARD_BYTES

ADDRESS = b"jo.of.the.very.long.name@laboratory.of.owls.example.org, "


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"owl ", id="short"),
        pytest.param(ADDRESS + b"owl " * MAX_CARD_BYTES, id="an address"),
        pytest.param(b"owl " * MAX_CARD_BYTES, id="long", marks=pytest.mark.ci),
        pytest.param(ADDRESS * (MAX_CARD_BYTES // 20), id="addresses alone", marks=pytest.mark.ci),
    ],
)
@pytest.mark.fault("E10")
def test_the_stored_part_of_a_readme_is_the_beginning_of_the_redacted_whole(content: bytes) -> None:
    assert redact_beginning(content) == redact_bytes(content)[: MAX_CARD_BYTES + 1]

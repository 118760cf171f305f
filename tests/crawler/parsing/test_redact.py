"""E-mail addresses are removed before anything is stored."""

from __future__ import annotations

import time

import pytest

from crawler.parsing.redact import excerpt, redact_bytes, redact_observation, redact_page, redact_spec
from crawler.response import Event, Observation, Page, Parent, Registry, Reject
from db.rows import SnapshotSpec


@pytest.mark.parametrize(
    "address",
    ["jo@lab.example", "jo.doe+x@mail.lab.example.org", "JO@LAB.EXAMPLE", "jo\\u0040lab.example", "jo%40lab.example",
     "o'neil@lab.example", "jürgen@büro.example"],
)  # fmt: skip
@pytest.mark.fault("G1")
def test_an_address_is_replaced_plain_or_escaped(address: str) -> None:
    assert redact_bytes(f'{{"email":"{address}"}}'.encode()) == b'{"email":"[address removed]"}'


@pytest.mark.parametrize("text", ["@types/node", "@scope/name.js", "v1@2", "a @ b", "git+ssh://host/x"])
def test_a_text_that_is_no_address_is_unchanged(text: str) -> None:
    assert redact_bytes(text.encode()) == text.encode()


@pytest.mark.parametrize(
    "body",
    [b"a" * 10**6, b"a@" * 500_000, b"a@b." * 250_000, b"%40" * 300_000, b"&amp;" * 200_000, b"eyJa.eyJ" * 120_000],
)
@pytest.mark.fault("E12")
def test_a_long_body_is_redacted_in_linear_time(body: bytes) -> None:
    began = time.process_time()
    redact_bytes(body)
    assert time.process_time() - began < 5


@pytest.mark.fault("G1")
def test_rejects_and_events_are_redacted_and_the_body_is_stored_only_on_request() -> None:
    page = Page("ranking", "u", 0, 200, 1, "h", {}, 1, rejects=(Reject(0, "why", "jo@lab.example"),),
                events=(Event("kind", "note", "said jo@lab.example"),), body=b"jo@lab.example")  # fmt: skip
    assert redact_page(page, True).body == b"[address removed]"
    assert redact_page(page, False).body is None
    assert redact_page(page, True).rejects[0].raw == "[address removed]"
    assert redact_page(page, True).events[0].evidence == "said [address removed]"


@pytest.mark.fault("G1")
def test_an_address_in_a_tag_is_removed() -> None:
    observation = Observation("1", "a/b", attributes={"tags": '["contact:jo@lab.example","en"]', "task": None})
    page = Page("ranking", "u", 0, 200, 1, "h", {}, 1, observations=(observation,))
    assert redact_page(page, True).observations[0].attributes == {
        "tags": '["contact:[address removed]","en"]',
        "task": None,
    }


@pytest.mark.fault("G1")
def test_an_address_as_a_commit_a_counter_or_a_setting_is_removed() -> None:
    observation = Observation("1", "a/b", sha="of jo\uff20lab.example")
    assert redact_observation(observation).sha == "of [address removed]"
    settings = {"cursor": ["jo@lab.example"], "version": "1"}
    spec = SnapshotSpec(Registry("npm", "x"), "downloads", "jo@lab.example", 1, "s", "e jo@lab.example", 0, 0,
                        settings=settings)  # fmt: skip
    clean = redact_spec(spec)
    assert (clean.counter, clean.date_evidence) == ("[address removed]", "e [address removed]")
    assert clean.settings == {"cursor": ["[address removed]"], "version": "1"}


@pytest.mark.fault("G1")
def test_half_an_address_at_the_end_of_an_excerpt_is_removed() -> None:
    assert excerpt("x" * 195 + " jo.doe@lab.example", 200) == "x" * 195 + " [add"


def test_a_parent_that_looks_like_a_key_keeps_its_name() -> None:
    name = "lab/sk-Mistral-7B-instruct-v02"
    tags = f'["base_model:{name}"]'
    observation = Observation("1", "a/b", attributes={"tags": tags}, parents=(Parent(name, "finetune"),))
    assert redact_observation(observation) is observation


@pytest.mark.fault("G1")
def test_an_address_as_a_library_a_parent_or_a_reason_is_removed() -> None:
    observation = Observation(
        "1", "a/b", parents=(Parent("jo@lab.example", "merge"),), libraries=(("jo@lab.example", "library"),)
    )
    page = Page(
        "file",
        "u",
        0,
        200,
        1,
        "h",
        {},
        2,
        observations=(observation,),
        rejects=(Reject(1, "not a count: 'jo@lab.example'", ""),),
        events=(Event("k", "note", "e", "jo@lab.example", None),),
    )
    stored_page = redact_page(page, True)
    assert stored_page.observations[0].parents == (Parent("[address removed]", "merge"),)
    assert stored_page.observations[0].libraries == (("[address removed]", "library"),)
    assert stored_page.rejects[0].reason == "not a count: '[address removed]'"
    assert (stored_page.events[0].before, stored_page.events[0].after) == ("[address removed]", None)

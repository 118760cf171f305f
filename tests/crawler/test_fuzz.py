"""Headers, links, rows, schedules and front matter of any form: read, or refused with a reason; never anything else."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from crawler.cards import front_matter
from crawler.fetching.pace import read_date, read_quota, read_retry_after, seconds_after_429
from crawler.parsing.huggingface_rows import HuggingFaceRow, make_observation
from crawler.parsing.pages import next_link
from crawler.parsing.rows import NotAListError
from crawler.response import HttpResponse
from schedules.config import parse_schedules
from tests.crawler.fuzzed import SAMPLE_BODIES, mangle, read_body_rows

NAMES = ("ratelimit", "ratelimit-policy", "retry-after", "date", "x-ratelimit-reset", "x-ratelimit-remaining")
USUAL_INPUTS, MANY_INPUTS = 20_000, 1_000_000  # of each: 10⁵ in all in the usual run, 10⁶ of each by `make test-faults`
HEADERS = (
    '"api";r=0;t=52', '"fixed window";"api";q=500;w=300', "120", "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1e9",
    '<https://hub.example/api/models?cursor=abc>; rel="next"', "1771234567", "q=;r=;;t", "٣",
)  # fmt: skip


CARD = "---\nlanguage: no\nlicense: mit\ntags: [pytorch, &a x, *a]\nbase_model: {a: b}\nversion: 1.10\n---\n# A model"


def headers(chance: random.Random) -> None:
    said = {name: mangle(chance, chance.choice(HEADERS)) for name in NAMES}
    read_quota(said)
    assert (read_retry_after(said) or 0) >= 0 and seconds_after_429(said, 1) >= 0
    assert read_date(said["date"]) is None or isinstance(read_date(said["date"]), int)


def links(chance: random.Random) -> None:
    answer = HttpResponse("https://hub.example/api", 200, {"link": mangle(chance, HEADERS[6])}, b"[]", 0)
    assert next_link(answer) is None or isinstance(next_link(answer), str)


def rows(chance: random.Random) -> None:
    try:
        found = read_body_rows(
            mangle(chance, chance.choice(SAMPLE_BODIES)),
            HuggingFaceRow,
            lambda row: make_observation(row, {"downloads", "tags"}),
        )
    except NotAListError:
        return
    assert found.received == len(found.observations) + len(found.rejects)
    assert all(one.reason for one in found.rejects)


def schedules(chance: random.Random) -> None:
    found, faults = parse_schedules(
        {"one": mangle(chance, 'run = "report"\nevery = "2 days"\ngrace = "1 hour"\nthen = []\n')}
    )
    assert faults or found["one"].run


def cards(chance: random.Random) -> None:
    found = front_matter.parse_front_matter(mangle(chance, CARD))
    assert found.state in ("none", "read", "refused", "broken") and (found.state == "read" or not found.fields)


PARSERS = (headers, links, rows, schedules, cards)


def fuzz(parser: Callable[[random.Random], None], times: int) -> None:
    """Give it so many inputs; a failure names the seed of its thousand."""
    for seed in range(times // 1000):
        chance = random.Random(seed)
        for number in range(1000):
            try:
                parser(chance)
            except Exception as error:
                raise AssertionError(f"input {number} of seed {seed}") from error


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.__name__)
@pytest.mark.fault("C3", "D1", "E2")
def test_whatever_comes_is_read_or_refused(parser: Callable[[random.Random], None]) -> None:
    fuzz(parser, USUAL_INPUTS)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.__name__)
@pytest.mark.fault("C3", "D1", "E2")
def test_a_million_of_anything(parser: Callable[[random.Random], None], measured: Callable[[str], None]) -> None:
    fuzz(parser, MANY_INPUTS)
    measured(f"{MANY_INPUTS:,} {parser.__name__}")

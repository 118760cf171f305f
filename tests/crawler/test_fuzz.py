"""Headers, links and rows of any form: read, or refused with a reason; never anything else."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from crawler.decode import NotAList
from crawler.items import Answer
from crawler.pace import read_date, read_quota, retry_after, wait_after_429
from crawler.spiders import next_link
from crawler.spiders.huggingface import Row, observation
from schedules.config import read
from tests.crawler.fuzzed import LINES, mangled, rows_of

NAMES = ("ratelimit", "ratelimit-policy", "retry-after", "date", "x-ratelimit-reset", "x-ratelimit-remaining")
USUAL, MANY = 4000, 100_000
HEADERS = (
    '"api";r=0;t=52', '"fixed window";"api";q=500;w=300', "120", "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1e9",
    '<https://hub.example/api/models?cursor=abc>; rel="next"', "1771234567", "q=;r=;;t", "٣",
)  # fmt: skip


def headers(chance: random.Random) -> None:
    said = {name: mangled(chance, chance.choice(HEADERS)) for name in NAMES}
    read_quota(said)
    assert (retry_after(said) or 0) >= 0 and wait_after_429(said, 1) >= 0
    assert read_date(said["date"]) is None or isinstance(read_date(said["date"]), int)


def links(chance: random.Random) -> None:
    answer = Answer("https://hub.example/api", 200, {"link": mangled(chance, HEADERS[6])}, b"[]", 0)
    assert next_link(answer) is None or isinstance(next_link(answer), str)


def rows(chance: random.Random) -> None:
    try:
        found = rows_of(mangled(chance, chance.choice(LINES)), Row, lambda row: observation(row, {"downloads", "tags"}))
    except NotAList:
        return
    assert found.received == len(found.observations) + len(found.rejects)
    assert all(one.reason for one in found.rejects)


def schedules(chance: random.Random) -> None:
    found, faults = read({"one": mangled(chance, 'run = "report"\nevery = "2 days"\ngrace = "1 hour"\nthen = []\n')})
    assert faults or found["one"].run


PARSERS = (headers, links, rows, schedules)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.__name__)
def test_C3_D1_whatever_comes_is_read_or_refused(parser: Callable[[random.Random], None]) -> None:
    for seed in range(USUAL if parser is not schedules else USUAL // 4):
        parser(random.Random(seed))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.__name__)
def test_C3_D1_a_hundred_thousand_of_anything(parser: Callable[[random.Random], None]) -> None:
    for seed in range(MANY):
        parser(random.Random(seed))

"""Headers, links, rows, schedules and front matter of any form are read, or refused with a reason."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from crawler.cards.front_matter import parse_front_matter
from crawler.fetching.pace import read_date, read_quota, read_retry_after, seconds_after_429
from crawler.parsing.huggingface_rows import HuggingFaceRow, make_observation
from crawler.parsing.pages import next_link
from crawler.parsing.rows import NotAListError
from crawler.response import HttpResponse
from schedules.config import parse_schedules
from tests.crawler.fuzzed import SAMPLE_BODIES, mangle, read_body_rows

HEADER_NAMES = ("ratelimit", "ratelimit-policy", "retry-after", "date", "x-ratelimit-reset", "x-ratelimit-remaining")
USUAL_INPUTS = 20_000  # of each kind: 10⁵ inputs in the usual run
MANY_INPUTS = 1_000_000  # of each kind by `make test-faults`
HEADERS = (
    '"api";r=0;t=52', '"fixed window";"api";q=500;w=300', "120", "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1e9",
    '<https://hub.example/api/models?cursor=abc>; rel="next"', "1771234567", "q=;r=;;t", "٣",
)  # fmt: skip
SCHEDULE = 'run = "report"\nevery = "2 days"\ngrace = "1 hour"\nthen = []\n'
CARD = "---\nlanguage: no\nlicense: mit\ntags: [pytorch, &a x, *a]\nbase_model: {a: b}\nversion: 1.10\n---\n# A model"


def try_headers(random_source: random.Random) -> None:
    headers = {name: mangle(random_source, random_source.choice(HEADERS)) for name in HEADER_NAMES}
    read_quota(headers)
    assert (read_retry_after(headers) or 0) >= 0 and seconds_after_429(headers, 1) >= 0
    assert read_date(headers["date"]) is None or isinstance(read_date(headers["date"]), int)


def try_link(random_source: random.Random) -> None:
    response = HttpResponse("https://hub.example/api", 200, {"link": mangle(random_source, HEADERS[6])}, b"[]", 0)
    assert next_link(response) is None or isinstance(next_link(response), str)


def try_rows(random_source: random.Random) -> None:
    body = mangle(random_source, random_source.choice(SAMPLE_BODIES))
    try:
        rows = read_body_rows(
            body, HuggingFaceRow, lambda row, dropped: make_observation(row, {"downloads", "tags"}, dropped)
        )
    except NotAListError:
        return
    assert rows.received == len(rows.observations) + len(rows.rejects)
    assert all(reject.reason for reject in rows.rejects)


def try_schedule(random_source: random.Random) -> None:
    schedules, errors = parse_schedules({"one": mangle(random_source, SCHEDULE)})
    assert errors or schedules["one"].run


def try_card(random_source: random.Random) -> None:
    front = parse_front_matter(mangle(random_source, CARD))
    assert front.state in ("none", "read", "refused", "broken") and (front.state == "read" or not front.fields)


PARSERS = {"headers": try_headers, "links": try_link, "rows": try_rows, "schedules": try_schedule, "cards": try_card}


def try_inputs(kind: str, count: int) -> None:
    """Try `count` random inputs. A failure names the seed of its thousand."""
    for seed in range(count // 1000):
        random_source = random.Random(seed)
        for number in range(1000):
            try:
                PARSERS[kind](random_source)
            except Exception as error:
                raise AssertionError(f"input {number} of seed {seed}") from error


@pytest.mark.parametrize("kind", PARSERS)
@pytest.mark.fault("C3", "D1", "E2")
def test_any_input_is_read_or_refused(kind: str) -> None:
    try_inputs(kind, USUAL_INPUTS)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", PARSERS)
@pytest.mark.fault("C3", "D1", "E2")
def test_a_million_inputs_of_any_form_are_read_or_refused(kind: str, measured: Callable[[str], None]) -> None:
    try_inputs(kind, MANY_INPUTS)
    measured(f"{MANY_INPUTS:,} {kind}")

"""Pages with the provenance of their response, and the URL of the next page."""

from __future__ import annotations

import hashlib
import time

import pytest

from crawler.parsing.pages import make_page, next_link
from crawler.response import Event, HttpResponse, Observation, Reject

NEXT = "https://hub.example/api/models?cursor=abc"
BODY = b'[{"id": "a/b"}]'


def make_response(body: bytes = BODY, **headers: str) -> HttpResponse:
    """Return a response with headers, whose names are written with underscores."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse("https://hub.example/api/models", 200, names, body, 1_000, skew=-4)


def test_a_page_has_the_provenance_of_its_response() -> None:
    observation, reject, event = Observation("1", "a/b"), Reject(1, "no name", "{}"), Event("rows_lost", "warning", "")
    page = make_page("ranking", make_response(), 2, [observation], [reject], [event], 3, NEXT)
    assert (page.role, page.url, page.fetched_at, page.status) == (
        "ranking", "https://hub.example/api/models", 1_000, 200,
    )  # fmt: skip
    assert (page.bytes, page.sha256, page.skew) == (len(BODY), hashlib.sha256(BODY).hexdigest(), -4)
    assert (page.received, page.observations, page.rejects, page.events) == (2, (observation,), (reject,), (event,))
    assert (page.inversions, page.next_url) == (3, NEXT)


def test_only_the_headers_of_the_quota_and_of_caches_are_stored_and_they_are_redacted() -> None:
    response = make_response(
        etag='"0f"', set_cookie="session=1", ratelimit='"api";r=9', x_request_id="for jo@mail.example"
    )
    assert make_page("ranking", response, 1).headers == {
        "etag": '"0f"',
        "ratelimit": '"api";r=9',
        "x-request-id": "for [address removed]",
    }


def test_the_form_says_whether_a_body_is_the_whole_response() -> None:
    response = make_response()
    whole, reduced = (make_page("ranking", response, 1, body=body) for body in (response.body, b"[]"))
    assert (whole.form, whole.body) == ("redacted", BODY)
    assert (reduced.form, reduced.body, reduced.bytes) == ("reduced", b"[]", len(BODY))


@pytest.mark.parametrize(
    ("age", "seconds"), [("0", 0), ("3599", 3599), ("999999999", 999_999_999), ("9999999999", None), ("-1", None),
                         ("1.5", None), ("²", None), ("", None)],
)  # fmt: skip
def test_the_age_is_a_number_of_at_most_nine_digits(age: str, seconds: int | None) -> None:
    assert make_page("ranking", make_response(age=age), 0).age == seconds


def test_a_response_without_an_age_has_none() -> None:
    assert make_page("ranking", make_response(), 0).age is None


@pytest.mark.parametrize(
    ("link", "url"),
    [
        (f'<{NEXT}>; rel="next"', NEXT),
        (f'<https://hub.example/1>; rel="prev", <{NEXT}>;rel="next"', NEXT),
        (f'<{NEXT}> ;  rel="next", <https://hub.example/9>; rel="last"', NEXT),
        (f'<{NEXT}>; rel="prev"', None),
        (f"<{NEXT}>; rel=next", NEXT),
        (f"<{NEXT}>; rel='next'", NEXT),
        (f'<{NEXT}>; REL="Next"', NEXT),
        (f'<{NEXT}>; rel="last next"', NEXT),
        (f'<{NEXT}> ; type="application/json" ; rel = "next"', NEXT),
        (f"<{NEXT}>; rel*=UTF-8''next", NEXT),
        (f'<https://hub.example/1>; title="a, <b>; rel=\\"next\\"", <{NEXT}>; rel=next', NEXT),
        ('<?cursor=abc>; rel="next"', NEXT),
        ('</api/models?cursor=abc>; rel="next"', NEXT),
        ('<//other.example/x>; rel="next"', "https://other.example/x"),
        ("<http://[::1>; rel=next", "http://[::1"),
        (f"<{NEXT},1>; rel=next", f"{NEXT},1"),
        (f'<{NEXT}>; rel="next"; anchor="/api/models"', NEXT),
        (f'<{NEXT}>; rel="next"; anchor="/api/datasets"', None),
        (f'<{NEXT}>; rel="prev"; rel="next"', None),
        (f'<{NEXT}>; rel="nextone"', None),
        (f'<{NEXT}>; rev="next"', None),
        ('<>; rel="next"', None),
        (f'{" " * 20_000}<{NEXT}>; rel="next"', None),
        ("", None),
    ],
)
@pytest.mark.fault("C8")
def test_the_next_page_is_the_target_of_the_next_link_in_any_form(link: str, url: str | None) -> None:
    assert next_link(make_response(link=link)) == url


@pytest.mark.parametrize("part", ["<", "<x", "<>;", "<a> ", f"<{'x' * 4_000}", '<a>;"', "<a>;b=", "<a>;rel=x,"])
def test_a_hostile_link_header_is_read_in_linear_time(part: str) -> None:
    started = time.process_time()
    assert next_link(make_response(link=part * (1_000_000 // len(part)))) is None
    assert time.process_time() - started < 2

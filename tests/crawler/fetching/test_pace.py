"""Quotas are never exceeded, whatever the headers say."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawler.fetching.pace import (
    Quota,
    QuotaBudget,
    backoff_seconds,
    read_date,
    read_quota,
    read_retry_after,
    seconds_after_429,
)

DATE = "Mon, 23 Nov 2026 13:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "quota"),
    [
        ({"ratelimit": '"api";r=0;t=52'}, Quota("api", 0, 52.0, None)),
        (
            {"ratelimit": '"api"; r=497; t=168', "ratelimit-policy": '"fixed window";"api";q=500;w=300'},
            Quota("api", 497, 168.0, 500),
        ),
        (
            {
                "x-ratelimit-limit": "15000",
                "x-ratelimit-remaining": "14999",
                "x-ratelimit-reset": "1795442400",
                "x-ratelimit-tier": "polite",
                "date": DATE,
            },
            Quota("polite", 14999, 3600.0, 15000),
        ),
        ({"x-ratelimit-remaining": "5", "x-ratelimit-reset": "1795442400"}, None),
        ({"ratelimit": "api r=5"}, None),
        ({"ratelimit": '"api";r=-5;t=9'}, None),
        ({}, None),
    ],
)
@pytest.mark.fault("C1", "C4")
def test_both_dialects_of_quota_are_read_and_other_headers_are_ignored(
    headers: dict[str, str], quota: Quota | None
) -> None:
    assert read_quota(headers) == quota


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("-7", None),
        ("7.5", None),
        ("soon", None),
        ("", None),
        ("9" * 40, None),
        ("Mon, 23 Nov 2026 13:02:00 GMT", 120.0),
        ("Mon, 23 Nov 2026 12:00:00 GMT", 0.0),
        ("Mon, 99 Nov 2026", None),
    ],
)
@pytest.mark.fault("C3")
def test_retry_after_is_read_in_both_forms(text: str, seconds: float | None) -> None:
    assert read_retry_after({"retry-after": text, "date": DATE}) == seconds


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "ratelimit",
                "ratelimit-policy",
                "retry-after",
                "date",
                "x-ratelimit-reset",
                "x-ratelimit-remaining",
                "x-ratelimit-limit",
            ]
        ),
        st.text(max_size=300),
    )
)
@pytest.mark.fault("C3")
def test_no_header_raises_or_causes_a_negative_wait(headers: dict[str, str]) -> None:
    read_quota(headers)
    assert (read_retry_after(headers) or 0) >= 0
    assert seconds_after_429(headers, 1) >= 0
    assert read_date(headers.get("date", "")) is None or isinstance(read_date(headers["date"]), int)


@example(quota=1, window=2, steps=[1.60727202909439, 0.0, 1.859791441950002, 0.0], share=1.0, other_requests=0)
@given(
    quota=st.integers(1, 30),
    window=st.integers(2, 60),
    steps=st.lists(st.floats(0, 5), min_size=1, max_size=300),
    share=st.sampled_from([1.0, 0.8, 0.5]),
    other_requests=st.integers(0, 5),
)
@pytest.mark.fault("C1")
def test_no_window_of_a_server_receives_more_requests_than_its_quota(
    quota: int, window: int, steps: list[float], share: float, other_requests: int
) -> None:
    """The windows of the server have their own phase, it rounds seconds down, and other clients share our address."""
    budget, now, window_start, used, is_first = QuotaBudget(share), 0.0, 0.0, min(other_requests, quota), True
    for step in steps:
        now += step + budget.seconds_to_wait(now + step)
        if now >= window_start + window:
            window_start, used = window_start + (now - window_start) // window * window, 0
        used += 1
        budget.consume(now)
        assert used <= quota or is_first, "a request exceeded an announced quota"
        budget.update(Quota("api", max(0, quota - used), float(int(window_start + window - now)), quota), now)
        is_first = False


def test_a_late_response_does_not_raise_the_remaining_requests() -> None:
    budget = QuotaBudget()
    budget.update(Quota("api", 0, 50, 10), 100.0)
    budget.update(Quota("api", 3, 49, 10), 101.0)
    assert budget.seconds_to_wait(101.0) > 0
    assert str(budget) == "quota 0/10"


def test_backoff_ends_after_six_attempts_and_about_the_given_seconds() -> None:
    waits = [backoff_seconds(attempt, 64, 0.5) for attempt in range(1, 8)]
    assert waits == [1, 2, 4, 8, 16, 32, None]


@pytest.mark.fault("C2")
def test_a_429_without_headers_doubles_the_wait_up_to_five_minutes() -> None:
    assert [seconds_after_429({}, attempt) for attempt in (1, 2, 3, 9)] == [60, 120, 240, 300]

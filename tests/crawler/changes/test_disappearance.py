"""Nothing is called deleted before it was not there three times in seven days; what shows itself decides at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.changes.disappearance import (
    GONE_STATUSES,
    MIN_PROBE_SPAN,
    MIN_PROBES,
    SECONDS_PER_DAY,
    MissingPackage,
    Probe,
    apply_probe,
    parse_probe,
)

START = MissingPackage(1, "me", "lab/was", missing_since=0)
statuses = st.sampled_from([200, 301, 307, 401, 403, 404, 410, 429, 500])
probes = st.builds(
    Probe, st.integers(-30 * SECONDS_PER_DAY, 30 * SECONDS_PER_DAY), statuses, st.none() | st.sampled_from(["me", "other"]),
    st.sampled_from(["lab/was", "lab/is"]), st.booleans(), st.booleans(),
)  # fmt: skip


def walked(history: list[Probe]) -> list[MissingPackage]:
    cases = [START]
    for probe in history:
        cases.append(apply_probe(cases[-1], probe))
    return cases


@given(st.lists(probes))
def test_a_decision_is_final_and_has_its_instant(history: list[Probe]) -> None:
    cases = walked(history)
    for before, after in zip(cases, cases[1:], strict=False):
        assert before.state == "unknown" or after == before
        assert (after.state == "unknown") == (after.decided_at is None)


@given(st.lists(probes))
@pytest.mark.fault("D4")
def test_deleted_means_not_there_three_times_over_seven_days_and_never_anything_else(history: list[Probe]) -> None:
    last = walked(history)[-1]
    if last.state == "deleted":
        not_there = [probe for probe in history if probe.id is None and probe.status in GONE_STATUSES]
        assert last.probes >= MIN_PROBES and len(not_there) >= MIN_PROBES
        assert (
            last.first_probe is not None
            and last.last_probe is not None
            and last.last_probe - last.first_probe >= MIN_PROBE_SPAN
        )
        assert {last.first_probe, last.last_probe} <= {probe.at for probe in not_there}


@given(st.lists(probes), probes.filter(lambda probe: probe.id is not None))
@pytest.mark.fault("D4")
def test_what_shows_itself_is_never_called_deleted(history: list[Probe], shows: Probe) -> None:
    before = walked(history)[-1]
    after = apply_probe(before, shows)
    if before.state == "unknown":
        expected = {"me": {"renamed", "gated", "disabled", "unlisted"}, "other": {"recreated", "replaced"}}
        assert after.state in expected[str(shows.id)]


@given(st.integers(0, 10**9), st.lists(st.integers(0, 3 * SECONDS_PER_DAY), min_size=40, max_size=40))
def test_who_asks_only_when_it_is_due_asks_three_times_and_then_knows(begin: int, waits: list[int]) -> None:
    case, now, asked = START, begin, 0
    for wait in waits:
        if case.is_due(now):
            case, asked = apply_probe(case, Probe(now, 401)), asked + 1
        now += wait
    assert asked <= MIN_PROBES
    assert now - begin < MIN_PROBE_SPAN + 6 * SECONDS_PER_DAY or case.state == "deleted"


@given(st.lists(st.sampled_from([403, 429, 500, 307]), max_size=20))
def test_an_answer_that_says_nothing_changes_nothing(said: list[int]) -> None:
    assert walked([Probe(day * SECONDS_PER_DAY, status) for day, status in enumerate(said)])[-1] == START


def test_a_question_asked_twice_on_one_day_counts_once() -> None:
    assert walked([Probe(hour * 3600, 404) for hour in range(24)])[-1].probes == 1


def test_a_body_that_is_no_repository_shows_nothing() -> None:
    for shown in ({}, {"_id": 7}, {"id": "a/b"}):
        assert parse_probe(200, shown, 0).id is None

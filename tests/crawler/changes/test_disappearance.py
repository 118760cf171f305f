"""A package is called deleted after three failed probes over seven days. A repository that is shown decides at once."""

from __future__ import annotations

from itertools import pairwise

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
    Probe, st.integers(-30 * SECONDS_PER_DAY, 30 * SECONDS_PER_DAY), statuses,
    st.none() | st.sampled_from(["me", "other"]), st.sampled_from(["lab/was", "lab/is"]), st.booleans(), st.booleans(),
)  # fmt: skip


def apply_probes(history: list[Probe]) -> list[MissingPackage]:
    packages = [START]
    for probe in history:
        packages.append(apply_probe(packages[-1], probe))
    return packages


@given(st.lists(probes))
def test_a_decision_is_final_and_has_its_instant(history: list[Probe]) -> None:
    packages = apply_probes(history)
    for before, after in pairwise(packages):
        assert before.state == "unknown" or after == before
        assert (after.state == "unknown") == (after.decided_at is None)


@given(st.lists(probes))
@pytest.mark.fault("D4")
def test_deleted_always_means_three_failed_probes_over_seven_days(history: list[Probe]) -> None:
    last = apply_probes(history)[-1]
    if last.state == "deleted":
        failed_probes = [probe for probe in history if probe.id is None and probe.status in GONE_STATUSES]
        assert last.probes >= MIN_PROBES and len(failed_probes) >= MIN_PROBES
        assert (
            last.first_probe is not None
            and last.last_probe is not None
            and last.last_probe - last.first_probe >= MIN_PROBE_SPAN
        )
        assert {last.first_probe, last.last_probe} <= {probe.at for probe in failed_probes}


@given(st.lists(probes), probes.filter(lambda probe: probe.id is not None))
@pytest.mark.fault("D4")
def test_a_repository_that_is_shown_is_never_called_deleted(history: list[Probe], last_probe: Probe) -> None:
    before = apply_probes(history)[-1]
    after = apply_probe(before, last_probe)
    if before.state == "unknown":
        expected = {"me": {"renamed", "gated", "disabled", "unlisted"}, "other": {"recreated", "replaced"}}
        assert after.state in expected[str(last_probe.id)]


@given(st.integers(0, 10**9), st.lists(st.integers(0, 3 * SECONDS_PER_DAY), min_size=40, max_size=40))
def test_due_probes_decide_after_three_requests(begin: int, waits: list[int]) -> None:
    package, now, probe_count = START, begin, 0
    for wait in waits:
        if package.is_due(now):
            package, probe_count = apply_probe(package, Probe(now, 401)), probe_count + 1
        now += wait
    assert probe_count <= MIN_PROBES
    assert now - begin < MIN_PROBE_SPAN + 6 * SECONDS_PER_DAY or package.state == "deleted"


@given(st.lists(st.sampled_from([403, 429, 500, 307]), max_size=20))
def test_a_response_that_shows_nothing_changes_nothing(status_list: list[int]) -> None:
    assert apply_probes([Probe(day * SECONDS_PER_DAY, status) for day, status in enumerate(status_list)])[-1] == START


def test_probes_of_one_day_count_once() -> None:
    assert apply_probes([Probe(hour * 3600, 404) for hour in range(24)])[-1].probes == 1


def test_a_body_without_a_repository_shows_nothing() -> None:
    for body in ({}, {"_id": 7}, {"id": "a/b"}):
        assert parse_probe(200, body, 0).id is None

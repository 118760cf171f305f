"""Populations, events and drift, without a server."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

from simulation.clock import DAY, SimulatedClock, format_http_date, format_iso
from simulation.http.quota import QuotaWindows
from simulation.options import SimulationOptions
from simulation.population.births import CREATED_FLOOR, draw_creation_time, draw_level, reserve_name
from simulation.population.cards import build_card_fields, render_card, render_front_matter
from simulation.population.drift import LevelDrift, churn_column, make_daily_rng
from simulation.population.events import ACTIONS, delete, make_next_id, recreate, rename
from simulation.population.hub import Arrival, HubRegistry
from simulation.population.packages import NULL
from simulation.population.repositories import Repository, RepositoryTraits, blob_hash
from simulation.population.world import SimulatedWorld

SMALL = SimulationOptions(start="2026-01-05", models=400, datasets=40, spaces=40, packages=300)


@pytest.fixture
def hub() -> HubRegistry:
    """Three models, a second apart."""
    registry = HubRegistry("models")
    repositories = [
        Repository(f"{second:08x}{'0' * 16}", f"lab/m{second}", second, RepositoryTraits()) for second in (1, 2, 3)
    ]
    registry.add_repositories(
        Arrival(repository, level) for repository, level in zip(repositories, (2.0, 5.0, 2.0), strict=True)
    )
    return registry


@pytest.fixture(scope="module")
def quarter() -> tuple[SimulatedWorld, dict[str, set[str]]]:
    """Return a world of default size after a quarter, and the first thousand of each ranking before it."""
    world = SimulatedWorld(SimulationOptions(start="2026-01-05"))
    before = {name: thousand(world, name) for name in ("huggingface/models", "pypi.example", "npm.example")}
    world.advance_days(90)
    return world, before


def thousand(world: SimulatedWorld, name: str) -> set[str]:
    registry = world.find_registry(name)
    first = registry.order_rows("downloads")[:1000].tolist()
    if isinstance(registry, HubRegistry):
        return {registry.repositories[index].identity for index in first}
    return {registry.names[index] for index in first}


@pytest.mark.parametrize(
    ("registry", "minimum", "maximum"),
    [("huggingface/models", 0.22, 0.36), ("pypi.example", 0.06, 0.14), ("npm.example", 0.005, 0.035)],
)
def test_a_quarter_turns_over_as_much_as_it_should(
    quarter: tuple[SimulatedWorld, dict[str, set[str]]], registry: str, minimum: float, maximum: float
) -> None:
    world, before = quarter
    assert minimum < len(before[registry] - thousand(world, registry)) / 1000 < maximum


def test_downloads_are_heavy_tailed_with_many_zeros(quarter: tuple[SimulatedWorld, dict[str, set[str]]]) -> None:
    downloads = quarter[0].hubs["models"].columns["downloads"]
    assert 0.2 < np.mean(downloads == 0) < 0.5
    assert downloads.max() > 500 * np.median(downloads[downloads > 0])


def test_ids_stay_in_the_order_of_rows(quarter: tuple[SimulatedWorld, dict[str, set[str]]]) -> None:
    for hub in quarter[0].hubs.values():
        identities = [repository.identity for repository in hub.repositories]
        assert identities == sorted(set(identities))


def test_an_id_begins_with_its_creation_time(quarter: tuple[SimulatedWorld, dict[str, set[str]]]) -> None:
    repositories = quarter[0].hubs["models"].repositories
    assert all(repository.created == int(repository.identity[:8], 16) for repository in repositories)
    assert repositories[0].created == CREATED_FLOOR


def test_some_newcomers_start_popular(quarter: tuple[SimulatedWorld, dict[str, set[str]]]) -> None:
    births = [
        event for event in quarter[0].log if event["kind"] == "created" and event["registry"] == "huggingface/models"
    ]
    assert 0 < sum(bool(event["popular"]) for event in births) < len(births) / 5


def test_all_time_downloads_only_grow_here() -> None:
    world = SimulatedWorld(SMALL)
    before = world.hubs["models"].columns["all_time"].copy()
    world.advance_days(5)
    assert np.all(world.hubs["models"].columns["all_time"][: before.size] >= before)


def test_names_are_unique_whatever_their_case(quarter: tuple[SimulatedWorld, dict[str, set[str]]]) -> None:
    hub = quarter[0].hubs["models"]
    visible = [repository.name.lower() for repository in hub.repositories if repository.is_listed]
    assert max(Counter(visible).values()) == 1


def test_stored_downloads_lag_behind_the_real_ones() -> None:
    world = SimulatedWorld(SMALL)
    world.advance_days(20)
    columns = world.packages["pypi.example"].columns
    real, stored = np.exp(columns["level"]).astype(np.int64), columns["downloads"]
    counted = stored != NULL
    assert 0.2 < np.mean(real[counted] != stored[counted]) < 1


def test_a_total_never_falls() -> None:
    world = SimulatedWorld(SMALL)
    before = world.packages["gems.example"].columns["downloads"].copy()
    world.advance_days(20)
    after = world.packages["gems.example"].columns["downloads"][: before.size]
    assert np.all(after >= before) and np.any(after > before)


def test_equal_rows_are_oldest_first(hub: HubRegistry) -> None:
    assert hub.order_rows("downloads").tolist() == [1, 0, 2]


def test_a_renamed_row_is_found_by_both_names(hub: HubRegistry) -> None:
    rename(hub, 0, 9.0, "lab/new")
    assert hub.find_by_name("lab/new") == (hub.repositories[0], False)
    assert hub.find_by_name("lab/m1") == (hub.repositories[0], True)


def test_a_released_name_redirects_until_it_is_used_again(hub: HubRegistry) -> None:
    rename(hub, 0, 9.0, "lab/new")
    hub.add_repositories([Arrival(Repository(make_next_id(hub, 9), "lab/m1", 9, RepositoryTraits()))])
    assert hub.find_by_name("lab/m1") == (hub.repositories[3], False)


def test_a_name_in_use_gets_a_number(hub: HubRegistry) -> None:
    assert rename(hub, 0, 9.0, "LAB/M2") == {"from": "lab/m1", "to": "LAB/M2-v2"}


def test_a_deleted_row_is_found_by_no_name(hub: HubRegistry) -> None:
    rename(hub, 0, 9.0, "lab/new")
    delete(hub, 0, 9.0, "")
    assert hub.find_by_name("lab/new") == hub.find_by_name("lab/m1") == (None, False)
    assert hub.order_rows("identity").tolist() == [1, 2]


def test_a_recreated_repository_is_a_new_row(hub: HubRegistry) -> None:
    fresh = recreate(hub, 1, 9.0, "")["new_id"]
    assert hub.find_by_name("lab/m2")[0] is hub.repositories[3]
    assert fresh == hub.repositories[3].identity > hub.repositories[2].identity


def test_a_new_id_is_larger_than_all_others_even_for_an_earlier_time(hub: HubRegistry) -> None:
    assert make_next_id(hub, 0) > hub.repositories[-1].identity
    assert make_next_id(hub, 77)[:8] == f"{77:08x}"


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_leaves_the_registry_whole(hub: HubRegistry, action: str) -> None:
    _, apply_event = ACTIONS[action]
    apply_event(hub, 1, 9.0, "")
    sizes = {values.size for values in hub.columns.values()} | {hub.visible.size}
    assert sizes == {len(hub.repositories)}
    assert all(hub.repositories[index].name == name for name, index in hub.names.items())


def test_children_follow_a_renamed_parent(hub: HubRegistry) -> None:
    traits = RepositoryTraits(relation="adapter", parents=("lab/m1",))
    hub.add_repositories([Arrival(Repository(make_next_id(hub, 9), "lab/child", 9, traits))])
    rename(hub, 0, 9.0, "lab/new")
    assert hub.count_children() == {hub.repositories[0].identity: {"adapter": 1}}


def test_the_random_numbers_of_a_day_do_not_depend_on_earlier_days() -> None:
    assert (
        make_daily_rng(7, "a", 3).random() == make_daily_rng(7, "a", 3).random() != make_daily_rng(7, "b", 3).random()
    )


def test_levels_spread_in_proportion_to_their_volatility() -> None:
    spreads = []
    for daily in (0.01, 0.1):
        level, momentum = np.full(4000, 8.0), np.zeros(4000)
        for day in range(90):
            LevelDrift(daily).step(make_daily_rng(7, "x", day), level, momentum)
        spreads.append(level.std())
    assert spreads[1] == pytest.approx(10 * spreads[0], rel=0.1)


def test_churn_changes_the_configured_share_and_no_nulls() -> None:
    values = np.array([NULL] * 100 + [1000] * 900)
    changed = churn_column(np.random.default_rng(1), values, 0.1)
    assert len(changed) == 90
    assert np.all(values[:100] == NULL) and np.sum(values != 1000) - 100 <= 90


def test_a_quota_window_counts_by_client() -> None:
    windows = QuotaWindows(60.0, aligned=False)
    spent = [windows.consume("a", 2) for _ in range(3)]
    assert [(use.remaining, use.is_exceeded) for use in spent] == [(1, False), (0, False), (0, True)]
    assert windows.consume("b", 2).remaining == 1
    assert 58 <= spent[0].seconds_left <= 60


def test_an_aligned_window_ends_with_the_clock() -> None:
    assert QuotaWindows(3600.0, aligned=True).consume("a", 2).resets_at % 3600 == 0


def test_the_clock_counts_days_from_its_start() -> None:
    clock = SimulatedClock(1767571200)
    clock.days = 2
    assert clock.day_start() == 1767571200 + 2 * DAY
    assert 0 <= clock.now() - clock.day_start() < 5
    assert (format_iso(clock.start), format_http_date(clock.start)) == (
        "2026-01-05T00:00:00.000Z",
        "Mon, 05 Jan 2026 00:00:00 GMT",
    )


def test_a_blob_is_hashed_as_git_does() -> None:
    assert blob_hash(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_a_card_begins_with_the_fields_that_have_a_value() -> None:
    repository = Repository(
        "0" * 24, "lab/m", 1, RepositoryTraits(licence="mit", language="no", parents=("a/b", "c/d"))
    )
    assert build_card_fields(repository, "models")["base_model"] == ["a/b", "c/d"]
    assert render_card(repository, "models").startswith(
        b"---\nlicense: mit\nlanguage:\n- no\nbase_model:\n- a/b\n- c/d\n"
    )
    assert render_front_matter({}) == ""


def test_creation_times_are_between_the_floor_and_now() -> None:
    rng, now = random.Random(1), 1767571200
    days = [draw_creation_time(rng, now) for _ in range(2000)]
    assert min(days) == CREATED_FLOOR and max(days) < now
    assert 0.08 < days.count(CREATED_FLOOR) / 2000 < 0.16


def test_popular_repositories_are_never_in_the_tail() -> None:
    rng = random.Random(1)
    assert min(draw_level(rng, popular=True) for _ in range(500)) > 3.6


def test_a_reserved_name_gets_a_number() -> None:
    used_names: set[str] = set()
    assert [reserve_name("a/B", used_names), reserve_name("a/b", used_names), reserve_name("a/B", used_names)] == [
        "a/B",
        "a/b-2",
        "a/B-3",
    ]

"""Packages that tie at the last rank may be in any order. The interval holds the turnover of every order."""

from __future__ import annotations

import random
from itertools import combinations
from pathlib import Path

import pytest

from tests.analysis.conftest import History

K = 4
Counts = dict[str, int]


def make_list(counts: Counts, chance: random.Random) -> list[tuple[str, int]]:
    """Make a list as a registry may return it: the largest first, ties in any order."""
    names = sorted(counts)
    chance.shuffle(names)
    return sorted(((name, counts[name]) for name in names), key=lambda row: -row[1])


def tops(counts: Counts) -> list[frozenset[str]]:
    """Return every set of packages that may be the top K."""
    last = sorted(counts.values(), reverse=True)[K - 1]
    certain = [name for name, count in counts.items() if count > last]
    tied = [name for name, count in counts.items() if count == last]
    return [frozenset([*certain, *rest]) for rest in combinations(tied, K - len(certain))]


def check_interval(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    before, after = ({name: chance.randint(1, 4) for name in chance.sample("abcdefghij", 8)} for _ in range(2))
    history = History(folder / f"{seed}.db")
    history.set_depths(2, K)
    history.add_snapshot("2026-01-01", make_list(before, chance), value_after=0)
    newest = history.add_snapshot("2026-01-31", make_list(after, chance), value_after=0)
    history.compute_pending()
    (result,) = history.query_results(snapshot_id=newest, name="turnover", k=K)
    turnovers = [len(new - old) / K for new in tops(after) for old in tops(before)]
    assert (result["low"], result["high"]) == (min(turnovers), max(turnovers)), (before, after, result)
    assert result["low"] <= result["value"] <= result["high"]


@pytest.mark.fault("D6")
def test_the_interval_covers_every_order_of_ties(tmp_path: Path) -> None:
    for seed in range(1):
        check_interval(tmp_path, seed)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.fault("D6")
def test_the_interval_covers_every_order_of_ties_in_many_lists(tmp_path: Path) -> None:
    for seed in range(1, 300):
        check_interval(tmp_path, seed)

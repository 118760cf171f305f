"""D6: packages that are equal at the last rank could stand in any order; the interval holds what each would give."""

from __future__ import annotations

import random
from itertools import combinations
from pathlib import Path

import pytest

from tests.analysis.conftest import History

K = 4
Counts = dict[str, int]


def listed(counts: Counts, chance: random.Random) -> list[tuple[str, int]]:
    """A list as it may be served: the largest first, equals in any order."""
    names = sorted(counts)
    chance.shuffle(names)
    return sorted(((name, counts[name]) for name in names), key=lambda row: -row[1])


def tops(counts: Counts) -> list[frozenset[str]]:
    """Every set of K that could have been the top."""
    last = sorted(counts.values(), reverse=True)[K - 1]
    sure = [name for name, count in counts.items() if count > last]
    equal = [name for name, count in counts.items() if count == last]
    return [frozenset([*sure, *some]) for some in combinations(equal, K - len(sure))]


def tried(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    before, after = ({name: chance.randint(1, 4) for name in chance.sample("abcdefghij", 8)} for _ in range(2))
    history = History(folder / f"{seed}.db")
    history.set_depths(2, K)
    history.add_snapshot("2026-01-01", listed(before, chance), value_after=0)
    newest = history.add_snapshot("2026-01-31", listed(after, chance), value_after=0)
    history.compute_pending()
    (result,) = history.query_results(snapshot_id=newest, name="turnover", k=K)
    all_of_them = [len(new - old) / K for new in tops(after) for old in tops(before)]
    assert (result["low"], result["high"]) == (min(all_of_them), max(all_of_them)), (before, after, result)
    assert result["low"] <= result["value"] <= result["high"]


@pytest.mark.fault("D6")
def test_the_interval_is_that_of_every_order_of_those_that_are_equal(tmp_path: Path) -> None:
    for seed in range(1):
        tried(tmp_path, seed)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.fault("D6")
def test_the_interval_is_that_of_every_order_of_those_that_are_equal_in_many_lists(tmp_path: Path) -> None:
    for seed in range(1, 300):
        tried(tmp_path, seed)

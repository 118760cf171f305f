"""One list stands for a day at each K, and a list is compared with earlier days only. Plain Python says the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from analysis.compute.metric import list_metrics
from analysis.compute.pending import compute_pending, find_pending
from db.ids import register_functions
from db.migrate import create_empty_store
from db.store import Store
from tests.analysis.conftest import add_snapshot, descending_rows

HOUR, DAY = 3_600, 86_400
START = 1_767_225_600  # 2026-01-01
DEPTHS = (2, 4)
ResultKey = tuple[int, str, int]  # the position of the list, the name of the result, K


class ShortList(NamedTuple):
    """A list: when it was taken, and its packages, best first."""

    taken_at: int
    names: str

    @property
    def day(self) -> int:
        """The UTC day."""
        return self.taken_at // DAY


NAMES = st.builds(lambda names, depth: "".join(names[:depth]), st.permutations("abcdefg"), st.sampled_from(DEPTHS))
HOURS = st.integers(0, 23)
LISTS = st.lists(
    st.builds(
        lambda day, hour, names: ShortList(START + day * DAY + hour * HOUR, names), st.integers(0, 9), HOURS, NAMES
    ),
    min_size=1,
    max_size=7,
)
DAILY = st.lists(st.tuples(HOURS, NAMES), min_size=1, max_size=6).map(
    lambda days: [ShortList(START + day * DAY + hour * HOUR, names) for day, (hour, names) in enumerate(days)]
)


@cache
def empty_store() -> bytes:
    """Return an empty store whose lists are compared at the depths 2 and 4."""
    connection = create_empty_store()
    connection.execute("DELETE FROM ranking_depth")
    connection.executemany("INSERT INTO ranking_depth VALUES (?)", [(k,) for k in DEPTHS])
    connection.commit()
    return connection.serialize()


def compute(lists: Sequence[ShortList]) -> dict[ResultKey, tuple[object, ...]]:
    """Return the results of turnover, with the position of the previous list first. Lists are stored in their order."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.deserialize(empty_store())
    connection.row_factory = sqlite3.Row
    register_functions(connection)
    store = Store(Database(connection))
    for taken_at, names in lists:
        add_snapshot(store, taken_at, descending_rows(names), value_after=1)
    pending = find_pending(connection, [metric for metric in list_metrics() if metric.name.startswith("turnover")])
    results = [result for snapshot in pending for result in compute_pending(connection, snapshot)]
    connection.close()
    return {
        (row.snapshot - 1, row.name, row.k): (row.previous_snapshot and row.previous_snapshot - 1, row.value, row.note)
        for row in results
    }


def lists_of_days(lists: Sequence[ShortList], k: int) -> list[int]:
    """Return the positions of the lists that stand for their days: the first stored of those at least K deep."""
    first: dict[int, int] = {}
    for position, one in enumerate(lists):
        if len(one.names) >= k:
            first.setdefault(one.day, position)
    return list(first.values())


def expected_values(lists: Sequence[ShortList], position: int, k: int) -> dict[str, tuple[int | None, float | None]]:
    """Return the position of the list compared with, and the value, of each result at one K."""
    taken_at, names = lists[position]
    earlier = [other for other in lists_of_days(lists, k) if lists[other].day < lists[position].day]
    old_enough = [other for other in earlier if lists[other].taken_at <= taken_at - 20 * HOUR]
    previous = max(old_enough, key=lambda other: lists[other].taken_at, default=None)
    week = min(
        (other for other in old_enough if abs(taken_at - lists[other].taken_at - 7 * DAY) <= 1.4 * DAY),
        key=lambda other: (abs(taken_at - lists[other].taken_at - 7 * DAY), -lists[other].taken_at),
        default=None,
    )
    current, ever = set(names[:k]), {name for other in earlier for name in lists[other].names[:k]}
    flows: dict[str, float | None] = dict.fromkeys(("remained", "newcomers", "returning"))
    if previous is not None:
        last = set(lists[previous].names[:k])
        flows = {
            "remained": len(last & current), "newcomers": len(current - last - ever),
            "returning": len((current - last) & ever),
        }  # fmt: skip
    turnovers = {"turnover": previous, "turnover.7d": week}
    shares = {
        name: None if other is None else 1 - len(current & set(lists[other].names[:k])) / k
        for name, other in turnovers.items()
    }
    return {
        **{name: (other, shares[name]) for name, other in turnovers.items()},
        **{name: (previous, value) for name, value in (flows | {"ever": len(ever | current)}).items()},
    }


@given(LISTS)
@settings(max_examples=40, deadline=None)
def test_lists_are_compared_with_the_list_of_an_earlier_day(lists: list[ShortList]) -> None:
    results = compute(lists)
    for position, one in enumerate(lists):
        for k in (k for k in DEPTHS if k <= len(one.names)):
            expected = expected_values(lists, position, k)
            assert {name: results[position, name, k][:2] for name in expected} == expected


@given(DAILY, st.integers(0, 5), st.integers(0, 5), HOURS, NAMES)
@example([ShortList(START + day * DAY, "abcd") for day in range(3)], 1, 0, 1, "ef")
@settings(max_examples=40, deadline=None)
def test_a_second_list_of_a_day_changes_no_result_of_the_others(
    lists: list[ShortList], day: int, delay: int, hour: int, names: str
) -> None:
    first = day % len(lists)
    position = min(first + 1 + delay, len(lists))
    second = ShortList(START + first * DAY + hour * HOUR, names)
    before, after = compute(lists), compute([*lists[:position], second, *lists[position:]])
    for (other, name, k), (previous, *rest) in before.items():
        if other > first and k > len(lists[first].names):
            continue  # where the first list does not reach, the second may stand for the day
        shifted = [index if index is None else index + (index >= position) for index in (other, previous)]
        assert after[shifted[0], name, k] == (shifted[1], *rest)


def test_a_list_of_the_evening_before_is_too_near() -> None:
    evening, morning = ShortList(START + 23 * HOUR, "ab"), ShortList(START + DAY + 3 * HOUR, "cd")
    assert compute([evening, morning])[1, "turnover", 2][1] is None
    assert compute([ShortList(START, "ac"), evening, morning])[2, "turnover", 2][:2] == (0, 0.5)
    assert compute([evening, ShortList(START, "ac"), morning])[2, "turnover", 2][1] is None
    assert compute([ShortList(START - DAY, "ac"), evening, morning])[2, "turnover", 2][:2] == (0, 0.5)


def test_the_deeper_list_of_a_day_serves_the_deeper_k_only() -> None:
    lists = [(0, "ab"), (1, "cdef"), (24, "ab"), (25, "abef")]
    results = compute([ShortList(START + hour * HOUR, names) for hour, names in lists])
    assert results[2, "turnover", 2][:2] == (0, 0.0)
    assert results[3, "turnover", 2][:2] == (0, 0.0)
    assert results[3, "turnover", 4][:2] == (1, 0.5)
    assert [results[3, name, 2][1] for name in ("remained", "newcomers", "returning", "ever")] == [2, 0, 0, 2]

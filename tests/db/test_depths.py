"""Lists are compared at any depth in one connection, and the store does not change."""

from __future__ import annotations

import pytest

from db.depths import compare_at_depth
from db.store import Store
from tests.db.builders import query, take_snapshot

DAY = 86_400
MEMBERS = "SELECT k, count(*) FROM top_k_membership GROUP BY k"


def test_lists_are_compared_at_one_depth_until_the_block_ends(store: Store) -> None:
    store.connection.execute("INSERT INTO ranking_depth VALUES (2)")
    take_snapshot(store, "abcd", at=DAY)
    take_snapshot(store, "efgh", at=DAY + 9)
    take_snapshot(store, "abed", at=2 * DAY)
    with pytest.raises(ZeroDivisionError), compare_at_depth(store.connection, 3):
        assert query(store, MEMBERS) == [(3, 4)]
        assert query(store, "SELECT * FROM previous_list") == [(3, 3, 1)]
        raise ZeroDivisionError
    assert query(store, MEMBERS) == [(2, 2)]
    assert query(store, "SELECT * FROM previous_list") == [(3, 2, 1)]

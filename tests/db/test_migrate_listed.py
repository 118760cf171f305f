"""Migration 0014: the packages of rankings are found by name, and `v1_ranking` gives the same rows as before."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.migrate import FOLDER
from db.store import Store
from tests.db.builders import make_observation, make_store, query, take_snapshot

COLUMNS = 'snapshot, date, rank, package, name, downloads, "by"'
OLD_VIEW = re.search(
    r"CREATE VIEW v1_ranking AS\n(.*?);", (FOLDER / "0012_plain_names.sql").read_text("utf-8"), re.DOTALL
)
# Each list: its day, and for each package the name that it has on that day. A later list may be of an earlier day.
histories = st.lists(
    st.tuples(st.integers(1, 6), st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"), min_size=1)),
    min_size=1,
    max_size=6,
)


@given(histories)
@settings(deadline=None, max_examples=15)
def test_the_view_has_the_rows_of_the_former_view(history: list[tuple[int, dict[str, str]]]) -> None:
    assert OLD_VIEW
    store = make_store()
    for day, names in history:
        rows = [make_observation(name, 5, f"id-{key}") for key, name in sorted(names.items())]
        take_snapshot(store, rows, at=day * 86_400)
    store.connection.execute(f"CREATE TEMP VIEW former AS {OLD_VIEW[1]}")
    former = query(store, f"SELECT {COLUMNS} FROM former ORDER BY snapshot, rank")
    assert query(store, f"SELECT {COLUMNS} FROM v1_ranking ORDER BY snapshot, rank") == former
    for name in "xyz":
        named = [row for row in former if row[4] == name]
        query_by_name = f"SELECT {COLUMNS} FROM v1_ranking WHERE name = ? ORDER BY snapshot, rank"
        assert query(store, query_by_name, name) == named


@pytest.mark.parametrize(
    ("column", "indexes"),
    [("name", {"package_listed_name", "name_history_name"}), ("package", {"package_listed_stable_id"})],
)
def test_a_name_and_an_id_are_looked_up_in_an_index(store: Store, column: str, indexes: set[str]) -> None:
    plan = query(store, f"EXPLAIN QUERY PLAN SELECT date, rank FROM v1_ranking WHERE {column} = 'a' ORDER BY date")
    steps = [str(row[3]) for row in plan]
    assert not [step for step in steps if re.match(r"SCAN (k|s|p)\b", step)]
    assert indexes <= {word for step in steps for word in step.split()}


def test_only_packages_of_rankings_are_in_the_indexes(store: Store) -> None:
    take_snapshot(store, ["a"], at=86_400)
    store.connection.execute(
        "INSERT INTO package (registry_id, key, name, name_hash, first_seen_at, seen_at) VALUES (1, 'c', 'c', 0, 0, 0)"
    )
    assert query(store, "SELECT name, is_listed FROM package ORDER BY name") == [("a", 1), ("c", 0)]


def test_packages_of_an_older_store_are_marked(full: Path) -> None:
    assert query(full, "SELECT count(*) FROM package WHERE is_listed = 1") == query(
        full, "SELECT count(DISTINCT package_id) FROM ranking"
    )

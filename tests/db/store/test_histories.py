"""Random histories of packages: every list is read back as the registry served it."""

from __future__ import annotations

import random
import string
from dataclasses import dataclass

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from db.store import compute_digest
from tests.db.builders import (
    begin_snapshot,
    make_observation,
    make_page,
    make_store,
    query,
    ranked_names,
    served_rows,
    take_snapshot,
)

NAMES = string.ascii_lowercase[:5]
ServedList = list[tuple[str, str, int]]  # id, name, downloads


@dataclass
class World:
    """Packages that are created, renamed, swapped, deleted and restored."""

    living: dict[str, str]
    dead: dict[str, str]
    born: int = 0

    def is_free(self, name: str) -> bool:
        """Return whether no package has the name now."""
        return name not in self.living.values()

    def apply(self, change: str, index: int, name: str) -> None:
        """Apply one change to one package, if possible."""
        keys = sorted(self.living)
        if change == "birth" and self.is_free(name):
            self.born += 1
            self.living[f"id{self.born}"] = name
        elif change == "return" and self.dead and self.is_free(name):
            key = sorted(self.dead)[index % len(self.dead)]
            del self.dead[key]
            self.living[key] = name
        elif keys:
            self._apply_to(change, keys[index % len(keys)], keys[(index + 1) % len(keys)], name)

    def _apply_to(self, change: str, key: str, next_key: str, name: str) -> None:
        """Apply a change that only a living package can have."""
        if change == "rename" and self.is_free(name):
            self.living[key] = name
        elif change == "swap":
            self.living[key], self.living[next_key] = self.living[next_key], self.living[key]
        elif change == "death":
            self.dead[key] = self.living.pop(key)


CHANGES = st.tuples(
    st.sampled_from(["birth", "birth", "rename", "swap", "death", "return"]), st.integers(0, 4), st.sampled_from(NAMES)
)
HISTORIES = st.lists(st.lists(CHANGES, max_size=4), min_size=2, max_size=5)


@st.composite
def histories(draw: st.DrawFn) -> list[ServedList]:
    """Return the lists that a registry served at a few dates, in the order of the dates."""
    world, lists = World({"id0": "z"}, {}), []
    for changes in draw(HISTORIES):
        for change in changes:
            world.apply(*change)
        order = draw(st.permutations(sorted(world.living)))
        lists.append([(key, world.living[key], 100 - index) for index, key in enumerate(order)])
    return lists


@settings(max_examples=20, deadline=None)
@given(histories())
def test_lists_saved_in_order_are_read_back_as_they_were_served(history: list[ServedList]) -> None:
    store = make_store()
    snapshots = [
        take_snapshot(store, [make_observation(name, n, key) for key, name, n in rows], at=at)
        for at, rows in enumerate(history)
    ]
    assert [served_rows(store, snapshot) for snapshot in snapshots] == history


@settings(max_examples=20, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_lists_saved_in_any_order_have_the_same_packages(history: list[ServedList], rng: random.Random) -> None:
    store, order, snapshots = make_store(), list(range(len(history))), {}
    rng.shuffle(order)
    for at in order:
        snapshots[at] = take_snapshot(store, [make_observation(name, n, key) for key, name, n in history[at]], at=at)
    packages = [[(key, n) for key, _, n in served_rows(store, snapshots[at])] for at in range(len(history))]
    assert packages == [[(key, n) for key, _, n in rows] for rows in history]


@settings(max_examples=20, deadline=None, phases=[Phase.generate])
@given(histories(), st.randoms(use_true_random=False))
def test_lists_saved_in_any_order_are_read_back_as_they_were_served(
    history: list[ServedList], rng: random.Random
) -> None:
    store, order, snapshots = make_store(), list(range(len(history))), {}
    rng.shuffle(order)
    for at in order:
        snapshots[at] = take_snapshot(store, [make_observation(name, n, key) for key, name, n in history[at]], at=at)
    assert [served_rows(store, snapshots[at]) for at in range(len(history))] == history


@settings(max_examples=20, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_a_list_saved_later_never_changes_an_earlier_one(history: list[ServedList], rng: random.Random) -> None:
    store, order = make_store(), list(range(len(history)))
    rng.shuffle(order)
    for at in order:
        take_snapshot(store, [make_observation(name, n, key) for key, name, n in history[at]], at=at)
    digests = query(store, "SELECT snapshot_id, digest FROM snapshot")
    assert [(number, compute_digest(store.connection, number)) for number, _ in digests] == digests


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.sampled_from(NAMES), max_size=6), min_size=1, max_size=4), st.integers(1, 6))
def test_ranks_are_the_order_of_first_rows_up_to_k(pages: list[list[str]], k: int) -> None:
    store = make_store()
    snapshot = begin_snapshot(store, k=k)
    for rows in pages:
        store.save_page(snapshot, make_page(rows))
    firsts = list(dict.fromkeys(name for rows in pages for name in rows))
    assert ranked_names(store, snapshot) == list(enumerate(firsts[:k], 1))
    (counts,) = query(store, "SELECT sum(received), sum(kept + duplicates + rejected + beyond) FROM page")
    assert counts[0] == counts[1]

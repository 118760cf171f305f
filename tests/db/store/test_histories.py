"""Whatever happens to packages between two lists, a list is read back as it was served."""

from __future__ import annotations

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
Listed = list[tuple[str, str, int]]  # id, name, downloads


@dataclass
class World:
    """Packages that are born, renamed, swapped, die and come back."""

    living: dict[str, str]
    dead: dict[str, str]
    born: int = 0

    def free(self, name: str) -> bool:
        """Whether nobody has the name now."""
        return name not in self.living.values()

    def happen(self, what: str, which: int, name: str) -> None:
        """Let one thing happen to one package, if it can."""
        keys = sorted(self.living)
        if what == "birth" and self.free(name):
            self.born += 1
            self.living[f"id{self.born}"] = name
        elif what == "return" and self.dead and self.free(name):
            key = sorted(self.dead)[which % len(self.dead)]
            del self.dead[key]
            self.living[key] = name
        elif keys:
            self.befall(what, keys[which % len(keys)], keys[(which + 1) % len(keys)], name)

    def befall(self, what: str, key: str, other: str, name: str) -> None:
        """What can only happen to one that lives."""
        if what == "rename" and self.free(name):
            self.living[key] = name
        elif what == "swap":
            self.living[key], self.living[other] = self.living[other], self.living[key]
        elif what == "death":
            self.dead[key] = self.living.pop(key)


HAPPENINGS = st.tuples(
    st.sampled_from(["birth", "birth", "rename", "swap", "death", "return"]), st.integers(0, 4), st.sampled_from(NAMES)
)
HISTORIES = st.lists(st.lists(HAPPENINGS, max_size=4), min_size=2, max_size=5)


@st.composite
def histories(draw: st.DrawFn) -> list[Listed]:
    """What a registry served at each of a few dates, in the order of the dates."""
    world, lists = World({"id0": "z"}, {}), []
    for happened in draw(HISTORIES):
        for one in happened:
            world.happen(*one)
        order = draw(st.permutations(sorted(world.living)))
        lists.append([(key, world.living[key], 100 - place) for place, key in enumerate(order)])
    return lists


@settings(max_examples=60, deadline=None)
@given(histories())
def test_lists_recorded_as_they_came_are_read_back_as_they_were_served(history: list[Listed]) -> None:
    store = make_store()
    taken = [
        take_snapshot(store, [make_observation(name, n, key) for key, name, n in rows], at=at)
        for at, rows in enumerate(history)
    ]
    assert [served_rows(store, snapshot) for snapshot in taken] == history


@settings(max_examples=60, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_lists_recorded_in_any_order_hold_the_same_packages(history: list[Listed], chance: object) -> None:
    store, order, taken = make_store(), list(range(len(history))), {}
    chance.shuffle(order)
    for at in order:
        taken[at] = take_snapshot(store, [make_observation(name, n, key) for key, name, n in history[at]], at=at)
    packages = [[(key, n) for key, _, n in served_rows(store, taken[at])] for at in range(len(history))]
    assert packages == [[(key, n) for key, _, n in rows] for rows in history]


@settings(max_examples=60, deadline=None, phases=[Phase.generate])
@given(histories(), st.randoms(use_true_random=False))
def test_lists_recorded_in_any_order_are_read_back_as_they_were_served(history: list[Listed], chance: object) -> None:
    store, order, taken = make_store(), list(range(len(history))), {}
    chance.shuffle(order)
    for at in order:
        taken[at] = take_snapshot(store, [make_observation(name, n, key) for key, name, n in history[at]], at=at)
    assert [served_rows(store, taken[at]) for at in range(len(history))] == history


@settings(max_examples=40, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_what_is_recorded_later_never_changes_what_was_recorded_before(history: list[Listed], chance: object) -> None:
    store, order = make_store(), list(range(len(history)))
    chance.shuffle(order)
    for at in order:
        take_snapshot(store, [make_observation(name, n, key) for key, name, n in history[at]], at=at)
    ended = query(store, "SELECT snapshot_id, digest FROM snapshot")
    assert [(number, compute_digest(store.connection, number)) for number, _ in ended] == ended


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from(NAMES), max_size=6), min_size=1, max_size=4), st.integers(1, 6))
def test_ranks_are_the_order_of_first_sights_up_to_k(pages: list[list[str]], k: int) -> None:
    store = make_store()
    snapshot = begin_snapshot(store, k=k)
    for rows in pages:
        store.save_page(snapshot, make_page(rows))
    firsts = list(dict.fromkeys(name for rows in pages for name in rows))
    assert ranked_names(store, snapshot) == list(enumerate(firsts[:k], 1))
    (counted,) = query(store, "SELECT sum(received), sum(kept + duplicates + rejected + beyond) FROM page")
    assert counted[0] == counted[1]

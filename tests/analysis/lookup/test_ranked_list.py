"""Two lists compared: who came and who went, against plain sets."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.lookup.fetching import END_OF_TIME
from analysis.lookup.ranked_list import ListRequest, build_document
from tests.db.builders import make_observation, make_store, take_snapshot

DAY = 86_400
HUB = "huggingface/models"
lists = st.lists(st.sampled_from("abcdefgh"), min_size=3, max_size=8, unique=True)


@given(st.lists(lists, min_size=2, max_size=3), st.integers(1, 3), lists)
@settings(deadline=None, max_examples=15)
def test_moves_are_the_differences_of_the_top_k_whatever_else_the_last_day_has(
    history: list[list[str]], k: int, other: list[str]
) -> None:
    store = make_store()
    for day, names in enumerate([*history[:-1], other, history[-1]], 1):
        rows = [make_observation(name, 100 - rank) for rank, name in enumerate(names)]
        at = min(day, len(history)) * DAY + day  # the other list is of the same day as the last list
        take_snapshot(store, rows, at=at, k=len(names))
    document = build_document(store.connection, ListRequest(HUB, "downloads", k, END_OF_TIME, END_OF_TIME))
    assert document and document["previous"]
    now, before = history[-1][:k], history[-2][:k]
    earlier = {name for names in history[:-2] for name in names[:k]}
    assert [row["name"] for row in document["packages"]] == now
    moves = {(move["name"], move["change"]) for move in document["moves"]}
    came = set(now) - set(before)
    assert moves == {
        *((name, "returned" if name in earlier else "entered") for name in came),
        *((name, "left") for name in set(before) - set(now)),
    }
    assert {row["name"] for row in document["packages"] if row["change"]} == came

"""Two lists compared: the list of each day and the moves, against plain sets and against the report."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from analysis.lookup.fetching import END_OF_TIME, open_for_lookup
from analysis.lookup.ranked_list import ListRequest, build_document
from analysis.reporting.document import ReportScope, build_report
from db.cli import parse_day
from db.rows import Registry
from db.store import Store
from tests.analysis.conftest import History
from tests.db.builders import make_observation, make_store, take_snapshot

DAY, TICK = 86_400, 1_200  # lists may be 20 minutes apart
MIDNIGHT = 3 * DAY // TICK
HUB = "huggingface/models"
lists = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=6, unique=True).map("".join)
times = st.integers(MIDNIGHT - 80, MIDNIGHT + 80)
histories = st.dictionaries(times, lists, min_size=2, max_size=5)


def store_lists(history: dict[int, str]) -> Store:
    """Return a store with a list for each time, oldest first. Each letter is a package, best first."""
    store = make_store()
    for tick, names in sorted(history.items()):
        rows = [make_observation(name, 100 - rank) for rank, name in enumerate(names)]
        take_snapshot(store, rows, at=tick * TICK, k=len(names))
    return store


def choose_lists_of_days(history: dict[int, str], k: int) -> dict[int, tuple[int, str]]:
    """Return the first list of each day that has K names, by its day."""
    deep = {tick * TICK: names for tick, names in sorted(history.items(), reverse=True) if len(names) >= k}
    return {at // DAY: (at, names[:k]) for at, names in deep.items()}


@given(histories, st.integers(1, 6))
@example({MIDNIGHT - 80: "abc", MIDNIGHT - 1: "abd", MIDNIGHT: "bd", MIDNIGHT + 1: "adc"}, 3)
@example({MIDNIGHT - 1: "abc", MIDNIGHT: "abd"}, 2)
@settings(deadline=None, max_examples=10)
def test_the_lists_of_two_days_are_compared_as_in_the_report(history: dict[int, str], limit: int) -> None:
    store = store_lists(history)
    document = build_document(store.connection, ListRequest(HUB, "downloads", limit, END_OF_TIME))
    newest_day = max(history) * TICK // DAY
    k = min(limit, max(len(names) for tick, names in history.items() if tick * TICK // DAY == newest_day))
    days = choose_lists_of_days(history, k)
    at, now = days.pop(newest_day)
    before = next((names for time, names in sorted(days.values(), reverse=True) if time <= at - 72_000), None)
    assert document and (document["k"], [row["name"] for row in document["packages"]]) == (k, list(now))
    assert (document["previous"] is None) == (before is None)
    came, left = (set(now) - set(before), set(before) - set(now)) if before else (set(), set())
    earlier = set("".join(names for _, names in days.values()))
    assert {(move["name"], move["change"]) for move in document["moves"]} == {
        *((name, "returned" if name in earlier else "entered") for name in came),
        *((name, "left") for name in left),
    }
    assert {row["name"] for row in document["packages"] if row["change"]} == came
    report = build_report(store.connection, ReportScope(None, (HUB,), k), ())
    assert document["moves"] == [{key: row[key] for key in document["moves"][0]} for row in report["movers"]]


def test_lists_between_the_two_compared_lists_are_not_their_past() -> None:
    history = {72 * day: names for day, names in enumerate(("abcx", "abcd", "acxd", "acdx"), 1)}
    request = ListRequest(HUB, "downloads", 3, END_OF_TIME, since=2 * DAY)
    document = build_document(store_lists(history).connection, request)
    assert document and document["previous"]
    assert document["previous"]["date"] == "1970-01-02"
    assert [(move["name"], move["change"], move["reason"]) for move in document["moves"]] == [
        ("d", "entered", "first listed 1970-01-03"),
        ("b", "left", "dropped below rank 4, or removed"),
    ]


def test_only_snapshots_that_are_shown_make_a_list_a_simulated_one(history: History) -> None:
    local = "http://127.0.0.1:4711"
    history.add_snapshot("2026-01-01", [("owner/a", 2)], source=local)
    for day in ("2026-01-02", "2026-01-03"):
        history.add_snapshot(day, [("owner/a", 2)])
    history.add_snapshot("2026-01-04", [("owner/a", 2)], "failed", source=local, reason="a test")
    history.add_snapshot("2026-01-05", [("owner/new", 2)], source=local)
    with open_for_lookup(history.path) as connection:
        ends = [parse_day(f"2026-01-0{day + 1}") for day in (2, 4, 5)]
        documents = [build_document(connection, ListRequest(HUB, "downloads", 20, end)) for end in ends]
    assert [bool(document and document["warning"]) for document in documents] == [True, False, True]


def test_a_list_of_another_service_has_no_page_of_ecosystems(history: History) -> None:
    shelf = Registry("shelf", "shelf", "shelf.example")
    history.add_snapshot("2026-01-01", [("a", 2)], registry=shelf, source="https://shelf.example.org")
    with open_for_lookup(history.path) as connection:
        document = build_document(connection, ListRequest("shelf", "downloads", 20, END_OF_TIME))
    assert document and [row["url"] for row in document["packages"]] == [None]

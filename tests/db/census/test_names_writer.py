"""A census whose pages overlap and come in any order: everybody once, also when another process goes on with it."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from db.census.history import load_counters
from db.census.names_writer import NamesCensusStore
from db.rows import NAMES_CENSUS_COUNTER, CensusPage, Observation
from tests.db.builders import PASSED, begin_snapshot, make_store, take_snapshot

HEX = "0123456789abcdef01234567"  # a name that is kept as twelve bytes
NAMES = st.one_of(st.sampled_from(["a", "A", "B", "b", "@x/y", "ö", HEX, HEX.upper()]), st.text("abc-", min_size=1))
PAGES = st.lists(st.sets(NAMES, max_size=8), min_size=1, max_size=6)


def make_names_store(plain: object = None) -> NamesCensusStore:
    """A store in memory, ready for censuses of names; as another process would open it, if it is there."""
    connection = (plain or make_store()).connection
    store = NamesCensusStore.__new__(NamesCensusStore)
    store.__init__(type("Opened", (), {"conn": connection})())
    return store


def make_names_page(names: Iterable[str], role: str = "ranking", **more: object) -> CensusPage:
    """A page of names."""
    ids = sorted(names)
    nothing = [None] * len(ids)
    return CensusPage(
        role, "https://eco.example/package_names?page=1", 0, 200, 1, "0" * 64, {}, len(ids), stable_ids=ids,
        fingerprints=[1] * len(ids), downloads=nothing, likes=nothing, downloads_all_time=nothing, trending=nothing,
        observe=lambda place: Observation(ids[place], ids[place]), **more,
    )  # fmt: skip


def member_names(store: NamesCensusStore, snapshot: int) -> set[str]:
    """Who is in an ended census."""
    names = dict(store.connection.execute("SELECT package_id, stable_id FROM package").fetchall())
    packages = load_counters(store.connection, snapshot)["package"].tolist()
    assert len(set(packages)) == len(packages)
    return {names[package] for package in packages}


@settings(deadline=None, max_examples=15)
@given(st.lists(st.tuples(PAGES, st.integers(0, 5)), min_size=1, max_size=4))
def test_everybody_is_in_a_census_once_whatever_its_pages_share(censuses: list) -> None:
    store = make_names_store()
    for at, (pages, killed_at) in enumerate(censuses):
        snapshot = begin_snapshot(store, at, k=None, counter=NAMES_CENSUS_COUNTER)
        for number, names in enumerate(pages):
            if number == killed_at:
                store = make_names_store(store)
            progress = store.save_page(snapshot, make_names_page(names))
        everybody = set().union(*pages)
        assert (progress.depth, progress.duplicates) == (len(everybody), sum(map(len, pages)) - len(everybody))
        brought = [names - set().union(*pages[:number]) for number, names in enumerate(pages)]
        assert store.newest_ids(snapshot) == next((new for new in reversed(brought) if new), set())
        store.end_snapshot(snapshot, "complete", PASSED, None, at)
        assert member_names(store, snapshot) == everybody


def test_a_probe_is_compared_and_adds_nothing() -> None:
    store = make_names_store()
    snapshot = begin_snapshot(store, 0, k=None, counter=NAMES_CENSUS_COUNTER)
    store.save_page(snapshot, make_names_page("abc"))
    progress = store.save_page(snapshot, make_names_page("bcdefg", role="probe"))
    assert (progress.depth, progress.missing) == (3, ("d", "e"))
    row = store.connection.execute("SELECT kept, beyond, duplicates FROM page WHERE number = 1").fetchone()
    assert tuple(row) == (2, 4, 0)
    store.end_snapshot(snapshot, "complete", PASSED, None, 0)
    assert member_names(store, snapshot) == set("abc")


def test_what_lists_said_of_a_package_stays_when_a_census_names_it() -> None:
    store = make_names_store()
    listed = take_snapshot(store, [Observation("six", "six", downloads=5, attributes={"status": "active"})])
    snapshot = begin_snapshot(store, 9, k=None, counter=NAMES_CENSUS_COUNTER)
    store.save_page(snapshot, make_names_page(["six", "seven"]))
    store.end_snapshot(snapshot, "complete", PASSED, None, 9)
    rows = store.connection.execute("SELECT name, downloads, first_seen_at FROM package ORDER BY name").fetchall()
    assert [tuple(row) for row in rows] == [("seven", None, 9), ("six", 5, 0)]
    found = store.connection.execute("SELECT value FROM attribute WHERE valid_to IS NULL").fetchall()
    assert (listed, [row[0] for row in found]) == (1, ["active"])
    assert load_counters(store.connection, snapshot)["downloads"].tolist() == [-1, -1]

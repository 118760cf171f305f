"""A names census: pages overlap and come in any order, and each package is stored once, also after a resume."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from db.census.history import load_counters
from db.census.names_writer import NamesCensusStore
from db.rows import NAMES_CENSUS_COUNTER, CensusPage, Observation
from db.store import Store
from tests.db.builders import PASSED, begin_snapshot, make_store, take_snapshot

HEX = "0123456789abcdef01234567"  # a name that is stored as twelve bytes
NAMES = st.one_of(st.sampled_from(["a", "A", "B", "b", "@x/y", "ö", HEX, HEX.upper()]), st.text("abc-", min_size=1))
PAGES = st.lists(st.sets(NAMES, max_size=8), min_size=1, max_size=6)


def make_names_store(store: Store | None = None) -> NamesCensusStore:
    """Return a store in memory for names censuses. A given store is opened again, as another process would."""
    return NamesCensusStore(Database((store or make_store()).connection))


def make_names_page(names: Iterable[str], role: str = "ranking", **fields: object) -> CensusPage:
    """Return a page of names."""
    ids = sorted(names)
    missing = [None] * len(ids)
    return CensusPage(
        role, "https://eco.example/package_names?page=1", 0, 200, 1, "0" * 64, {}, len(ids), stable_ids=ids,
        fingerprints=[1] * len(ids), downloads=missing, likes=missing, downloads_all_time=missing, trending=missing,
        observe=lambda index: Observation(ids[index], ids[index]), **fields,
    )  # fmt: skip


def member_names(store: NamesCensusStore, snapshot: int) -> set[str]:
    """Return the ids of the packages of an ended census."""
    names = dict(store.connection.execute("SELECT package_id, stable_id FROM package").fetchall())
    packages = load_counters(store.connection, snapshot)["package"].tolist()
    assert len(set(packages)) == len(packages)
    return {names[package] for package in packages}


@settings(deadline=None, max_examples=15)
@given(st.lists(st.tuples(PAGES, st.integers(0, 5)), min_size=1, max_size=4))
def test_every_package_is_in_a_census_once_however_its_pages_overlap(censuses: list) -> None:
    store = make_names_store()
    for at, (pages, killed_at) in enumerate(censuses):
        snapshot = begin_snapshot(store, at, k=None, counter=NAMES_CENSUS_COUNTER)
        for number, names in enumerate(pages):
            if number == killed_at:
                store = make_names_store(store)
            progress = store.save_page(snapshot, make_names_page(names))
        all_names = set().union(*pages)
        assert (progress.depth, progress.duplicates) == (len(all_names), sum(map(len, pages)) - len(all_names))
        new_names = [names - set().union(*pages[:number]) for number, names in enumerate(pages)]
        assert store.newest_ids(snapshot) == next((names for names in reversed(new_names) if names), set())
        store.end_snapshot(snapshot, "complete", PASSED, None, at)
        assert member_names(store, snapshot) == all_names


def test_a_probe_is_compared_and_adds_no_rows() -> None:
    store = make_names_store()
    snapshot = begin_snapshot(store, 0, k=None, counter=NAMES_CENSUS_COUNTER)
    store.save_page(snapshot, make_names_page("abc"))
    progress = store.save_page(snapshot, make_names_page("bcdefg", role="probe"))
    assert (progress.depth, progress.missing) == (3, ("d", "e"))
    row = store.connection.execute("SELECT kept, beyond, duplicates FROM page WHERE number = 1").fetchone()
    assert tuple(row) == (2, 4, 0)
    store.end_snapshot(snapshot, "complete", PASSED, None, 0)
    assert member_names(store, snapshot) == set("abc")


def test_a_package_keeps_its_listed_values_when_a_census_names_it() -> None:
    store = make_names_store()
    ranking = take_snapshot(store, [Observation("six", "six", downloads=5, attributes={"status": "active"})])
    snapshot = begin_snapshot(store, 9, k=None, counter=NAMES_CENSUS_COUNTER)
    store.save_page(snapshot, make_names_page(["six", "seven"]))
    store.end_snapshot(snapshot, "complete", PASSED, None, 9)
    rows = store.connection.execute("SELECT name, downloads, first_seen_at FROM package ORDER BY name").fetchall()
    assert [tuple(row) for row in rows] == [("seven", None, 9), ("six", 5, 0)]
    values = store.connection.execute("SELECT value FROM attribute WHERE valid_to IS NULL").fetchall()
    assert (ranking, [row[0] for row in values]) == (1, ["active"])
    assert load_counters(store.connection, snapshot)["downloads"].tolist() == [-1, -1]

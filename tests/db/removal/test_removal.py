"""An import that is removed leaves the store as if it had never been imported, but for its tombstone."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from db import UsageError
from db.census.writer import CensusStore
from db.identity import derive_stable_id
from db.ids import register_functions
from db.removal import remove_snapshot
from db.rows import Observation, Parent, StoredResult
from db.store import Store
from db.store.cards import CardCollection, CardObservation, CardStore, CardText, blob_hash
from tests.db.builders import MODELS, PASSED, begin_snapshot, make_page, make_store, query, take_snapshot
from tests.db.census.test_history import Counters, take_census

DAY = 86_400
VIEWS = {
    "v1_snapshot": 'registry, kind, k, "by", counter, taken_at, status, origin, source, depth, digest',
    "v1_ranking": "date, rank, package, name, downloads, likes",
    "v1_alias": "package, name, created_at, since, until",
    "v1_attribute": "package, attribute, value, since, until",
    "v1_library": "package, library, kind, since, until",
    "v1_lineage_edge": "child, child_name, parent, parent_name, relation, since, until",
    "package": "stable_id, name, is_listed, first_seen_at, created_at, modified_at, sha, downloads, likes, seen_at",
    "top_k_membership JOIN package USING (package_id)": "k, stable_id, first_at, last_at",
}


@dataclass(frozen=True)
class PastList:
    """A list to import: its day and its rows."""

    day: float
    rows: tuple[Observation, ...]


def import_list(store: Store, past: PastList, name: str = "past.csv") -> int:
    """Store a past list as a complete snapshot, and return its number."""
    at = int(past.day * DAY)
    snapshot = begin_snapshot(
        store, at, len(past.rows), origin="import", source=name, file_sha256=f"{at:064}", settings={"format": "x"}
    )
    store.save_page(snapshot, make_page(past.rows, "file"))
    store.end_snapshot(snapshot, "complete", PASSED, None, at)
    return snapshot


def content(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Return everything that can be read of a store, without the numbers of snapshots and packages."""
    return {view: sorted(query(store, f"SELECT {columns} FROM {view}"), key=str) for view, columns in VIEWS.items()}


@cache
def empty_content() -> bytes:
    """Return the bytes of an empty store with small depths, which is migrated once."""
    store = make_store()
    store.connection.executemany("INSERT INTO ranking_depth (k) VALUES (?)", [(1,), (2,), (3,)])
    return store.connection.serialize()


def small_store() -> Store:
    """Return an empty store in memory."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.deserialize(empty_content())
    connection.execute("PRAGMA foreign_keys = ON")
    register_functions(connection)
    return Store(Database(connection))


IDS = {"a": f"{1:024x}", "b": f"{2:024x}", "gpt2": f"{3:024x}", "openai-community/gpt2": f"{3:024x}"}
LISTED = st.lists(st.sampled_from(sorted(IDS)), min_size=1, max_size=3, unique_by=IDS.__getitem__)


@st.composite
def past_lists(draw: st.DrawFn, days: Sequence[float]) -> PastList:
    """Draw a list of some packages. A file has only names and counters, or ids and all, some or none of the details."""
    day, names = draw(st.sampled_from(days)), draw(LISTED)
    if draw(st.booleans()):
        plain = (Observation(derive_stable_id(MODELS.name, name), name, downloads=9) for name in names)
        return PastList(day, tuple(plain))
    fields = draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
    return PastList(day, tuple(draw(detailed_rows(name, *fields)) for name in names))


@st.composite
def detailed_rows(draw: st.DrawFn, name: str, has_task: bool, has_parents: bool, has_libraries: bool) -> Observation:
    """Draw a row with an id, under the usual name of the package or another."""
    parents = tuple(Parent(parent, "finetune") for parent in draw(st.sampled_from([(), ("a",), ("gone",)])))
    return Observation(
        IDS[name], draw(st.sampled_from([name, f"{name}-renamed"])),
        downloads=draw(st.integers(0, 9)), likes=draw(st.sampled_from([None, 1, 2])), created_at=DAY,
        modified_at=draw(st.sampled_from([None, 7, 8])), sha=draw(st.sampled_from([None, "1" * 40])),
        attributes={"task": draw(st.sampled_from([None, "text", "image"]))} if has_task else {},
        parents=parents if has_parents else None,
        libraries=draw(st.sampled_from([(), (("peft", "library"),)])) if has_libraries else None,
    )  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(kept=past_lists((3,)), removed=past_lists((2, 2.75, 3.25, 4)), is_first=st.booleans())
def test_an_import_that_is_removed_has_never_been_there(kept: PastList, removed: PastList, is_first: bool) -> None:
    store, alone = small_store(), small_store()
    import_list(alone, kept)
    imports = [removed, kept] if is_first else [kept, removed]
    numbers = {past.day: import_list(store, past) for past in imports}
    remove_snapshot(store, numbers[removed.day], "wrong", at=9 * DAY)
    assert content(store) == content(alone)
    assert query(store, "PRAGMA foreign_key_check") == []


CENSUS_ROWS = st.dictionaries(
    st.sampled_from([f"{number:024x}" for number in (1, 2, 3)]), st.tuples(*[st.integers(0, 9)] * 3), max_size=3
)
CENSUS_CONTENT = (
    "SELECT stable_id, name, first_seen_at, downloads, likes, downloads_all_time, fingerprint IS NULL FROM package",
    "SELECT package, name, since, until FROM v1_alias",
)


def store_in_order(store: CensusStore, items: Sequence[tuple[int, dict[str, Counters] | PastList]]) -> int:
    """Store censuses and past lists one after the other, and return the number of the last past list."""
    imported = 0
    for day, item in items:
        if isinstance(item, PastList):
            imported = import_list(store, item)
        else:
            take_census(store, item, at=day * DAY)
    return imported


@settings(max_examples=30, deadline=None)
@given(
    st.lists(CENSUS_ROWS, min_size=1, max_size=3),
    st.integers(0, 3),
    st.sampled_from((0.5, 1.5, 2.5, 3.5)),
    st.booleans(),
)
def test_a_removed_import_leaves_what_censuses_say_of_packages_that_are_gone_too(
    censuses: list[dict[str, Counters]], place: int, day: float, has_ids: bool
) -> None:
    names = {f"{number:024x}": f"n{number:024x}7" for number in (1, 2, 4)}
    rows = [Observation(key if has_ids else f"name:{name}", name, downloads=99) for key, name in names.items()]
    kept = list(enumerate(censuses, 1))
    store, alone = CensusStore(small_store().database), CensusStore(small_store().database)
    store_in_order(alone, kept)
    wrong = store_in_order(store, [*kept[:place], (0, PastList(day, tuple(rows))), *kept[place:]])
    remove_snapshot(store, wrong, "wrong", at=9 * DAY)
    for statement in CENSUS_CONTENT:
        assert sorted(query(store, statement), key=str) == sorted(query(alone, statement), key=str)


def detailed(name: str, downloads: int, **fields: object) -> Observation:
    return Observation(f"id-{name}", name, downloads=downloads, **fields)


def test_an_import_between_two_others_leaves_their_histories(store: Store) -> None:
    task = {day: [detailed("a", day, attributes={"task": value})] for day, value in ((2, "x"), (4, "y"), (6, "x"))}
    numbers = [import_list(store, PastList(day, tuple(rows))) for day, rows in task.items()]
    assert query(store, "SELECT count(*) FROM v1_attribute") == [(3,)]
    remove_snapshot(store, numbers[1], "wrong", at=9 * DAY)
    assert query(store, "SELECT value, since, until FROM v1_attribute") == [("x", "1970-01-03T00:00:00Z", None)]


def test_a_removal_deletes_every_result_of_the_registry_because_any_may_have_used_it(store: Store) -> None:
    first = import_list(store, PastList(2, (detailed("a", 1),)))
    wrong = import_list(store, PastList(3, (detailed("b", 1),)))
    last = import_list(store, PastList(4, (detailed("a", 1),)))
    results = [StoredResult(number, "m", 1, "m", 0, wrong, 1.0, None, None, 1, "") for number in (first, last)]
    store.save_results(results, at=0)
    counts = remove_snapshot(store, wrong, "wrong", at=9 * DAY)
    assert (counts.results, counts.listed_packages, counts.unobserved_packages) == (2, 1, 1)
    assert query(store, "SELECT count(*) FROM result") == [(0,)]


def test_the_tombstone_stays_and_the_number_is_never_used_again(store: Store) -> None:
    wrong = import_list(store, PastList(3, (detailed("a", 1), detailed("b", 1))), name="wrong.csv")
    (digest,) = query(store, "SELECT digest FROM snapshot")[0]
    remove_snapshot(store, wrong, " the dates were swapped ", at=9 * DAY)
    assert query(store, "SELECT snapshot, registry, date, source, status, digest, packages, reason, removed_at"
                        " FROM v1_removed_snapshot") == [
        (wrong, MODELS.name, "1970-01-04", "wrong.csv", "complete", digest, 2, "the dates were swapped",
         "1970-01-10T00:00:00Z")
    ]  # fmt: skip
    again = import_list(store, PastList(3, (detailed("a", 1), detailed("b", 1))), name="wrong.csv")
    assert again == wrong + 1, "the same file may be imported again"
    with pytest.raises(UsageError) as raised:
        remove_snapshot(store, wrong, "again", at=9 * DAY)
    assert raised.value.why == "It was removed at 1970-01-10T00:00:00Z: the dates were swapped."
    assert raised.value.fix == f"The newest imports are {again}."


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM removed_snapshot",
        "UPDATE removed_snapshot SET reason = 'none'",
        "INSERT INTO removed_snapshot SELECT 2, registry_id, kind, ordered_by, counter, source, file_sha256, taken_at,"
        " status, digest, packages, reason, NULL FROM removed_snapshot",
        "INSERT INTO snapshot SELECT 1, registry_id, kind, ordered_by, counter, k, origin, source, date_evidence,"
        " settings, NULL, taken_at, started_at, NULL, 'open', NULL, NULL, NULL, NULL FROM snapshot",
        "DELETE FROM ranking",
        "DELETE FROM snapshot",
        "DELETE FROM page",
        "DELETE FROM gate_result",
    ],
)
def test_a_tombstone_cannot_be_changed_and_permits_no_other_deletion(store: Store, statement: str) -> None:
    wrong = import_list(store, PastList(3, (detailed("a", 1),)))
    take_snapshot(store, ["a"], at=4 * DAY)
    remove_snapshot(store, wrong, "wrong", at=9 * DAY)
    with pytest.raises(sqlite3.IntegrityError):
        store.connection.execute(statement)


def test_a_crawled_snapshot_an_unknown_number_and_a_reason_that_is_empty_or_private_are_refused(store: Store) -> None:
    crawled = take_snapshot(store, ["a"], at=4 * DAY)
    before = list(store.connection.iterdump())
    for number, reason, message in (
        (crawled, "wrong", f"Snapshot {crawled} was crawled, so it is not removed."),
        (77, "wrong", "There is no snapshot 77."),
        (crawled, "  ", "A removal needs a reason."),
        (crawled, "jo.doe@mail.example.org said so", "The reason holds an e-mail address."),
    ):
        with pytest.raises(UsageError) as raised:
            remove_snapshot(store, number, reason, at=9 * DAY)
        assert raised.value.message == message
    assert list(store.connection.iterdump()) == before


def test_a_dry_run_counts_and_changes_nothing(store: Store) -> None:
    import_list(store, PastList(2, (detailed("a", 1),)))
    wrong = import_list(store, PastList(3, (detailed("a", 2), detailed("b", 1))))
    before = list(store.connection.iterdump())
    counts = remove_snapshot(store, wrong, "wrong", at=9 * DAY, dry_run=True)
    assert (counts.registry, counts.date, counts.listed_packages) == (MODELS.name, "1970-01-04", 2)
    assert counts.unobserved_packages == 1
    assert list(store.connection.iterdump()) == before
    assert remove_snapshot(store, wrong, "wrong", at=9 * DAY) == counts


def test_a_crawl_that_an_import_overwrote_gets_its_values_back(store: Store) -> None:
    take_snapshot(store, [detailed("a", 5, sha="1" * 40, modified_at=7)], at=4 * DAY)
    wrong = import_list(store, PastList(6, (detailed("a", 1, sha="2" * 40, modified_at=8),)))
    remove_snapshot(store, wrong, "wrong", at=9 * DAY)
    assert query(store, "SELECT sha, modified_at, downloads, seen_at FROM package") == [("1" * 40, 7, 5, 4 * DAY)]


def test_a_list_of_names_and_counters_leaves_what_a_crawl_stated(store: Store) -> None:
    take_snapshot(store, [detailed("a", 5, sha="1" * 40, created_at=7)], at=4 * DAY)
    wrong = import_list(store, PastList(6, (Observation("name:a", "a", downloads=9),)))
    remove_snapshot(store, wrong, "wrong", at=9 * DAY)
    assert query(store, "SELECT sha, created_at, downloads, seen_at FROM package") == [("1" * 40, 7, 5, 4 * DAY)]


CARD_TEXTS = {name: CardText(blob_hash(name.encode()), 1, name.encode()) for name in ("one", "two")}


def collect_card(store: Store, day: int, name: str, *, is_import: bool = False) -> None:
    """Save the card of a package, or that it has none, as a crawl or a file of a day gave it."""
    cards, text = CardStore(store), CARD_TEXTS.get(name)
    origin, file_hash = ("import", f"{day * DAY:064}") if is_import else ("crawl", None)
    collection, _ = cards.begin_collection(CardCollection(MODELS, origin, "s", day * DAY, 0, file_hash))
    package = cards.find_or_add_package(MODELS, "id-a", "a", 3 * DAY)
    cards.save_observation(collection, CardObservation(package, day * DAY, "card" if text else "none", text))


def test_cards_that_only_the_file_gave_are_gone(store: Store) -> None:
    wrong = import_list(store, PastList(3, (detailed("a", 1), detailed("b", 1))))
    collect_card(store, 1, "one")
    collect_card(store, 3, "two", is_import=True)
    counts = remove_snapshot(store, wrong, "wrong", at=9 * DAY)
    assert counts.cards == 1
    assert query(store, "SELECT blob, since, until FROM v1_card") == [
        (CARD_TEXTS["one"].blob, "1970-01-02T00:00:00Z", None)
    ]
    assert query(store, "SELECT stable_id, is_listed FROM package") == [("id-a", 0)], "a package with a card stays"


CARD_NAMES = st.sampled_from(("one", "two", "none"))
CARD_CONTENT = (
    "SELECT state, blob, valid_from, valid_to, checked_at, c.taken_at"
    " FROM card_revision LEFT JOIN card USING (card_id) JOIN card_collection c USING (collection_id) ORDER BY 3"
)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.sampled_from((1, 5)), CARD_NAMES), CARD_NAMES, st.integers(0, 2))
def test_a_removed_file_leaves_the_cards_that_others_gave_and_can_be_imported_again(
    kept: dict[int, str], wrong: str, place: int
) -> None:
    store, alone = small_store(), small_store()
    checks = sorted(kept.items())
    snapshots = [import_list(each, PastList(day, (detailed("a", 1),))) for day in (3, 4) for each in (store, alone)]
    for day, name in checks:
        collect_card(alone, day, name)
    for day, name in [*checks[:place], (3, wrong), *checks[place:]]:
        collect_card(store, day, name, is_import=day == 3)
    remove_snapshot(store, snapshots[0], "wrong", at=9 * DAY)
    assert query(store, CARD_CONTENT) == query(alone, CARD_CONTENT)
    assert query(store, "SELECT count(*) FROM card_collection WHERE origin = 'import'") == [(0,)]
    assert query(store, "PRAGMA foreign_key_check") == []

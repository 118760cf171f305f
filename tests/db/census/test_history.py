"""Censuses: each is read back as it was, whatever changed in between."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db import StoreError
from db.census.blocks import (
    CODEC_WITHOUT_FRONT,
    align,
    apply_delta,
    decode_keyframe,
    decode_package,
    encode_delta,
    encode_keyframe,
)
from db.census.history import compute_census_digest, load_counters, load_series
from db.census.staging import compute_staged_digest
from db.census.writer import CensusStore
from db.rows import CensusPage, Observation
from tests.db.builders import (
    FAILED,
    MODELS,
    PASSED,
    begin_snapshot,
    make_observation,
    make_page,
    make_store,
    query,
    take_snapshot,
)

MAX_COUNT = 2**63 - 1
COUNTS = st.one_of(
    st.none(), st.integers(0, 3), st.integers(0, 1000), st.sampled_from([MAX_COUNT, MAX_COUNT - 1, 2**32])
)
Counters = tuple[int | None, int | None, int | None]
HISTORIES = st.lists(
    st.dictionaries(st.integers(0, 12).map("{:024x}".format), st.tuples(COUNTS, COUNTS, COUNTS), max_size=10),
    min_size=1,
    max_size=9,
)


def make_census_store() -> CensusStore:
    """Return an empty store in memory for censuses."""
    return CensusStore(make_store().database)


def make_census_page(
    rows: Mapping[str, Counters], fingerprints: Mapping[str, int] | None = None, **fields: object
) -> CensusPage:
    """Return a page of a census, in which the name of a package is made from its id."""
    ids = sorted(rows)
    columns = [[rows[key][index] for key in ids] for index in range(3)]
    prints = [(fingerprints or {}).get(key, 7) for key in ids]

    def observe(index: int) -> Observation:
        key = ids[index]
        downloads, likes, all_time = rows[key]
        return Observation(key, f"n{key}{prints[index]}", downloads, likes, all_time)

    return CensusPage(
        "ranking", "https://hub.example/api/models", 0, 200, 1, "0" * 64, {}, len(ids), stable_ids=ids,
        fingerprints=prints, downloads=columns[0], likes=columns[1], downloads_all_time=columns[2],
        trending=[None] * len(ids), observe=observe, fields={"downloads": len(ids)}, **fields,
    )  # fmt: skip


def take_census(
    store: CensusStore, rows: Mapping[str, Counters], at: int = 0, per_page: int = 4, **fields: object
) -> int:
    """Save a complete census in pages of a few rows and return its number."""
    snapshot = begin_snapshot(store, at, k=None)
    ids = sorted(rows)
    for start in range(0, len(ids), per_page) or (0,):
        page_rows = {key: rows[key] for key in ids[start : start + per_page]}
        store.save_page(snapshot, make_census_page(page_rows, **fields))
    store.end_snapshot(snapshot, "complete", PASSED, None, at)
    return snapshot


def read_census(store: CensusStore, snapshot: int) -> dict[str, Counters]:
    """Return the counters of a stored census, by stable id."""
    counters = load_counters(store.connection, snapshot)
    names = dict(query(store, "SELECT package_id, stable_id FROM package"))
    columns = [counters[name].tolist() for name in ("downloads", "likes", "downloads_all_time")]
    rows = [tuple(None if value == -1 else value for value in row) for row in zip(*columns, strict=True)]
    return {names[package]: row for package, row in zip(counters["package"].tolist(), rows, strict=True)}


@settings(max_examples=30, deadline=None)
@given(HISTORIES, st.integers(1, 6), st.integers(1, 3))
def test_censuses_are_read_back_as_they_were(history: list[dict[str, Counters]], interval: int, mid_link: int) -> None:
    store = make_census_store()
    with patch("db.census.history.KEYFRAME_INTERVAL", interval), patch("db.census.history.MID_CHAIN_LINK", mid_link):
        snapshots = [take_census(store, rows, at) for at, rows in enumerate(history)]
    assert [read_census(store, snapshot) for snapshot in snapshots] == history
    for key, package in query(store, "SELECT stable_id, package_id FROM package"):
        counters = [
            (point.downloads, point.likes, point.downloads_all_time) if point.present else None
            for point in load_series(store.connection, package)
        ]
        assert counters == [rows.get(key) for rows in history]
    digests = query(store, "SELECT snapshot_id, digest FROM snapshot ORDER BY 1")
    assert [(snapshot, compute_census_digest(store.connection, snapshot)) for snapshot in snapshots] == digests


@settings(max_examples=15, deadline=None)
@given(HISTORIES)
def test_the_newest_counters_are_in_plain_rows(history: list[dict[str, Counters]]) -> None:
    store, newest = make_census_store(), {}
    for at, rows in enumerate(history):
        take_census(store, rows, at)
        for key, counters in rows.items():
            earlier = newest.get(key, (None, None, None))
            newest[key] = tuple(old if new is None else new for new, old in zip(counters, earlier, strict=True))
    stored_rows = query(store, "SELECT stable_id, downloads, likes, downloads_all_time FROM package")
    assert {row[0]: row[1:] for row in stored_rows} == newest


def test_a_census_of_an_earlier_instant_does_not_change_the_newest_counters() -> None:
    store, key = make_census_store(), "a" * 24
    snapshots = [take_census(store, {key: (at, at, at)}, at) for at in (9, 5)]
    assert [read_census(store, snapshot)[key] for snapshot in snapshots] == [(9, 9, 9), (5, 5, 5)]
    assert query(store, "SELECT downloads, likes, downloads_all_time FROM package") == [(9, 9, 9)]


def test_packages_are_in_the_block_of_their_number() -> None:
    store = make_census_store()
    rows = {f"{number:024x}": (number, 1, None) for number in range(6)}
    query(store, "INSERT INTO registry (registry_id, name, service) VALUES (1, ?, 'huggingface')", MODELS.name)
    query(store, "INSERT INTO package (package_id, registry_id, key, name, name_hash, first_seen_at, seen_at)"
          " VALUES (?, 1, ?, 'x', 0, 0, 0)",
          (1 << 16) - 3, "9" * 24)  # fmt: skip
    snapshots = [take_census(store, rows), take_census(store, dict.fromkeys(rows, (1, 1, 1)), at=1)]
    assert read_census(store, snapshots[0]) == rows
    assert query(store, "SELECT number, is_keyframe FROM observation_block ORDER BY snapshot_id, number") == [
        (0, 1), (1, 1), (0, 0), (1, 0),
    ]  # fmt: skip


def test_a_census_without_changes_has_no_blocks() -> None:
    store = make_census_store()
    rows = {f"{number:024x}": (number, 1, None) for number in range(6)}
    first, second = take_census(store, rows), take_census(store, rows, at=1)
    assert read_census(store, first) == read_census(store, second) == rows
    assert query(store, "SELECT count(*) FROM observation_block") == [(1,)]


def test_arrivals_and_departures_are_counted() -> None:
    store = make_census_store()
    counters = (1, 1, 1)
    for at, keys in enumerate(["abc", "bcd", "", "abcd"]):
        take_census(store, {key * 24: counters for key in keys}, at)
    counts = query(store, "SELECT packages, arrivals, departures FROM census ORDER BY snapshot_id")
    assert counts == [(3, 3, 0), (3, 1, 1), (0, 0, 3), (4, 4, 0)]


def test_only_changed_rows_are_observed() -> None:
    store = make_census_store()
    rows = {key * 24: (1, 1, 1) for key in "abc"}
    take_census(store, rows)
    observed: list[int] = []
    page = make_census_page(dict.fromkeys(rows, (2, 1, 1)), {"b" * 24: 8})
    watched_page = replace(page, observe=lambda index: observed.append(index) or page.observe(index))
    store.save_page(begin_snapshot(store, 1, k=None), watched_page)
    assert observed == [1]
    assert query(store, "SELECT downloads FROM package") == [(2,), (2,), (2,)]


def test_after_a_list_between_two_censuses_the_next_census_compares_all_fields() -> None:
    store = make_census_store()
    key = "a" * 24
    rows = {key: (1, 1, 1)}
    take_census(store, rows, at=1)
    snapshot = begin_snapshot(store, at=2)
    store.save_page(snapshot, make_page([make_observation("other", 5, key)]))
    store.end_snapshot(snapshot, "complete", PASSED, None, 2)
    take_census(store, rows, at=3)
    assert query(store, "SELECT name FROM alias ORDER BY valid_from") == [(f"n{key}7",), ("other",), (f"n{key}7",)]


def test_a_census_dates_the_packages_that_it_does_not_change() -> None:
    store = make_census_store()
    key = "a" * 24
    take_census(store, {key: (1, 1, 1)}, at=1)
    take_census(store, {key: (1, 1, 1)}, at=9)
    take_snapshot(store, [make_observation("old name", 7, key)], at=5)
    assert query(store, "SELECT name, downloads FROM package") == [(f"n{key}7", 1)]


def test_a_departed_package_was_last_seen_by_the_previous_census() -> None:
    store = make_census_store()
    key = "a" * 24
    for at in (1, 5):
        take_census(store, {key: (1, 1, 1)}, at)
    take_census(store, {"b" * 24: (1, 1, 1)}, at=9)
    assert query(store, "SELECT seen_at, fingerprint FROM package ORDER BY stable_id") == [(5, None), (9, 7)]


def test_no_package_departs_in_a_partial_census() -> None:
    store = make_census_store()
    counters = (1, 1, 1)
    take_census(store, {key * 24: counters for key in "ab"}, at=1)
    partial = begin_snapshot(store, 2, k=None)
    store.save_page(partial, make_census_page({"a" * 24: counters}))
    store.end_snapshot(partial, "partial", FAILED, "broken off", 2)
    assert read_census(store, partial) == {"a" * 24: counters}
    assert query(store, "SELECT count(*) FROM package WHERE fingerprint IS NOT NULL") == [(2,)]
    last = take_census(store, {"a" * 24: counters}, at=3)
    assert read_census(store, last) == {"a" * 24: counters}
    assert query(store, "SELECT stable_id FROM package WHERE fingerprint IS NULL") == [("b" * 24,)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["complete", "complete", "partial", "failed"]), st.sets(st.integers(0, 9))),
                max_size=8))  # fmt: skip
def test_after_a_complete_census_only_its_packages_have_a_fingerprint(history: list[tuple[str, set[int]]]) -> None:
    store = make_census_store()
    for at, (status, numbers) in enumerate(history):
        snapshot = begin_snapshot(store, at, k=None)
        rows: dict[str, Counters] = {f"{number:024x}": (at, 1, None) for number in numbers}
        store.save_page(snapshot, make_census_page(rows))
        gate_results, reason = (PASSED, None) if status == "complete" else (FAILED, "x")
        store.end_snapshot(snapshot, status, gate_results, reason, at)
        ids = query(store, "SELECT stable_id FROM package WHERE fingerprint IS NOT NULL ORDER BY 1")
        assert status != "complete" or ids == [(key,) for key in sorted(rows)]


def test_a_census_with_unordered_ids_has_the_digest_of_its_stored_rows() -> None:
    store = make_census_store()
    snapshot = begin_snapshot(store, 1, k=None)
    for key in "ba":
        store.save_page(snapshot, make_census_page({key * 24: (ord(key), 1, None)}))
    assert compute_staged_digest(store.connection, snapshot) is None
    store.end_snapshot(snapshot, "complete", PASSED, None, 1)
    assert query(store, "SELECT digest FROM snapshot") == [(compute_census_digest(store.connection, snapshot),)]


def test_observations_of_an_ended_census_are_never_changed() -> None:
    store = make_census_store()
    take_census(store, {"a" * 24: (1, 1, 1)})
    for statement in ("UPDATE observation_block SET content = x'00'", "DELETE FROM observation_block",
                      "UPDATE census SET packages = 0", "DELETE FROM census"):  # fmt: skip
        with pytest.raises(sqlite3.IntegrityError):
            query(store, statement)


def test_blocks_of_the_first_codec_are_read() -> None:
    content = bytes.fromhex(
        "28b52ffd2444650100d806000406000000020aff0104ff02f571011100010006030201010106005875017b754e92195465b001b4017f677d75"
    )
    delta = bytes.fromhex(
        "28b52ffd245d9d0100e001000406020302040000030001ff14020ad00700000104020201011009002d4500325c0a66aa38ccc02861b890d1"
        "42c600b04e087b7b"
    )
    after = apply_delta(decode_keyframe(content, CODEC_WITHOUT_FRONT), delta, CODEC_WITHOUT_FRONT)
    assert [column.tolist() for column in after.sorted_columns()] == [
        [0, 1, 2, 4, 5, 6], [9, 510, 1, 71000, 1, 4], [1, 3, 0, 5, 0, 0], [-1, 7, -1, -1, -1, -1],
    ]  # fmt: skip
    chain = [(content, True, CODEC_WITHOUT_FRONT), (delta, False, CODEC_WITHOUT_FRONT)]
    assert list(decode_package(iter(chain), 1)) == [(True, [500, 2, -1]), (True, [510, 3, 7])]


@settings(deadline=None)
@given(
    st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=60), st.lists(st.integers(-3, 3), min_size=60, max_size=60)
)
def test_a_front_in_which_most_counters_change_is_encoded_step_by_step(
    values: list[Counters], steps: list[int]
) -> None:
    offsets = np.arange(len(values))
    columns = [np.array([-1 if row[index % 2] is None else row[index % 2] for row in values]) for index in range(3)]
    block = decode_keyframe(encode_keyframe(offsets, columns))
    after = [column + np.array(steps[: len(values)]) for column in columns]  # the largest numbers wrap
    delta = encode_delta(align(block, offsets), after)
    decoded = (apply_delta(block, delta) if delta else block).sorted_columns()[1:]
    assert [column.tolist() for column in decoded] == [column.tolist() for column in after]


def test_a_block_of_a_newer_codec_or_a_damaged_one_is_refused() -> None:
    content = encode_keyframe(np.arange(3), [np.arange(3)] * 3)
    with pytest.raises(StoreError):
        decode_keyframe(content, codec=99)
    with pytest.raises(ValueError, match="cannot be read"):
        decode_keyframe(content[:-2] + b"xx")


def test_a_snapshot_that_is_not_a_census_has_empty_columns() -> None:
    store = make_census_store()
    snapshot = take_snapshot(store, ["a", "b"])
    assert [len(column) for column in load_counters(store.connection, snapshot).values()] == [0, 0, 0, 0]

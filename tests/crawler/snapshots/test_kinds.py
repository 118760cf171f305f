"""The kinds of snapshots, on a real store: what each expects, redacts, judges and finds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from crawler.plan import CrawlPlan
from crawler.snapshots.kinds import CensusPosition, Judgement, SnapshotKind, load_kind
from db.census.names_writer import NamesCensusStore
from db.census.writer import CensusStore
from db.connection import open_for_writing
from db.rows import NAMES_CENSUS_COUNTER, Event, Observation, Page, Reject
from db.store import Store
from tests.analysis.censuses import make_page as make_census_page
from tests.crawler.conftest import ROOT
from tests.db.builders import MODELS, PASSED, begin_snapshot, make_page, take_snapshot
from tests.db.census.test_names_writer import make_names_page

RANKING, CENSUS, NAMES = load_kind("ranking"), load_kind("census"), load_kind("names_census")
TOP, WHOLE = CrawlPlan(MODELS.name, 25), CrawlPlan(MODELS.name, None)
DAY = 86400
ADDRESS = "jo@mail.example"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Open a new store in a file."""
    with open_for_writing(tmp_path / "store.db") as opened:
        yield opened


def begin_census(writer: CensusStore, at: int = 0, counter: str = "census:last-30-days") -> int:
    """Begin a census and return its number."""
    return begin_snapshot(writer, at, k=None, counter=counter, settings={"population": 3})


def make_rows(downloads: int, count: int = 3) -> list[Observation]:
    """Return the rows of a census in ascending order of their stable ids. Later ones have more downloads."""
    return [
        Observation(f"{key:024x}", f"maker/m{key}", downloads=downloads + key, created_at=0)
        for key in range(1, count + 1)
    ]


def failed_gates(judgement: Judgement) -> dict[str, str]:
    """Return what the failed gates measured."""
    return {result.gate: result.measured for result in judgement.gate_results if result.outcome == "fail"}


@pytest.mark.parametrize(
    ("name", "absent"),
    [("ranking", ("census", "names_census")), ("census", ("names_census",)), ("names_census", ("kinds.census",))],
)
def test_a_kind_loads_no_module_of_another_kind(name: str, absent: tuple[str, ...]) -> None:
    program = (
        "import sys; from crawler.snapshots.kinds import load_kind;"
        f" print(type(load_kind({name!r})).__name__, *sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    class_name, *modules = done.stdout.split()
    assert class_name == {"ranking": "RankingKind", "census": "CensusKind", "names_census": "NamesCensusKind"}[name]
    assert f"crawler.snapshots.kinds.{name}" in modules
    assert [module for module in modules if module.endswith(tuple(f".{part}" for part in absent))] == []
    if name == "ranking":
        assert [module for module in modules if "census" in module] == []


def test_an_unknown_kind_is_not_loaded() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"kinds\.diary"):
        load_kind("diary")


def test_a_ranking_is_expected_to_have_k_packages_and_a_census_as_many_as_the_last_one(database: Database) -> None:
    writer = CensusStore(database)
    assert RANKING.expected_size(writer, TOP) == 25
    assert (CENSUS.expected_size(writer, WHOLE), NAMES.expected_size(NamesCensusStore(database), WHOLE)) == (None, None)
    for at, (count, status) in enumerate([(4, "complete"), (5, "complete"), (9, "partial")]):
        snapshot = begin_census(writer, at * DAY)
        writer.save_page(snapshot, make_census_page(make_rows(7, count)))
        writer.end_snapshot(snapshot, status, PASSED, None, at * DAY)
    assert (CENSUS.expected_size(writer, WHOLE), NAMES.expected_size(NamesCensusStore(database), WHOLE)) == (5, 5)
    assert CENSUS.expected_size(writer, CrawlPlan("npm", None)) is None


def make_private_page() -> Page:
    """Return a page with an address in every text."""
    row = Observation("1", "a/b", attributes={"licence": f"ask {ADDRESS}", "task": None})
    page = make_page([row], next_url=f"https://hub.example/?cursor={ADDRESS}", body=f'["{ADDRESS}"]'.encode())
    return replace(
        page,
        url=f"https://hub.example/?by={ADDRESS}",
        rejects=(Reject(1, ADDRESS, ADDRESS),),
        events=(Event("rows_lost", "warning", ADDRESS, ADDRESS),),
    )


def test_a_page_of_a_ranking_is_redacted_everywhere_and_keeps_its_body_only_if_asked() -> None:
    page = RANKING.redact_page(make_private_page(), keep_body=True)
    assert page.body == b'["[address removed]"]'
    assert page.observations[0].attributes == {"licence": "ask [address removed]", "task": None}
    assert page.rejects == (Reject(1, "[address removed]", "[address removed]"),)
    assert page.events == (Event("rows_lost", "warning", "[address removed]", "[address removed]"),)
    assert ADDRESS not in repr(page)
    assert RANKING.redact_page(make_private_page(), keep_body=False) == replace(page, body=None)


@pytest.mark.parametrize("kind", [CENSUS, NAMES])
def test_a_page_of_a_census_has_its_urls_redacted(kind: SnapshotKind[Any]) -> None:
    page = kind.redact_page(make_private_page(), keep_body=False)
    assert page.url == "https://hub.example/?by=[address removed]"
    assert page.next_url == "https://hub.example/?cursor=[address removed]"
    last_page = kind.redact_page(make_page(["a"]), keep_body=False)
    assert last_page.next_url is None


def test_the_position_of_a_census_is_its_largest_id_and_of_a_names_census_its_last_names(database: Database) -> None:
    ranking = begin_snapshot(Store(database))
    assert RANKING.position(Store(database), ranking) == CensusPosition("", frozenset())
    census = CensusStore(database)
    snapshot = begin_census(census)
    assert CENSUS.position(census, snapshot) == CensusPosition()
    census.save_page(snapshot, make_census_page(make_rows(7, 3)))
    assert CENSUS.position(census, snapshot) == CensusPosition(last_id=f"{3:024x}")
    names = NamesCensusStore(database)
    listing = begin_census(names, DAY, NAMES_CENSUS_COUNTER)
    assert NAMES.position(names, listing) == CensusPosition()
    names.save_page(listing, make_names_page("abc"))
    names.save_page(listing, make_names_page("cde"))
    assert NAMES.position(names, listing) == CensusPosition(newest_ids=frozenset("de"))
    assert NAMES.position(NamesCensusStore(database), listing) == CensusPosition(newest_ids=frozenset("de"))


@pytest.mark.parametrize("kind", [RANKING, CENSUS, NAMES])
def test_a_snapshot_without_pages_is_judged_as_a_ranking_that_holds_nothing(
    database: Database, kind: SnapshotKind[Any]
) -> None:
    writer = kind.writer_class(database)
    snapshot = begin_census(writer)
    judgement = kind.judge(writer, snapshot)
    assert judgement == RANKING.judge(writer, snapshot)
    failed = failed_gates(judgement)
    assert failed["G1 end reached"] == "stopped before the end"
    assert failed["G2 transport"].startswith("0 pages")
    assert (judgement.package_count, judgement.field_coverage) == (0, {})


def test_a_ranking_is_judged_by_its_rows_and_by_the_last_one(database: Database) -> None:
    store = Store(database)
    rows = [Observation(f"id-{name}", name, downloads=9, likes=like) for name, like in (("a", 3), ("b", None))]
    take_snapshot(store, ["first", *rows], k=3)
    snapshot = begin_snapshot(store, DAY, k=2)
    store.save_page(snapshot, make_page(rows))
    judgement = RANKING.judge(store, snapshot)
    assert (judgement.package_count, judgement.field_coverage["likes"]) == (2, 0.5)
    assert failed_gates(judgement) == {"G7 leaders": "0 of 1; gone: first"}
    assert "dependents" not in judgement.field_coverage


def test_a_census_whose_ids_fall_or_that_lost_a_package_of_the_last_one_fails(database: Database) -> None:
    writer = CensusStore(database)
    first = begin_census(writer)
    writer.save_page(first, make_census_page(make_rows(7, 100)))
    judgement = CENSUS.judge(writer, first)
    assert (judgement.package_count, judgement.field_coverage) == (100, {"downloads": 1.0})
    assert failed_gates(judgement) == {}
    writer.end_snapshot(first, "complete", judgement.gate_results, None, 0, judgement.field_coverage)
    second = begin_census(writer, DAY)
    writer.save_page(second, replace(make_census_page(make_rows(7, 90)), inversions=1, fields={}))
    assert failed_gates(CENSUS.judge(writer, second)) == {
        "G3 order": "1 ids not above the previous id, 0 seen twice",
        "G5 size": "90 packages after 100",
        "G6 fields": "downloads 100.0% → 0.0%",
        "G7 leaders": "10 of 20; gone: maker/m100, maker/m99, maker/m98",
    }


def test_a_names_census_is_judged_by_its_overlap_and_estimates_what_it_missed(database: Database) -> None:
    writer = NamesCensusStore(database)
    snapshot = begin_census(writer, 0, NAMES_CENSUS_COUNTER)
    url = "https://eco.example/package_names?per_page=3&page="
    writer.save_page(snapshot, replace(make_names_page("abc"), url=f"{url}1", next_url=f"{url}2"))
    assert NAMES.estimate_missed(writer, snapshot, 3) is None
    assert list(NAMES.find_events(writer, snapshot)) == []
    writer.save_page(snapshot, replace(make_names_page("def"), url=f"{url}2"))
    failed = failed_gates(NAMES.judge(writer, snapshot))
    assert list(failed) == ["G3 joined"]
    assert failed["G3 joined"].startswith("1 of 2 pages share no name with the previous page")
    writer.save_page(snapshot, replace(make_names_page("efx", role="probe"), url=f"{url}1&order=desc"))
    assert NAMES.estimate_missed(writer, snapshot, 6) == 2
    judgement = NAMES.judge(writer, snapshot)
    assert (list(failed_gates(judgement)), judgement.package_count) == (["G3 joined", "missed"], 6)
    (event,) = NAMES.find_events(writer, snapshot)
    assert (event.kind, event.severity, event.after, event.package) == ("names_missed", "warning", "2", None)


def test_a_ranking_finds_a_recreated_package_and_a_counter_that_fell_to_zero(database: Database) -> None:
    store = Store(database)
    take_snapshot(store, [Observation("1", "a/kept", downloads=9_000), Observation("2", "b/b", downloads=5)], k=2)
    snapshot = begin_snapshot(store, DAY, k=2)
    store.save_page(
        snapshot, make_page([Observation("3", "b/b", downloads=8), Observation("1", "a/kept", downloads=0)])
    )
    store.end_snapshot(snapshot, "complete", PASSED, None, DAY)
    assert [(event.kind, event.before, event.after) for event in RANKING.find_events(store, snapshot)] == [
        ("counter_reset", "9000", "0"),
        ("recreated", "2", "3"),
    ]


def test_a_census_finds_a_counter_that_fell(database: Database) -> None:
    writer = CensusStore(database)
    for at, downloads in enumerate((900_000, 10)):
        snapshot = begin_census(writer, at * DAY)
        writer.save_page(snapshot, make_census_page(make_rows(downloads, 1)))
        writer.end_snapshot(snapshot, "complete", PASSED, None, at * DAY)
    assert [(event.kind, event.before, event.after) for event in CENSUS.find_events(writer, snapshot)] == [
        ("counter_drop", "900001", "11")
    ]

"""The recorder of one crawl: what it stores, when it begins a snapshot, and which open snapshot it resumes."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from crawler.plan import CrawlPlan
from crawler.response import Page, Progress
from crawler.snapshots.kinds import load_kind
from crawler.snapshots.recorder import SnapshotRecorder, describe_snapshot, resume_or_close
from crawler.spiders.huggingface import HuggingFaceSpider
from db import __version__
from db.census.writer import CensusStore
from db.rows import Observation
from db.store import Store
from tests.analysis.censuses import make_page as make_census_page
from tests.db.builders import MODELS, PASSED, begin_snapshot, make_page, make_store, query, ranked_names

RANKING = load_kind("ranking")
ENDPOINT = "https://hub.example"
NOW = 1_700_000_000
HOUR = 3600
ProgressLine = tuple[str, int, str]


def make_recorder(store: Store, lines: list[ProgressLine] | None = None) -> SnapshotRecorder:
    """Return the recorder of a new ranking. `lines` receives the role, the depth and the quota of each page."""

    def show(page: Page, progress: Progress, quota: str) -> None:
        if lines is not None:
            lines.append((page.role, progress.depth, quota))

    return SnapshotRecorder(RANKING, store, None, show)


def make_spider(**fields: object) -> HuggingFaceSpider:
    """Return a spider of the ten largest models."""
    return HuggingFaceSpider(CrawlPlan(MODELS.name, 10, endpoint=ENDPOINT, **fields))  # type: ignore[arg-type]


def begin_open(
    store: Store, at: int = NOW, source: str = ENDPOINT, rows: Iterable[str] = "ab", k: int = 10, **fields: object
) -> int:
    """Begin a snapshot that stays open, with one page of rows unless there are none."""
    snapshot = begin_snapshot(store, at, k, source=source, **fields)
    if list(rows):
        store.save_page(snapshot, make_page(rows, next_url=f"{ENDPOINT}/api/models?cursor=2"))
    return snapshot


def statuses(store: Store) -> list[tuple[object, ...]]:
    """Return the status and the first reason of every snapshot in the order of their beginning."""
    rows = query(store, "SELECT status, reason FROM snapshot ORDER BY snapshot_id")
    return [(status, reason and str(reason).split(";")[0]) for status, reason in rows]


def test_probes_are_buffered_until_the_first_page_of_the_list() -> None:
    store = make_store()
    lines: list[ProgressLine] = []
    recorder, spider = make_recorder(store, lines), make_spider()
    for number in (1, 2):
        probe = make_page([], role="probe", fetched_at=NOW + number, url=f"{ENDPOINT}/{number}")
        assert recorder.store_page(spider, probe, "9 left") == Progress()
    assert (recorder.snapshot, query(store, "SELECT count(*) FROM snapshot")) == (None, [(0,)])
    progress = recorder.store_page(spider, make_page("ab", fetched_at=NOW + 9), "8 left")
    assert (progress.pages, progress.depth, recorder.progress) == (3, 2, progress)
    assert query(store, "SELECT number, role, fetched_at FROM page ORDER BY number") == [
        (0, "probe", NOW + 1),
        (1, "probe", NOW + 2),
        (2, "ranking", NOW + 9),
    ]
    assert query(store, "SELECT taken_at, started_at, status FROM snapshot") == [(NOW + 9, NOW + 9, "open")]
    assert lines == [("probe", 0, "9 left"), ("probe", 0, "9 left"), ("ranking", 2, "8 left")]


def test_a_probe_after_the_first_page_is_stored_at_once() -> None:
    store = make_store()
    recorder, spider = make_recorder(store), make_spider()
    recorder.store_page(spider, make_page("ab"), "")
    recorder.store_page(spider, make_page([], role="probe"), "")
    assert query(store, "SELECT role FROM page ORDER BY number") == [("ranking",), ("probe",)]


@pytest.mark.parametrize(("keep_bodies", "body"), [(True, b'["[address removed]"]'), (False, None)])
def test_a_stored_page_is_redacted_and_has_its_body_only_if_the_plan_keeps_bodies(
    keep_bodies: bool, body: bytes | None
) -> None:
    store, pages = make_store(), []
    recorder = SnapshotRecorder(RANKING, store, None, lambda page, *_: pages.append(page))
    page = make_page("a", url=f"{ENDPOINT}/?by=jo@mail.example", body=b'["jo@mail.example"]')
    recorder.store_page(make_spider(keep_bodies=keep_bodies), page, "")
    assert [page.body for page in pages] == [body]
    assert query(store, "SELECT url FROM page") == [(f"{ENDPOINT}/?by=[address removed]",)]
    assert query(store, "SELECT count(*) FROM body") == [(int(keep_bodies),)]


def test_a_crawl_that_fetched_nothing_leaves_one_failed_snapshot_with_its_probes() -> None:
    store = make_store()
    recorder, spider = make_recorder(store), make_spider()
    recorder.store_page(spider, make_page([], role="probe"), "")
    recorder.record_failure(spider, "offline: No answer from hub.example.")
    assert statuses(store) == [("failed", "offline: No answer from hub.example.")]
    assert (recorder.snapshot, query(store, "SELECT role FROM page")) == (1, [("probe",)])
    assert query(store, "SELECT count(*) FROM gate_result") == [(0,)]


def test_a_list_is_stuck_after_some_pages_in_a_row_without_a_new_package() -> None:
    recorder, spider = make_recorder(make_store()), make_spider()
    page, probe = make_page("ab"), make_page([], role="probe")
    stuck = []
    for names in ("ab", "ba", "ab", "bc", "ab", "ab"):
        recorder.store_page(spider, make_page(names), "")
        stuck.append(recorder.is_stuck(page, 2))
    assert stuck == [False, False, True, False, False, True]
    assert (recorder.is_stuck(page, 3), recorder.is_stuck(probe, 2)) == (False, False)


def test_a_snapshot_states_its_plan_and_what_the_probes_found() -> None:
    spider = make_spider(ordered_by="likes", with_counters=False, max_seconds=7)
    spider.probe_results = {"expand": ["likes"], "version": "of the probe"}
    spec = describe_snapshot(spider, NOW, NOW + 60)
    assert (spec.registry, spec.ordered_by, spec.counter, spec.k) == (spider.describe_registry(), "likes", "likes", 10)
    assert (spec.source, spec.taken_at, spec.started_at) == (ENDPOINT, NOW, NOW)
    assert spec.settings == {"expand": ["likes"], "version": __version__, "with_counters": False, "longest": 7}


def test_the_position_of_a_census_is_known_only_after_its_first_page() -> None:
    census = load_kind("census")
    recorder = SnapshotRecorder(census, CensusStore(make_store().database), None, lambda *_: None)
    assert (recorder.last_id, recorder.newest_ids, recorder.estimate_missed()) == ("", frozenset(), None)
    spider = HuggingFaceSpider(CrawlPlan(MODELS.name, None, endpoint=ENDPOINT))
    recorder.store_page(spider, make_census_page([Observation(f"{key:024x}", f"a/{key}") for key in (1, 2)]), "")
    assert (recorder.last_id, recorder.newest_ids) == (f"{2:024x}", frozenset())


def test_a_resumed_recorder_goes_on_where_the_snapshot_stopped() -> None:
    store = make_store()
    snapshot = begin_open(store, settings={"expand": ["likes"]})
    plan = make_spider().plan
    resumed = resume_or_close(RANKING, store, plan, "downloads", True, NOW + HOUR)
    assert resumed is not None and resumed.last_page is not None
    assert (resumed.snapshot, resumed.settings) == (snapshot, {"expand": ["likes"]})
    assert resumed.last_page.next_url == f"{ENDPOINT}/api/models?cursor=2"
    recorder = SnapshotRecorder(RANKING, store, resumed, lambda *_: None)
    assert (recorder.progress.depth, recorder.progress.pages) == (2, 1)
    recorder.store_page(make_spider(), make_page("bc", fetched_at=NOW + HOUR), "")
    assert ranked_names(store, snapshot) == [(1, "a"), (2, "b"), (3, "c")]
    assert query(store, "SELECT taken_at FROM snapshot") == [(NOW,)]


@pytest.mark.parametrize(
    ("age", "resume", "source", "reason"),
    [
        (6 * HOUR, True, ENDPOINT, None),
        (6 * HOUR + 1, True, ENDPOINT, "interrupted, and too old to be resumed"),
        (-60, True, ENDPOINT, None),
        (-61, True, ENDPOINT, "interrupted, and too old to be resumed"),
        (HOUR, False, ENDPOINT, "interrupted, and a later crawl began anew"),
        (HOUR, True, "https://mirror.example", "interrupted, and a later crawl used another endpoint"),
        (HOUR, False, "https://mirror.example", "interrupted, and a later crawl used another endpoint"),
    ],
)
def test_an_open_snapshot_is_resumed_if_it_is_young_and_of_the_same_endpoint_or_else_it_ends_partial(
    age: int, resume: bool, source: str, reason: str | None
) -> None:
    store = make_store()
    snapshot = begin_open(store, source=source)
    resumed = resume_or_close(RANKING, store, make_spider().plan, "downloads", resume, NOW + age)
    assert (resumed and resumed.snapshot) == (None if reason else snapshot)
    assert statuses(store) == [("partial", reason) if reason else ("open", None)]


def test_a_snapshot_that_the_registry_dates_is_as_old_as_this_computer_says() -> None:
    store, years = make_store(), 3 * 365 * 24 * HOUR
    spec = describe_snapshot(make_spider(), NOW, NOW + years)
    assert spec.settings["local_start"] == NOW + years
    snapshot = begin_open(store, settings=spec.settings)
    for age, number in ((HOUR, snapshot), (7 * HOUR, None)):
        resumed = resume_or_close(RANKING, store, make_spider().plan, "downloads", True, NOW + years + age)
        assert (resumed and resumed.snapshot) == number


def test_the_newest_open_snapshot_is_resumed_and_the_older_ones_end() -> None:
    store = make_store()
    older, newest = begin_open(store), begin_open(store, NOW + 9)
    resumed = resume_or_close(RANKING, store, make_spider().plan, "downloads", True, NOW + HOUR)
    assert (resumed and resumed.snapshot, older) == (newest, newest - 1)
    assert statuses(store) == [("partial", "interrupted, and a later crawl began anew"), ("open", None)]


def test_an_open_snapshot_without_a_page_fails_and_an_older_one_with_pages_is_resumed() -> None:
    store = make_store()
    older = begin_open(store)
    begin_open(store, NOW + 9, rows=())
    resumed = resume_or_close(RANKING, store, make_spider().plan, "downloads", True, NOW + HOUR)
    assert resumed and resumed.snapshot == older
    assert statuses(store) == [("open", None), ("failed", "interrupted, and a later crawl began anew")]


def test_the_open_snapshots_of_other_lists_and_the_ended_ones_are_left_alone() -> None:
    store = make_store()
    begin_open(store, ordered_by="likes")
    begin_open(store, k=20)
    store.end_snapshot(begin_open(store), "complete", PASSED, None, NOW)
    assert resume_or_close(RANKING, store, make_spider().plan, "downloads", False, NOW + HOUR) is None
    assert statuses(store) == [("open", None), ("open", None), ("complete", None)]

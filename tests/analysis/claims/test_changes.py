"""Changes of verdicts that are queried from the store equal those of the whole report."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from analysis.__main__ import record_verdict_changes
from analysis.claims.changes import find_changes_since
from analysis.claims.results import HUB, ResultKind, StoredResults
from analysis.claims.rules import NOT_TESTABLE
from analysis.claims.verdicts import iter_verdict_changes
from analysis.reporting.document import ReportScope, build_report
from db.cli import isoformat_utc, parse_day
from db.connection import open_for_reading, open_for_writing
from db.rows import Event, Registry, StoredResult
from db.store import Store
from tests.analysis.conftest import MODELS, History, descending_rows

NPM = Registry("npm", "ecosystems")
TOP = 2  # the depth at which turnover is judged here
NAMES = (
    ("turnover", "turnover.91d", TOP),
    ("descendants", "descendants.spearman", 1000),
    ("descendants", "descendants.spearman", 15_000),
    ("documentation", "documentation.of5000.rules.downloads.delta", TOP),
    ("preservation", "preservation.transformers", 5000),
    ("preservation", "preservation.diffusers", 5000),
    ("preservation", "preservation.timm", 5000),
)


def made_up(chance: random.Random, snapshot: int) -> list[StoredResult]:
    """Make the results of one snapshot. Some kinds are missing, and some values are undefined."""
    coverage = StoredResult(
        snapshot, "documentation", 1, "documentation.of5000.rules.coverage", 0, None, 1, 1, 1, 50, ""
    )
    results, previous = [coverage], max(1, snapshot - 2)
    for metric, name, k in NAMES:
        if chance.random() < 0.8:
            value = None if chance.random() < 0.2 else chance.choice((0.02, 0.1, 0.3, 0.6))
            low, high = (None, None) if value is None else (value - 0.015, value + 0.015)
            note = "nothing" if value is None else ""
            results.append(StoredResult(snapshot, metric, 1, name, k, previous, value, low, high, 50, note))
    return results


def history_of(chance: random.Random, path: Path) -> History:
    """Make lists of two registries, orders and counters, on the same day or a few or many days apart."""
    history, at = History(path), 1_700_000_000
    history.set_depths(2)
    for _ in range(18):
        at += chance.choice((0, 5, 20, 40)) * 86_400 + 60
        registry = chance.choice((MODELS, MODELS, NPM))
        by = chance.choice(("downloads", "downloads", "likes"))
        counter = chance.choice(("last-30-days",) * 5 + ("total",))
        snapshot = history.add_snapshot(at, descending_rows("ab"), registry=registry, ordered_by=by, counter=counter)
        with open_for_writing(history.path) as database:
            Store(database).save_results(made_up(chance, snapshot), 0)
    return history


def save_turnover(history: History, snapshot: int, value: float) -> None:
    row = StoredResult(snapshot, "turnover", 1, "turnover.91d", TOP, 1, value, value, value, TOP, "")
    with open_for_writing(history.path) as database:
        Store(database).save_results([row], 0)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_changes_since_a_day_equal_the_changes_in_the_report(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.claims.rules.TOP_K", TOP)
    with TemporaryDirectory() as folder:
        history = history_of(random.Random(seed), Path(folder) / "observatory.db")
        with open_for_reading(history.path) as connection:
            claims = build_report(connection, ReportScope(None, (HUB, "npm")), ())["claims"]
            expected = sorted(
                change for claim in claims for change in iter_verdict_changes(claim["claim"], claim["trend"])
            )
            assert len(expected) > 1 and sum(bool(claim["trend"]) for claim in claims) >= 4
            for first_day in ("2000-01-01", isoformat_utc(1_710_000_000)[:10], isoformat_utc(1_725_000_000)[:10]):
                assert sorted(find_changes_since(connection, first_day)) == [
                    change for change in expected if change.date >= first_day
                ]


def test_a_list_by_likes_does_not_test_the_claims(history: History) -> None:
    snapshot = history.add_snapshot("2026-01-01", descending_rows("ab"), ordered_by="likes")
    with open_for_writing(history.path) as database:
        rho = StoredResult(snapshot, "descendants", 1, "descendants.spearman", 1000, None, 0.6, 0.5, 0.7, 50, "")
        Store(database).save_results([rho], 0)
    with open_for_reading(history.path) as connection:
        claims = build_report(connection, ReportScope(None, (HUB,)), ())["claims"]
    assert {claim["verdict"] for claim in claims} == {NOT_TESTABLE}


def test_the_list_that_stands_for_its_day_is_judged(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second list of the day, taken later and deeper, is another list, with another turnover."""
    monkeypatch.setattr("analysis.claims.rules.TOP_K", TOP)
    noon = parse_day("2026-04-02") + 43_200
    lists = [(noon, "ab", 0.1), (noon + 3600, "cdab", 0.9), (noon - 3600, "cd", 0.9)]
    numbers = [history.add_snapshot(at, descending_rows(names)) for at, names, _ in lists]
    for snapshot, (_, _, value) in zip(numbers, lists, strict=True):
        save_turnover(history, snapshot, value)
    with open_for_reading(history.path) as connection:
        claims = build_report(connection, ReportScope(None, (HUB,)), ())["claims"]
        stored = StoredResults(connection, "2026-04-02").get_newest(ResultKind("turnover", "turnover.91d", TOP))
    (stability,) = [claim for claim in claims if claim["claim"] == "C2 stability"]
    assert (stability["verdict"], stability["sound"]) == ("holds", 0.9)
    assert stored is not None and stored["snapshot"] == 1


def test_a_changed_verdict_is_an_event_of_the_list_that_changed_it(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is recorded once, also where an older version recorded it as an event of no list."""
    monkeypatch.setattr("analysis.claims.rules.TOP_K", TOP)
    for date, value in (("2026-01-01", 0.1), ("2026-04-02", 0.5), ("2026-07-02", 0.1)):
        snapshot = history.add_snapshot(date, descending_rows("ab"))
        save_turnover(history, snapshot, value)
    old = Event("verdict_changed", "warning", "C2 stability, 2026-04-02", "holds", "reversed")
    with open_for_writing(history.path) as database:
        Store(database).add_quality_events(MODELS, [old], parse_day("2026-04-09"))
    for _ in range(2):
        record_verdict_changes(history.path, "2026-01-01")
    with open_for_reading(history.path) as connection:
        report = build_report(connection, ReportScope(None, (HUB,)), ())
    assert [(event["snapshot"], event["date"], event["count"], event["example"]) for event in report["events"]] == [
        (None, "2026-04-09", 1, "C2 stability, 2026-04-02: holds → reversed"),
        (3, "2026-07-02", 1, "C2 stability, 2026-07-02: reversed → holds"),
    ]
    assert not any("verdict" in result["note"] for result in report["results"]), "the numbers are what they were"

"""Changes of verdicts that are queried from the store equal those of the whole report."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from analysis.claims.changes import find_changes_since
from analysis.claims.results import HUB
from analysis.claims.rules import NOT_TESTABLE
from analysis.claims.verdicts import iter_claim_changes
from analysis.reporting.document import ReportScope, build_report
from db.cli import isoformat_utc
from db.connection import open_for_reading, open_for_writing
from db.rows import Registry, StoredResult
from db.store import Store
from tests.analysis.conftest import MODELS, History, descending_rows

NPM = Registry("npm", "ecosystems")
NAMES = (
    ("turnover", "turnover.91d", 1000),
    ("descendants", "descendants.spearman", 1000),
    ("descendants", "descendants.spearman", 15_000),
    ("documentation", "documentation.of5000.rules.downloads.delta", 1000),
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
    """Make lists of two registries and two orders, on the same day or a few or many days apart."""
    history, at = History(path), 1_700_000_000
    history.set_depths(2)
    for _ in range(14):
        at += chance.choice((0, 5, 20, 40)) * 86_400 + 60
        registry = chance.choice((MODELS, MODELS, NPM))
        by = chance.choice(("downloads", "downloads", "likes"))
        snapshot = history.add_snapshot(at, descending_rows("ab"), registry=registry, ordered_by=by)
        with open_for_writing(history.path) as database:
            Store(database).save_results(made_up(chance, snapshot), 0)
    return history


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_changes_since_a_day_equal_the_changes_in_the_report(seed: int) -> None:
    with TemporaryDirectory() as folder:
        history = history_of(random.Random(seed), Path(folder) / "observatory.db")
        with open_for_reading(history.path) as connection:
            claims = build_report(connection, ReportScope(None, (HUB, "npm")), ())["claims"]
            expected = sorted(iter_claim_changes(claims))
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

"""The numbers of a whole registry against the simulation that was crawled, and the probes of missing packages."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.__main__ import main as compute
from analysis.report import main as report
from tests.crawler.conftest import HUB, Crawl, environment
from tests.simulated import Simulation
from tests.simulation.client import iter_pages

EXPAND = "&".join(f"expand={name}" for name in ("downloads", "likes", "library_name", "pipeline_tag", "tags", "author",
                                                "createdAt", "lastModified", "baseModels"))  # fmt: skip
Rows = dict[str, dict[str, Any]]
Results = dict[str, tuple[float | None, int, str]]


@pytest.fixture
def lively_hub() -> Iterator[Simulation]:
    """Start a Hub where one package in a hundred is created, deleted and edited per day."""
    with Simulation(models=2400, datasets=5, spaces=5, packages=5, lively=0.01) as simulation:
        yield simulation


def fetch_models(pretend: Simulation) -> Rows:
    """Return each model as the Hub lists it now."""
    pages = iter_pages(f"{pretend.huggingface}/api/models?sort=createdAt&direction=1&limit=1000&{EXPAND}")
    return {row["_id"]: row for page in pages for row in page}


def read_results(store: Path, snapshot: int) -> Results:
    """Return value, n and note of each result of a snapshot."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT name, value, n, note FROM result WHERE snapshot_id = ?", (snapshot,))
        return {row[0]: row[1:] for row in rows}


def gini(values: np.ndarray) -> float:
    """Return the mean difference of all pairs over twice the mean."""
    return float(np.abs(values[:, None] - values[None, :]).mean() / (2 * values.mean()))


def test_the_numbers_of_a_whole_registry_equal_the_truth(
    crawl: Crawl, lively_hub: Simulation, capsys: pytest.CaptureFixture[str]
) -> None:
    env = environment(lively_hub)
    full = ("snapshot", HUB, "--full", "--quiet", "--clock", "registry")
    before = fetch_models(lively_hub)
    first = crawl(*full, env=env)
    lively_hub.advance(2)
    now = fetch_models(lively_hub)
    second = crawl(*full, env=env)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert compute(["--db", str(second.db)]) == 0
    assert_population(read_results(second.db, 2), before, now)
    assert_concentration(read_results(second.db, 2), now)
    assert_kinship(read_results(second.db, 2), now)
    assert report(["--db", str(second.db)]) == 0
    section = capsys.readouterr().out.split("The whole of ")[1].split("\n\n")[0]
    assert re.search(rf"packages +{len(now):,} +{len(now):,}\n", section)
    assert "Gini of downloads without zeros" in section
    opening = read_results(second.db, 1)
    assert opening["population"][0] == len(before) and opening["births"][0] is None
    assert {"turnover", "descendants"}.isdisjoint(opening), "the metrics of rankings are not computed for a census"
    changes = crawl("changes", HUB, "--quiet", env=env)
    deleted = set(before) - set(now)
    assert {row[0] for row in changes.rows("SELECT package FROM v1_absence")} == deleted
    assert sum(changes.outcome["look"]["absent"].values()) == len(deleted) > 20
    assert not changes.rows("SELECT 1 FROM missing_package WHERE state NOT IN ('unknown', 'recreated')")


def assert_population(results: Results, before: Rows, now: Rows) -> None:
    """Compare the size of the registry and its flows with the truth."""
    created = [row for key, row in now.items() if key not in before]
    deleted = [row for key, row in before.items() if key not in now]
    assert len(created) > 50 and len(deleted) > 20
    rate = 7 / 2
    assert results["population"][:2] == (len(now), len(now))
    assert results["births"][0] == pytest.approx(len(created) * rate, rel=1e-3)
    assert results["returns"][0] == 0
    assert results["deaths"][0] == pytest.approx(len(deleted) * rate, rel=1e-3)
    edited = sum(now[key]["lastModified"] > before[key]["lastModified"] for key in set(before) & set(now))
    assert results["edits"][0] == pytest.approx(edited * rate, rel=1e-3)
    tasks = Counter(row.get("pipeline_tag") for row in now.values())
    born, died = (Counter(row.get("pipeline_tag") for row in rows) for rows in (created, deleted))
    largest = [task for task, _ in tasks.most_common() if task][:4]
    for task in largest:
        assert results[f"population.task.{task}"][0] == tasks[task]
        assert results[f"births.task.{task}"][0] == pytest.approx(born[task] * rate, rel=1e-3)
        assert results[f"deaths.task.{task}"][0] == pytest.approx(died[task] * rate, rel=1e-3)
    for dimension in ("task", "library", "licence", "author"):
        parts = [value for name, (value, *_) in results.items() if name.startswith(f"population.{dimension}.")]
        assert sum(parts) == len(now), dimension


def assert_concentration(results: Results, now: Rows) -> None:
    """Compare the concentration of the counters with the truth."""
    for counter in ("downloads", "likes"):
        values = np.array([row[counter] for row in now.values()], float)
        assert results[f"concentration.{counter}.zero"][0] == pytest.approx((values == 0).mean())
        assert results[f"concentration.{counter}.gini"][0] == pytest.approx(gini(values))
        assert results[f"concentration.{counter}.gini_without_zeros"][0] == pytest.approx(gini(values[values > 0]))
        top = np.sort(values)[::-1][: -(-len(values) // 100)]
        assert results[f"concentration.{counter}.top_1pct"][0] == pytest.approx(top.sum() / values.sum())


def assert_kinship(results: Results, now: Rows) -> None:
    """Compare lineage and the preservation of libraries with the truth."""
    bases = {
        key: {tag.rpartition(":")[2] for tag in row["tags"] if tag.startswith("base_model:")}
        for key, row in now.items()
    }
    children = sum(bool(names) for names in bases.values())
    assert results["kinship.made_from"][0] == pytest.approx(children / len(now))
    resolved = {(key, base["_id"]) for key, row in now.items() for base in row.get("baseModels", {}).get("models", ())}
    total = sum(map(len, bases.values()))
    dangling = total - len(resolved)
    assert results["kinship.dangling"][0] == pytest.approx(dangling / total) and dangling > 5
    counts = Counter(parent for child, parent in resolved if child != parent)
    assert results["kinship.descendants.parents"][0] == len(counts)
    assert results["kinship.descendants.max"][0] == max(counts.values())
    assert sum(value for name, (value, *_) in results.items() if name.startswith("kinship.relation.")) == pytest.approx(
        1
    )
    libraries = {key: {row.get("library_name")} - {None} for key, row in now.items()}
    links = [(child, parent) for child, parent in resolved if child != parent and "transformers" in libraries[parent]]
    preserved = sum("transformers" in libraries[child] for child, parent in links) / len(links)
    assert results["kinship.kept.transformers"][0] == pytest.approx(preserved, abs=0.02)

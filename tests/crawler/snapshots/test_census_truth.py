"""The numbers over a whole registry are those of the simulation that was crawled; and who vanished is asked for."""

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


@pytest.fixture
def lively() -> Iterator[Simulation]:
    """A Hub where a hundredth is born, dies and is edited in a day."""
    with Simulation(models=2400, datasets=5, spaces=5, packages=5, lively=0.01) as running:
        yield running


def shown(pretend: Simulation) -> Rows:
    """Every model as the Hub lists it now."""
    pages = iter_pages(f"{pretend.huggingface}/api/models?sort=createdAt&direction=1&limit=1000&{EXPAND}")
    return {row["_id"]: row for page in pages for row in page}


def results(store: Path, snapshot: int) -> dict[str, tuple[float | None, int, str]]:
    """Value, n and note of each result of a snapshot."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT name, value, n, note FROM result WHERE snapshot_id = ?", (snapshot,))
        return {row[0]: row[1:] for row in rows}


def gini(values: np.ndarray) -> float:
    """The mean difference of all pairs over twice the mean."""
    return float(np.abs(values[:, None] - values[None, :]).mean() / (2 * values.mean()))


def test_the_numbers_over_a_registry_are_those_of_its_truth(
    crawl: Crawl, lively: Simulation, capsys: pytest.CaptureFixture[str]
) -> None:
    env = environment(lively)
    full = ("snapshot", HUB, "--full", "--quiet", "--clock", "registry")
    before = shown(lively)
    first = crawl(*full, env=env)
    lively.advance(2)
    now = shown(lively)
    done = crawl(*full, env=env)
    assert (first.exit_code, done.exit_code) == (0, 0)
    assert compute(["--db", str(done.db)]) == 0
    assert_population(results(done.db, 2), before, now)
    assert_concentration(results(done.db, 2), now)
    assert_kinship(results(done.db, 2), now)
    assert report(["--db", str(done.db)]) == 0
    told = capsys.readouterr().out.split("The whole registry on ")[1].split("To be read")[0]
    assert re.search(rf"packages +{len(now):,} +{len(now):,}\n", told) and "Gini of downloads without zeros" in told
    opening = results(done.db, 1)
    assert opening["population"][0] == len(before) and opening["births"][0] is None
    assert {"turnover", "descendants"}.isdisjoint(opening), "the metrics of lists have nothing to do with a census"
    looked = crawl("changes", HUB, "--quiet", env=env)
    gone = set(before) - set(now)
    assert {row[0] for row in looked.rows("SELECT package FROM v1_absence")} == gone
    assert sum(looked.outcome["look"]["absent"].values()) == len(gone) > 20
    assert not looked.rows("SELECT 1 FROM missing_package WHERE state NOT IN ('unknown', 'recreated')")


def assert_population(found: dict[str, tuple[float | None, int, str]], before: Rows, now: Rows) -> None:
    made = [row for key, row in now.items() if key not in before]
    gone = [row for key, row in before.items() if key not in now]
    assert len(made) > 50 and len(gone) > 20
    rate = 7 / 2
    assert found["population"][:2] == (len(now), len(now))
    assert found["births"][0] == pytest.approx(len(made) * rate, rel=1e-3)
    assert found["returns"][0] == 0
    assert found["deaths"][0] == pytest.approx(len(gone) * rate, rel=1e-3)
    edited = sum(now[key]["lastModified"] > before[key]["lastModified"] for key in set(before) & set(now))
    assert found["edits"][0] == pytest.approx(edited * rate, rel=1e-3)
    tasks = Counter(row.get("pipeline_tag") for row in now.values())
    born, died = (Counter(row.get("pipeline_tag") for row in rows) for rows in (made, gone))
    largest = [task for task, _ in tasks.most_common() if task][:4]
    for task in largest:
        assert found[f"population.task.{task}"][0] == tasks[task]
        assert found[f"births.task.{task}"][0] == pytest.approx(born[task] * rate, rel=1e-3)
        assert found[f"deaths.task.{task}"][0] == pytest.approx(died[task] * rate, rel=1e-3)
    for dimension in ("task", "library", "licence", "author"):
        parts = [value for name, (value, *_) in found.items() if name.startswith(f"population.{dimension}.")]
        assert sum(parts) == len(now), dimension


def assert_concentration(found: dict[str, tuple[float | None, int, str]], now: Rows) -> None:
    for counter in ("downloads", "likes"):
        values = np.array([row[counter] for row in now.values()], float)
        assert found[f"concentration.{counter}.zero"][0] == pytest.approx((values == 0).mean())
        assert found[f"concentration.{counter}.gini"][0] == pytest.approx(gini(values))
        assert found[f"concentration.{counter}.gini_without_zeros"][0] == pytest.approx(gini(values[values > 0]))
        top = np.sort(values)[::-1][: -(-len(values) // 100)]
        assert found[f"concentration.{counter}.top_1pct"][0] == pytest.approx(top.sum() / values.sum())


def assert_kinship(found: dict[str, tuple[float | None, int, str]], now: Rows) -> None:
    stated = {key: {tag.rpartition(":")[2] for tag in row["tags"] if tag.startswith("base_model:")}
              for key, row in now.items()}  # fmt: skip
    children = sum(bool(names) for names in stated.values())
    assert found["kinship.made_from"][0] == pytest.approx(children / len(now))
    there = {(key, one["_id"]) for key, row in now.items() for one in row.get("baseModels", {}).get("models", ())}
    everything = sum(map(len, stated.values()))
    lost = everything - len(there)
    assert found["kinship.dangling"][0] == pytest.approx(lost / everything) and lost > 5
    counts = Counter(parent for child, parent in there if child != parent)
    assert found["kinship.descendants.parents"][0] == len(counts)
    assert found["kinship.descendants.max"][0] == max(counts.values())
    assert sum(value for name, (value, *_) in found.items() if name.startswith("kinship.relation.")) == pytest.approx(1)
    used = {key: {row.get("library_name")} - {None} for key, row in now.items()}
    both = [(child, parent) for child, parent in there if child != parent and "transformers" in used[parent]]
    kept = sum("transformers" in used[child] for child, parent in both) / len(both)
    assert found["kinship.kept.transformers"][0] == pytest.approx(kept, abs=0.02)

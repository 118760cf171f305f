"""Metric 3 equals plain sets on random graphs, and the known answers for small stores."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas import DataFrame
from scipy import stats

from analysis.compute.relations import cached_relations
from analysis.metrics.descendants import RELATIONS, descendants, descendants_as_published
from db.connection import open_for_reading
from db.rows import Observation, Parent, Registry
from tests.analysis.conftest import descending_rows

NPM = Registry("npm", "ecosystems")
EDGES = st.lists(
    st.tuples(st.integers(1, 9), st.one_of(st.integers(1, 12), st.none()), st.sampled_from(RELATIONS)),
    min_size=1,
    max_size=40,
)
DOWNLOADS = st.lists(st.one_of(st.none(), st.integers(0, 10**6)), min_size=9, max_size=9)

Edges = list[tuple[int, int | None, str]]


def frames(edges: Edges, downloads: list[int | None]) -> tuple[DataFrame, DataFrame]:
    """Return the two relations. Packages 1 to 9 are listed."""
    lineage = DataFrame(
        [(child, f"n{child}", parent, f"n{parent}", how) for child, parent, how in edges],
        columns=["child", "child_name", "parent", "parent_name", "relation"],
    )
    rows = [(rank, f"n{rank}", rank, count, 0) for rank, count in enumerate(downloads, 1)]
    return lineage, DataFrame(rows, columns=["package", "name", "rank", "downloads", "likes"])


def children_of(edges: Edges) -> dict[int | None, set[int]]:
    """Return the children of each parent. None is the parent whose name dangles."""
    children: dict[int | None, set[int]] = {}
    for child, parent, _ in edges:
        if child != parent:
            children.setdefault(parent, set()).add(child)
    return children


def values(edges: Edges, downloads: list[int | None]) -> dict[str, float | None]:
    return by_name(descendants(*frames(edges, downloads)))


def by_name(results) -> dict[str, float | None]:
    return {result.name.removeprefix("descendants."): result.value for result in results}


@given(EDGES, DOWNLOADS)
@settings(max_examples=60, deadline=None)
def test_results_over_parents_equal_plain_sets(edges, downloads):
    counts = sorted((len(children) for children in children_of(edges).values()), reverse=True)
    results = values(edges, downloads)
    expected = {"links": sum(counts), "parents": len(counts)}
    if counts:
        expected |= {
            "median": np.median(counts), "mean": np.mean(counts), "max": max(counts),
            "share_with_one": counts.count(1) / len(counts), "top10_share": sum(counts[:10]) / sum(counts),
            "top1pct_share": counts[0] / sum(counts),
        }  # fmt: skip
    assert {name: results[name] for name in expected} == pytest.approx(expected)


@given(EDGES, DOWNLOADS)
@settings(max_examples=40, deadline=None)
def test_links_of_a_relation_are_its_distinct_edges(edges, downloads):
    counts = Counter(how for child, parent, how in set(edges) if child != parent)
    results = values(edges, downloads)
    assert {how: results[f"links.{how}"] for how in RELATIONS} == {how: counts[how] for how in RELATIONS}


def reach(children: dict[int | None, set[int]], top: int | None) -> set[int]:
    reached: set[int] = set()
    queue = [top]
    while queue:
        new = children.get(queue.pop(), set()) - reached
        reached |= new
        queue += new
    return reached - {top}


@given(EDGES, DOWNLOADS)
@settings(max_examples=60, deadline=None)
def test_transitive_descendants_equal_a_walk(edges, downloads):
    children = children_of(edges)
    counts = [len(reach(children, parent)) for parent in children]
    results = values(edges, downloads)
    expected = (np.mean(counts), max(counts)) if counts else (None, None)
    assert (results["transitive.mean"], results["transitive.max"]) == pytest.approx(expected)


@given(EDGES, DOWNLOADS)
@settings(max_examples=40, deadline=None)
def test_self_loops_and_dangling_edges_are_counted(edges, downloads):
    links = {edge for edge in edges if edge[0] != edge[1]}
    results = values(edges, downloads)
    assert results["self_loops"] == len(set(edges)) - len(links)
    dangling = sum(parent is None for _, parent, _ in links)
    assert results["dangling"] == (pytest.approx(dangling / len(links)) if links else None)


@given(EDGES, DOWNLOADS)
@settings(max_examples=60, deadline=None)
def test_correlations_cover_all_listed_packages_with_downloads(edges, downloads):
    children = children_of(edges)
    own = {package: count for package, count in enumerate(downloads, 1) if count is not None}
    x, y = list(own.values()), [len(children.get(package, ())) for package in own]
    results = values(edges, downloads)
    expected = (None, None)
    if len(set(x)) > 1 and len(set(y)) > 1:
        expected = (stats.spearmanr(x, y).statistic, stats.kendalltau(x, y).statistic)
    assert (results["spearman"], results["kendall"]) == pytest.approx(expected)


@given(EDGES, DOWNLOADS)
@settings(max_examples=60, deadline=None)
def test_the_slope_covers_packages_with_downloads_and_descendants(edges, downloads):
    children = children_of(edges)
    points = [
        (count, len(children[package])) for package, count in enumerate(downloads, 1) if count and package in children
    ]
    results = values(edges, downloads)
    if len({x for x, _ in points}) < 2:
        assert results["slope"] is None
    else:
        assert results["slope"] == pytest.approx(stats.linregress(*np.log10(points).T).slope, abs=1e-9)


@given(EDGES, DOWNLOADS)
@settings(max_examples=60, deadline=None)
def test_as_published_equals_plain_sums_over_children(edges, downloads):
    children: dict[int | None, set[int]] = {}
    for child, parent, _ in edges:
        children.setdefault(parent, set()).add(child)
    points = [(sum(downloads[child - 1] or 0 for child in siblings), len(siblings)) for siblings in children.values()]
    results = by_name(descendants_as_published(*frames(edges, downloads)))
    assert results["points"] == len(set(points))
    for name, fitted in (("slope", set(points)), ("slope_with_duplicates", points)):
        logs = [(np.log10(x + 1e-5), np.log10(y)) for x, y in fitted]
        varied = len({x for x, _ in logs}) > 1
        assert results[name] == (
            pytest.approx(np.polyfit(*zip(*logs, strict=True), 1)[0], abs=1e-6) if varied else None
        )


@given(EDGES, DOWNLOADS)
@settings(max_examples=40, deadline=None)
def test_every_interval_holds_its_value_and_names_are_unique(edges, downloads):
    results = list(descendants(*frames(edges, downloads)))
    assert all(result.low <= result.value <= result.high for result in results if result.low is not None)
    assert len({result.name for result in results}) == len(results)


def make_population(seed: int = 1, n: int = 300) -> tuple[DataFrame, DataFrame]:
    """Make packages of which popular ones have more children, and some many more."""
    rng = np.random.default_rng(seed)
    downloads = np.floor(10 ** rng.normal(3, 1.5, n))
    chance = np.sqrt(downloads + 1) * rng.gamma(0.5, 2, n)
    parents = rng.choice(n, size=n, p=chance / chance.sum()) + 1
    edges = [(child, int(parent), "finetune") for child, parent in enumerate(parents, 1)]
    return frames(edges, downloads.tolist())


def test_models_find_that_popular_packages_have_more_descendants():
    results = {result.name: result for result in descendants(*make_population())}
    for name in ("spearman", "kendall", "slope", "count_model", "hurdle"):
        assert results[f"descendants.{name}"].low > 0, name
    assert results["descendants.count_model"].note.startswith("tenfold downloads multiply descendants by ")


def test_the_same_rows_in_another_order_give_the_same_results():
    lineage, observed = make_population()
    again = descendants(lineage.sample(frac=1, random_state=1), observed)
    assert list(descendants(lineage, observed)) == list(again)


def test_packages_left_out_of_the_association_are_reported():
    lineage, observed = frames([(1, 2, "merge"), (3, 11, "merge"), (4, None, "merge")], [5, 6, None, 8, 9, 1, 2, 3, 4])
    (result,) = [result for result in descendants(lineage, observed) if result.name == "descendants.spearman"]
    assert result.n == 8
    assert result.note == (
        "8 listed packages, 7 of them without descendants; 2 parents left out: not listed, so their downloads are"
        " unknown; 1 listed packages left out: their downloads are unknown"
    )


def test_lineage_of_self_loops_alone_has_no_descendants():
    results = values([(1, 1, "merge")], [1] * 9)
    assert (results["links"], results["parents"], results["self_loops"], results["mean"]) == (0, 0, 1, None)


def test_a_registry_without_lineage_has_one_undefined_result(history):
    history.add_snapshot("2026-01-01", descending_rows("abcd"), registry=NPM)
    history.compute_pending()
    for metric in ("descendants", "descendants_as_published"):
        (result,) = history.query_results(metric=metric)
        assert (result["name"], result["value"], bool(result["note"])) == ("descendants", None, True)


def make_package(name: str, *parents: tuple[str, str | None], downloads: int = 1) -> Observation:
    """Make a listed package with the parents that it states."""
    edges = tuple(Parent(parent, "finetune", stable_id) for parent, stable_id in parents)
    return Observation(f"id-{name}", name, downloads=downloads, parents=edges)


def test_descendants_are_counted_through_a_renamed_parent_and_a_cycle(history):
    rows = [
        make_package("base", downloads=9),
        make_package("child", ("base", "id-base")),
        make_package("one", ("two", "id-two"), ("child", "id-child")),
        make_package("two", ("three", "id-three")),
        make_package("three", ("one", "id-one")),
        make_package("self", ("self", "id-self")),
        make_package("lost", ("gone", None)),
    ]
    history.add_snapshot("2026-01-01", rows)
    renamed = Observation("id-base", "org/base", downloads=9, parents=())
    newest = history.add_snapshot("2026-02-01", [renamed, make_package("late", ("org/base", "id-base")), *rows[1:]])
    history.compute_pending()
    results = history.query_values(snapshot_id=newest, metric="descendants")
    names = ("links", "parents", "max", "transitive.max", "cycles", "self_loops", "dangling")
    assert [results[f"descendants.{name}"] for name in names] == [7, 6, 2, 5, 3, 1, 1 / 7]


def read(history, snapshot: int, name: str) -> DataFrame:
    with open_for_reading(history.path) as connection:
        return cached_relations(connection, snapshot)(name)


def test_edges_are_as_of_the_snapshot_and_of_its_list(history):
    first = history.add_snapshot("2026-01-01", [make_package("a", ("b", None)), make_package("c", ("b", None))])
    second = history.add_snapshot("2026-02-01", [make_package("a", ("d", None))])
    columns = ["child_name", "parent_name", "relation"]
    assert read(history, first, "lineage")[columns].values.tolist() == [["a", "b", "finetune"], ["c", "b", "finetune"]]
    assert read(history, second, "lineage")[columns].values.tolist() == [["a", "d", "finetune"]]


def test_listed_packages_have_their_names_as_of_the_snapshot(history):
    first = history.add_snapshot(
        "2026-01-01", [Observation("1", "gpt2", downloads=9, likes=2), Observation("2", "bert")]
    )
    history.add_snapshot("2026-02-01", [Observation("1", "org/gpt2", downloads=8)])
    rows = read(history, first, "observed")[["name", "rank", "downloads", "likes"]].astype(object)
    assert rows.where(rows.notna(), None).values.tolist() == [["gpt2", 1, 9, 2], ["bert", 2, None, None]]


@pytest.mark.parametrize("metric", [descendants, descendants_as_published])
def test_a_population_has_the_results_of_a_list_of_its_depth(metric, monkeypatch):
    monkeypatch.setattr("analysis.compute.metric.POPULATION_DEPTHS", (6, 9, 12))
    lineage, observed = frames(
        [(1, 2, "merge"), (3, 2, "merge"), (3, 8, "adapter"), (5, 2, "finetune"), (7, 1, "finetune"), (9, 1, "merge")],
        [900, 80, 70, 60, 50, 6, 5, 4, 3],
    )
    results = list(metric(lineage.assign(child_rank=lineage["child"], depth=9), observed))
    cut = list(metric(lineage[lineage["child"] <= 6], observed[observed["rank"] <= 6]))
    whole = list(metric(lineage, observed))
    by_k = {k: [replace(result, k=0) for result in results if result.k == k] for k in (0, 6, 9, 12)}
    assert by_k == {0: whole, 6: cut, 9: whole, 12: []}

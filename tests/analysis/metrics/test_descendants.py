"""Metric 3, held against plain sets on random graphs and against stores with a known answer."""

from __future__ import annotations

from collections import Counter

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
    st.tuples(st.integers(1, 9), st.one_of(st.integers(1, 12), st.none()), st.sampled_from(RELATIONS)), min_size=1,
    max_size=40,
)  # fmt: skip
DOWNLOADS = st.lists(st.one_of(st.none(), st.integers(0, 10**6)), min_size=9, max_size=9)

Edges = list[tuple[int, int | None, str]]


def frames(edges: Edges, downloads: list[int | None]) -> tuple[DataFrame, DataFrame]:
    """The two relations; packages 1 to 9 are listed."""
    lineage = DataFrame(
        [(child, f"n{child}", parent, f"n{parent}", how) for child, parent, how in edges],
        columns=["child", "child_name", "parent", "parent_name", "relation"],
    )
    rows = [(place, f"n{place}", place, count, 0) for place, count in enumerate(downloads, 1)]
    return lineage, DataFrame(rows, columns=["package", "name", "rank", "downloads", "likes"])


def children_of(edges: Edges) -> dict[int | None, set[int]]:
    """Who names whom; None is the one name that dangles."""
    found: dict[int | None, set[int]] = {}
    for child, parent, _ in edges:
        if child != parent:
            found.setdefault(parent, set()).add(child)
    return found


def values(edges: Edges, downloads: list[int | None]) -> dict[str, float | None]:
    return by_name(descendants(*frames(edges, downloads)))


def by_name(results) -> dict[str, float | None]:
    return {one.name.removeprefix("descendants."): one.value for one in results}


@given(EDGES, DOWNLOADS)
@settings(max_examples=60, deadline=None)
def test_what_is_over_parents_equals_plain_sets(edges, downloads):
    counts = sorted((len(children) for children in children_of(edges).values()), reverse=True)
    found = values(edges, downloads)
    expected = {"links": sum(counts), "parents": len(counts)}
    if counts:
        expected |= {
            "median": np.median(counts), "mean": np.mean(counts), "max": max(counts),
            "share_with_one": counts.count(1) / len(counts), "top10_share": sum(counts[:10]) / sum(counts),
            "top1pct_share": counts[0] / sum(counts),
        }  # fmt: skip
    assert {name: found[name] for name in expected} == pytest.approx(expected)


@given(EDGES, DOWNLOADS)
@settings(max_examples=40, deadline=None)
def test_links_of_a_relation_are_its_distinct_edges(edges, downloads):
    counts = Counter(how for child, parent, how in set(edges) if child != parent)
    found = values(edges, downloads)
    assert {how: found[f"links.{how}"] for how in RELATIONS} == {how: counts[how] for how in RELATIONS}


def below(children: dict[int | None, set[int]], top: int | None) -> set[int]:
    seen: set[int] = set()
    waiting = [top]
    while waiting:
        fresh = children.get(waiting.pop(), set()) - seen
        seen |= fresh
        waiting += fresh
    return seen - {top}


@given(EDGES, DOWNLOADS)
@settings(max_examples=60, deadline=None)
def test_transitive_descendants_equal_a_walk(edges, downloads):
    children = children_of(edges)
    counts = [len(below(children, parent)) for parent in children]
    found = values(edges, downloads)
    expected = (np.mean(counts), max(counts)) if counts else (None, None)
    assert (found["transitive.mean"], found["transitive.max"]) == pytest.approx(expected)


@given(EDGES, DOWNLOADS)
@settings(max_examples=40, deadline=None)
def test_oddities_are_counted(edges, downloads):
    between = {edge for edge in edges if edge[0] != edge[1]}
    found = values(edges, downloads)
    assert found["self_loops"] == len(set(edges)) - len(between)
    dangling = sum(parent is None for _, parent, _ in between)
    assert found["dangling"] == (pytest.approx(dangling / len(between)) if between else None)


@given(EDGES, DOWNLOADS)
@settings(max_examples=60, deadline=None)
def test_correlations_are_over_all_that_are_listed_with_their_own_downloads(edges, downloads):
    children = children_of(edges)
    known = {place: count for place, count in enumerate(downloads, 1) if count is not None}
    x, y = list(known.values()), [len(children.get(place, ())) for place in known]
    found = values(edges, downloads)
    expected = (None, None)
    if len(set(x)) > 1 and len(set(y)) > 1:
        expected = (stats.spearmanr(x, y).statistic, stats.kendalltau(x, y).statistic)
    assert (found["spearman"], found["kendall"]) == pytest.approx(expected)


@given(EDGES, DOWNLOADS)
@settings(max_examples=60, deadline=None)
def test_the_slope_is_over_those_that_have_both(edges, downloads):
    children = children_of(edges)
    points = [(count, len(children[place])) for place, count in enumerate(downloads, 1) if count and place in children]
    found = values(edges, downloads)
    if len({x for x, _ in points}) < 2:
        assert found["slope"] is None
    else:
        assert found["slope"] == pytest.approx(stats.linregress(*np.log10(points).T).slope, abs=1e-9)


@given(EDGES, DOWNLOADS)
@settings(max_examples=60, deadline=None)
def test_as_published_equals_plain_sums_over_children(edges, downloads):
    children: dict[int | None, set[int]] = {}
    for child, parent, _ in edges:
        children.setdefault(parent, set()).add(child)
    points = [(sum(downloads[one - 1] or 0 for one in some), len(some)) for some in children.values()]
    found = by_name(descendants_as_published(*frames(edges, downloads)))
    assert found["points"] == len(set(points))
    for name, these in (("slope", set(points)), ("slope_with_duplicates", points)):
        logs = [(np.log10(x + 1e-5), np.log10(y)) for x, y in these]
        varied = len({x for x, _ in logs}) > 1
        assert found[name] == (pytest.approx(np.polyfit(*zip(*logs, strict=True), 1)[0], abs=1e-6) if varied else None)


@given(EDGES, DOWNLOADS)
@settings(max_examples=40, deadline=None)
def test_every_interval_holds_its_value_and_every_name_is_given_once(edges, downloads):
    results = list(descendants(*frames(edges, downloads)))
    assert all(one.low <= one.value <= one.high for one in results if one.low is not None)
    assert len({one.name for one in results}) == len(results)


def grown(seed: int = 1, n: int = 300) -> tuple[DataFrame, DataFrame]:
    """Packages of which the popular ones have more children, some by far."""
    rng = np.random.default_rng(seed)
    downloads = np.floor(10 ** rng.normal(3, 1.5, n))
    chance = np.sqrt(downloads + 1) * rng.gamma(0.5, 2, n)
    parents = rng.choice(n, size=n, p=chance / chance.sum()) + 1
    edges = [(child, int(parent), "finetune") for child, parent in enumerate(parents, 1)]
    return frames(edges, downloads.tolist())


def test_models_find_that_popular_packages_have_more_descendants():
    found = {one.name: one for one in descendants(*grown())}
    for name in ("spearman", "kendall", "slope", "count_model", "hurdle"):
        assert found[f"descendants.{name}"].low > 0, name
    assert found["descendants.count_model"].note.startswith("ten times the downloads: descendants times ")


def test_the_same_rows_in_another_order_give_the_same_results():
    lineage, observed = grown()
    again = descendants(lineage.sample(frac=1, random_state=1), observed)
    assert list(descendants(lineage, observed)) == list(again)


def test_who_is_left_out_of_the_association_is_said():
    lineage, observed = frames([(1, 2, "merge"), (3, 11, "merge"), (4, None, "merge")], [5, 6, None, 8, 9, 1, 2, 3, 4])
    (found,) = [one for one in descendants(lineage, observed) if one.name == "descendants.spearman"]
    assert found.n == 8
    assert found.note == (
        "8 listed packages, 7 of them without descendants; 2 parents left out: they are not listed, so their downloads"
        " are not known; 1 listed packages left out: their downloads are not known"
    )


def test_lineage_of_self_loops_alone_has_no_descendants():
    found = values([(1, 1, "merge")], [1] * 9)
    assert (found["links"], found["parents"], found["self_loops"], found["mean"]) == (0, 0, 1, None)


def test_a_registry_without_lineage_has_one_undefined_result(history):
    history.add_snapshot("2026-01-01", descending_rows("abcd"), registry=NPM)
    history.compute_pending()
    for metric in ("descendants", "descendants_as_published"):
        (found,) = history.query_results(metric=metric)
        assert (found["name"], found["value"], bool(found["note"])) == ("descendants", None, True)


def made_from(name: str, *parents: tuple[str, str | None], downloads: int = 1) -> Observation:
    """A listed package and what it says it was made from."""
    some = tuple(Parent(parent, "finetune", stable_id) for parent, stable_id in parents)
    return Observation(f"id-{name}", name, downloads=downloads, parents=some)


def test_a_family_is_counted_through_a_renamed_parent_and_a_ring(history):
    rows = [
        made_from("base", downloads=9),
        made_from("child", ("base", "id-base")),
        made_from("one", ("two", "id-two"), ("child", "id-child")),
        made_from("two", ("three", "id-three")),
        made_from("three", ("one", "id-one")),
        made_from("self", ("self", "id-self")),
        made_from("lost", ("gone", None)),
    ]
    history.add_snapshot("2026-01-01", rows)
    renamed = Observation("id-base", "org/base", downloads=9, parents=())
    newest = history.add_snapshot("2026-02-01", [renamed, made_from("late", ("org/base", "id-base")), *rows[1:]])
    history.compute_pending()
    found = history.query_values(snapshot_id=newest, metric="descendants")
    names = ("links", "parents", "max", "transitive.max", "cycles", "self_loops", "dangling")
    assert [found[f"descendants.{name}"] for name in names] == [7, 6, 2, 5, 3, 1, 1 / 7]


def read(history, snapshot: int, name: str) -> DataFrame:
    with open_for_reading(history.path) as connection:
        return cached_relations(connection, snapshot)(name)


def test_edges_are_those_of_the_instant_and_of_the_list(history):
    first = history.add_snapshot("2026-01-01", [made_from("a", ("b", None)), made_from("c", ("b", None))])
    second = history.add_snapshot("2026-02-01", [made_from("a", ("d", None))])
    columns = ["child_name", "parent_name", "relation"]
    assert read(history, first, "lineage")[columns].values.tolist() == [["a", "b", "finetune"], ["c", "b", "finetune"]]
    assert read(history, second, "lineage")[columns].values.tolist() == [["a", "d", "finetune"]]


def test_every_listed_package_is_observed_under_its_name_then(history):
    first = history.add_snapshot(
        "2026-01-01", [Observation("1", "gpt2", downloads=9, likes=2), Observation("2", "bert")]
    )
    history.add_snapshot("2026-02-01", [Observation("1", "org/gpt2", downloads=8)])
    rows = read(history, first, "observed")[["name", "rank", "downloads", "likes"]].astype(object)
    assert rows.where(rows.notna(), None).values.tolist() == [["gpt2", 1, 9, 2], ["bert", 2, None, None]]

"""Metric 1 equals plain sets on random graphs, and the known answers for small stores."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas import DataFrame

from analysis.compute.relations import cached_relations
from analysis.metrics.preservation import RELATIONS, preservation, preservation_as_published
from db.connection import open_for_reading
from db.rows import Observation, Parent, Registry
from tests.analysis.conftest import descending_rows

NPM = Registry("npm", "ecosystems")
KINDS = {"transformers": "library", "peft": "library", "timm": "library", "safetensors": "format", "wandb": "tracker"}
EDGES = st.lists(
    st.tuples(st.integers(1, 9), st.one_of(st.integers(1, 9), st.none()), st.sampled_from(RELATIONS)),
    min_size=1,
    max_size=40,
)
LIBRARIES = st.dictionaries(st.integers(1, 9), st.sets(st.sampled_from(sorted(KINDS)), min_size=1))

Edges = list[tuple[int, int | None, str]]
Libraries = dict[int, set[str]]


def frames(edges: Edges, libraries: Libraries) -> tuple[DataFrame, DataFrame]:
    """Return the two relations. Edges may repeat, as they do when a package names a parent twice."""
    lineage = DataFrame(
        [(child, f"n{child}", parent, f"n{parent}", how) for child, parent, how in edges],
        columns=["child", "child_name", "parent", "parent_name", "relation"],
    )
    rows = [(package, library, KINDS[library]) for package, names in libraries.items() for library in sorted(names)]
    return lineage, DataFrame(rows, columns=["package", "library", "kind"])


def share(successes: int, n: int) -> tuple[float, int] | None:
    return (pytest.approx(successes / n), n) if n else None


def by_equation(edges: Edges, libraries: Libraries, library: str) -> tuple[float, int] | None:
    """Compute Eq. 1 with sets."""

    def is_base(parent: int | None) -> bool:
        names = libraries.get(parent, set())
        return library in names and any(KINDS[name] == "library" for name in names - {library})

    below = {child for child, parent, _ in edges if child != parent and is_base(parent)}
    return share(sum(library in libraries.get(child, ()) for child in below), len(below))


def by_relation(edges: Edges, libraries: Libraries, library: str, how: str) -> dict[str, tuple[float, int] | None]:
    """Compute the results that are conditional on the parent, with sets."""
    links = {
        (child, parent)
        for child, parent, relation in edges
        if relation == how and child != parent and parent in libraries
    }
    with_parent = {edge for edge in links if library in libraries[edge[1]]}
    with_child = {edge for edge in links if library in libraries.get(edge[0], ())}
    expected = {
        f"preservation.{library}.{how}": share(len(with_parent & with_child), len(with_parent)),
        f"preservation.gain.{library}.{how}": share(len(with_child - with_parent), len(links - with_parent))
        if with_child | with_parent
        else None,
    }
    if with_parent and with_child:
        lift = len(with_parent & with_child) / len(with_parent) / (len(with_child) / len(links))
        expected[f"preservation.lift.{library}.{how}"] = (pytest.approx(lift), len(with_parent))
    return expected


def defined_results(results) -> dict[str, tuple[float, int]]:
    """Return the value and n of the defined results, without the coverage."""
    return {
        result.name: (result.value, result.n)
        for result in results
        if result.value is not None and not result.name.startswith("preservation.coverage")
    }


@given(EDGES, LIBRARIES)
@settings(max_examples=60, deadline=None)
def test_preservation_equals_plain_sets(edges, libraries):
    expected = {f"preservation.{library}": by_equation(edges, libraries, library) for library in KINDS}
    for library in KINDS:
        for how in RELATIONS:
            expected |= by_relation(edges, libraries, library, how)
    with patch("analysis.metrics.preservation.MIN_DENOMINATOR", 1):
        result = defined_results(preservation(*frames(edges, libraries)))
    assert result == {name: value for name, value in expected.items() if value}


@given(EDGES, LIBRARIES)
@settings(max_examples=40, deadline=None)
def test_as_published_equals_plain_sets_and_never_reads_the_parent(edges, libraries):
    several = {child for child, _, _ in edges if len(libraries.get(child, ())) >= 2}
    counts = {library: sum(library in libraries[child] for child in several) for library in KINDS}
    expected = {f"preservation.{library}": share(count, len(several)) for library, count in counts.items() if count}
    assert defined_results(preservation_as_published(*frames(edges, libraries))) == expected


@given(EDGES, LIBRARIES)
@settings(max_examples=40, deadline=None)
def test_coverage_is_the_share_of_edges_whose_parent_has_known_libraries(edges, libraries):
    distinct = {edge for edge in edges if edge[0] != edge[1]}
    covered = {edge for edge in distinct if edge[1] in libraries}
    values = {result.name: (result.value, result.n) for result in preservation(*frames(edges, libraries))}
    expected = share(len(covered), len(distinct)) or (None, 0)
    assert values["preservation.coverage"] == expected


@given(EDGES, LIBRARIES)
@settings(max_examples=40, deadline=None)
def test_every_interval_holds_its_value(edges, libraries):
    with patch("analysis.metrics.preservation.MIN_DENOMINATOR", 1):
        results = list(preservation(*frames(edges, libraries)))
    bounded = [result for result in results if result.low is not None]
    assert all(result.low <= result.value <= result.high for result in bounded)
    assert len({result.name for result in results}) == len(results)


def make_family(keeping: int, losing: int, how: str = "finetune") -> tuple[Edges, Libraries]:
    """Make a parent with transformers and peft, and children that keep transformers or lose it."""
    children = range(1, keeping + losing + 1)
    libraries = {0: {"transformers", "peft"}, **{child: {"transformers"} for child in range(1, keeping + 1)}}
    return [(child, 0, how) for child in children], libraries


def results(edges: Edges, libraries: Libraries) -> dict[str, object]:
    return {result.name: result for result in preservation(*frames(edges, libraries))}


def test_a_library_with_fewer_than_twenty_in_the_denominator_is_left_out_and_counted():
    assert "preservation.transformers" not in results(*make_family(19, 0))
    assert "2 libraries with fewer than 20" in results(*make_family(19, 0))["preservation.coverage"].note
    assert results(*make_family(15, 5))["preservation.transformers"].value == 0.75


def test_children_of_one_parent_have_no_interval_but_wilsons_is_in_the_note():
    result = results(*make_family(15, 5))["preservation.transformers.finetune"]
    assert (result.low, result.high, result.n) == (None, None, 20)
    assert result.note == "Wilson [0.531, 0.888]; all have the same parent, so there is no interval"


def test_a_parent_without_another_library_counts_only_by_relation():
    edges, libraries = make_family(20, 0)
    result = results(edges, {**libraries, 0: {"transformers", "safetensors"}})
    assert "preservation.transformers" not in result
    assert result["preservation.transformers.finetune"].value == 1.0


def test_notes_mark_formats_and_trackers():
    edges, libraries = make_family(20, 0)
    result = results(edges, {**libraries, 0: {"transformers", "safetensors", "wandb"}})
    assert result["preservation.safetensors"].note.startswith("format; Wilson")
    assert result["preservation.wandb.finetune"].note.startswith("tracker; Wilson")
    assert result["preservation.transformers.finetune"].note.startswith("Wilson")


def test_self_loops_are_left_out_and_counted():
    edges, libraries = make_family(20, 0)
    result = results([*edges, (1, 1, "finetune"), (2, 2, "merge")], libraries)
    assert result["preservation.transformers.finetune"].n == 20
    assert result["preservation.coverage"].note.endswith("2 self-loops left out")


def test_a_library_named_like_a_word_of_the_metric_has_no_results():
    edges, libraries = make_family(20, 0)
    lineage, uses = frames(edges, libraries)
    words = ("coverage", "gain.x", "lift.x", "x.finetune")
    uses = DataFrame([*uses.values.tolist(), *((0, word, "library") for word in words)], columns=uses.columns)
    names = [result.name for result in preservation(lineage, uses)]
    assert len(set(names)) == len(names)
    assert not [name for name in names if "x" in name.split(".")]


def test_a_relation_without_edges_says_so():
    result = results(*make_family(20, 0))["preservation.coverage.merge"]
    assert (result.value, result.n, result.note) == (None, 0, "no edge of this relation")


def test_the_same_rows_in_another_order_give_the_same_results():
    edges, libraries = make_family(15, 25)
    edges += [(child, 50, "finetune") for child in range(10, 40)]
    libraries[50] = {"transformers", "timm"}
    lineage, uses = frames(edges, libraries)
    shuffled = preservation(lineage.sample(frac=1, random_state=1), uses.sample(frac=1, random_state=2))
    assert list(preservation(lineage, uses)) == list(shuffled)


def test_a_registry_without_lineage_has_one_undefined_result(history):
    history.add_snapshot("2026-01-01", descending_rows("abcd"), registry=NPM)
    history.compute_pending()
    for metric in ("preservation", "preservation_as_published"):
        (result,) = history.query_results(metric=metric)
        assert (result["name"], result["value"], bool(result["note"])) == ("preservation", None, True)


def make_child(number: int, *libraries: str, of: str = "base") -> Observation:
    """Make a listed package that is made from another."""
    uses = tuple((library, KINDS[library]) for library in libraries)
    return Observation(
        f"id-{number}", f"child-{number}", downloads=100 - number, parents=(Parent(of, "adapter", f"id-{of}"),),
        libraries=uses,
    )  # fmt: skip


BASE = Observation(
    "id-base", "base", downloads=900, parents=(), libraries=(("transformers", "library"), ("timm", "library"))
)


def test_stored_results_follow_from_the_listed_packages(history):
    keeping = [make_child(number, "transformers", "peft") for number in range(16)]
    history.add_snapshot("2026-01-01", [BASE, *keeping, *(make_child(number, "peft") for number in range(16, 20))])
    history.compute_pending()
    values = history.query_values(metric="preservation")
    assert values["preservation.transformers"] == values["preservation.transformers.adapter"] == 0.8
    assert values["preservation.gain.peft.adapter"] == values["preservation.coverage"] == 1.0


def read(history, snapshot: int, name: str) -> list[tuple[object, ...]]:
    with open_for_reading(history.path) as connection:
        table = cached_relations(connection, snapshot)(name)
    return list(table.itertuples(index=False, name=None))


def test_libraries_are_as_of_the_snapshot(history):
    first = history.add_snapshot("2026-01-01", [make_child(1, "transformers")])
    second = history.add_snapshot("2026-02-01", [make_child(1, "peft")])
    assert [row[1:] for row in read(history, first, "libraries")] == [("transformers", "library")]
    assert [row[1:] for row in read(history, second, "libraries")] == [("peft", "library")]


def test_libraries_of_a_parent_that_is_no_longer_listed_are_still_known(history):
    history.add_snapshot("2026-01-01", [BASE, make_child(1, "peft")])
    newest = history.add_snapshot("2026-02-01", [make_child(1, "peft")])
    assert sorted(row[1] for row in read(history, newest, "libraries")) == ["peft", "timm", "transformers"]


@pytest.mark.parametrize("name", ["libraries", "lineage", "observed"])
def test_only_complete_snapshots_have_lineage(history, name):
    snapshot = history.add_snapshot("2026-01-01", [BASE, make_child(1, "peft")], "partial")
    assert read(history, snapshot, name) == []


@pytest.mark.parametrize("metric", [preservation, preservation_as_published])
def test_a_population_has_the_results_of_the_children_within_its_depth(metric, monkeypatch):
    monkeypatch.setattr("analysis.compute.metric.POPULATION_DEPTHS", (30, 90))
    lineage, uses = frames([(child, 0, "adapter") for child in range(1, 60)],
                           {0: ["timm", "peft"], **{child: ["timm", "peft"] for child in range(1, 60, 2)}})  # fmt: skip
    results = list(metric(lineage.assign(child_rank=lineage["child"], depth=60), uses))
    cut = list(metric(lineage[lineage["child"] <= 30], uses))
    assert [replace(result, k=0) for result in results if result.k == 30] == cut
    assert [result for result in results if result.k == 0] == list(metric(lineage, uses))
    assert {result.k for result in results} == {0, 30}

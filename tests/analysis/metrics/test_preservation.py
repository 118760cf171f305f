"""Metric 1, held against plain sets on random graphs and against stores with a known answer."""

from __future__ import annotations

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
    st.tuples(st.integers(1, 9), st.one_of(st.integers(1, 9), st.none()), st.sampled_from(RELATIONS)), min_size=1,
    max_size=40,
)  # fmt: skip
LIBRARIES = st.dictionaries(st.integers(1, 9), st.sets(st.sampled_from(sorted(KINDS)), min_size=1))

Edges = list[tuple[int, int | None, str]]
Libraries = dict[int, set[str]]


def frames(edges: Edges, libraries: Libraries) -> tuple[DataFrame, DataFrame]:
    """The two relations; edges may repeat, as they do when a parent is named twice."""
    lineage = DataFrame(
        [(child, f"n{child}", parent, f"n{parent}", how) for child, parent, how in edges],
        columns=["child", "child_name", "parent", "parent_name", "relation"],
    )
    rows = [(package, library, KINDS[library]) for package, some in libraries.items() for library in sorted(some)]
    return lineage, DataFrame(rows, columns=["package", "library", "kind"])


def share(kept: int, n: int) -> tuple[float, int] | None:
    return (pytest.approx(kept / n), n) if n else None


def by_equation(edges: Edges, libraries: Libraries, library: str) -> tuple[float, int] | None:
    """Eq. 1 with sets."""

    def is_base(parent: int | None) -> bool:
        some = libraries.get(parent, set())
        return library in some and any(KINDS[one] == "library" for one in some - {library})

    below = {child for child, parent, _ in edges if child != parent and is_base(parent)}
    return share(sum(library in libraries.get(child, ()) for child in below), len(below))


def by_relation(edges: Edges, libraries: Libraries, library: str, how: str) -> dict[str, tuple[float, int] | None]:
    """What is conditional on the parent, with sets."""
    here = {(child, parent) for child, parent, said in edges if said == how and child != parent and parent in libraries}
    given = {edge for edge in here if library in libraries[edge[1]]}
    has = {edge for edge in here if library in libraries.get(edge[0], ())}
    expected = {
        f"preservation.{library}.{how}": share(len(given & has), len(given)),
        f"preservation.gain.{library}.{how}": share(len(has - given), len(here - given)) if has | given else None,
    }
    if given and has:
        lift = len(given & has) / len(given) / (len(has) / len(here))
        expected[f"preservation.lift.{library}.{how}"] = (pytest.approx(lift), len(given))
    return expected


def found_in(results) -> dict[str, tuple[float, int]]:
    """Value and n of the defined results, without the coverage."""
    return {
        one.name: (one.value, one.n)
        for one in results
        if one.value is not None and not one.name.startswith("preservation.coverage")
    }


@given(EDGES, LIBRARIES)
@settings(max_examples=60, deadline=None)
def test_preservation_equals_plain_sets(edges, libraries):
    expected = {f"preservation.{library}": by_equation(edges, libraries, library) for library in KINDS}
    for library in KINDS:
        for how in RELATIONS:
            expected |= by_relation(edges, libraries, library, how)
    with patch("analysis.metrics.preservation.MIN_DENOMINATOR", 1):
        found = found_in(preservation(*frames(edges, libraries)))
    assert found == {name: known for name, known in expected.items() if known}


@given(EDGES, LIBRARIES)
@settings(max_examples=40, deadline=None)
def test_as_published_equals_plain_sets_and_never_reads_the_parent(edges, libraries):
    several = {child for child, _, _ in edges if len(libraries.get(child, ())) >= 2}
    counts = {library: sum(library in libraries[child] for child in several) for library in KINDS}
    expected = {f"preservation.{one}": share(count, len(several)) for one, count in counts.items() if count}
    assert found_in(preservation_as_published(*frames(edges, libraries))) == expected


@given(EDGES, LIBRARIES)
@settings(max_examples=40, deadline=None)
def test_coverage_is_the_share_of_edges_whose_parent_is_known_with_its_libraries(edges, libraries):
    distinct = {edge for edge in edges if edge[0] != edge[1]}
    known = {edge for edge in distinct if edge[1] in libraries}
    found = {one.name: (one.value, one.n) for one in preservation(*frames(edges, libraries))}
    expected = share(len(known), len(distinct)) or (None, 0)
    assert found["preservation.coverage"] == expected


@given(EDGES, LIBRARIES)
@settings(max_examples=40, deadline=None)
def test_every_interval_holds_its_value(edges, libraries):
    with patch("analysis.metrics.preservation.MIN_DENOMINATOR", 1):
        results = list(preservation(*frames(edges, libraries)))
    bounded = [one for one in results if one.low is not None]
    assert all(one.low <= one.value <= one.high for one in bounded)
    assert len({one.name for one in results}) == len(results)


def family(kept: int, lost: int, how: str = "finetune") -> tuple[Edges, Libraries]:
    """A parent with transformers and peft, whose children have kept transformers or not."""
    children = range(1, kept + lost + 1)
    libraries = {0: {"transformers", "peft"}, **{child: {"transformers"} for child in range(1, kept + 1)}}
    return [(child, 0, how) for child in children], libraries


def results(edges: Edges, libraries: Libraries) -> dict[str, object]:
    return {one.name: one for one in preservation(*frames(edges, libraries))}


def test_a_library_with_fewer_than_twenty_in_the_denominator_is_left_out_and_counted():
    assert "preservation.transformers" not in results(*family(19, 0))
    assert "2 libraries with fewer than 20" in results(*family(19, 0))["preservation.coverage"].note
    assert results(*family(15, 5))["preservation.transformers"].value == 0.75


def test_children_of_one_parent_have_no_interval_but_wilsons_is_in_the_note():
    found = results(*family(15, 5))["preservation.transformers.finetune"]
    assert (found.low, found.high, found.n) == (None, None, 20)
    assert found.note == "Wilson [0.531, 0.888]; all have the same parent, so there is no interval"


def test_a_parent_with_no_other_library_is_no_base_but_has_its_edges():
    edges, libraries = family(20, 0)
    found = results(edges, {**libraries, 0: {"transformers", "safetensors"}})
    assert "preservation.transformers" not in found
    assert found["preservation.transformers.finetune"].value == 1.0


def test_formats_and_trackers_are_marked_as_what_they_are():
    edges, libraries = family(20, 0)
    found = results(edges, {**libraries, 0: {"transformers", "safetensors", "wandb"}})
    assert found["preservation.safetensors"].note.startswith("format; Wilson")
    assert found["preservation.wandb.finetune"].note.startswith("tracker; Wilson")
    assert found["preservation.transformers.finetune"].note.startswith("Wilson")


def test_self_loops_are_left_out_and_counted():
    edges, libraries = family(20, 0)
    found = results([*edges, (1, 1, "finetune"), (2, 2, "merge")], libraries)
    assert found["preservation.transformers.finetune"].n == 20
    assert found["preservation.coverage"].note.endswith("2 self-loops left out")


def test_a_library_called_like_a_word_of_the_metric_cannot_take_its_results():
    edges, libraries = family(20, 0)
    lineage, known = frames(edges, libraries)
    words = ("coverage", "gain.x", "lift.x", "x.finetune")
    known = DataFrame([*known.values.tolist(), *((0, word, "library") for word in words)], columns=known.columns)
    names = [one.name for one in preservation(lineage, known)]
    assert len(set(names)) == len(names)
    assert not [name for name in names if "x" in name.split(".")]


def test_a_relation_without_edges_says_so():
    found = results(*family(20, 0))["preservation.coverage.merge"]
    assert (found.value, found.n, found.note) == (None, 0, "no edge of this relation")


def test_the_same_rows_in_another_order_give_the_same_results():
    edges, libraries = family(15, 25)
    edges += [(child, 50, "finetune") for child in range(10, 40)]
    libraries[50] = {"transformers", "timm"}
    lineage, known = frames(edges, libraries)
    shuffled = preservation(lineage.sample(frac=1, random_state=1), known.sample(frac=1, random_state=2))
    assert list(preservation(lineage, known)) == list(shuffled)


def test_a_registry_without_lineage_has_one_undefined_result(history):
    history.add_snapshot("2026-01-01", descending_rows("abcd"), registry=NPM)
    history.compute_pending()
    for metric in ("preservation", "preservation_as_published"):
        (found,) = history.query_results(metric=metric)
        assert (found["name"], found["value"], bool(found["note"])) == ("preservation", None, True)


def child(number: int, *libraries: str, of: str = "base") -> Observation:
    """A listed package made from another."""
    some = tuple((library, KINDS[library]) for library in libraries)
    return Observation(
        f"id-{number}", f"child-{number}", downloads=100 - number, parents=(Parent(of, "adapter", f"id-{of}"),),
        libraries=some,
    )  # fmt: skip


BASE = Observation(
    "id-base", "base", downloads=900, parents=(), libraries=(("transformers", "library"), ("timm", "library"))
)


def test_what_is_stored_is_what_was_listed(history):
    kept = [child(number, "transformers", "peft") for number in range(16)]
    history.add_snapshot("2026-01-01", [BASE, *kept, *(child(number, "peft") for number in range(16, 20))])
    history.compute_pending()
    values = history.query_values(metric="preservation")
    assert values["preservation.transformers"] == values["preservation.transformers.adapter"] == 0.8
    assert values["preservation.gain.peft.adapter"] == values["preservation.coverage"] == 1.0


def read(history, snapshot: int, name: str) -> list[tuple[object, ...]]:
    with open_for_reading(history.path) as connection:
        table = cached_relations(connection, snapshot)(name)
    return list(table.itertuples(index=False, name=None))


def test_libraries_are_those_of_the_instant(history):
    first = history.add_snapshot("2026-01-01", [child(1, "transformers")])
    second = history.add_snapshot("2026-02-01", [child(1, "peft")])
    assert [row[1:] for row in read(history, first, "libraries")] == [("transformers", "library")]
    assert [row[1:] for row in read(history, second, "libraries")] == [("peft", "library")]


def test_libraries_of_a_parent_that_is_no_longer_listed_are_still_known(history):
    history.add_snapshot("2026-01-01", [BASE, child(1, "peft")])
    newest = history.add_snapshot("2026-02-01", [child(1, "peft")])
    assert sorted(row[1] for row in read(history, newest, "libraries")) == ["peft", "timm", "transformers"]


@pytest.mark.parametrize("name", ["libraries", "lineage", "observed"])
def test_only_complete_snapshots_have_lineage(history, name):
    snapshot = history.add_snapshot("2026-01-01", [BASE, child(1, "peft")], "partial")
    assert read(history, snapshot, name) == []

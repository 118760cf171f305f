"""Edges over a whole registry: mix, dangling parents, descendants and kept libraries, on graphs counted by hand."""

from __future__ import annotations

from pandas import DataFrame

from analysis.metrics.kinship import NO_EDGES, kinship

CENSUS = DataFrame({"package": range(10)})
NO_USES = DataFrame({"package": [], "library": []})


def results(edges, uses=NO_USES):
    frame = DataFrame(edges, columns=["child", "parent", "relation", "there"])
    return {one.name.removeprefix("kinship."): one for one in kinship(frame, uses, CENSUS)}


def test_the_mix_and_the_dangling_are_shares_of_all_edges():
    found = results(
        [(1, 0, "adapter", True), (2, -1, "adapter", False), (3, 9, "merge", True), (3, 77, "merge", False)]
    )
    assert found["relation.adapter"].value == found["relation.merge"].value == 0.5
    assert (found["dangling"].value, found["dangling"].n) == (0.5, 4)
    assert found["never_seen"].value == 0.25
    assert found["made_from"].value == 0.3


def test_a_ring_and_a_loop_do_not_count_themselves():
    ring = [(1, 2, "merge", True), (2, 1, "merge", True), (3, 1, "merge", True), (4, 4, "merge", True)]
    found = results(ring)
    assert found["descendants.parents"].value == 2
    assert (found["descendants.max"].value, found["descendants.transitive.max"].value) == (2, 2)


def test_a_library_is_kept_where_the_child_has_it_too():
    edges = [(1, 0, "adapter", True), (2, 0, "adapter", True), (3, 0, "merge", True), (4, 9, "merge", True)]
    uses = DataFrame({"package": [0, 0, 1, 3, 4], "library": ["peft", "timm", "peft", "keras", "peft"]})
    found = results(edges, uses)
    assert (found["kept.adapter"].value, found["kept.adapter"].n) == (0.5, 2)
    assert (found["kept.merge"].value, found["kept.merge"].n) == (0.0, 1), "a parent without a library asks nothing"
    assert round(found["kept.peft"].value, 3) == 0.333 and found["kept.timm"].value == 0


def test_of_libraries_that_tie_the_first_by_name_are_told_whatever_came_first():
    names = ["timm", "peft", "keras", "bertopic", "span", "adapters"]
    for order in (names, names[::-1]):
        uses = DataFrame({"package": 0, "library": order})
        found = {name for name in results([(1, 0, "adapter", True)], uses) if name.startswith("kept.")}
        assert found == {"kept.adapter", *(f"kept.{name}" for name in sorted(names)[:5])}


def test_without_edges_there_is_one_line():
    (only,) = results([]).values()
    assert (only.value, only.note) == (None, NO_EDGES)

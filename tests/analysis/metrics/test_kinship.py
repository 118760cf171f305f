"""Relations, dangling parents, descendants and kept libraries of a registry equal those counted by hand."""

from __future__ import annotations

from pandas import DataFrame

from analysis.metrics.kinship import NO_EDGES, kinship

CENSUS = DataFrame({"package": range(10)})
NO_USES = DataFrame({"package": [], "library": []})


def results(edges, uses=NO_USES):
    frame = DataFrame(edges, columns=["child", "parent", "relation", "there"])
    return {result.name.removeprefix("kinship."): result for result in kinship(frame, uses, CENSUS)}


def test_relations_and_dangling_parents_are_shares_of_all_edges():
    by_name = results(
        [(1, 0, "adapter", True), (2, -1, "adapter", False), (3, 9, "merge", True), (3, 77, "merge", False)]
    )
    assert by_name["relation.adapter"].value == by_name["relation.merge"].value == 0.5
    assert (by_name["dangling"].value, by_name["dangling"].n) == (0.5, 4)
    assert by_name["never_seen"].value == 0.25
    assert by_name["made_from"].value == 0.3


def test_packages_on_cycles_and_self_loops_do_not_count_themselves():
    ring = [(1, 2, "merge", True), (2, 1, "merge", True), (3, 1, "merge", True), (4, 4, "merge", True)]
    by_name = results(ring)
    assert by_name["descendants.parents"].value == 2
    assert (by_name["descendants.max"].value, by_name["descendants.transitive.max"].value) == (2, 2)


def test_a_library_is_kept_if_the_child_has_it_too():
    edges = [(1, 0, "adapter", True), (2, 0, "adapter", True), (3, 0, "merge", True), (4, 9, "merge", True)]
    uses = DataFrame({"package": [0, 0, 1, 3, 4], "library": ["peft", "timm", "peft", "keras", "peft"]})
    by_name = results(edges, uses)
    assert (by_name["kept.adapter"].value, by_name["kept.adapter"].n) == (0.5, 2)
    assert (by_name["kept.merge"].value, by_name["kept.merge"].n) == (0.0, 1), (
        "a parent without a library is not in the denominator"
    )
    assert round(by_name["kept.peft"].value, 3) == 0.333 and by_name["kept.timm"].value == 0


def test_tied_libraries_are_chosen_by_name():
    names = ["timm", "peft", "keras", "bertopic", "span", "adapters"]
    for order in (names, names[::-1]):
        uses = DataFrame({"package": 0, "library": order})
        names_of_results = {name for name in results([(1, 0, "adapter", True)], uses) if name.startswith("kept.")}
        assert names_of_results == {"kept.adapter", *(f"kept.{name}" for name in sorted(names)[:5])}


def test_without_edges_there_is_one_undefined_result():
    (result,) = results([]).values()
    assert (result.value, result.note) == (None, NO_EDGES)

"""The graph of lineage has the edges of the view, whatever the names are."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from db.rows import Observation, Parent
from tests.analysis.conftest import History
from tests.analysis.exports.conftest import Export, query
from tests.analysis.exports.test_names import NAMES

SPACE = "{http://graphml.graphdrawing.org/xmlns}"


def graph(path: Path) -> tuple[dict[str, dict[str, str]], list[tuple[str, str, str]]]:
    """Nodes with what is said of them, and (parent, child, relation) of each edge, by node."""
    root = ElementTree.parse(path).getroot()
    nodes = {one.attrib["id"]: {d.attrib["key"]: d.text or "" for d in one} for one in root.iter(f"{SPACE}node")}
    edges = [
        (e.attrib["source"], e.attrib["target"], e.findtext(f"{SPACE}data[@key='relation']") or "")
        for e in root.iter(f"{SPACE}edge")
    ]
    return nodes, edges


def test_the_graph_has_the_edges_of_the_view(store: Path, export: Export) -> None:
    (path,) = (export("--format", "graphml") / "graphml").iterdir()
    nodes, edges = graph(path)
    found = sorted((nodes[a]["name"], nodes[b]["package"], how) for a, b, how in edges)
    assert found == sorted(query(store, "SELECT parent_name, child, relation FROM v1_lineage_edge"))
    assert len(found) > 3


def test_names_of_any_kind_are_nodes_of_their_own(store: Path, export: Export) -> None:
    rows = [
        Observation(f"id-{place}", name, downloads=1, parents=(Parent("maker/base", "merge", None),))
        for place, name in enumerate(NAMES)
    ]
    History(store).add_snapshot("2026-05-01", rows)
    (path,) = (export("--format", "graphml") / "graphml").iterdir()
    nodes, edges = graph(path)
    named = {one["package"]: one["name"] for one in nodes.values() if "package" in one}
    assert {f"id-{place}" for place in range(len(NAMES))} <= named.keys()
    assert len([how for _, _, how in edges if how == "merge"]) == len(NAMES)
    plain = [place for place, name in enumerate(NAMES) if name.isprintable()]
    assert [named[f"id-{place}"] for place in plain] == [NAMES[place] for place in plain]

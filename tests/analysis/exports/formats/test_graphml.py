"""The lineage graph has the edges of the view, for names of any letters."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from db.rows import Observation, Parent
from tests.analysis.conftest import History
from tests.analysis.exports.conftest import Export, query
from tests.analysis.exports.test_names import NAMES

SPACE = "{http://graphml.graphdrawing.org/xmlns}"


def read_graph(path: Path) -> tuple[dict[str, dict[str, str]], list[tuple[str, str, str]]]:
    """Return the data of each node by its id, and the parent, child and relation of each edge."""
    root = ElementTree.parse(path).getroot()
    nodes = {
        node.attrib["id"]: {data.attrib["key"]: data.text or "" for data in node} for node in root.iter(f"{SPACE}node")
    }
    edges = [
        (edge.attrib["source"], edge.attrib["target"], edge.findtext(f"{SPACE}data[@key='relation']") or "")
        for edge in root.iter(f"{SPACE}edge")
    ]
    return nodes, edges


def test_the_graph_has_the_edges_of_the_view(store: Path, export: Export) -> None:
    (path,) = (export("--format", "graphml") / "graphml").iterdir()
    nodes, edges = read_graph(path)
    rows = sorted((nodes[source]["name"], nodes[target]["package"], relation) for source, target, relation in edges)
    assert rows == sorted(query(store, "SELECT parent_name, child, relation FROM v1_lineage_edge"))
    assert len(rows) > 3


def test_every_name_is_a_separate_node(store: Path, export: Export) -> None:
    rows = [
        Observation(f"id-{index}", name, downloads=1, parents=(Parent("maker/base", "merge", None),))
        for index, name in enumerate(NAMES)
    ]
    History(store).add_snapshot("2026-05-01", rows)
    (path,) = (export("--format", "graphml") / "graphml").iterdir()
    nodes, edges = read_graph(path)
    names = {node["package"]: node["name"] for node in nodes.values() if "package" in node}
    assert {f"id-{index}" for index in range(len(NAMES))} <= names.keys()
    assert len([relation for _, _, relation in edges if relation == "merge"]) == len(NAMES)
    printable = [index for index, name in enumerate(NAMES) if name.isprintable()]
    assert [names[f"id-{index}"] for index in printable] == [NAMES[index] for index in printable]

"""GraphML: lineage as a directed graph from parent to child, for Gephi, igraph and networkx.

A node is a package, or a name that belongs to no known package. Its id is a number in the order of the names, because
an id of GraphML cannot hold every character. A character that XML cannot hold is written as `⟨U+…⟩`. The other formats
have the names unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from analysis.exports.files import WrittenFile, create_file, make_file_stem

if TYPE_CHECKING:
    from analysis.exports.tables import Row, Table

LINEAGE_VIEW = "v1_lineage_edge"
HEADER = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
    '<key id="package" for="node" attr.name="package" attr.type="string"/>\n'
    '<key id="name" for="node" attr.name="name" attr.type="string"/>\n'
    '<key id="relation" for="edge" attr.name="relation" attr.type="string"/>\n'
    '<key id="since" for="edge" attr.name="since" attr.type="string"/>\n'
    '<key id="until" for="edge" attr.name="until" attr.type="string"/>\n'
    '<graph edgedefault="directed">\n'
)
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\x7f-\x9f]")


def write_tables(tables: Sequence[Table], folder: Path) -> Iterator[WrittenFile]:
    """Write a graph for each registry that has lineage, and yield the written files."""
    for part in (part for table in tables if table.name == LINEAGE_VIEW for part in table.parts):
        rows = list(part.rows())
        if rows:
            path = folder / "graphml" / f"{make_file_stem(part)}.graphml"
            _write_graph(path, rows)
            yield WrittenFile(path, "graphml", LINEAGE_VIEW, part.registry, None, len(rows))


def _write_graph(path: Path, rows: Sequence[Row]) -> None:
    """Write the nodes, then the edges, from rows of v1_lineage_edge."""
    names, edges = _collect_graph(rows)
    node_ids = {node: f"n{number}" for number, node in enumerate(sorted(names))}
    with create_file(path) as stream:
        stream.write(HEADER.encode("utf-8"))
        for node, node_id in node_ids.items():
            data = _render_data((("package", None if node.startswith("name:") else node), ("name", names[node])))
            stream.write(f'<node id="{node_id}">{data}</node>\n'.encode())
        for source, target, data in edges:
            stream.write(f'<edge source="{node_ids[source]}" target="{node_ids[target]}">{data}</edge>\n'.encode())
        stream.write(b"</graph>\n</graphml>\n")


def _collect_graph(rows: Sequence[Row]) -> tuple[dict[str, str], list[tuple[str, str, str]]]:
    """Return the name of each node, and the edges with their data."""
    names: dict[str, str] = {}
    edges = []
    for _, child, child_name, parent, parent_name, relation, since, until in rows:
        source, target = str(parent or f"name:{parent_name}"), str(child)
        names.setdefault(source, str(parent_name))
        names[target] = str(child_name or child)
        edges.append((source, target, _render_data((("relation", relation), ("since", since), ("until", until)))))
    return names, edges


def _render_data(values: Sequence[tuple[str, object]]) -> str:
    return "".join(f'<data key="{key}">{escape_xml(str(value))}</data>' for key, value in values if value is not None)


def escape_xml(value: str) -> str:
    r"""Return text that XML can hold.

    >>> escape_xml("a<b\x01&\r")
    'a&lt;b⟨U+0001⟩&amp;⟨U+000D⟩'
    """
    return escape(_NOT_XML.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", value))

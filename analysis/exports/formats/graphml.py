"""GraphML: who was made from whom, as a directed graph from parent to child, for Gephi, igraph and networkx.

A node is a package or a name that names nothing known; its id is a number in the order of the names, because ids of
GraphML may not hold every character. Characters that XML cannot hold are shown as `⟨U+…⟩`; the other forms
have the names as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from analysis.exports.files import WrittenFile, create_file, make_file_stem

if TYPE_CHECKING:
    from analysis.exports.tables import Table

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
    """Write a graph for each registry that has lineage."""
    for part in (part for table in tables if table.name == LINEAGE_VIEW for part in table.parts):
        rows = list(part.rows())
        if rows:
            path = folder / "graphml" / f"{make_file_stem(part)}.graphml"
            _write_graph(path, rows)
            yield WrittenFile(path, "graphml", LINEAGE_VIEW, part.registry, None, len(rows))


def _write_graph(path: Path, rows: Sequence[Sequence[object]]) -> None:
    """Write the nodes, then the edges; the columns are those of v1_lineage_edge."""
    names: dict[str, str] = {}
    edges = []
    for _, child, child_name, parent, parent_name, relation, since, until in rows:
        source, target = str(parent or f"name:{parent_name}"), str(child)
        names.setdefault(source, str(parent_name))
        names[target] = str(child_name or child)
        edges.append((source, target, (("relation", relation), ("since", since), ("until", until))))
    numbers = {key: f"n{number}" for number, key in enumerate(sorted(names))}
    with create_file(path) as stream:
        stream.write(HEADER.encode("utf-8"))
        for key in sorted(names):
            told = _render_data((("package", None if key.startswith("name:") else key), ("name", names[key])))
            stream.write(f'<node id="{numbers[key]}">{told}</node>\n'.encode())
        for source, target, told in edges:
            line = f'<edge source="{numbers[source]}" target="{numbers[target]}">{_render_data(told)}</edge>\n'
            stream.write(line.encode("utf-8"))
        stream.write(b"</graph>\n</graphml>\n")


def _render_data(values: Sequence[tuple[str, object]]) -> str:
    return "".join(f'<data key="{key}">{escape_xml(str(value))}</data>' for key, value in values if value is not None)


def escape_xml(value: str) -> str:
    r"""Text as XML can hold it.

    >>> escape_xml("a<b\x01&\r")
    'a&lt;b⟨U+0001⟩&amp;⟨U+000D⟩'
    """
    return escape(_NOT_XML.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", value))

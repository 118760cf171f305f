"""`dictionary.csv`: every column of every table, with its unit, source, caveat, licence and class of personal data."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.exports.bundle_facts import BundleFacts, collect_terms
from analysis.exports.columns import describe_column
from analysis.exports.formats.csv import format_cell

HEADER = ("table", "column", "type", "unit", "nullable", "description", "source_field", "collected_since", "caveat",
          "licence", "personal")  # fmt: skip


def render(facts: BundleFacts) -> Mapping[str, bytes]:
    """Return the dictionary."""
    lines = [",".join(HEADER)]
    for table in facts.tables:
        licences = {part.registry: collect_terms(facts, part.registry)[0][0]["name"] for part in table.parts}
        for column in table.columns:
            entry = describe_column(table, column)
            row = (
                table.name, column.name, column.type, entry["unit"], "yes" if entry["nullable"] else "no",
                entry["description"], entry["source"], facts.collected_since.get((table.name, column.name)),
                entry.get("caveat"),
                "; ".join(f"{name}: {licence}" if name else licence for name, licence in licences.items()),
                entry.get("personal", "none"),
            )  # fmt: skip
            lines.append(",".join(map(format_cell, row)))
    return {"dictionary.csv": ("\n".join(lines) + "\n").encode("utf-8")}

"""`dictionary.csv`: every column of every table, with its unit, source, caveat, licence and class of personal data."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.exports.bundle_facts import BundleFacts
from analysis.exports.columns import describe_column
from analysis.exports.formats.csv import format_cell
from analysis.exports.tables import Column, Table
from analysis.exports.terms import choose_licence, label_licence

HEADER = ("table", "column", "type", "unit", "nullable", "description", "source_field", "collected_since", "caveat",
          "licence", "personal")  # fmt: skip


def render(facts: BundleFacts) -> Mapping[str, bytes]:
    """Return the dictionary."""
    lines = [",".join(HEADER)]
    for table in facts.tables:
        licences = {part.registry: label_licence(choose_licence(facts, part.registry)) for part in table.parts}
        terms = "; ".join(f"{name}: {licence}" if name else licence for name, licence in licences.items())
        for column in table.columns:
            row = _make_row(table, column, facts.collected_since.get((table.name, column.name)), terms)
            lines.append(",".join(map(format_cell, row)))
    return {"dictionary.csv": ("\n".join(lines) + "\n").encode("utf-8")}


def _make_row(table: Table, column: Column, since: str | None, terms: str) -> tuple[object, ...]:
    entry = describe_column(table, column)
    return (
        table.name, column.name, column.type, entry["unit"], "yes" if entry["nullable"] else "no",
        entry["description"], entry["source"], since, entry.get("caveat"), terms, entry.get("personal", "none"),
    )  # fmt: skip

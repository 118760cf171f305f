"""`dictionary.csv`: every column of every table, with its unit, source, caveat, licence and class of personal data."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.exports.bundle_facts import Facts, terms
from analysis.exports.columns import describe
from analysis.exports.formats.csv import cell

HEAD = ("table", "column", "type", "unit", "nullable", "description", "source_field", "collected_since", "caveat",
        "licence", "personal")  # fmt: skip


def tell(facts: Facts) -> Mapping[str, bytes]:
    """The dictionary."""
    lines = [",".join(HEAD)]
    for table in facts.tables:
        licences = {part.registry: terms(facts, part.registry)[0][0]["name"] for part in table.parts}
        for column in table.columns:
            said = describe(table, column)
            row = (
                table.name, column.name, column.type, said["unit"], "yes" if said["nullable"] else "no",
                said["description"], said["source"], facts.since.get((table.name, column.name)), said.get("caveat"),
                "; ".join(f"{name}: {licence}" if name else licence for name, licence in licences.items()),
                said["personal"],
            )  # fmt: skip
            lines.append(",".join(map(cell, row)))
    return {"dictionary.csv": ("\n".join(lines) + "\n").encode("utf-8")}

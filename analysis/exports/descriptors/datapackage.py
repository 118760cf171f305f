"""`datapackage.json`: the bundle as a Data Package (Frictionless, version 2)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from analysis.exports.bundle_facts import BundleFacts, BundleFile, collect_terms
from analysis.exports.columns import describe_column, describe_table
from analysis.exports.tables import Table

PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
TYPES = {"INTEGER": "integer", "REAL": "number", "TEXT": "string"}
MEDIA_TYPES = {
    "csv": "text/csv", "graphml": "application/graphml+xml", "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
    "sqlite": "application/vnd.sqlite3",
}  # fmt: skip
DEFAULT_MEDIA_TYPE = "application/octet-stream"
# By its extension frictionless takes Parquet for a table, and an integer that is missing for a text "nan"; under its
# registered name it is a file whose bytes and hash are looked at. What its columns are it says itself.
FORMATS = {"parquet": "vnd.apache.parquet"}


def render(facts: BundleFacts) -> Mapping[str, bytes]:
    """The descriptor."""
    licences, sources = collect_terms(facts, None)
    package = {
        "$schema": PROFILE,
        "name": "hub-observatory-export",
        "title": facts.title,
        "description": "Dated snapshots of software registries, exported by hub-observatory. README.md says more.",
        "version": facts.schema_version,
        "licenses": licences,
        "sources": sources,
        "resources": list(_make_resources(facts)),
    }
    return {"datapackage.json": json.dumps(package, ensure_ascii=False, indent=1).encode("utf-8") + b"\n"}


def _make_resources(facts: BundleFacts) -> Iterator[dict[str, object]]:
    tables = {table.name: table for table in facts.tables}
    for file in facts.files:
        yield _make_resource(facts, file, tables.get(str(file.contents.table)))


def _make_resource(facts: BundleFacts, file: BundleFile, table: Table | None) -> dict[str, object]:
    one = file.contents
    licences, sources = collect_terms(facts, one.registry)
    made: dict[str, object] = {
        "name": _make_name(file.path), "path": file.path, "format": FORMATS.get(one.format, one.format),
        "mediatype": MEDIA_TYPES.get(one.format, DEFAULT_MEDIA_TYPE), "bytes": file.bytes, "hash": f"sha256:{file.sha256}",
        "licenses": licences, "sources": sources,
    }  # fmt: skip
    if table is None:
        return made
    made["description"] = describe_table(table)
    if one.format == "csv":
        made |= {"type": "table", "encoding": "utf-8", "dialect": {"doubleQuote": True, "lineTerminator": "\n"}}
    if one.format in ("csv", "jsonl"):
        made["schema"] = {
            "fields": [_make_field(table, name) for name in range(len(table.columns))],
            "missingValues": [""],
        }
    return made


def _make_field(table: Table, position: int) -> dict[str, object]:
    column = table.columns[position]
    said = describe_column(table, column)
    made: dict[str, object] = {
        "name": column.name, "type": TYPES[column.type], "description": said["description"], "unit": said["unit"],
        "source": said["source"],
    }  # fmt: skip
    return {**made, "caveat": said["caveat"]} if "caveat" in said else made


def _make_name(path: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in path.lower()).strip("-")

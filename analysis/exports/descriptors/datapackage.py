"""`datapackage.json`: the bundle as a Data Package (Frictionless, version 2)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from analysis.exports.bundle_facts import BundleFacts, BundleFile
from analysis.exports.columns import describe_column, describe_table
from analysis.exports.media_types import DATAPACKAGE_MEDIA_TYPES, DEFAULT_MEDIA_TYPE
from analysis.exports.tables import Column, Table
from analysis.exports.terms import collect_terms

PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
DESCRIPTION = "Dated snapshots of software registries, exported by hub-observatory."
TYPES = {"INTEGER": "integer", "REAL": "number", "TEXT": "string"}
# By its usual name frictionless reads Parquet as a table, and a missing integer as the text "nan". By its registered
# name it checks the bytes and the hash only. A Parquet file has a schema of its own.
FORMATS = {"parquet": "vnd.apache.parquet"}


def render(facts: BundleFacts) -> Mapping[str, bytes]:
    """Return the descriptor of the Data Package."""
    licences, sources = collect_terms(facts, None)
    package = {
        "$schema": PROFILE,
        "name": "hub-observatory-export",
        "title": facts.title,
        "description": " ".join(part for part in (DESCRIPTION, facts.notice, "README.md says more.") if part),
        "version": facts.schema_version,
        "licenses": licences,
        "sources": sources,
        **_describe_contributors(facts),
        "resources": list(_make_resources(facts)),
    }
    return {"datapackage.json": json.dumps(package, ensure_ascii=False, indent=1).encode("utf-8") + b"\n"}


def _describe_contributors(facts: BundleFacts) -> dict[str, list[dict[str, object]]]:
    """Return the authors as contributors, or nothing: the standard permits no empty list."""
    contributors: list[dict[str, object]] = [
        {"title": author.name, "roles": ["creator"], **({"path": author.url} if author.url else {})}
        for author in facts.authors
    ]
    return {"contributors": contributors} if contributors else {}


def _make_resources(facts: BundleFacts) -> Iterator[dict[str, object]]:
    tables = {table.name: table for table in facts.tables}
    for file in facts.files:
        yield _make_resource(facts, file, tables.get(str(file.contents.table)))


def _make_resource(facts: BundleFacts, file: BundleFile, table: Table | None) -> dict[str, object]:
    format_name = file.contents.format
    licences, sources = collect_terms(facts, file.contents.registry)
    resource: dict[str, object] = {
        "name": _make_name(file.path), "path": file.path, "format": FORMATS.get(format_name, format_name),
        "mediatype": DATAPACKAGE_MEDIA_TYPES.get(format_name, DEFAULT_MEDIA_TYPE), "bytes": file.bytes,
        "hash": f"sha256:{file.sha256}", "licenses": licences, "sources": sources,
    }  # fmt: skip
    if table is None:
        return resource
    resource["description"] = describe_table(table)
    if format_name == "csv":
        resource |= {"type": "table", "encoding": "utf-8", "dialect": {"doubleQuote": True, "lineTerminator": "\n"}}
    if format_name in ("csv", "jsonl"):
        fields = [_make_field(table, column) for column in table.columns]
        resource["schema"] = {"fields": fields, "missingValues": [""]}
    return resource


def _make_field(table: Table, column: Column) -> dict[str, object]:
    entry = describe_column(table, column)
    field: dict[str, object] = {
        "name": column.name, "type": TYPES[column.type], "description": entry["description"], "unit": entry["unit"],
        "source": entry["source"],
    }  # fmt: skip
    return {**field, "caveat": entry["caveat"]} if "caveat" in entry else field


def _make_name(path: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in path.lower()).strip("-")

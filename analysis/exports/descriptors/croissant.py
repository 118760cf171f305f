"""`croissant.json`: the bundle in Croissant 1.1, for the tools of machine learning."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from analysis.exports.bundle_facts import BundleFacts, BundleFile, collect_terms
from analysis.exports.columns import describe_column, describe_table
from analysis.exports.tables import Table

CONTEXT = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "containedIn": "cr:containedIn", "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/", "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract",
    "field": "cr:field", "fileObject": "cr:fileObject", "fileProperty": "cr:fileProperty", "fileSet": "cr:fileSet",
    "format": "cr:format", "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath",
    "key": "cr:key", "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/", "recordSet": "cr:recordSet", "references": "cr:references",
    "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace", "samplingRate": "cr:samplingRate", "sc": "https://schema.org/",
    "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField", "transform": "cr:transform",
}  # fmt: skip
TYPES = {"INTEGER": "sc:Integer", "REAL": "sc:Float", "TEXT": "sc:Text"}
MEDIA_TYPES = {
    "csv": "text/csv", "graphml": "application/graphml+xml", "jsonl": "application/jsonlines",
    "parquet": "application/x-parquet",
    "sqlite": "application/vnd.sqlite3",
}  # fmt: skip
DEFAULT_MEDIA_TYPE = "application/octet-stream"
RECORD_FORMATS = ("parquet", "csv", "jsonl")  # the forms records can be read from, the best first


def render(facts: BundleFacts) -> Mapping[str, bytes]:
    """The description."""
    licences, _ = collect_terms(facts, None)
    made = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": "hub-observatory-export",
        "description": f"{facts.title}. README.md says more.",
        "url": "https://huggingface.co/datasets",
        "license": licences[0]["path"],
        "version": f"{facts.schema_version}.0.0",
        "datePublished": facts.complete_snapshots[-1].date if facts.complete_snapshots else "1970-01-01",
        "creator": {"@type": "Organization", "name": "hub-observatory"},
        "citeAs": "CITATION.cff",
        "distribution": [_make_file_object(file) for file in facts.files],
        "recordSet": list(_make_record_sets(facts)),
    }
    return {"croissant.json": json.dumps(made, ensure_ascii=False, indent=1).encode("utf-8") + b"\n"}


def _make_file_object(file: BundleFile) -> dict[str, object]:
    return {
        "@type": "cr:FileObject", "@id": file.path, "name": file.path, "contentUrl": file.path,
        "contentSize": f"{file.bytes} B", "encodingFormat": MEDIA_TYPES.get(file.contents.format, DEFAULT_MEDIA_TYPE), "sha256": file.sha256,
    }  # fmt: skip


def _make_record_sets(facts: BundleFacts) -> Iterator[dict[str, object]]:
    """A record set for each file with rows: what Croissant calls a set of files needs an archive that has them."""
    tables = {table.name: table for table in facts.tables if not table.is_lake}
    form = next((form for form in RECORD_FORMATS if any(file.contents.format == form for file in facts.files)), None)
    for file in facts.files:
        if file.contents.format == form and file.contents.table in tables:
            table = tables[str(file.contents.table)]
            name = file.path.removeprefix(f"{form}/").rpartition(".")[0]
            yield {
                "@type": "cr:RecordSet", "@id": name, "name": name, "description": describe_table(table),
                "field": [_make_field(table, place, name, file) for place in range(len(table.columns))],
            }  # fmt: skip


def _make_field(table: Table, position: int, name: str, file: BundleFile) -> dict[str, object]:
    column = table.columns[position]
    return {
        "@type": "cr:Field", "@id": f"{name}/{column.name}", "name": column.name,
        "description": str(describe_column(table, column)["description"]), "dataType": TYPES[column.type],
        "source": {"fileObject": {"@id": file.path}, "extract": {"column": column.name}},
    }  # fmt: skip

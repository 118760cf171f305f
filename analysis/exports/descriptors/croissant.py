"""`croissant.json`: the bundle in Croissant 1.1, for machine learning tools."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from analysis.exports.authors import NO_AUTHOR, BundleAuthor
from analysis.exports.bundle_facts import BundleFacts, BundleFile
from analysis.exports.columns import describe_column, describe_table
from analysis.exports.media_types import CROISSANT_MEDIA_TYPES, DEFAULT_MEDIA_TYPE
from analysis.exports.tables import Column, Table
from analysis.exports.terms import collect_terms

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
    "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace", "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField", "transform": "cr:transform",
}  # fmt: skip
TYPES = {"INTEGER": "sc:Integer", "REAL": "sc:Float", "TEXT": "sc:Text"}
RECORD_FORMATS = ("parquet", "csv", "jsonl")  # formats that records can be read from, the best first


def render(facts: BundleFacts) -> Mapping[str, bytes]:
    """Return the Croissant description."""
    licences, _ = collect_terms(facts, None)
    dataset = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": "hub-observatory-export",
        "description": " ".join(part for part in (f"{facts.title}.", facts.notice, "README.md says more.") if part),
        "url": "https://huggingface.co/datasets",
        "license": licences[0]["path"],
        "version": f"{facts.schema_version}.0.0",
        "datePublished": facts.complete_snapshots[-1].date if facts.complete_snapshots else "1970-01-01",
        "creator": _list_creators(facts),
        "citeAs": "CITATION.cff",
        "distribution": [_make_file_object(file) for file in facts.files],
        "recordSet": list(_make_record_sets(facts)),
    }
    return {"croissant.json": json.dumps(dataset, ensure_ascii=False, indent=1).encode("utf-8") + b"\n"}


def _list_creators(facts: BundleFacts) -> list[dict[str, str]]:
    creators = [
        {"@type": "Person" if author.orcid else "Organization", "name": author.name, "url": author.url}
        for author in facts.authors or (BundleAuthor(NO_AUTHOR),)
    ]
    return [{key: value for key, value in creator.items() if value} for creator in creators]


def _make_file_object(file: BundleFile) -> dict[str, object]:
    return {
        "@type": "cr:FileObject", "@id": file.path, "name": file.path, "contentUrl": file.path,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": CROISSANT_MEDIA_TYPES.get(file.contents.format, DEFAULT_MEDIA_TYPE),
        "sha256": file.sha256,
    }  # fmt: skip


def _make_record_sets(facts: BundleFacts) -> Iterator[dict[str, object]]:
    """Yield a record set for each file with rows, because a Croissant file set exists only inside an archive."""
    tables = {table.name: table for table in facts.tables if not table.is_lake}
    format_name = facts.choose_format(RECORD_FORMATS)
    for file in facts.files:
        if file.contents.format == format_name and file.contents.table in tables:
            table = tables[file.contents.table]
            name = file.path.removeprefix(f"{format_name}/").rpartition(".")[0]
            yield {
                "@type": "cr:RecordSet", "@id": name, "name": name, "description": describe_table(table),
                "field": [_make_field(table, column, name, file) for column in table.columns],
            }  # fmt: skip


def _make_field(table: Table, column: Column, record_set: str, file: BundleFile) -> dict[str, object]:
    return {
        "@type": "cr:Field", "@id": f"{record_set}/{column.name}", "name": column.name,
        "description": describe_column(table, column)["description"], "dataType": TYPES[column.type],
        "source": {"fileObject": {"@id": file.path}, "extract": {"column": column.name}},
    }  # fmt: skip

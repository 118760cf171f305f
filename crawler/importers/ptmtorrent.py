"""The metadata of PTMTorrent (JSON): rows of the Hub, records of its own, or both in one.

Eras: its scripts fetched rows of the Hub (`modelId`, `downloads`, `lastModified`, `tags`, some with `_id`). Its own
records (`ModelHub`, `ModelName`, `ModelURL`, `LatestGitCommitSHA`) have no counts. Their `id` is the Hub's, or a number
of a run. Records of other hubs are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from crawler.importers import ContentImporter, ImportFailedError, ImportSpec, ParsedList
from crawler.importers._files import suggest_format
from crawler.importers._hub import parse_rows
from crawler.importers._json import parse_json

HUB_ID = re.compile("[0-9a-f]{24}")
FIELDS = ("downloads", "likes", "sha", "tags", "library_name", "pipeline_tag", "lastModified", "createdAt")


def parse_content(content: bytes, spec: ImportSpec) -> ParsedList:
    """Parse the models of the Hub in a file, best first.

    Raises:
        ImportFailedError: the file is not JSON, or not a list.
    """
    try:
        document = parse_json(content)
    except ValueError as error:
        fix = suggest_format(content, "ptmtorrent") or "Name one file of PTMTorrent."
        raise ImportFailedError("The file is not JSON.", fix=fix) from error
    records = list(document.values()) if isinstance(document, dict) else document
    if not isinstance(records, list) or not any(isinstance(record, dict) for record in records):
        raise ImportFailedError("The file is not a list of models.", fix="Name one file of PTMTorrent.")
    rows = list(_iter_hub_rows(records))
    fields = {name for name in FIELDS if any(isinstance(row, dict) and row.get(name) is not None for row in rows)}
    return parse_rows(rows, spec, fields, lineage=False)


IMPORTER = ContentImporter(parse_content)


def _iter_hub_rows(records: Iterable[object]) -> Iterator[object]:
    for record in records:
        if not isinstance(record, dict):
            yield record
            continue
        hub = record.get("ModelHub")
        hub_name = str(hub.get("ModelHubName", "")) if isinstance(hub, dict) else "huggingface"
        if hub_name.lower().replace(" ", "") == "huggingface":
            yield _make_hub_row(record)


def _make_hub_row(record: Mapping[str, object]) -> dict[str, object]:
    path = _read_path(str(record.get("ModelURL") or ""))
    record_id = record.get("id")
    text_id = record_id if isinstance(record_id, str) else ""
    row_id = text_id if "ModelURL" not in record else None
    return {name: record.get(name) for name in FIELDS} | {
        "_id": record.get("_id") or (text_id if HUB_ID.fullmatch(text_id) else None),
        "id": record.get("modelId") or row_id or path or record.get("ModelName"),
        "private": record.get("private"),
        "sha": record.get("sha") or record.get("LatestGitCommitSHA"),
        "pipeline_tag": record.get("pipeline_tag") or record.get("ModelTask"),
    }


def _read_path(url: str) -> str:
    try:
        return urlsplit(url).path.strip("/")
    except ValueError:  # such as a host with half a bracket
        return ""

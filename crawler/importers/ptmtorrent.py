"""The metadata of PTMTorrent (JSON): the Hub's rows as it kept them, or its own records, or both in one.

Eras: what its scripts fetched are rows of the Hub (`modelId`, `downloads`, `lastModified`, `tags`, some with `_id`).
Its own records (`ModelHub`, `ModelName`, `ModelURL`, `LatestGitCommitSHA`) have no counts; their `id` is the Hub's or a
number of a run, and those of other hubs are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from crawler.importers import ImportFailedError, ImportSpec, ParsedList
from crawler.importers._hub import parse_rows

HUB_ID = re.compile("[0-9a-f]{24}")
FIELDS = ("downloads", "likes", "sha", "tags", "library_name", "pipeline_tag", "lastModified", "createdAt")


def parse_content(content: bytes, spec: ImportSpec) -> ParsedList:
    """The models of the Hub in it, best first.

    Raises:
        ImportFailed: it is not JSON, or not a list.
    """
    try:
        whole = json.loads(content)
    except ValueError as error:
        raise ImportFailedError("The file is not JSON.", why=str(error), fix="Name one file of PTMTorrent.") from error
    rows = list(whole.values()) if isinstance(whole, dict) else whole
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ImportFailedError("The file is not a list of models.", fix="Name one file of PTMTorrent.")
    made = list(_iter_hub_rows(rows))
    fields = {name for name in FIELDS if any(row.get(name) is not None for row in made)}
    return parse_rows(made, spec, fields, lineage=False)


def _iter_hub_rows(rows: list[Mapping[str, object]]) -> Iterator[dict[str, object]]:
    for row in rows:
        hub = row.get("ModelHub")
        named = str(hub.get("ModelHubName", "")) if isinstance(hub, dict) else "huggingface"
        if named.lower().replace(" ", "") == "huggingface":
            yield _make_hub_row(row)


def _make_hub_row(row: Mapping[str, object]) -> dict[str, object]:
    path = urlsplit(str(row.get("ModelURL") or "")).path.strip("/")
    key = row["id"] if isinstance(row.get("id"), str) else ""
    named = key if "ModelURL" not in row else None
    said = {name: row.get(name) for name in FIELDS}
    return {
        **said, "_id": row.get("_id") or (key if HUB_ID.fullmatch(key) else None),
        "id": row.get("modelId") or named or path or row.get("ModelName"),
        "sha": row.get("sha") or row.get("LatestGitCommitSHA"),
        "pipeline_tag": row.get("pipeline_tag") or row.get("ModelTask"),
    }  # fmt: skip

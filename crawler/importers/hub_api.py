"""Stored bodies of the Hub's `/api/models`, `/api/datasets` or `/api/spaces`: JSON or JSON lines."""

from __future__ import annotations

import json
from contextlib import suppress

from crawler.importers import ContentImporter, ImportFailedError, ImportSpec, ParsedList, sort_by_counter
from crawler.importers._files import suggest_format
from crawler.importers._hub import hub_kind, newest_instant
from crawler.parsing.huggingface_rows import EXPAND_FIELDS, SORT_FIELDS, HuggingFaceRow, make_observation
from crawler.parsing.rows import NotAListError, read_rows
from crawler.parsing.visibility import is_public_record

SAMPLE_ROWS = 50  # rows in which the fields of a body are looked up


def parse_content(content: bytes, spec: ImportSpec) -> ParsedList:
    """Parse the rows of one body, or of a row or body in each line. The newest creation or modification dates them.

    Raises:
        ImportFailedError: the file is not JSON, or not of the Hub.
    """
    kind = hub_kind(spec)
    all_rows = _read_json_rows(content)
    rows = [row for row in all_rows if not isinstance(row, dict) or is_public_record(row)]
    words = set(json.dumps(rows[:SAMPLE_ROWS]).replace('"', " ").split())
    fields = {*EXPAND_FIELDS[kind], "cardData"} & words
    required = frozenset({"id", "_id", SORT_FIELDS[spec.ordered_by]})
    try:
        body = json.dumps(rows).encode("ascii")
        parsed = read_rows(body, HuggingFaceRow, required, lambda row: make_observation(row, fields))
    except NotAListError as error:
        raise ImportFailedError(
            "The file is not a list of rows.", why=str(error), fix="Store the response of the Hub's API as it is."
        ) from error
    observations = sort_by_counter(parsed.observations, spec.ordered_by)
    return ParsedList(parsed.received, observations, parsed.rejects, parsed.events, newest_instant(observations),
                      hidden=len(all_rows) - len(rows))  # fmt: skip


IMPORTER = ContentImporter(parse_content)


def _read_json_rows(content: bytes) -> list[object]:
    with suppress(ValueError):
        document = json.loads(content)
        return document if isinstance(document, list) else [document]
    return _read_json_lines(content)


def _read_json_lines(content: bytes) -> list[object]:
    rows: list[object] = []
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            beginning = line[:60].decode("utf-8", "replace")
            raise ImportFailedError(
                "The file is neither JSON nor JSON lines.",
                why=f"Line {number} is not JSON: {beginning!r}",
                fix=suggest_format(content, "hub-api") or "Store the response of the Hub's API as it is.",
            ) from error
        rows.extend(row if isinstance(row, list) else [row])
    return rows

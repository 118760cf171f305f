"""Stored bodies of the Hub's `/api/models`, `/api/datasets` or `/api/spaces`: JSON or JSON lines."""

from __future__ import annotations

from crawler.importers import ContentImporter, ImportFailedError, ImportSpec, ParsedList
from crawler.importers._files import suggest_format
from crawler.importers._hub import hub_kind, parse_rows
from crawler.importers._json import parse_json
from crawler.parsing.huggingface_rows import EXPAND_FIELDS, SORT_FIELDS
from crawler.parsing.redact import EXCERPT_MARGIN, excerpt

SAMPLE_ROWS = 50  # rows in which the fields of a body are looked up


def parse_content(content: bytes, spec: ImportSpec) -> ParsedList:
    """Parse the rows of one body, or of a row or body in each line. The newest creation or modification dates them.

    Raises:
        ImportFailedError: the file is not JSON, or not of the Hub.
    """
    kind = hub_kind(spec)
    rows = _read_json_rows(content)
    names = {name for row in rows[:SAMPLE_ROWS] if isinstance(row, dict) for name in row}
    fields = {*EXPAND_FIELDS[kind], "cardData"} & names
    return parse_rows(rows, spec, fields, required=("id", "_id", SORT_FIELDS[spec.ordered_by]))


IMPORTER = ContentImporter(parse_content)


def _read_json_rows(content: bytes) -> list[object]:
    try:
        document = parse_json(content)
    except ValueError:
        return _read_json_lines(content)
    return document if isinstance(document, list) else [document]


def _read_json_lines(content: bytes) -> list[object]:
    rows: list[object] = []
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = parse_json(line)
        except ValueError as error:
            beginning = excerpt(line[: 60 + EXCERPT_MARGIN].decode("utf-8", "replace"), 60)
            raise ImportFailedError(
                "The file is neither JSON nor JSON lines.",
                why=f"Line {number} is not JSON: {beginning!r}",
                fix=suggest_format(content, "hub-api") or "Store the response of the Hub's API as it is.",
            ) from error
        rows.extend(row if isinstance(row, list) else [row])
    return rows

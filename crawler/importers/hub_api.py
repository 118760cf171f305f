"""Bodies of the Hub's `/api/models`, `/api/datasets` or `/api/spaces` that somebody kept: JSON or JSON lines."""

from __future__ import annotations

import json

from crawler.importers import ImportFailedError, ImportSpec, ParsedList, sort_by_counter
from crawler.parsing.huggingface_rows import EXPAND_FIELDS, SORT_FIELDS, HuggingFaceRow, make_observation
from crawler.parsing.rows import NotAListError, read_rows


def parse_content(content: bytes, spec: ImportSpec) -> ParsedList:
    """The rows of one body, or of one row or body to a line; dated by their newest creation or modification.

    Raises:
        ImportFailed: it is not JSON, or not of the Hub.
    """
    kind = spec.registry.removeprefix("huggingface/")
    if kind not in EXPAND_FIELDS or spec.ordered_by not in SORT_FIELDS:
        raise ImportFailedError(
            f"A body of the Hub is not a list of {spec.registry} by {spec.ordered_by}.",
            fix="Use --registry huggingface/models, huggingface/datasets or huggingface/spaces.",
        )
    body = _encode_rows(content)
    asked = {*EXPAND_FIELDS[kind], "cardData"} & set(json.dumps(json.loads(body)[:50]).replace('"', " ").split())
    try:
        rows = read_rows(
            body,
            HuggingFaceRow,
            frozenset({"id", "_id", SORT_FIELDS[spec.ordered_by]}),
            lambda row: make_observation(row, asked),
        )
    except NotAListError as error:
        raise ImportFailedError("The file is not a list of rows.", why=str(error)) from error
    moments = [at for seen in rows.observations for at in (seen.created_at, seen.modified_at) if at is not None]
    return ParsedList(rows.received, sort_by_counter(rows.observations, spec.ordered_by), rows.rejects, rows.events,
                max(moments, default=None))  # fmt: skip


def _encode_rows(content: bytes) -> bytes:
    try:
        whole = json.loads(content)
    except ValueError:
        whole = _parse_lines(content)
    rows = whole if isinstance(whole, list) else [whole]
    return json.dumps(rows).encode("ascii")


def _parse_lines(content: bytes) -> list[object]:
    rows: list[object] = []
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ImportFailedError(
                "The file is neither JSON nor JSON lines.", why=f"line {number}: {error}"
            ) from error
        rows.extend(row if isinstance(row, list) else [row])
    return rows

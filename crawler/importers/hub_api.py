"""Bodies of the Hub's `/api/models`, `/api/datasets` or `/api/spaces` that somebody kept: JSON or JSON lines."""

from __future__ import annotations

import json

from crawler.importers import ImportFailed, Past, Wanted, by_counter
from crawler.parsing.huggingface_rows import EXPAND, SORTS, Row, observation
from crawler.parsing.rows import NotAList, read_rows


def read(content: bytes, wanted: Wanted) -> Past:
    """The rows of one body, or of one row or body to a line; dated by their newest creation or modification.

    Raises:
        ImportFailed: it is not JSON, or not of the Hub.
    """
    kind = wanted.registry.removeprefix("huggingface/")
    if kind not in EXPAND or wanted.ordered_by not in SORTS:
        raise ImportFailed(
            f"A body of the Hub is not a list of {wanted.registry} by {wanted.ordered_by}.",
            fix="Use --registry huggingface/models, huggingface/datasets or huggingface/spaces.",
        )
    body = _one_list(content)
    asked = {*EXPAND[kind], "cardData"} & set(json.dumps(json.loads(body)[:50]).replace('"', " ").split())
    try:
        rows = read_rows(
            body, Row, frozenset({"id", "_id", SORTS[wanted.ordered_by]}), lambda row: observation(row, asked)
        )
    except NotAList as error:
        raise ImportFailed("The file is not a list of rows.", why=str(error)) from error
    moments = [at for seen in rows.observations for at in (seen.created_at, seen.modified_at) if at is not None]
    return Past(rows.received, by_counter(rows.observations, wanted.ordered_by), rows.rejects, rows.events,
                max(moments, default=None))  # fmt: skip


def _one_list(content: bytes) -> bytes:
    try:
        whole = json.loads(content)
    except ValueError:
        whole = _lines(content)
    rows = whole if isinstance(whole, list) else [whole]
    return json.dumps(rows).encode("ascii")


def _lines(content: bytes) -> list[object]:
    rows: list[object] = []
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ImportFailed("The file is neither JSON nor JSON lines.", why=f"line {number}: {error}") from error
        rows.extend(row if isinstance(row, list) else [row])
    return rows

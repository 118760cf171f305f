"""Read the position at which a list of the Hub continues from the cursor in the URL of its next page (pure).

A cursor is the query that the Hub will send to its database: all rows after a given row in the order of the list.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator

from crawler.parsing.urls import url_parameters
from crawler.response import Event, Reject

ListPosition = tuple[float, str]  # the negative sort value and the id, in a list with the largest value first

WITHOUT_VALUE = 1.0


def list_position(value: float | None, stable_id: str) -> ListPosition:
    """Return the position of a row. Rows without a value come last.

    >>> list_position(9, "b") < list_position(4, "a") < list_position(4, "b") < list_position(None, "a")
    True
    """
    return (WITHOUT_VALUE if value is None else -value, stable_id)


def last_row_position(
    received: int, positions: Iterable[ListPosition], rejects: Iterable[Reject]
) -> ListPosition | None:
    """Return the position of the last row of a page, or None if that row was rejected."""
    position = next(iter(positions), None)
    return None if received - 1 in {reject.position for reject in rejects} else position


def cursor_position(next_url: str | None) -> ListPosition | None:
    """Return the position of the row after which the next page begins, or None if the cursor cannot be read.

    >>> cursor = base64.b64encode(b'{"$or": [{"likes": 4, "_id": {"$gt": "6a"}}, {"likes": {"$lt": 4}}]}').decode()
    >>> cursor_position(f"https://hub.example/api/models?cursor={cursor}")
    (-4, '6a')
    """
    for part in _decode_predicate(next_url):
        after = part.get("_id")
        values = [value for key, value in part.items() if key != "_id"]
        if isinstance(after, dict) and isinstance(after.get("$gt"), str) and len(values) <= 1:
            value = values[0] if values else 0
            return list_position(value if isinstance(value, int | float) else None, after["$gt"])
    return None


def cursor_after(field: str, row: ListPosition) -> str:
    """Return the cursor after a row, as the Hub writes it. `field` is the field of the order, '' if that is `_id`.

    >>> base64.b64decode(cursor_after("", (0.0, "6a")))
    b'{"_id":{"$gt":"6a"}}'
    """
    after: dict[str, object] = {"_id": {"$gt": row[1]}}
    if field and row[0] == WITHOUT_VALUE:
        after = {field: None, **after}
    elif field:
        value = int(-row[0]) if float(row[0]).is_integer() else -row[0]
        after = {"$or": [{field: value, **after}, {field: {"$lt": value}}, {field: None}]}
    return base64.b64encode(json.dumps(after, separators=(",", ":")).encode()).decode()


def lost_row_events(next_url: str | None, last_row: ListPosition | None) -> Iterator[Event]:
    """Yield an event if the next page begins after a row further down than the last row of this page.

    A cursor that points back loses no rows. The page loop detects lists that go round in circles.
    """
    start = cursor_position(next_url)
    if start is not None and last_row is not None and start[1] != last_row[1] and start > last_row:
        evidence = "the next page begins after another row than the last row of this page"
        yield Event("rows_lost", "warning", evidence, last_row[1], start[1])


def cursor_keys(next_url: str | None) -> str:
    """Return the keys of a cursor as the Hub's predicate names them ('downloads, _id'), or '' if it is unreadable."""
    return ", ".join(dict.fromkeys(key for part in _decode_predicate(next_url) for key in part))


def _decode_predicate(next_url: str | None) -> list[dict[str, object]]:
    try:
        predicate = json.loads(base64.b64decode(dict(url_parameters(next_url or "")).get("cursor", "")))
        parts = predicate.get("$or", [predicate])
    except (ValueError, binascii.Error, AttributeError, TypeError, RecursionError):
        return []
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []

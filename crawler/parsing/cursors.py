"""Where a list of the Hub goes on, as the cursor in the address of its next page tells (pure).

A cursor is the question that the Hub will ask its database: all that stands after one row in the order of the list.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, urlsplit

from crawler.response import Event, Reject

ListPosition = tuple[float, str]  # in a list with the largest first: less what it is ordered by, and the id


def list_position(value: float | None, stable_id: str) -> ListPosition:
    """Where a row stands; those without a value stand last.

    >>> list_position(9, "b") < list_position(4, "a") < list_position(4, "b") < list_position(None, "a")
    True
    """
    return (1.0 if value is None else -value, stable_id)


def last_row_position(
    received: int, positions: Iterable[ListPosition], rejects: Iterable[Reject]
) -> ListPosition | None:
    """Where the last row of a page stands, if that row could be read."""
    last = next(iter(positions), None)
    return None if received - 1 in {reject.position for reject in rejects} else last


def cursor_position(next_url: str | None) -> ListPosition | None:
    """Where the row stands that the next page begins after, if that can be read.

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


def lost_row_events(next_url: str | None, last_row: ListPosition | None) -> Iterator[Event]:
    """What the address of the next page says of rows that should stand after the last one of this page.

    An address that leads back is no loss: that the list goes round in circles is seen elsewhere.
    """
    wanted = cursor_position(next_url)
    if wanted is not None and last_row is not None and wanted[1] != last_row[1] and wanted > last_row:
        said = "the list goes on after another row than the last one here"
        yield Event("rows_lost", "warning", said, last_row[1], wanted[1])


def cursor_keys(next_url: str | None) -> str:
    """The keys a cursor stands on, as the Hub's predicate names them: 'downloads, _id'; '' if it cannot be read."""
    return ", ".join(dict.fromkeys(key for part in _decode_predicate(next_url) for key in part))


def _decode_predicate(next_url: str | None) -> list[dict[str, object]]:
    try:
        cursor = dict(parse_qsl(urlsplit(next_url or "").query)).get("cursor", "")
        found = json.loads(base64.b64decode(cursor))
        parts = found.get("$or", [found])
    except (ValueError, binascii.Error, AttributeError, TypeError, RecursionError):
        return []
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []

"""Make one row of a collection as the Hub would have sent it, whatever types its cells have (pure)."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal

from crawler.importers._cells import parse_count
from crawler.importers._moments import parse_moment

MISSING_ID = "0" * 24  # for collections that have only names
COUNTS = ("downloads", "downloadsAllTime", "likes")
MOMENTS = ("createdAt", "lastModified")
NESTED_FIELDS = ("baseModels", "safetensors")


def clean_row(row: object, counter: str, required: Collection[str] = ()) -> dict[str, object]:
    """Return a row without empty fields, with counts as whole numbers, moments in UTC and objects instead of JSON text.

    A count or moment that cannot be read stays as it is: the reader of rows drops the field and counts the drop.

    >>> clean_row({"id": "a/b", "downloads": "12.0", "likes": float("nan")}, "downloads")
    {'id': 'a/b', 'downloads': 12, '_id': '000000000000000000000000'}
    >>> clean_row({"modelId": " a/b "}, "likes")["id"]
    'a/b'

    Raises:
        ValueError: the row is no object, lacks a required field, or its counter is no number.
    """
    if not isinstance(row, Mapping):
        raise ValueError(f"a row that is not an object but {type(row).__name__}")
    if counter in COUNTS:
        parse_count(row.get(counter), counter)
    fields = {str(name): _clean_field(str(name), value) for name, value in row.items()}
    cleaned = {name: value for name, value in fields.items() if value is not None and value != {}}
    name = cleaned.get("id") or cleaned.get("modelId")
    cleaned["id"] = (name.strip() or None) if isinstance(name, str) else name
    missing = [name for name in required if cleaned.get(name) is None]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    return {**cleaned, "_id": cleaned.get("_id") or MISSING_ID}


def _clean_field(name: str, value: object) -> object:
    with suppress(ValueError, RecursionError):
        if name in COUNTS:
            return parse_count(value, name)
        if name in MOMENTS and not (isinstance(value, str) and value.endswith("Z")):  # as the Hub writes them
            moment = parse_moment(value)
            return moment and moment.isoformat()
        if name in NESTED_FIELDS and isinstance(value, str):
            return _as_json_value(json.loads(value))
    return _as_json_value(value)


def _as_json_value(value: object) -> object:
    """Return a value as JSON can hold it, None for a number that is not one."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return _present_fields(value.items())
    if isinstance(value, list | tuple):
        return [_as_json_value(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")  # half characters: the reader of rows refuses them
    if isinstance(value, float | Decimal):
        return _as_json_number(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def _present_fields(items: Iterable[tuple[object, object]]) -> dict[str, object]:
    values = ((str(name), _as_json_value(value)) for name, value in items)
    return {name: value for name, value in values if value is not None and value != {}}


def _as_json_number(number: float | Decimal) -> float | None:
    if not math.isfinite(number):
        return None
    return int(number) if number == int(number) else float(number)

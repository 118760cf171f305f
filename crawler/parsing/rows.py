"""Read the rows of a page, one by one: a bad row is refused with its reason, and stops nothing (pure)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, TypeVar, get_type_hints

import msgspec

from crawler.response import Event, Observation, Reject

Row = TypeVar("Row", bound=msgspec.Struct)
MAX_NAME_LENGTH = 300
MAX_RAW_LENGTH = 500
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Key = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{24}$")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME_LENGTH)]


class NotAListError(ValueError):
    """The body is not a JSON list of rows; the message says what it is."""


class UnreadableRowError(ValueError):
    """A row lacks what it must have; the message says what."""


@dataclass(frozen=True, slots=True)
class ParsedRows:
    """What was read from one page. `received` counts every row of the body."""

    received: int
    observations: tuple[Observation, ...]
    rejects: tuple[Reject, ...]
    events: tuple[Event, ...]


def split_json_rows(body: bytes) -> list[bytes]:
    """The rows of a JSON list, not yet read.

    Raises:
        NotAList: the body is cut off, is another kind of JSON, or is no JSON at all.
    """
    return list(map(bytes, _decode_raw_rows(body)))


def count_rows(body: bytes) -> int:
    """How many rows a JSON list has.

    Raises:
        NotAList: see `split`.
    """
    return len(_decode_raw_rows(body))


def _decode_raw_rows(body: bytes) -> Sequence[bytes | msgspec.Raw]:
    try:
        return msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _split_tolerantly(body)


def _split_tolerantly(body: bytes) -> list[bytes]:
    """Python's own reader takes NaN and half characters; the row that has them is then refused alone."""
    try:
        rows = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotAListError(f"not JSON ({describe_error(error)}): {truncate_raw(body)}") from error
    if not isinstance(rows, list):
        raise NotAListError(f"not a list but {truncate_raw(body)}")
    return [json.dumps(row).encode("ascii") for row in rows]


def read_rows(
    body: bytes, row_type: type[Row], required: frozenset[str], observe: Callable[[Row], Observation]
) -> ParsedRows:
    """Every row of a page as an observation, or as a reject with its reason.

    A field of the wrong type is dropped, and counted in one event for each field, unless it is `required`.

    Raises:
        NotAList: see `split`.
    """
    observations, rejects, dropped = [], [], []
    raws = split_json_rows(body)
    for position, raw in enumerate(raws):
        try:
            observations.append(_require_storable(observe(read_row(raw, row_type, required, dropped))))
        except (UnreadableRowError, RecursionError) as error:
            rejects.append(Reject(position, describe_error(error), truncate_raw(raw)))
    return ParsedRows(len(raws), tuple(observations), tuple(rejects), tuple(type_change_events(dropped)))


def read_row(raw: bytes, row_type: type[Row], required: frozenset[str], dropped: list[tuple[str, str]]) -> Row:
    """One row, field by field if it must be.

    Raises:
        Unreadable: a required field is missing or of the wrong type; or the name cannot be stored.
    """
    try:
        row = msgspec.json.decode(raw, type=row_type)
    except (msgspec.DecodeError, UnicodeDecodeError):
        row = _read_field_by_field(raw, row_type, required, dropped)
    absent = [field for field in required if getattr(row, _attribute_names(row_type)[field]) is None]
    if absent:
        raise UnreadableRowError(f"{absent[0]} is missing")
    return row


def _read_field_by_field(
    raw: bytes, row_type: type[Row], required: frozenset[str], dropped: list[tuple[str, str]]
) -> Row:
    try:
        row = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise UnreadableRowError(f"not JSON ({describe_error(error)})") from error
    if not isinstance(row, dict):
        raise UnreadableRowError(f"a row that is not an object but {type(row).__name__}")
    values = {}
    for field, attribute, kind in _fields(row_type):
        if field not in row and field in required:
            raise UnreadableRowError(f"{field} is missing")
        if field not in row:
            continue
        try:
            values[attribute] = msgspec.convert(row[field], type=kind)
            json.dumps(row[field], ensure_ascii=False).encode("utf-8")  # half characters cannot be stored
        except (msgspec.ValidationError, UnicodeEncodeError, ValueError) as error:
            if field in required:
                raise UnreadableRowError(f"{field}: {describe_error(error)}") from error
            values.pop(attribute, None)
            dropped.append((field, describe_error(error)))
    try:
        return row_type(**values)
    except TypeError as error:
        raise UnreadableRowError(describe_error(error)) from error


@cache
def _fields(row_type: type[msgspec.Struct]) -> tuple[tuple[str, str, object], ...]:
    hints = get_type_hints(row_type, include_extras=True)
    return tuple((field.encode_name, field.name, hints[field.name]) for field in msgspec.structs.fields(row_type))


@cache
def _attribute_names(row_type: type[msgspec.Struct]) -> dict[str, str]:
    return {field: attribute for field, attribute, _ in _fields(row_type)}


def _require_storable(observation: Observation) -> Observation:
    """The observation, if its names can be written as UTF-8 and stand in one line of text.

    Raises:
        Unreadable: a half character or a NUL in the name or the id.
    """
    check_storable(observation.stable_id)
    check_storable(observation.name)
    return observation


def check_storable(text: str) -> None:
    """Nothing, if a text can be stored.

    Raises:
        Unreadable: it has a half character or a NUL.
    """
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise UnreadableRowError("a name with characters that cannot be stored")


def type_change_events(dropped: Iterable[tuple[str, str]]) -> list[Event]:
    """One event for each field that was dropped for its type, with how often and an example."""
    dropped = list(dropped)
    return [
        Event(
            "schema_type_change", "warning", f"{sum(name == field for name, _ in dropped)} rows: {example}", after=field
        )
        for field, example in dict(reversed(dropped)).items()
    ]


def count_inversions(values: Iterable[float | None]) -> int:
    """How many values are larger than the one before them; nothing counts as smaller than any number.

    >>> count_inversions([9, 7, 7, None, 3, 1])
    1
    """
    known = [-1.0 if value is None else float(value) for value in values]
    return sum(later > earlier for earlier, later in zip(known, known[1:], strict=False))


def epoch_seconds(moment: datetime | None) -> int | None:
    """A moment as whole seconds since 1970 UTC; one without a zone is taken for UTC.

    >>> epoch_seconds(datetime(1970, 1, 1, 0, 1))
    60
    """
    if moment is None:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def describe_error(error: BaseException) -> str:
    """What an error says, in one line."""
    return (str(error) or type(error).__name__)[:200]


def truncate_raw(body: bytes) -> str:
    """As much of a row as is kept when it is refused."""
    return body[:MAX_RAW_LENGTH].decode("utf-8", errors="replace")

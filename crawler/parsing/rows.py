"""Read the rows of a page one by one: an invalid row is rejected with its reason, and the others are kept (pure)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from typing import Annotated, TypeVar, get_type_hints

import msgspec

from crawler.parsing.deep_rows import split_deep_list
from crawler.parsing.redact import EXCERPT_MARGIN, excerpt
from crawler.response import Event, Observation, Reject

RowT = TypeVar("RowT", bound=msgspec.Struct)
MAX_NAME_LENGTH = 300
MAX_TEXT_LENGTH, MAX_TEXTS = 10_000, 20_000  # of a stored field, and of a list of texts
MAX_RAW_LENGTH = 500
MAX_ROW_BYTES = 4 * 1024**2  # the heaviest known row has 0.3 MB
MAX_ROWS, MAX_VALUES = 20_000, 1_000_000  # of a page; a value costs a hundred bytes of memory
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Key = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{24}$")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME_LENGTH)]
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT_LENGTH)]
Texts = Annotated[list[Text], msgspec.Meta(max_length=MAX_TEXTS)]
DroppedFields = list[tuple[str, str]]  # name of the field, and why its value was dropped


class NotAListError(ValueError):
    """A body that is not a JSON list of rows. The message says what the body is."""


class UnreadableRowError(ValueError):
    """A row without a required field. The message names the field."""


@dataclass(frozen=True, slots=True)
class ParsedRows:
    """Rows of one page. `received` counts every row of the body."""

    received: int
    observations: tuple[Observation, ...]
    rejects: tuple[Reject, ...]
    events: tuple[Event, ...]


def split_json_rows(body: bytes) -> list[bytes]:
    """Split a JSON list into its rows without reading them.

    Raises:
        NotAListError: the body is cut off, is another kind of JSON, or is not JSON. Or it has too many values.
    """
    return list(map(bytes, _decode_raw_rows(body)))


def count_rows(body: bytes) -> int:
    """Return the number of rows of a JSON list.

    Raises:
        NotAListError: see `split_json_rows`.
    """
    return len(_decode_raw_rows(body))


def _decode_raw_rows(body: bytes) -> Sequence[bytes | msgspec.Raw]:
    if body.count(b",") > MAX_VALUES:
        raise NotAListError(f"too large: it has more than {MAX_VALUES:,} values")
    rows: Sequence[bytes | msgspec.Raw]
    try:
        rows = msgspec.json.decode(body, type=list[msgspec.Raw])
    except RecursionError:
        rows = split_deep_rows(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        rows = _split_tolerantly(body)
    _check_row_count(rows)
    return rows


def _check_row_count(rows: Sequence[object]) -> None:
    if len(rows) > MAX_ROWS:
        raise NotAListError(f"too large: it has {len(rows):,} rows")


def _split_tolerantly(body: bytes) -> list[bytes]:
    """Split a list with Python's reader, which accepts NaN and lone surrogates, so that only their row is rejected."""
    try:
        rows = json.loads(body)
    except RecursionError:
        return split_deep_rows(body)
    except ValueError as error:
        raise NotAListError(f"not JSON ({describe_error(error)}): {truncate_raw(body)}") from error
    if not isinstance(rows, list):
        raise NotAListError(f"not a list but {truncate_raw(body)}")
    _check_row_count(rows)
    return [json.dumps(row).encode("ascii") for row in rows]


def split_deep_rows(body: bytes) -> list[bytes]:
    """Split a list with a row that is too deep for any reader, so that only this row is rejected.

    Raises:
        NotAListError: the body is not a list of rows, or has too many brackets.
    """
    if body.count(b"[") + body.count(b"{") > MAX_VALUES:
        raise NotAListError(f"not JSON (more than {MAX_VALUES:,} brackets): {truncate_raw(body)}")
    rows = split_deep_list(body)
    if rows is None:
        raise NotAListError(f"not JSON (too deep, and not a list of rows): {truncate_raw(body)}")
    _check_row_count(rows)
    return rows


def read_rows(
    body: bytes, row_type: type[RowT], required: frozenset[str], observe: Callable[[RowT, Set[str]], Observation]
) -> ParsedRows:
    """Return every row of a page as an observation, or as a reject with its reason.

    A field of the wrong type is dropped, unless it is `required`. One event for each field counts the dropped values.
    `observe` gets a row and its dropped fields, which are unknown and not absent.

    Raises:
        NotAListError: see `split_json_rows`.
    """
    observations: list[Observation] = []
    rejects: list[Reject] = []
    dropped: DroppedFields = []
    rows = split_json_rows(body)
    for position, raw in enumerate(rows):
        dropped_of_row: DroppedFields = []
        try:
            row = read_row(raw, row_type, required, dropped_of_row)
            observations.append(_require_storable(observe(row, {field for field, _ in dropped_of_row})))
        except (UnreadableRowError, RecursionError) as error:
            rejects.append(Reject(position, describe_error(error), truncate_raw(raw)))
        dropped += dropped_of_row
    return ParsedRows(len(rows), tuple(observations), tuple(rejects), tuple(type_change_events(dropped)))


def read_row(raw: bytes, row_type: type[RowT], required: frozenset[str], dropped: DroppedFields) -> RowT:
    """Read one row, field by field if the row as a whole is invalid. Dropped fields are added to `dropped`.

    Raises:
        UnreadableRowError: a required field is missing or of the wrong type, or the row is too large.
    """
    if len(raw) > MAX_ROW_BYTES:
        raise UnreadableRowError(f"the row is too large: {len(raw):,} bytes")
    try:
        row = msgspec.json.decode(raw, type=row_type)
    except (msgspec.DecodeError, UnicodeDecodeError):
        row = _read_field_by_field(raw, row_type, required, dropped)
    missing = [field for field in required if getattr(row, _attribute_names(row_type)[field]) is None]
    if missing:
        raise UnreadableRowError(f"{missing[0]} is missing")
    return row


def _read_field_by_field(raw: bytes, row_type: type[RowT], required: frozenset[str], dropped: DroppedFields) -> RowT:
    row = _decode_object(raw)
    values = {}
    for field, attribute, kind in _fields(row_type):
        if field not in row:
            if field in required:
                raise UnreadableRowError(f"{field} is missing")
            continue
        try:
            value = msgspec.convert(row[field], type=kind)
            json.dumps(row[field], ensure_ascii=False).encode("utf-8")  # lone surrogates cannot be stored
        except (msgspec.ValidationError, UnicodeEncodeError, ValueError) as error:
            if field in required:
                raise UnreadableRowError(f"{field}: {describe_error(error)}") from error
            dropped.append((field, describe_error(error)))
        else:
            values[attribute] = value
    try:
        return row_type(**values)
    except TypeError as error:
        raise UnreadableRowError(describe_error(error)) from error


def _decode_object(raw: bytes) -> dict[str, object]:
    try:
        row = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise UnreadableRowError(f"not JSON ({describe_error(error)})") from error
    if not isinstance(row, dict):
        raise UnreadableRowError(f"a row that is not an object but {type(row).__name__}")
    return row


@cache
def _fields(row_type: type[msgspec.Struct]) -> tuple[tuple[str, str, object], ...]:
    hints = get_type_hints(row_type, include_extras=True)
    return tuple((field.encode_name, field.name, hints[field.name]) for field in msgspec.structs.fields(row_type))


@cache
def _attribute_names(row_type: type[msgspec.Struct]) -> dict[str, str]:
    return {field: attribute for field, attribute, _ in _fields(row_type)}


def _require_storable(observation: Observation) -> Observation:
    """Return an observation whose id and name can be stored.

    Raises:
        UnreadableRowError: the id or the name has a lone surrogate or a NUL.
    """
    check_storable(observation.stable_id)
    check_storable(observation.name)
    return observation


def check_storable(text: str) -> None:
    """Raise if a text cannot be stored as UTF-8 in one line.

    Raises:
        UnreadableRowError: the text has a lone surrogate or a NUL.
    """
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise UnreadableRowError("a name with characters that cannot be stored")


def type_change_events(dropped: DroppedFields) -> list[Event]:
    """Return one event for each field with dropped values, with their number and the first reason."""
    return [
        Event("schema_type_change", "warning", f"{_count_drops(dropped, field)} rows: {reason}", after=field)
        for field, reason in dict(reversed(dropped)).items()  # the first reason of each
    ]


def _count_drops(dropped: DroppedFields, field: str) -> int:
    return sum(name == field for name, _ in dropped)


def count_inversions(values: Iterable[float | None]) -> int:
    """Return how many values are larger than their predecessor. None counts as smaller than any number.

    >>> count_inversions([9, 7, 7, None, 3, 1])
    1
    """
    numbers = [-1.0 if value is None else float(value) for value in values]
    return sum(later > earlier for earlier, later in pairwise(numbers))


def epoch_seconds(moment: datetime | None) -> int | None:
    """Return a moment as whole seconds since 1970 UTC. A moment without a time zone is UTC.

    >>> epoch_seconds(datetime(1970, 1, 1, 0, 1))
    60
    """
    if moment is None:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def describe_error(error: BaseException) -> str:
    """Return the message of an error, at most 200 characters."""
    return (str(error) or type(error).__name__)[:200]


def truncate_raw(body: bytes) -> str:
    """Return the first 500 characters of a rejected row or body."""
    return excerpt(body[: MAX_RAW_LENGTH + EXCERPT_MARGIN].decode("utf-8", errors="replace"), MAX_RAW_LENGTH)

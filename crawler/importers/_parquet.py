"""Parquet files with the columns of the Hub's own rows. The columns differ from era to era."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crawler.importers import ImportFailedError, ImportSpec, ParsedList
from crawler.importers._hub import hub_kind, parse_rows
from crawler.importers._judging import repeated_heading_error
from crawler.importers._moments import FIRST, LAST
from crawler.parsing.huggingface_rows import EXPAND_FIELDS, SORT_FIELDS
from crawler.response import Event

if TYPE_CHECKING:
    from pyarrow import Array, DataType, RecordBatch
    from pyarrow.parquet import ParquetFile

BATCH_ROWS = 10_000


def read_parquet(path: Path, spec: ImportSpec, events: tuple[Event, ...] = ()) -> ParsedList:
    """Read the rows of a file, or its first `spec.top` rows. Cards, files and configurations are not read.

    Raises:
        ImportFailedError: the file is not Parquet, or has no names or no counts.
    """
    kind = hub_kind(spec)
    file = open_parquet(path)
    with foreseen_damage(path):
        columns = file.schema_arrow.names
        name, counter = "id" if "id" in columns else "modelId", SORT_FIELDS[spec.ordered_by]
        for column in (name, counter):
            if column not in columns:
                raise ImportFailedError(
                    f"The file has no column {column!r}.",
                    why=f"Its columns are: {', '.join(columns[:20])}.",
                    fix="Name another order with --by, or another file.",
                )
        known_columns = [column for column in (*EXPAND_FIELDS[kind], "_id", name) if column in columns]
        check_columns(columns, known_columns)
        rows = _iter_rows(file, known_columns, _top_positions(file, name, counter, spec.top))
        return parse_rows(rows, spec, known_columns, file.metadata.num_rows, events)


def check_columns(columns: Sequence[str], known_columns: Iterable[str]) -> None:
    """Refuse a file with a column that is read and stands twice.

    Raises:
        ImportFailedError: a column stands twice.
    """
    for column in known_columns:
        if columns.count(column) > 1:
            raise repeated_heading_error(column, columns.count(column))


def open_parquet(path: Path) -> ParquetFile:
    """Open a Parquet file.

    Raises:
        ImportFailedError: the file is not Parquet.
    """
    from pyarrow.parquet import ParquetFile

    with foreseen_damage(path):
        return ParquetFile(path)


@contextmanager
def foreseen_damage(path: Path) -> Iterator[None]:
    """Turn what the reader of Parquet raises for a damaged file into an error in words.

    Raises:
        ImportFailedError: the file is not Parquet, or is damaged.
    """
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        raise _not_parquet_error(path, error) from error


def iter_batches(path: Path, file: ParquetFile, rows: int, columns: Sequence[str]) -> Iterator[RecordBatch]:
    """Yield some columns of a file in batches.

    Raises:
        ImportFailedError: the file is damaged.
    """
    batches = file.iter_batches(rows, columns=list(columns))
    while True:
        with foreseen_damage(path):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def iter_batch(batch: RecordBatch) -> Iterator[dict[str, object]]:
    """Yield the rows of a batch, with its moments in UTC.

    pyarrow itself would import pandas for moments that have a zone or nanoseconds.
    """
    columns = {name: list_values(batch.column(name)) for name in batch.schema.names}
    for cells in zip(*columns.values(), strict=True):
        yield dict(zip(columns, cells, strict=True))


def list_values(column: Array) -> list[Any]:
    """Return the values of a column, with its moments in whole seconds. A moment outside 1990 to 2100 is an int."""
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if types.is_timestamp(column.type):
        return [_make_moment(second) for second in _list_seconds(column)]
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        return list(map(_decode_bytes, column.cast(_find_bytes_type(column.type)).to_pylist()))


def _find_bytes_type(kind: DataType) -> DataType:
    """Return the type of a text, or of a list of texts, as bytes. Other types stay."""
    from pyarrow import large_binary, large_list, types

    if types.is_list(kind) or types.is_large_list(kind):
        return large_list(_find_bytes_type(kind.value_type))
    return large_binary() if types.is_string(kind) or types.is_large_string(kind) else kind


def _decode_bytes(value: object) -> object:
    """Return bytes as text. Bytes that are not UTF-8 become half characters, so that only their row is rejected."""
    if isinstance(value, list):
        return list(map(_decode_bytes, value))
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def _list_seconds(column: Array) -> list[int | None]:
    from pyarrow import int64, timestamp

    seconds: list[int | None] = column.cast(timestamp("s", tz=column.type.tz), safe=False).cast(int64()).to_pylist()
    return seconds


def _make_moment(second: int | None) -> datetime | int | None:
    return second if second is None or not FIRST <= second <= LAST else datetime.fromtimestamp(second, UTC)


def _can_sort(counter: DataType, name: DataType) -> bool:
    from pyarrow import types

    kinds_of_numbers = (types.is_integer, types.is_float32, types.is_float64, types.is_decimal)
    has_numbers = any(is_kind(counter) for is_kind in kinds_of_numbers)
    return has_numbers and bool(types.is_string(name) or types.is_large_string(name))


def _not_parquet_error(path: Path, error: Exception) -> ImportFailedError:
    return ImportFailedError(
        f"{path} is not a readable Parquet file.",
        why=str(error).split("\n")[0],
        fix="Download the file again, and do not unpack it.",
    )


def _iter_rows(file: ParquetFile, columns: list[str], positions: set[int] | None) -> Iterator[dict[str, object]]:
    start = 0
    for batch in file.iter_batches(BATCH_ROWS, columns=columns):
        if positions is None:
            yield from iter_batch(batch)
        else:
            yield from iter_batch(batch.take([row for row in range(len(batch)) if start + row in positions]))
        start += len(batch)


def _top_positions(file: ParquetFile, name: str, counter: str, top: int | None) -> set[int] | None:
    """Return the positions of the best rows, or None for all rows. Only two columns are read to find them.

    Numbers that are stored as text cannot be sorted here, so that all rows are read.
    """
    if top is None or file.metadata.num_rows <= top:
        return None
    table = file.read(columns=[name, counter])
    if not _can_sort(table[counter].type, table[name].type):
        return None
    positions = table.append_column("position", [list(range(len(table)))])
    ordered = positions.sort_by([(counter, "descending"), (name, "ascending")])
    with_counter = ordered.filter(ordered[counter].is_valid())
    return set(with_counter["position"][:top].to_pylist())

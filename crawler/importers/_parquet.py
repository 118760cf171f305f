"""Parquet files with the columns of the Hub's own rows. The columns differ from era to era."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.importers import ImportFailedError, ImportSpec, ParsedList
from crawler.importers._hub import hub_kind, parse_rows
from crawler.parsing.huggingface_rows import EXPAND_FIELDS, SORT_FIELDS
from crawler.response import Event

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

BATCH_ROWS = 10_000


def read_parquet(path: Path, spec: ImportSpec, events: tuple[Event, ...] = ()) -> ParsedList:
    """Read the rows of a file, or its first `spec.top` rows. Cards, files and configurations are not read.

    Raises:
        ImportFailedError: the file is not Parquet, or has no names or no counts.
    """
    from pyarrow import ArrowException

    kind = hub_kind(spec)
    file = open_parquet(path)
    try:
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
        rows = _iter_rows(file, known_columns, _top_positions(file, name, counter, spec.top))
        return parse_rows(rows, spec, known_columns, file.metadata.num_rows, events)
    except (ArrowException, OSError) as error:
        raise _not_parquet_error(path, error) from error


def open_parquet(path: Path) -> ParquetFile:
    """Open a Parquet file.

    Raises:
        ImportFailedError: the file is not Parquet.
    """
    _allow_pandas()
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        return ParquetFile(path)
    except (ArrowException, OSError) as error:
        raise _not_parquet_error(path, error) from error


def _allow_pandas() -> None:
    """Let pyarrow import pandas, which it does to read an instant. `crawler/__main__.py` spares the other commands."""
    if sys.modules.get("pandas", sys) is None:
        del sys.modules["pandas"]


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
            yield from batch.to_pylist()
        else:
            yield from batch.take([row for row in range(len(batch)) if start + row in positions]).to_pylist()
        start += len(batch)


def _top_positions(file: ParquetFile, name: str, counter: str, top: int | None) -> set[int] | None:
    """Return the positions of the best rows, or None for all rows. Only two columns are read to find them."""
    if top is None or file.metadata.num_rows <= top:
        return None
    table = file.read(columns=[name, counter])
    positions = table.append_column("position", [list(range(len(table)))])
    ordered = positions.sort_by([(counter, "descending"), (name, "ascending")])
    with_counter = ordered.filter(ordered[counter].is_valid())
    return set(with_counter["position"][:top].to_pylist())

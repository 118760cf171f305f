"""Parquet: the lake, `TABLE/registry=…/snapshot=…/part.parquet`, and each stable view as `VIEW/….parquet`.

The names in the path of the lake are quoted as in an address, so that no text from outside can lead anywhere. The
bytes depend on the rows and the version of pyarrow, and on nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from analysis.exports.files import WrittenFile, create_file, make_file_stem

if TYPE_CHECKING:
    from pyarrow import Schema

    from analysis.exports.tables import Part, Table

BATCH_ROWS = 50_000
SORTED_COLUMN = "package_id"  # of what comes in batches: it takes little room as steps, and much in any other way


def write_tables(tables: Sequence[Table], folder: Path) -> Iterator[WrittenFile]:
    """Write every part of every table; what was written."""
    for table in tables:
        for part in table.parts:
            path = (
                folder
                / "parquet"
                / table.name
                / (make_lake_path(part) if table.is_lake else f"{make_file_stem(part)}.parquet")
            )
            rows = _write_part(table, part, path)
            yield WrittenFile(path, "parquet", table.name, part.registry, part.snapshot, rows)


def make_lake_path(part: Part) -> str:
    """Where a part of the lake lies in the folder of its table.

    >>> from analysis.exports.tables import Part
    >>> make_lake_path(Part("huggingface/models", 12, lambda: iter(())))
    'registry=huggingface%2Fmodels/snapshot=12/part.parquet'
    """
    registry = [] if part.registry is None else [f"registry={quote(part.registry, safe='')}"]
    snapshot = [] if part.snapshot is None else [f"snapshot={part.snapshot}"]
    return "/".join([*registry, *snapshot, "part.parquet"])


def _write_part(table: Table, part: Part, path: Path) -> int:
    from pyarrow import RecordBatch, array
    from pyarrow.parquet import ParquetWriter

    schema, written = _make_schema(table), 0
    how: dict[str, object] = {"compression": "zstd", "store_schema": False}
    if part.batches is not None:
        others = [name for name in schema.names if name != SORTED_COLUMN]
        how |= {"use_dictionary": others, "column_encoding": {SORTED_COLUMN: "DELTA_BINARY_PACKED"}}
    with create_file(path) as stream, ParquetWriter(stream, schema, **how) as writer:
        for columns in _read_batches(part) if part.batches is None else part.batches():
            arrays = [array(cells, field.type) for cells, field in zip(columns, schema, strict=True)]
            writer.write_batch(RecordBatch.from_arrays(arrays, schema=schema))
            written += len(arrays[0])
    return written


def _read_batches(part: Part) -> Iterator[Sequence[Sequence[object]]]:
    rows = part.rows()
    while batch := list(islice(rows, BATCH_ROWS)):
        yield list(zip(*batch, strict=True))


def _make_schema(table: Table) -> Schema:
    import pyarrow

    types = {"INTEGER": pyarrow.int64(), "REAL": pyarrow.float64(), "TEXT": pyarrow.string()}
    return pyarrow.schema([(column.name, types[column.type]) for column in table.columns])

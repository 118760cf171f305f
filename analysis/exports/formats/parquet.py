"""Parquet: lake tables as `TABLE/registry=…/snapshot=…/part.parquet`, and stable views as `VIEW/….parquet`.

The names in the paths of the lake are quoted as in a URL, so that no name leads out of the folder. The bytes depend
only on the rows and on the version of pyarrow.
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

    from analysis.exports.tables import Part, Table, Value

BATCH_ROWS = 50_000
SORTED_COLUMN = "package_id"  # sorted in batches: small as differences, large in every other encoding


def write_tables(tables: Sequence[Table], folder: Path) -> Iterator[WrittenFile]:
    """Write every part of every table, and yield the written files."""
    for table in tables:
        for part in table.parts:
            name = make_lake_path(part) if table.is_lake else f"{make_file_stem(part)}.parquet"
            path = folder / "parquet" / table.name / name
            rows = _write_part(table, part, path)
            yield WrittenFile(path, "parquet", table.name, part.registry, part.snapshot, rows)


def make_lake_path(part: Part) -> str:
    """Return the path of a part of a lake table in the folder of the table.

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

    schema, count = _make_schema(table), 0
    options: dict[str, object] = {"compression": "zstd", "store_schema": False}
    if part.batches is not None:
        other_columns = [name for name in schema.names if name != SORTED_COLUMN]
        options |= {"use_dictionary": other_columns, "column_encoding": {SORTED_COLUMN: "DELTA_BINARY_PACKED"}}
    with create_file(path) as stream, ParquetWriter(stream, schema, **options) as writer:
        for columns in _read_batches(part) if part.batches is None else part.batches():
            arrays = [array(values, field.type) for values, field in zip(columns, schema, strict=True)]
            writer.write_batch(RecordBatch.from_arrays(arrays, schema=schema))
            count += len(arrays[0])
    return count


def _read_batches(part: Part) -> Iterator[Sequence[Sequence[Value]]]:
    rows = part.rows()
    while batch := list(islice(rows, BATCH_ROWS)):
        yield list(zip(*batch, strict=True))


def _make_schema(table: Table) -> Schema:
    import pyarrow

    types = {"INTEGER": pyarrow.int64(), "REAL": pyarrow.float64(), "TEXT": pyarrow.string()}
    return pyarrow.schema([(column.name, types[column.type]) for column in table.columns])

"""Parquet files with the columns of the Hub's own rows, of which every era has others."""

from __future__ import annotations

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
    """The rows of a file, or its first `wanted.top`; cards, files and configurations in it are not read.

    Raises:
        ImportFailed: it is no Parquet file, or has no names or no counts.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    kind = hub_kind(spec)
    try:
        file = ParquetFile(path)
        there = file.schema_arrow.names
        name, counter = "id" if "id" in there else "modelId", SORT_FIELDS[spec.ordered_by]
        if name not in there or counter not in there:
            raise ImportFailedError(
                f"The file has no column {counter if name in there else name!r}.",
                why=f"Its columns are: {', '.join(there[:20])}.", fix="Name another order with --by, or another file.",
            )  # fmt: skip
        read = [column for column in (*EXPAND_FIELDS[kind], "_id", name) if column in there]
        rows = _iter_rows(file, read, name, counter, spec.top)
        return parse_rows(rows, spec, read, file.metadata.num_rows, events)
    except (ArrowException, OSError) as error:
        raise ImportFailedError(
            f"{path} is not a Parquet file that can be read.", why=str(error).split("\n")[0],
            fix="Fetch it again, and do not unpack it.",
        ) from error  # fmt: skip


def _iter_rows(
    file: ParquetFile, columns: list[str], name: str, counter: str, top: int | None
) -> Iterator[dict[str, object]]:
    wanted, start = _top_positions(file, name, counter, top), 0
    for batch in file.iter_batches(BATCH_ROWS, columns=columns):
        places = range(len(batch)) if wanted is None else [n for n in range(len(batch)) if start + n in wanted]
        yield from batch.take(list(places)).to_pylist() if wanted is not None else batch.to_pylist()
        start += len(batch)


def _top_positions(file: ParquetFile, name: str, counter: str, top: int | None) -> set[int] | None:
    """The places of the best rows: two columns are read for it, and not the whole file."""
    if top is None or file.metadata.num_rows <= top:
        return None
    table = file.read(columns=[name, counter])
    order = table.append_column("place", [list(range(len(table)))]).sort_by(
        [(counter, "descending"), (name, "ascending")]
    )
    known = order.filter(order[counter].is_valid())
    return set(known["place"][:top].to_pylist())

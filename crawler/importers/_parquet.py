"""Parquet files with the columns of the Hub's own rows, of which every era has others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.importers import ImportFailed, Past, Wanted
from crawler.importers._hub import kind_of, past
from crawler.parsing.huggingface_rows import EXPAND, SORTS
from crawler.response import Event

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

BATCH = 10_000


def read_parquet(path: Path, wanted: Wanted, events: tuple[Event, ...] = ()) -> Past:
    """The rows of a file, or its first `wanted.top`; cards, files and configurations in it are not read.

    Raises:
        ImportFailed: it is no Parquet file, or has no names or no counts.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    kind = kind_of(wanted)
    try:
        file = ParquetFile(path)
        there = file.schema_arrow.names
        name, counter = "id" if "id" in there else "modelId", SORTS[wanted.ordered_by]
        if name not in there or counter not in there:
            raise ImportFailed(
                f"The file has no column {counter if name in there else name!r}.",
                why=f"Its columns are: {', '.join(there[:20])}.", fix="Name another order with --by, or another file.",
            )  # fmt: skip
        read = [column for column in (*EXPAND[kind], "_id", name) if column in there]
        rows = _rows(file, read, name, counter, wanted.top)
        return past(rows, wanted, read, file.metadata.num_rows, events)
    except (ArrowException, OSError) as error:
        raise ImportFailed(
            f"{path} is not a Parquet file that can be read.", why=str(error).split("\n")[0],
            fix="Fetch it again, and do not unpack it.",
        ) from error  # fmt: skip


def _rows(file: ParquetFile, read: list[str], name: str, counter: str, top: int | None) -> Iterator[dict[str, object]]:
    wanted, start = _best(file, name, counter, top), 0
    for batch in file.iter_batches(BATCH, columns=read):
        places = range(len(batch)) if wanted is None else [n for n in range(len(batch)) if start + n in wanted]
        yield from batch.take(list(places)).to_pylist() if wanted is not None else batch.to_pylist()
        start += len(batch)


def _best(file: ParquetFile, name: str, counter: str, top: int | None) -> set[int] | None:
    """The places of the best rows: two columns are read for it, and not the whole file."""
    if top is None or file.metadata.num_rows <= top:
        return None
    table = file.read(columns=[name, counter])
    order = table.append_column("place", [list(range(len(table)))]).sort_by(
        [(counter, "descending"), (name, "ascending")]
    )
    known = order.filter(order[counter].is_valid())
    return set(known["place"][:top].to_pylist())

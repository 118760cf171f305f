"""JSON lines: an object for each row, in ASCII, so that every reader finds the same line breaks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.exports.files import WrittenFile, create_file, make_file_stem

if TYPE_CHECKING:
    from analysis.exports.tables import Table


def write_tables(tables: Sequence[Table], folder: Path) -> Iterator[WrittenFile]:
    """Write every part with rows of every stable view, and yield the written files. An empty file is no JSON."""
    for table in tables:
        names = [column.name for column in table.columns]
        for part in () if table.is_lake else table.parts:
            path, count = folder / "jsonl" / table.name / f"{make_file_stem(part)}.jsonl", 0
            rows = part.rows()
            if (first := next(rows, None)) is None:
                continue
            with create_file(path) as stream:
                for row in chain((first,), rows):
                    count += 1
                    line = json.dumps(dict(zip(names, row, strict=True)), separators=(",", ":"), allow_nan=False)
                    stream.write(line.encode("ascii") + b"\n")
            yield WrittenFile(path, "jsonl", table.name, part.registry, part.snapshot, count)

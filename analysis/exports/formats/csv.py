"""CSV in UTF-8 that no spreadsheet reads as a formula: text is quoted, numbers are not, and NULL is an empty cell.

Text that a spreadsheet would calculate has a `'` put before it. To restore the text, remove one `'` from text that
begins with one or more `'` followed by `=`, `+`, `-`, `@`, a tab, a line break, or a full-width form of those signs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.exports.files import WrittenFile, create_file, make_file_stem

if TYPE_CHECKING:
    from analysis.exports.tables import Table

_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # the last four are full-width = + - @


def write_tables(tables: Sequence[Table], folder: Path) -> Iterator[WrittenFile]:
    """Write every part of every stable view, and yield the written files."""
    for table in tables:
        for part in () if table.is_lake else table.parts:
            path, count = folder / "csv" / table.name / f"{make_file_stem(part)}.csv", 0
            with create_file(path) as stream:
                stream.write((",".join(column.name for column in table.columns) + "\n").encode("ascii"))
                for row in part.rows():
                    count += 1
                    stream.write((",".join(map(format_cell, row)) + "\n").encode("utf-8"))
            yield WrittenFile(path, "csv", table.name, part.registry, part.snapshot, count)


def format_cell(value: object) -> str:
    """Return a value as a cell, with quotes if it is text.

    >>> format_cell('say "a"') == '"say ' + '"' * 2 + 'a' + '"' * 3
    True
    >>> format_cell(-1.5), format_cell(""), format_cell(None)
    ('-1.5', '""', '')
    """
    if isinstance(value, str):
        return '"' + escape_formula(value).replace('"', '""') + '"'
    return "" if value is None else repr(value)


def escape_formula(text: str) -> str:
    """Return text that no spreadsheet calculates.

    >>> [escape_formula(text) for text in ("@types/node", "'@x", "'tis", "a=b")]
    ["'@types/node", "''@x", "'tis", 'a=b']
    """
    return f"'{text}" if _FORMULA.match(text) else text

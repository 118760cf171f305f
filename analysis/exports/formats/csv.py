"""CSV in UTF-8 that no spreadsheet takes for a formula: text is quoted, numbers are not, and nothing at all is NULL.

Text that a spreadsheet would calculate begins with a `'` that is not its own. To take it back, remove one `'` from text
that begins with one or more of them before `=`, `+`, `-`, `@`, a tab, a line break, or the full-width forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.exports.files import Written, create, plain_name

if TYPE_CHECKING:
    from analysis.exports.tables import Table

_CALCULATED = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")


def write(tables: Sequence[Table], folder: Path) -> Iterator[Written]:
    """Write every part of every stable view; what was written."""
    for table in tables:
        for part in () if table.lake else table.parts:
            path, written = folder / "csv" / table.name / f"{plain_name(part)}.csv", 0
            with create(path) as stream:
                stream.write((",".join(column.name for column in table.columns) + "\n").encode("ascii"))
                for row in part.rows():
                    written += 1
                    stream.write((",".join(map(cell, row)) + "\n").encode("utf-8"))
            yield Written(path, "csv", table.name, part.registry, part.snapshot, written)


def cell(value: object) -> str:
    """One cell: text is quoted.

    >>> cell('say "a"') == '"say ' + '"' * 2 + 'a' + '"' * 3, cell(-1.5), cell(""), cell(None)
    (True, '-1.5', '""', '')
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value)
    return '"' + safe(value).replace('"', '""') + '"'


def safe(text: str) -> str:
    """Text that is not calculated.

    >>> safe("@types/node"), safe("'@x"), safe("'tis"), safe("a=b")
    ("'@types/node", "''@x", "'tis", 'a=b')
    """
    return f"'{text}" if _CALCULATED.match(text) else text


def unsafe(text: str) -> str:
    """The text that was made safe: the inverse of `safe`.

    >>> [unsafe(safe(text)) for text in ("@types/node", "'@x", "'tis")]
    ['@types/node', "'@x", "'tis"]
    """
    return text[1:] if text.startswith("'") and _CALCULATED.match(text) else text

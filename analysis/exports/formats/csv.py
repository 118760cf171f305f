"""CSV in UTF-8 that no spreadsheet takes for a formula: text is quoted, numbers are not, and nothing at all is NULL.

Text that a spreadsheet would calculate begins with a `'` that is not its own. To take it back, remove one `'` from text
that begins with one or more of them before `=`, `+`, `-`, `@`, a tab, a line break, or the full-width forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.exports.files import WrittenFile, create_file, make_file_stem

if TYPE_CHECKING:
    from analysis.exports.tables import Table

_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")


def write_tables(tables: Sequence[Table], folder: Path) -> Iterator[WrittenFile]:
    """Write every part of every stable view; what was written."""
    for table in tables:
        for part in () if table.is_lake else table.parts:
            path, written = folder / "csv" / table.name / f"{make_file_stem(part)}.csv", 0
            with create_file(path) as stream:
                stream.write((",".join(column.name for column in table.columns) + "\n").encode("ascii"))
                for row in part.rows():
                    written += 1
                    stream.write((",".join(map(format_cell, row)) + "\n").encode("utf-8"))
            yield WrittenFile(path, "csv", table.name, part.registry, part.snapshot, written)


def format_cell(value: object) -> str:
    """One cell: text is quoted.

    >>> format_cell('say "a"') == '"say ' + '"' * 2 + 'a' + '"' * 3, format_cell(-1.5), format_cell(""), format_cell(None)
    (True, '-1.5', '""', '')
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value)
    return '"' + escape_formula(value).replace('"', '""') + '"'


def escape_formula(text: str) -> str:
    """Text that is not calculated.

    >>> escape_formula("@types/node"), escape_formula("'@x"), escape_formula("'tis"), escape_formula("a=b")
    ("'@types/node", "''@x", "'tis", 'a=b')
    """
    return f"'{text}" if _FORMULA.match(text) else text


def unescape_formula(text: str) -> str:
    """The text that was made safe: the inverse of `safe`.

    >>> [unescape_formula(escape_formula(text)) for text in ("@types/node", "'@x", "'tis")]
    ['@types/node', "'@x", "'tis"]
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text

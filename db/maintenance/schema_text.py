"""The schema as a page to read: tables in a logical order, with aligned columns and their comments."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import db

COMMENTS_FILE = Path(db.__file__).parent / "schema_comments.toml"
CONSTRAINTS = ("PRIMARY KEY", "FOREIGN KEY", "UNIQUE", "CHECK")
COMMENT_COLUMN = 50
MAX_LINE_LENGTH = 125


@cache
def load_comments() -> Mapping[str, Mapping[str, str]]:
    """Return the comments of each table, by column; `about` is the comment of the table itself."""
    return tomllib.loads(COMMENTS_FILE.read_text("utf-8"))


def order_definitions(definitions: Iterable[tuple[str, str, str, str]]) -> dict[str, str]:
    """Return definitions by kind and name: each table with its indexes and triggers, then the views.

    Args:
        definitions: kind, name, table and SQL of each.
    """
    tables = list(load_comments())
    kinds = ("table", "index", "trigger", "view")

    def sort_key(definition: tuple[str, str, str, str]) -> tuple[bool, int, int]:
        kind, _, table, _ = definition
        return kind == "view", tables.index(table) if table in tables else len(tables), kinds.index(kind)

    return {
        f"{kind} {name}": format_table(sql, load_comments().get(name, {})) if kind == "table" else sql
        for kind, name, _, sql in sorted(definitions, key=sort_key)
    }


def format_table(sql: str, comments: Mapping[str, str]) -> str:
    """Return the definition of a table with one column on a line, aligned, and with comments.

    >>> print(format_table('CREATE TABLE "t" (a INTEGER,name TEXT CHECK (name IN (1, 2))) STRICT', {"a": "a number"}))
    CREATE TABLE t (
        a    INTEGER,                                 -- a number
        name TEXT CHECK (name IN (1, 2))
    ) STRICT
    """
    bare = re.sub(r'\b(TABLE|REFERENCES) "(\w+)"', r"\1 \2", re.sub(r"--[^\n]*", "", sql))
    head, _, rest = bare.partition("(")
    body, _, options = rest.rpartition(")")
    parts = [" ".join(part.split()) for part in _split_at_commas(body)]
    names = ["" if part.startswith(CONSTRAINTS) else part.split()[0] for part in parts]
    width = max(map(len, names))
    lines = []
    for number, (name, part) in enumerate(zip(names, parts, strict=True)):
        text = f"    {name:<{width}} {part[len(name) + 1 :]}" if name else f"    {part}"
        text += "," if number < len(parts) - 1 else ""
        lines.append(_add_comment(text, comments.get(name.strip('"'), "") if name else "", width + 5))
    return "\n".join([_add_comment(f"{head.strip()} (", comments.get("about", ""), 4), *lines, f"){options}"])


def _split_at_commas(body: str) -> Iterator[str]:
    """Yield the parts of a table's body; a comma within parentheses separates none."""
    depth, start = 0, 0
    for position, character in enumerate(body):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            yield body[start:position]
            start = position + 1
    yield body[start:]


def _add_comment(line: str, comment: str, indent: int) -> str:
    """Return a line with its comment: at the end, or on a line of its own if both are too long for one line."""
    if len(line) > MAX_LINE_LENGTH:
        line = re.sub(" (CHECK|GENERATED) ", f"\n{' ' * indent}\\1 ", line, count=1)
    if not comment:
        return line
    padded = line.ljust(COMMENT_COLUMN - 2) + "  "
    if "\n" not in line and len(padded) + len(comment) + 3 <= MAX_LINE_LENGTH:
        return f"{padded}-- {comment}"
    return f"{line}\n    -- {comment}" if line.endswith("(") else f"    -- {comment}\n{line}"

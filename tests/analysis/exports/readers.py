"""Readers of the rows of a bundle in each of its formats, for comparison with the rows of the store."""

from __future__ import annotations

import csv
import json
import re
import tomllib
from pathlib import Path

import duckdb

from tests.analysis.exports.conftest import query

ROOT = Path(__file__).resolve().parents[3]
VIEWS = [view["name"] for view in tomllib.loads((ROOT / "db" / "dictionary.toml").read_text("utf-8"))["view"]]
TABLES = ("v1_snapshot", "v1_ranking", "v1_result", "v1_lineage_edge", "v1_library", "v1_alias", "v1_attribute",
          "v1_quality_event", "v1_finding", "v1_reject")  # fmt: skip
Rows = list[tuple[object, ...]]
ESCAPED_FORMULA = re.compile("''*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # the last four are full-width = + - @


def assert_equal_in_every_format(store: Path, out: Path, may_be_empty: frozenset[str] = frozenset()) -> None:
    """Assert that every stable view has the rows of the store in Parquet, CSV, JSON lines and SQLite."""
    sqlite = out / "sqlite" / "observatory.sqlite"
    assert set(TABLES) <= set(VIEWS)
    for view in VIEWS:
        columns = query(sqlite, "SELECT name, type FROM pragma_table_info(?)", view)
        column_list, types = ", ".join(f'"{name}"' for name, _ in columns), [str(declared) for _, declared in columns]
        expected = query(store, f"SELECT {column_list} FROM {view}")
        assert expected or view not in TABLES or view in may_be_empty, view
        assert has_same_rows(query(sqlite, f"SELECT * FROM {view}"), expected), view
        assert has_same_rows(read_parquet_rows(out, view), expected), view
        assert has_same_rows(read_jsonl_rows(out, view), expected), view
        assert has_same_rows(read_csv_rows(out, view, types), expected, empty_is_null=True), view


def read_parquet_rows(out: Path, view: str) -> Rows:
    """Return the rows as DuckDB reads them. A view without rows may have no file."""
    if not (out / "parquet" / view).exists():
        return []
    return duckdb.sql(f"SELECT * FROM read_parquet('{out}/parquet/{view}/*.parquet')").fetchall()


def read_csv_rows(out: Path, view: str, types: list[str]) -> Rows:
    """Return the rows by the documented inverse: a quoted cell is text, an empty cell is NULL."""
    rows: Rows = []
    for path in sorted((out / "csv" / view).glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as stream:
            assert next(csv.reader(stream))
            rows += [
                tuple(parse_cell(cell, declared) for cell, declared in zip(row, types, strict=True))
                for row in csv.reader(stream)
            ]
    return rows


def parse_cell(cell: str, column_type: str) -> object:
    if cell == "" and column_type != "TEXT":
        return None
    return {"INTEGER": int, "REAL": float, "TEXT": unescape_formula}[column_type](cell)


def unescape_formula(text: str) -> str:
    """Return the text before `escape_formula` of the CSV format, as the documentation describes."""
    return text[1:] if ESCAPED_FORMULA.match(text) else text


def read_jsonl_rows(out: Path, view: str) -> Rows:
    paths = sorted((out / "jsonl" / view).glob("*.jsonl"))
    return [tuple(json.loads(line).values()) for path in paths for line in path.read_bytes().splitlines()]


def has_same_rows(rows: Rows, expected: Rows, empty_is_null: bool = False) -> bool:
    """Return whether two lists have the same rows, in any order. Python reads NULL in CSV as an empty text."""

    def sort_rows(rows: Rows) -> list[str]:
        return sorted(repr([None if empty_is_null and value == "" else value for value in row]) for row in rows)

    return sort_rows(rows) == sort_rows(expected)

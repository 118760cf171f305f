"""The rows of a bundle, read back from each of its forms, beside those of the store."""

from __future__ import annotations

import csv
import json
import tomllib
from pathlib import Path

import duckdb

from analysis.exports.formats.csv import unescape_formula
from tests.analysis.exports.conftest import query

ROOT = Path(__file__).resolve().parents[3]
VIEWS = [view["name"] for view in tomllib.loads((ROOT / "db" / "dictionary.toml").read_text("utf-8"))["view"]]
TABLES = ("v1_snapshot", "v1_ranking", "v1_result", "v1_lineage_edge", "v1_library", "v1_alias", "v1_attribute",
          "v1_quality_event", "v1_finding", "v1_reject")  # fmt: skip
Rows = list[tuple[object, ...]]


def assert_equal_in_every_format(store: Path, out: Path, may_be_empty: frozenset[str] = frozenset()) -> None:
    """Every stable view has the rows of the store in Parquet, CSV, JSON lines and SQLite; `but` those may be empty."""
    sqlite = out / "sqlite" / "observatory.sqlite"
    assert set(TABLES) <= set(VIEWS)
    for view in VIEWS:
        columns = query(sqlite, "SELECT name, type FROM pragma_table_info(?)", view)
        shown, types = ", ".join(f'"{name}"' for name, _ in columns), [str(kind) for _, kind in columns]
        expected = query(store, f"SELECT {shown} FROM {view}")
        assert expected or view not in TABLES or view in may_be_empty, view
        assert has_same_rows(query(sqlite, f"SELECT * FROM {view}"), expected), view
        assert has_same_rows(read_parquet_rows(out, view), expected), view
        assert has_same_rows(read_jsonl_rows(out, view), expected), view
        assert has_same_rows(read_csv_rows(out, view, types), expected, empty_is_null=True), view


def read_parquet_rows(out: Path, view: str) -> Rows:
    """The rows as DuckDB reads them; a view without rows may have no file."""
    found = f"{out}/parquet/{view}/*.parquet"
    return duckdb.sql(f"SELECT * FROM read_parquet('{found}')").fetchall() if list((out / "parquet").glob(view)) else []


def read_csv_rows(out: Path, view: str, types: list[str]) -> Rows:
    """The rows by the documented inverse: quoted is text, nothing is NULL."""
    rows: Rows = []
    for path in sorted((out / "csv" / view).glob("*.csv")):
        with open(path, encoding="utf-8", newline="") as stream:
            assert next(csv.reader(stream))
            for row in csv.reader(stream):
                rows.append(tuple(parse_cell(cell, kind) for cell, kind in zip(row, types, strict=True)))
    return rows


def parse_cell(cell: str, kind: str) -> object:
    if cell == "" and kind != "TEXT":
        return None
    return {"INTEGER": int, "REAL": float, "TEXT": unescape_formula}[kind](cell)


def read_jsonl_rows(out: Path, view: str) -> Rows:
    paths = sorted((out / "jsonl" / view).glob("*.jsonl"))
    return [tuple(json.loads(line).values()) for path in paths for line in path.read_bytes().splitlines()]


def has_same_rows(one: Rows, other: Rows, empty_is_null: bool = False) -> bool:
    """Whether two lists have the same rows, in any order; Python's reader of CSV takes NULL for an empty text."""

    def keys(rows: Rows) -> list[str]:
        return sorted(repr([None if empty_is_null and cell == "" else cell for cell in row]) for row in rows)

    return keys(one) == keys(other)

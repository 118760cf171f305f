"""A past list as a table of text, with a column of names, and a column of counts, of ranks, or both."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from contextlib import suppress

from crawler.importers import ContentImporter, ImportFailedError, ImportSpec, ParsedList, sort_by_counter
from crawler.response import Observation, Reject
from db.identity import derive_stable_id

MAX_COUNT = 2**63 - 1
MAX_NAME_LENGTH = 300
EMPTY_CELLS = ("", "nan", "none", "null", "na")


def parse_content(content: bytes, spec: ImportSpec) -> ParsedList:
    """Parse the rows of a table, best first: by rank, or else by count and name.

    Raises:
        ImportFailedError: a named column is missing, or no column is named.
    """
    table = _read_table(content)
    _check_columns(table[0] if table else None, spec)
    ranked: list[tuple[int, Observation]] = []
    rejects: list[Reject] = []
    for position, row in enumerate(table):
        try:
            ranked.append(_parse_row(row, spec))
        except ValueError as error:
            rejects.append(Reject(position, str(error), str(dict(row))[:500]))
    return ParsedList(len(table), _sort_rows(ranked, spec), tuple(rejects))


def _sort_rows(ranked: list[tuple[int, Observation]], spec: ImportSpec) -> tuple[Observation, ...]:
    if spec.columns.get("rank"):
        return tuple(observation for _, observation in sorted(ranked, key=lambda pair: pair[0]))
    return sort_by_counter((observation for _, observation in ranked), spec.ordered_by)


IMPORTER = ContentImporter(parse_content)


def _read_table(content: bytes) -> list[Mapping[str, str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportFailedError(
            "The file is not UTF-8 text.", why=str(error), fix="Convert the file, or name another format."
        ) from error
    csv.field_size_limit(1024 * 1024)
    try:
        return list(csv.DictReader(io.StringIO(text, newline=""), dialect=_detect_dialect(text)))
    except csv.Error as error:
        raise ImportFailedError(
            "The file is not a table.", why=str(error), fix="Check its quotes and its delimiter."
        ) from error


def _detect_dialect(text: str) -> type[csv.Dialect] | str:
    """Return the dialect of the first line, or that of commas if the first line does not show one."""
    first_line = text.split("\n", 1)[0]
    with suppress(csv.Error):
        return csv.Sniffer().sniff(first_line, delimiters=",;\t|") if "," not in first_line else "excel"
    return "excel"


def _check_columns(first_row: Mapping[str, str] | None, spec: ImportSpec) -> None:
    columns = ", ".join(map(str, first_row or {}))
    if not spec.columns.get("id") or not (spec.columns.get("value") or spec.columns.get("rank")):
        raise ImportFailedError(
            "No option says which columns to read.",
            why="A list needs a column of names, and a column of counts or ranks.",
            fix=f"Name them with --id and --value or --rank; the file has: {columns}.",
        )
    for option, column in spec.columns.items():
        if first_row is not None and column and column not in first_row:
            raise ImportFailedError(f"There is no column {column!r}.", fix=f"--{option} can be one of: {columns}.")


def _parse_row(row: Mapping[str, str], spec: ImportSpec) -> tuple[int, Observation]:
    name = (row[str(spec.columns["id"])] or "").strip()
    if not name or len(name) > MAX_NAME_LENGTH or "\x00" in name:
        raise ValueError("no name, or a name that cannot be stored")
    stable_id = derive_stable_id(spec.registry, name)
    value_column, rank_column = spec.columns.get("value"), spec.columns.get("rank")
    value = _parse_count(row[value_column], value_column) if value_column else None
    rank = _parse_count(row[rank_column], rank_column) if rank_column else 0
    if rank is None:
        raise ValueError(f"no number in {rank_column}")
    display_name = name if stable_id.startswith("name:") else stable_id
    counters = {spec.ordered_by: value}
    return rank, Observation(
        stable_id, display_name, downloads=counters.get("downloads"), likes=counters.get("likes"),
        dependents=counters.get("dependents"), trending=counters.get("trending"),
    )  # fmt: skip


def _parse_count(text: str | None, column: str) -> int | None:
    """Parse the count in a cell, or return None for an empty cell.

    In a column with empty cells, pandas writes 12 as `12.0`.

    Raises:
        ValueError: the cell is not a count.
    """
    text = (text or "").strip()
    if text.lower() in EMPTY_CELLS:
        return None
    try:
        number = int(text) if text.isdigit() else float(text)
    except ValueError:
        raise ValueError(f"{column} is not a number: {text[:60]!r}") from None
    if not math.isfinite(number) or number != int(number) or not 0 <= number <= MAX_COUNT:
        raise ValueError(f"{column} is not a count: {text[:60]!r}")
    return int(number)

"""A past list as a table of text: a column with names, and one with counts or with ranks, or both."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping

from crawler.importers import ImportFailedError, ImportSpec, ParsedList, sort_by_counter
from crawler.response import Observation, Reject
from db.identity import derive_stable_id

OBSERVATION_FIELDS = {"downloads": "downloads", "likes": "likes", "dependents": "dependents", "trending": "trending"}
MAX_COUNT = 2**63 - 1


def parse_content(content: bytes, spec: ImportSpec) -> ParsedList:
    """The rows of a table, best first: by rank where there is one, else by count, equal counts by name.

    Raises:
        ImportFailed: a column that was named is not there, or none was.
    """
    table = _read_table(content)
    _check_columns(next(iter(table), None), spec, content)
    seen, rejects = [], []
    for position, row in enumerate(table):
        try:
            seen.append(_parse_row(row, spec))
        except ValueError as error:
            rejects.append(Reject(position, str(error), str(dict(row))[:500]))
    if spec.columns.get("rank"):
        seen.sort(key=lambda one: one[0])
        observations = tuple(observation for _, observation in seen)
    else:
        observations = sort_by_counter((observation for _, observation in seen), spec.ordered_by)
    return ParsedList(len(table), observations, tuple(rejects))


def _read_table(content: bytes) -> list[Mapping[str, str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportFailedError(
            "The file is not UTF-8 text.", why=str(error), fix="Convert it, or name another format."
        ) from error
    csv.field_size_limit(1024 * 1024)
    try:
        return list(csv.DictReader(io.StringIO(text, newline=""), dialect=_detect_dialect(text)))
    except csv.Error as error:
        raise ImportFailedError(
            "The file is not a table.", why=str(error), fix="Look at its quotes and its delimiter."
        ) from error


def _detect_dialect(text: str) -> type[csv.Dialect] | str:
    """The delimiter its first line uses; commas if that does not tell."""
    head = text.split("\n", 1)[0]
    try:
        return csv.Sniffer().sniff(head, delimiters=",;\t|") if "," not in head else "excel"
    except csv.Error:
        return "excel"


def _check_columns(first: Mapping[str, str] | None, spec: ImportSpec, content: bytes) -> None:
    there = list(first or {})
    if not spec.columns.get("id") or not (spec.columns.get("value") or spec.columns.get("rank")):
        raise ImportFailedError(
            "It was not said which columns to read.",
            why="A list needs a column with names and one with counts or ranks.",
            fix=f"Name them with --id and --value or --rank; the file has: {', '.join(there)}.",
        )
    for option, column in spec.columns.items():
        if first is not None and column and column not in first:
            raise ImportFailedError(
                f"There is no column {column!r}.",
                fix=f"--{option} can be one of: {', '.join(str(name) for name in there)}.",
            )


def _parse_row(row: Mapping[str, str], spec: ImportSpec) -> tuple[int, Observation]:
    name = (row[str(spec.columns["id"])] or "").strip()
    if not name or len(name) > 300 or "\x00" in name:
        raise ValueError("no name, or none that can be stored")
    identity = derive_stable_id(spec.registry, name)
    value_column, rank_column = spec.columns.get("value"), spec.columns.get("rank")
    value = _parse_count(row[value_column], value_column) if value_column else None
    rank = _parse_count(row[rank_column], rank_column) if rank_column else 0
    if rank is None:
        raise ValueError(f"no number in {rank_column}")
    shown = identity if not identity.startswith("name:") else name
    return rank, Observation(
        identity, shown, **({OBSERVATION_FIELDS[spec.ordered_by]: value} if value is not None else {})
    )


def _parse_count(text: str | None, column: str) -> int | None:
    """A count as it stands in a table; None for an empty cell. Beside empty ones pandas writes 12 as `12.0`."""
    text = (text or "").strip()
    if text.lower() in ("", "nan", "none", "null", "na"):
        return None
    try:
        number = float(text) if not text.isdigit() else int(text)
    except ValueError:
        raise ValueError(f"{column} is not a number: {text[:60]!r}") from None
    if not math.isfinite(number) or number != int(number) or not 0 <= number <= MAX_COUNT:
        raise ValueError(f"{column} is not a count: {text[:60]!r}")
    return int(number)

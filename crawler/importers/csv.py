"""A past list as a table of text, with a column of names, and a column of counts, of ranks, or both.

Counts may be written as 1234, 1,234, 1234.0 or 1.234e3. Ranks need not be in order, but a missing rank makes the list
partial.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from crawler.importers import ContentImporter, ImportFailedError, ImportSpec, ParsedList, sort_by_counter
from crawler.importers._cells import EMPTY_CELLS, check_name, count_undecided, describe_gap, is_number, parse_count
from crawler.importers._counters import counter_value
from crawler.importers._files import suggest_format
from crawler.importers._judging import repeated_heading_error
from crawler.parsing.redact import excerpt
from crawler.response import Event, Observation, Reject
from db.identity import derive_stable_id, name_to_show

SAMPLE_ROWS = 1000  # rows in which the kind of a column is looked up
MORE_CELLS = "\0"  # the key of the cells without a heading
Row = Mapping[str, str]
RankedRow = tuple[int, Observation]


def parse_content(content: bytes, spec: ImportSpec) -> ParsedList:
    """Parse the rows of a table, best first: by rank, or else by count and name.

    Raises:
        ImportFailedError: a named column is missing, stands twice or holds something else, or no column is named.
    """
    headings, table, delimiter = _read_table(content)
    _check_columns(headings, spec, suggest_format(content, "csv"))
    _check_cells(table, spec)
    fault = _find_hidden_row(table, headings, delimiter, spec) or _find_cut(table)
    ranked: list[RankedRow] = []
    rejects: list[Reject] = []
    for position, row in enumerate(table):
        try:
            ranked.append(_parse_row(row, spec))
        except ValueError as error:
            rejects.append(Reject(position, str(error), excerpt(str(dict(row)), 500)))
    if not spec.columns.get("rank"):
        observations = sort_by_counter((observation for _, observation in ranked), spec.ordered_by)
        return ParsedList(len(table), observations, tuple(rejects), fault=fault)
    parsed = _sort_by_rank(len(table), ranked, rejects, spec)
    return replace(parsed, fault=fault or parsed.fault)


def _sort_by_rank(
    received: int, ranked: Sequence[RankedRow], rejects: Sequence[Reject], spec: ImportSpec
) -> ParsedList:
    ordered = sorted(ranked, key=lambda pair: pair[0])
    top = ordered[: spec.top]
    undecided = count_undecided((rank, counter_value(row, spec.ordered_by)) for rank, row in top)
    evidence = f"{undecided:,} rows share a rank with another row, and their order is that of the file"
    events = (Event("ranks_repeated", "warning", evidence),) if undecided else ()
    gap = describe_gap([rank for rank, _ in top], len(rejects))
    observations = tuple(observation for _, observation in ordered)
    return ParsedList(received, observations, tuple(rejects), events, fault=gap, is_ranked=True)


IMPORTER = ContentImporter(parse_content)


def _read_table(content: bytes) -> tuple[Sequence[str], list[Row], str]:
    """Return the headings, the rows and the delimiter of a table."""
    try:
        text = content.decode("utf-8-sig").lstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ImportFailedError(
            "The file is not UTF-8 text.",
            why=f"Byte {error.start + 1:,} is not UTF-8.",
            fix=suggest_format(content, "csv") or "Convert the file, or name another format.",
        ) from error
    csv.field_size_limit(1024 * 1024)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), restkey=MORE_CELLS, dialect=_detect_dialect(text))
        reader.fieldnames = [heading.strip() for heading in reader.fieldnames or ()]
        rows: list[Row] = list(reader)
    except csv.Error as error:
        raise ImportFailedError(
            "The file is not a table.",
            why=str(error),
            fix=suggest_format(content, "csv") or "Check its quotes and its delimiter.",
        ) from error
    return reader.fieldnames or (), rows, reader.reader.dialect.delimiter


def _detect_dialect(text: str) -> type[csv.Dialect] | str:
    """Return the dialect of the first line, or that of commas if the first line does not show one."""
    first_line = text.split("\n", 1)[0]
    with suppress(csv.Error):
        return csv.Sniffer().sniff(first_line, delimiters=",;\t|") if "," not in first_line else "excel"
    return "excel"


def _check_columns(headings: Sequence[str], spec: ImportSpec, hint: str) -> None:
    columns = ", ".join(map(str, headings))
    if not spec.columns.get("id") or not (spec.columns.get("value") or spec.columns.get("rank")):
        raise ImportFailedError(
            "No option says which columns to read.",
            why="A list needs a column of names, and a column of counts or ranks.",
            fix=hint or f"Name them with --id and --value or --rank; the file has: {columns}.",
        )
    for option, column in spec.columns.items():
        if headings and column and column not in headings:
            fix = hint or f"--{option} can be one of: {columns}."
            raise ImportFailedError(f"There is no column {column!r}.", fix=fix)
        if column and headings.count(column) > 1:
            raise repeated_heading_error(column, headings.count(column))


def _check_cells(table: Sequence[Row], spec: ImportSpec) -> None:
    """Refuse a column of names that holds numbers, and a column of numbers that holds text."""
    name_column, *number_columns = (spec.columns.get(option) for option in ("id", "value", "rank"))
    if _is_mostly(is_number, table, name_column):
        raise _wrong_column_error(f"{name_column!r} holds numbers, not names.", table, spec)
    for column in number_columns:
        if _is_mostly(lambda cell: not is_number(cell), table, column):
            raise _wrong_column_error(f"{column!r} holds text, not numbers.", table, spec)
    value = spec.columns.get("value")
    if value and not spec.columns.get("rank") and _counts_rows(table, value):
        raise ImportFailedError(
            f"{value!r} counts the rows from 1, so it holds ranks, not counts.",
            why="As a counter it would turn the list upside down.",
            fix=f"Did you mean --rank {value}?",
        )


def _counts_rows(table: Sequence[Row], column: str) -> bool:
    """Return whether a column is 1, 2, 3 … in the order of the file, over at least three rows."""
    numbers = [(row[column] or "").strip() for row in table[:SAMPLE_ROWS]]
    return len(numbers) > 2 and numbers == [str(number) for number in range(1, len(numbers) + 1)]


def _find_hidden_row(table: Sequence[Row], headings: Sequence[str], delimiter: str, spec: ImportSpec) -> str | None:
    """Return the reason why rows may be hidden in a cell of several lines, or None."""
    for number, row in enumerate(table, 1):
        lines = [line for cell in row.values() if isinstance(cell, str) and "\n" in cell for line in cell.split("\n")]
        if any(_is_row(line.split(delimiter), headings, spec) for line in lines):
            return f"a quotation mark in row {number:,} may not be closed: a line in its cell reads like a row"
    return None


def _find_cut(table: Sequence[Row]) -> str | None:
    """Return the reason why rows may be missing at the end, if only the last row lacks cells, or None."""
    is_cut = len(table) > 1 and None in table[-1].values() and None not in table[-2].values()
    return "the file is cut in its last row" if is_cut else None


def _is_row(cells: Sequence[str], headings: Sequence[str], spec: ImportSpec) -> bool:
    """Return whether cells could be a row of the table, with a number in its column of ranks or counts."""
    column = spec.columns.get("rank") or spec.columns.get("value") or ""
    if len(cells) != len(headings) or not is_number(cells[headings.index(column)]):
        return False
    with suppress(ValueError):
        return bool(_parse_row(dict(zip(headings, cells, strict=True)), spec))
    return False


def _is_mostly(predicate: Callable[[str], bool], table: Sequence[Row], column: str | None) -> bool:
    """Return whether more than half of the filled cells of a column, among the first rows, are of a kind."""
    cells = (row[column] or "" for row in table[:SAMPLE_ROWS]) if column else ()
    filled = [cell for cell in cells if cell.strip().lower() not in EMPTY_CELLS]
    return 2 * sum(map(predicate, filled)) > len(filled)


def _wrong_column_error(message: str, table: Sequence[Row], spec: ImportSpec) -> ImportFailedError:
    name, value = spec.columns.get("id"), spec.columns.get("value")
    is_swapped = value and _is_mostly(is_number, table, name) and not _is_mostly(is_number, table, value)
    stated = " ".join(f"--{option} {column}" for option, column in spec.columns.items() if column)
    fix = f"Did you mean --id {value} --value {name}?" if is_swapped else "Check which column is which."
    return ImportFailedError(message, why=f"The columns are named by {stated}.", fix=fix)


def _parse_row(row: Row, spec: ImportSpec) -> RankedRow:
    name = check_name(row[str(spec.columns["id"])])
    if any(cell.strip() for cell in row.get(MORE_CELLS) or ()):
        raise ValueError("more cells than headings")
    stable_id = derive_stable_id(spec.registry, name)
    value_column, rank_column = spec.columns.get("value"), spec.columns.get("rank")
    value = parse_count(row[value_column], value_column) if value_column else None
    rank = parse_count(row[rank_column], rank_column) if rank_column else 0
    if rank is None:
        raise ValueError(f"no number in {rank_column}")
    counters = {spec.ordered_by: value}
    return rank, Observation(
        stable_id, name_to_show(spec.registry, name), downloads=counters.get("downloads"), likes=counters.get("likes"),
        dependents=counters.get("dependents"), trending=counters.get("trending"),
    )  # fmt: skip

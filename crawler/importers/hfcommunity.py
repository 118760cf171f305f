"""The tables `repository` and `model` (or `dataset`, `space`) of an HFCommunity dump: SQL text, plain or .gz.

Eras: at first `model` had all columns, with an `id` like `models/gpt2`. Later the columns that all kinds share moved to
`repository`, and `model` refers to it by `model_id`. `disabled` came last. The columns are read from the dump itself.
`tags_in_repo` has the tags. Authors, commits, files and discussions are not read. A dump has no stable ids. The
extractor never removes a row: a deleted repository is still listed, with its last counters. The program that writes
dumps begins them with its name and ends them with `-- Dump completed`: without that line, a dump is cut.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from crawler.importers import FileImporter, ImportFailedError, ImportSpec, ParsedList
from crawler.importers._files import READ_ERRORS, open_text
from crawler.importers._hub import hub_kind, parse_rows
from db.causes import describe_cause

CELL_PATTERN = re.compile(r"""(?:_\w+ ?|[bN])?'((?:[^'\\]|\\.|'')*)'|([^\s,()';]+)|(\(|\)|,|;|')""", re.DOTALL)
ESCAPE_PATTERN = re.compile(r"\\(.)|''", re.DOTALL)
CREATE_PATTERN = re.compile(r"CREATE TABLE `(\w+)`")
COLUMN_PATTERN = re.compile(r"\s+`(\w+)` ")
INSERT_PATTERN = re.compile(r"(?:INSERT(?: IGNORE)?|REPLACE) INTO `(\w+)`\s*(\([^()]*\))?\s*VALUES\s*")
ESCAPED_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "Z": "\x1a"}
FIRST_LINES, LAST_LINE = ("-- MySQL dump", "-- MariaDB dump"), "-- Dump completed"
Cells = dict[str, str | None]


class _DumpLines:
    """The lines of a dump. At their end it is known whether the dump is whole."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_named = self._is_completed = False

    def __iter__(self) -> Iterator[str]:
        for line in self._stream:
            self._is_named |= line.startswith(FIRST_LINES)
            self._is_completed |= line.startswith(LAST_LINE)
            yield line

    def find_fault(self) -> str | None:
        """Return the reason why the dump is not whole, or None."""
        is_cut = self._is_named and not self._is_completed
        return f"the dump is cut: it does not end with `{LAST_LINE}`" if is_cut else None


class _Dump:
    """The rows of a dump for one kind of repositories."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.repositories: dict[str, Cells] = {}
        self.kind_rows: dict[str, Cells] = {}
        self.tags: dict[str, list[str]] = defaultdict(list)

    def add_row(self, table: str, row: Cells) -> None:
        """Add a row of a table."""
        if table == "repository" and row.get("type") == self.kind:
            self.repositories[str(row["id"])] = row
        elif table == self.kind:
            self.kind_rows[str(row["id"] if "id" in row else row[f"{self.kind}_id"])] = row
        elif table == "tags_in_repo":
            self.tags[str(row["repo_id"])].append(str(row["tag_name"]))

    def find_fields(self) -> set[str]:
        """Return the names of the fields that the dump has."""
        tables = (self.repositories, self.kind_rows)
        columns = {column for rows in tables for column in next(iter(rows.values()), {})}
        return columns | {"lastModified"} | ({"tags"} if self.tags else set())

    def iter_hub_rows(self) -> Iterator[dict[str, object]]:
        """Yield the rows with the Hub's names of fields."""
        for name, row in self.repositories.items():
            tags = self.tags.get(name, []) if self.tags else None
            yield _make_hub_row(name, row, self.kind_rows.get(name, {}), tags)


def read_file(path: Path, spec: ImportSpec) -> ParsedList:
    """Read the repositories of one kind, best first.

    Raises:
        ImportFailedError: the file is not a dump of HFCommunity.
    """
    kind = hub_kind(spec).removesuffix("s")
    dump = _Dump(kind)
    try:
        with open_text(path, "utf-8") as stream:
            lines = _DumpLines(stream)
            for table, row in _iter_rows(lines, {"repository", kind, "tags_in_repo"}):
                dump.add_row(table, row)
    except (*READ_ERRORS, ValueError, KeyError) as error:
        raise _not_a_dump_error(describe_cause(error)) from error
    dump.repositories = dump.repositories or {key: row for key, row in dump.kind_rows.items() if "id" in row}
    if not dump.repositories:
        raise _not_a_dump_error(f"There is no row of `repository` with the type {kind}, nor of `{kind}` with an id.")
    return parse_rows(dump.iter_hub_rows(), spec, dump.find_fields(), fault=lines.find_fault())


IMPORTER = FileImporter(read_file)


def _make_hub_row(name: str, row: Cells, kind_row: Cells, tags: list[str] | None) -> dict[str, object]:
    return {
        "id": row.get("name") or name.partition("/")[2],
        "lastModified": row.get("last_modified"),
        "sha": row.get("sha"),
        "pipeline_tag": kind_row.get("pipeline_tag"),
        "library_name": kind_row.get("library_name"),
        "sdk": kind_row.get("sdk"),
        "downloads": kind_row.get("downloads"),
        "likes": row.get("likes") or kind_row.get("likes"),
        "tags": tags,
        "gated": row["gated"] if row.get("gated") in ("auto", "manual") else None,
        "private": row.get("private"),
        "disabled": True if row.get("disabled") == "1" else None,
    }


def _iter_rows(lines: Iterable[str], tables: set[str]) -> Iterator[tuple[str, Cells]]:
    """Yield the rows of tables, each with the column names of its CREATE TABLE or INSERT statement.

    Raises:
        ValueError: a row has other columns than its table, or the lines end within a statement.
    """
    columns: dict[str, list[str]] = defaultdict(list)
    created_table = filled_table = None
    for line in lines:
        values = line
        if match := CREATE_PATTERN.match(line):
            created_table = match[1]
        elif created_table and (match := COLUMN_PATTERN.match(line)):
            columns[created_table].append(match[1])
        elif match := INSERT_PATTERN.match(line):
            created_table, filled_table = None, match[1] if match[1] in tables else None
            if match[2]:
                columns[match[1]] = re.findall(r"\w+", match[2])
            values = line[match.end() :]
        elif line.startswith(")"):
            created_table = None
        if filled_table and created_table is None:
            names = columns[filled_table]
            for row in _parse_tuples(values):
                yield filled_table, _name_cells(filled_table, names, row)
            filled_table = None if values.rstrip().endswith(";") else filled_table
    if filled_table:
        raise ValueError(f"The dump is cut within the rows of `{filled_table}`.")


def _name_cells(table: str, names: Sequence[str], row: Sequence[str | None]) -> Cells:
    if names and len(names) != len(row):
        raise ValueError(f"A row of `{table}` has {len(row)} values for {len(names)} columns.")
    return dict(zip(names, row, strict=True)) if names else {}


def _parse_tuples(text: str) -> Iterator[list[str | None]]:
    """Yield the rows of a VALUES list.

    >>> list(_parse_tuples("('a''b',NULL,3),('c\\\\nd','(x),',-1);"))
    [["a'b", None, '3'], ['c\\nd', '(x),', '-1']]

    Raises:
        ValueError: a text is not closed.
    """
    row: list[str | None] = []
    for quoted, bare, mark in CELL_PATTERN.findall(text):
        if mark == "(":
            row = []
        elif mark == ")":
            yield row
        elif mark == "'":
            raise ValueError("The dump is cut within the rows, or a text of it has a line break that is not escaped.")
        elif not mark:
            row.append(None if bare == "NULL" else bare or ESCAPE_PATTERN.sub(_unescape, quoted))


def _unescape(match: re.Match[str]) -> str:
    return "'" if match[1] is None else ESCAPED_LETTERS.get(match[1], match[1])


def _not_a_dump_error(why: str) -> ImportFailedError:
    return ImportFailedError(
        "The file is not a dump of HFCommunity.", why=why, fix="Name the .sql or .sql.gz file itself."
    )

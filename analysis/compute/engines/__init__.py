"""What answers the questions of `db/queries/`: the store itself, or another engine over its export, the lake.

An engine is a file of this folder with `opened(place)`, a context that gives something to ask: it has
`execute(question, values)` as an SQLite connection has, and answers with rows and their column names. One that reads
the lake also has `columns(question, values)`, which gives the rows by columns, and `write(url, results)`. Being here is
the registration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from db import ObservatoryError, UsageError

if TYPE_CHECKING:
    from numpy import ndarray
    from pyarrow import Table

    from db.census.population import EncodedColumn

PARAMETER_PATTERN = re.compile(
    r"'[^']*'|--[^\n]*|(?<!:):([a-z_]+)"
)  # texts and comments are passed over; a value has its name


class EngineUnavailableError(ObservatoryError):
    """An engine is not installed, does not start, or finds no lake."""


class EngineQueryError(ObservatoryError):
    """An engine began to work on a question and could not answer it."""


@dataclass(frozen=True)
class EngineLocation:
    """Where an engine finds what it reads: the store, or the lake and the cluster that works on it."""

    db: Path
    lake: str | None = None
    master: str | None = None


@dataclass(frozen=True)
class QueryResult:
    """Rows and what their columns are called, as a cursor of SQLite tells them."""

    description: tuple[tuple[str], ...]
    rows: Sequence[tuple[object, ...]]

    def __iter__(self) -> Iterator[tuple[object, ...]]:
        return iter(self.rows)


class Engine(Protocol):
    """Something that answers a question in SQL, with `:name` where a value goes."""

    def execute(self, query: str, parameters: Mapping[str, object], /) -> QueryResult:
        """The rows of one question."""


class LakeEngine(Engine, Protocol):
    """An engine that reads a lake."""

    def fetch_columns(self, query: str, parameters: Mapping[str, object], /) -> Mapping[str, ndarray | EncodedColumn]:
        """The rows of one question by columns, without a NULL."""

    def write_results(self, url: str, results: Sequence[tuple[object, ...]], /) -> None:
        """Add rows to the table of results at an address."""


@dataclass(frozen=True)
class LakeTable:
    """A table of the lake: its columns with their types in the store, and what its files are split by."""

    name: str
    columns: tuple[tuple[str, str], ...]
    partition_columns: tuple[str, ...]

    def file_pattern(self, lake: str, depth: bool = True) -> str:
        """The pattern of its files; without `depth`, the folder they lie in."""
        folder = f"{lake.rstrip('/')}/{self.name}"
        return f"{folder}/{'*/' * len(self.partition_columns)}*.parquet" if depth else folder


def columns_from_arrow(table: Table) -> Mapping[str, ndarray | EncodedColumn]:
    """Columns of Arrow as `db.census.population` reads them."""
    from db.census.population import TEXT_COLUMNS, EncodedColumn

    found: dict[str, ndarray | EncodedColumn] = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        if name in TEXT_COLUMNS:
            coded = column.dictionary_encode()
            found[name] = EncodedColumn(coded.indices.to_numpy(zero_copy_only=False), coded.dictionary.to_pylist())
        else:
            found[name] = column.to_numpy(zero_copy_only=False)
    return found


def list_engines() -> list[str]:
    """The names of the engines there are: the files of this folder."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def open_engine(name: str, location: EngineLocation) -> AbstractContextManager[Engine]:
    """An engine of this name, ready to be asked.

    Raises:
        UsageError: it reads a lake, and none was named.
    """
    if name != "sqlite" and not location.lake:
        raise UsageError(
            f"--engine {name} reads an export, and none was named.",
            why="Only SQLite reads the store itself.",
            fix="Export the store with `observatory export OUT`, and say --lake OUT.",
            more="docs/engines.md",
        )
    return import_module(f"analysis.compute.engines.{name}").open_engine(location)


def resolve_lake_root(lake: str) -> str:
    """The folder of the tables: what an export calls `parquet/`, or what was named itself."""
    inner = Path(lake) / "parquet"
    return str(inner.resolve()) if inner.is_dir() else lake if "://" in lake else str(Path(lake).resolve())


def parameter_names(query: str) -> set[str]:
    """The names of the values a question asks for; not what looks like one in a text or a comment.

    >>> sorted(parameter_names("SELECT k FROM depth WHERE k >= :k AND k < :until AND name <> 'a:text' -- of :nobody"))
    ['k', 'until']
    """
    return {found[1] for found in PARAMETER_PATTERN.finditer(query) if found[1]}


def replace_parameter_prefix(query: str, prefix: str) -> str:
    """A question with another sign before the names of its values.

    >>> replace_parameter_prefix("SELECT 'a:text' WHERE k = :k", "$")
    "SELECT 'a:text' WHERE k = $k"
    """
    return PARAMETER_PATTERN.sub(lambda found: f"{prefix}{found[1]}" if found[1] else found[0], query)


@cache
def list_lake_tables() -> tuple[LakeTable, ...]:
    """Every table a lake has: what would be exported of an empty store."""
    from analysis.exports.tables import ExportScope, load_tables
    from db.migrate import create_empty_store

    connection = create_empty_store()
    try:
        found = load_tables(connection, ExportScope())
    finally:
        connection.close()
    return tuple(
        LakeTable(table.name, tuple((column.name, column.type) for column in table.columns), table.partitions)
        for table in found
    )


def list_result_columns() -> list[tuple[str, str]]:
    """The columns of the lake's table of results, with what its files are split by."""
    (table,) = [table for table in list_lake_tables() if table.name == "result"]
    return [*table.columns, ("registry", "TEXT"), ("snapshot", "INTEGER")]


def missing_lake_error(lake: str, error: Exception | None = None) -> EngineUnavailableError:
    """A lake without snapshots is none."""
    return EngineUnavailableError(
        f"There is no lake at {lake}.",
        why=f"{error}".split("\n")[0] if error else "It has no table `snapshot`.",
        fix="Name the folder that `observatory export` wrote, or where it was copied to.",
        more="docs/engines.md",
    )


def missing_counters_error(snapshot: int) -> EngineUnavailableError:
    """A lake with a census and without its counters."""
    return EngineUnavailableError(
        f"The lake has no counters of census {snapshot}.",
        why="It was exported without the table `counter`.",
        fix="Export the store again with `observatory export`, all tables of it.",
        more="docs/engines.md",
    )


def query_error(name: str, error: Exception) -> EngineQueryError:
    """What an engine said when it could not answer: the line that is no address of an object of its own."""
    lines = [line.strip(" :") for line in str(error).splitlines() if line.strip(" :")]
    said = next((line for line in lines if not line.startswith("An error occurred while calling")), "it did not say")
    return EngineQueryError(
        f"{name} could not answer.",
        why=said[:300],
        fix="What is stored stays, and the same line goes on. Give it more memory, or use another engine.",
        more="docs/engines.md",
    )

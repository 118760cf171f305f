"""Engines that run the queries of `db/queries/`: on the store itself, or on its export, the lake.

An engine is a file of this folder with `open_engine(location)`, a context manager whose object has
`execute(query, parameters)`, as an SQLite connection has. `execute` returns the rows with their column names. An engine
over the lake also has `fetch_columns(query, parameters)`, which returns the rows by columns, and
`write_results(url, results)`. A file in this folder is registered by its presence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from db import ObservatoryError, UsageError
from db.depths import DAY_VIEWS

if TYPE_CHECKING:
    from numpy import ndarray
    from pyarrow import Table

    from db.census.population import EncodedColumn

PARAMETER_PATTERN = re.compile(r"'[^']*'|--[^\n]*|(?<!:):([a-z_]+)")  # string literals and comments match without group


class EngineUnavailableError(ObservatoryError):
    """An engine is not installed, does not start, or finds no lake."""


class EngineQueryError(ObservatoryError):
    """An engine started to run a query and failed."""


@dataclass(frozen=True)
class EngineLocation:
    """Where an engine finds its data: the store, or the lake and the cluster that reads it."""

    db: Path
    lake: str | None = None
    master: str | None = None


class Rows(Protocol):
    """Rows with the names of their columns, as a cursor of SQLite has them."""

    @property
    def description(self) -> Any:
        """One tuple per column, whose first value is the name."""

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the rows."""


@dataclass(frozen=True)
class QueryResult:
    """The `Rows` of an engine over the lake."""

    description: tuple[tuple[str], ...]
    rows: Sequence[tuple[object, ...]]

    def __iter__(self) -> Iterator[tuple[object, ...]]:
        return iter(self.rows)


class Engine(Protocol):
    """An object that runs SQL queries, with `:name` for each parameter."""

    def execute(self, query: str, parameters: Mapping[str, object], /) -> Rows:
        """Run a query and return its rows."""


@runtime_checkable
class LakeEngine(Engine, Protocol):
    """An engine that reads a lake."""

    def fetch_columns(self, query: str, parameters: Mapping[str, object], /) -> Mapping[str, ndarray | EncodedColumn]:
        """Run a query without NULLs in its rows, and return the rows by columns."""

    def write_results(self, url: str, results: Sequence[tuple[object, ...]], /) -> None:
        """Add rows to the table of results at a URL."""


@dataclass(frozen=True)
class LakeTable:
    """A table of the lake: its columns with their types in the store, and the columns its files are partitioned by."""

    name: str
    columns: tuple[tuple[str, str], ...]
    partition_columns: tuple[str, ...]

    def folder(self, lake: str) -> str:
        """Return the folder of the table's files."""
        return f"{lake.rstrip('/')}/{self.name}"

    def file_pattern(self, lake: str) -> str:
        """Return the glob pattern of the table's files."""
        return f"{self.folder(lake)}/{'*/' * len(self.partition_columns)}*.parquet"


def columns_from_arrow(table: Table) -> Mapping[str, ndarray | EncodedColumn]:
    """Convert a table of Arrow to the columns that `db.census.population` reads."""
    from db.census.population import TEXT_COLUMNS, EncodedColumn

    columns: dict[str, ndarray | EncodedColumn] = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        if name in TEXT_COLUMNS:
            encoded = column.dictionary_encode()
            codes = encoded.indices.to_numpy(zero_copy_only=False)
            columns[name] = EncodedColumn(codes, encoded.dictionary.to_pylist())
        else:
            columns[name] = column.to_numpy(zero_copy_only=False)
    return columns


def list_engines() -> list[str]:
    """Return the names of all engines: the files of this folder."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def open_engine(name: str, location: EngineLocation) -> AbstractContextManager[Engine]:
    """Open the engine of this name.

    Raises:
        UsageError: the engine reads a lake, and none was named.
    """
    if name != "sqlite" and not location.lake:
        raise UsageError(
            f"--engine {name} reads an export, and no export was named.",
            why="Only SQLite reads the store itself.",
            fix="Export the store with `observatory export OUT`, and name the export with --lake OUT.",
            more="docs/engines.md",
        )
    engine: AbstractContextManager[Engine] = import_module(f"{__name__}.{name}").open_engine(location)
    return engine


def resolve_lake_root(lake: str) -> str:
    """Return the folder of the tables: `parquet/` inside an export, or the named folder or URL itself."""
    inner = Path(lake) / "parquet"
    if inner.is_dir():
        return str(inner.resolve())
    return lake if "://" in lake else str(Path(lake).resolve())


def parameter_names(query: str) -> set[str]:
    """Return the names of the parameters of a query, without lookalikes in string literals and comments.

    >>> sorted(parameter_names("SELECT k FROM depth WHERE k >= :k AND k < :until AND name <> 'a:text' -- of :nobody"))
    ['k', 'until']
    """
    return {match[1] for match in PARAMETER_PATTERN.finditer(query) if match[1]}


def replace_parameter_prefix(query: str, prefix: str) -> str:
    """Return a query with another prefix before the names of its parameters.

    >>> replace_parameter_prefix("SELECT 'a:text' WHERE k = :k", "$")
    "SELECT 'a:text' WHERE k = $k"
    """
    return PARAMETER_PATTERN.sub(lambda match: f"{prefix}{match[1]}" if match[1] else match[0], query)


@dataclass(frozen=True)
class LakeSchema:
    """The tables of a lake, and the name and the query of each view that an engine needs over them."""

    tables: tuple[LakeTable, ...]
    views: tuple[tuple[str, str], ...]


@cache
def read_lake_schema() -> LakeSchema:
    """Return the schema of a lake: the tables that the export of an empty store has, and views of that store."""
    from analysis.exports.tables import ExportScope, load_tables
    from db.migrate import create_empty_store

    with closing(create_empty_store()) as connection:
        exported = load_tables(connection, ExportScope())
        definitions = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'view'").fetchall())
    tables = (
        LakeTable(table.name, tuple((column.name, column.type) for column in table.columns), table.partitions)
        for table in exported
    )
    return LakeSchema(tuple(tables), tuple((name, definitions[name].partition(" AS\n")[2]) for name in DAY_VIEWS))


def list_result_columns() -> list[tuple[str, str]]:
    """Return the columns of the lake's table of results, with those its files are partitioned by."""
    (table,) = [table for table in read_lake_schema().tables if table.name == "result"]
    return [*table.columns, ("registry", "TEXT"), ("snapshot", "INTEGER")]


def missing_lake_error(lake: str, error: Exception | None = None) -> EngineUnavailableError:
    """Return the error for a lake without the table of snapshots."""
    return EngineUnavailableError(
        f"There is no lake at {lake}.",
        why=f"{error}".split("\n")[0] if error else "It has no table `snapshot`.",
        fix="Name the folder that `observatory export` wrote, or a copy of that folder.",
        more="docs/engines.md",
    )


def missing_counters_error(snapshot: int) -> EngineUnavailableError:
    """Return the error for a lake that has a census without its counters."""
    return EngineUnavailableError(
        f"The lake has no counters of census {snapshot}.",
        why="The lake was exported without the table `counter`.",
        fix="Export all tables of the store again with `observatory export`.",
        more="docs/engines.md",
    )


def query_error(name: str, error: Exception) -> EngineQueryError:
    """Return the error for a failed query, with the first line of the engine's message that gives a cause."""
    lines = [line.strip(" :") for line in str(error).splitlines() if line.strip(" :")]
    # The first line of an error of Py4J only names a Java object.
    causes = (line for line in lines if not line.startswith("An error occurred while calling"))
    return EngineQueryError(
        f"{name} could not run the query.",
        why=next(causes, "The engine gave no reason.")[:300],
        fix="Give the engine more memory, or use another engine. Stored results stay, and the same command resumes.",
        more="docs/engines.md",
    )

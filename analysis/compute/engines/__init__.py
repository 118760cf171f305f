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

    from db.census.population import Words

MARK = re.compile(r"'[^']*'|--[^\n]*|(?<!:):([a-z_]+)")  # texts and comments are passed over; a value has its name


class EngineMissing(ObservatoryError):
    """An engine is not installed, does not start, or finds no lake."""


class EngineFailed(ObservatoryError):
    """An engine began to work on a question and could not answer it."""


@dataclass(frozen=True)
class Place:
    """Where an engine finds what it reads: the store, or the lake and the cluster that works on it."""

    db: Path
    lake: str | None = None
    master: str | None = None


@dataclass(frozen=True)
class Answer:
    """Rows and what their columns are called, as a cursor of SQLite tells them."""

    description: tuple[tuple[str], ...]
    rows: Sequence[tuple[object, ...]]

    def __iter__(self) -> Iterator[tuple[object, ...]]:
        return iter(self.rows)


class Engine(Protocol):
    """Something that answers a question in SQL, with `:name` where a value goes."""

    def execute(self, question: str, values: Mapping[str, object], /) -> Answer:
        """The rows of one question."""


class LakeEngine(Engine, Protocol):
    """An engine that reads a lake."""

    def columns(self, question: str, values: Mapping[str, object], /) -> Mapping[str, ndarray | Words]:
        """The rows of one question by columns, without a NULL."""

    def write(self, url: str, results: Sequence[tuple[object, ...]], /) -> None:
        """Add rows to the table of results at an address."""


@dataclass(frozen=True)
class LakeTable:
    """A table of the lake: its columns with their types in the store, and what its files are split by."""

    name: str
    columns: tuple[tuple[str, str], ...]
    split: tuple[str, ...]

    def files(self, lake: str, depth: bool = True) -> str:
        """The pattern of its files; without `depth`, the folder they lie in."""
        folder = f"{lake.rstrip('/')}/{self.name}"
        return f"{folder}/{'*/' * len(self.split)}*.parquet" if depth else folder


def by_columns(table: Table) -> Mapping[str, ndarray | Words]:
    """Columns of Arrow as `db.census.population` reads them."""
    from db.census.population import TEXTS, Words

    found: dict[str, ndarray | Words] = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        if name in TEXTS:
            coded = column.dictionary_encode()
            found[name] = Words(coded.indices.to_numpy(zero_copy_only=False), coded.dictionary.to_pylist())
        else:
            found[name] = column.to_numpy(zero_copy_only=False)
    return found


def engines() -> list[str]:
    """The names of the engines there are: the files of this folder."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def opened(name: str, place: Place) -> AbstractContextManager[Engine]:
    """An engine of this name, ready to be asked.

    Raises:
        UsageError: it reads a lake, and none was named.
    """
    if name != "sqlite" and not place.lake:
        raise UsageError(
            f"--engine {name} reads an export, and none was named.",
            why="Only SQLite reads the store itself.",
            fix="Export the store with `observatory export OUT`, and say --lake OUT.",
            more="docs/engines.md",
        )
    return import_module(f"analysis.compute.engines.{name}").opened(place)


def root(lake: str) -> str:
    """The folder of the tables: what an export calls `parquet/`, or what was named itself."""
    inner = Path(lake) / "parquet"
    return str(inner.resolve()) if inner.is_dir() else lake if "://" in lake else str(Path(lake).resolve())


def mentioned(question: str) -> set[str]:
    """The names of the values a question asks for; not what looks like one in a text or a comment.

    >>> sorted(mentioned("SELECT k FROM depth WHERE k >= :k AND k < :until AND name <> 'a:text' -- of :nobody"))
    ['k', 'until']
    """
    return {found[1] for found in MARK.finditer(question) if found[1]}


def marked(question: str, sign: str) -> str:
    """A question with another sign before the names of its values.

    >>> marked("SELECT 'a:text' WHERE k = :k", "$")
    "SELECT 'a:text' WHERE k = $k"
    """
    return MARK.sub(lambda found: f"{sign}{found[1]}" if found[1] else found[0], question)


@cache
def lake_tables() -> tuple[LakeTable, ...]:
    """Every table a lake has: what would be exported of an empty store."""
    from analysis.exports.tables import Scope, tables
    from db.migrate import empty

    connection = empty()
    try:
        found = tables(connection, Scope())
    finally:
        connection.close()
    return tuple(
        LakeTable(table.name, tuple((column.name, column.type) for column in table.columns), table.split)
        for table in found
    )


def result_columns() -> list[tuple[str, str]]:
    """The columns of the lake's table of results, with what its files are split by."""
    (table,) = [table for table in lake_tables() if table.name == "result"]
    return [*table.columns, ("registry", "TEXT"), ("snapshot", "INTEGER")]


def nothing_there(lake: str, error: Exception | None = None) -> EngineMissing:
    """A lake without snapshots is none."""
    return EngineMissing(
        f"There is no lake at {lake}.",
        why=f"{error}".split("\n")[0] if error else "It has no table `snapshot`.",
        fix="Name the folder that `observatory export` wrote, or where it was copied to.",
        more="docs/engines.md",
    )


def no_counters(snapshot: int) -> EngineMissing:
    """A lake with a census and without its counters."""
    return EngineMissing(
        f"The lake has no counters of census {snapshot}.",
        why="It was exported without the table `counter`.",
        fix="Export the store again with `observatory export`, all tables of it.",
        more="docs/engines.md",
    )


def failed(name: str, error: Exception) -> EngineFailed:
    """What an engine said when it could not answer: the line that is no address of an object of its own."""
    lines = [line.strip(" :") for line in str(error).splitlines() if line.strip(" :")]
    said = next((line for line in lines if not line.startswith("An error occurred while calling")), "it did not say")
    return EngineFailed(
        f"{name} could not answer.",
        why=said[:300],
        fix="What is stored stays, and the same line goes on. Give it more memory, or use another engine.",
        more="docs/engines.md",
    )

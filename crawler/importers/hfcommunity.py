"""The tables `repository` and `model` (or `dataset`, `space`) of an HFCommunity dump: SQL text, plain or .gz.

Eras: at first `model` had all columns, with an `id` like `models/gpt2`; then what kinds have in common stood in
`repository`, and `model` names it by `model_id`; `disabled` came later. The columns are read from the dump itself.
`tags_in_repo` gives the tags. Authors, commits, files and discussions are not read. There are no stable ids in it. The
extractor never removes a row: what was gone by then is still listed, with the counters it had last.
"""

from __future__ import annotations

import gzip
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from crawler.importers import ImportFailed, Past, Wanted
from crawler.importers._hub import kind_of, past

CELL = re.compile(r"""'((?:[^'\\]|\\.|'')*)'|([^\s,()';]+)|(\(|\)|,|;)""", re.DOTALL)
ESCAPED = re.compile(r"\\(.)|''", re.DOTALL)
LETTERS = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "Z": "\x1a"}
Cells = dict[str, str | None]


def read_file(path: Path, wanted: Wanted) -> Past:
    """The repositories of one kind, best first.

    Raises:
        ImportFailed: it is no such dump.
    """
    kind = kind_of(wanted).removesuffix("s")
    repositories: dict[str, Cells] = {}
    own: dict[str, Cells] = {}
    tags: dict[str, list[str]] = defaultdict(list)
    fields: set[str] = {"lastModified"}
    try:
        with _text(path) as stream:
            for table, row in _dumped(stream, {"repository", kind, "tags_in_repo"}):
                if table == "repository" and row.get("type") == kind:
                    repositories[str(row["id"])] = row
                elif table == kind:
                    own[str(row["id"] if "id" in row else row[f"{kind}_id"])] = row
                elif table == "tags_in_repo":
                    tags[str(row["repo_id"])].append(str(row["tag_name"]))
    except (OSError, EOFError, UnicodeDecodeError, KeyError) as error:
        raise _no_dump(str(error)) from error
    repositories = repositories or {key: row for key, row in own.items() if "id" in row}
    if not repositories:
        raise _no_dump(f"There is no row of `repository` with the type {kind}, nor of `{kind}` with an id.")
    for rows in (repositories, own):
        fields |= set(next(iter(rows.values()), {}))
    fields |= {"tags"} if tags else set()
    made = (_row(name, row, own.get(name, {}), tags[name] if tags else None) for name, row in repositories.items())
    return past(made, wanted, fields)


def _row(name: str, row: Cells, own: Cells, tags: list[str] | None) -> dict[str, object]:
    said: dict[str, object] = {
        "id": row.get("name") or name.partition("/")[2], "lastModified": _moment(row.get("last_modified")),
        "sha": row.get("sha"), "pipeline_tag": own.get("pipeline_tag"), "library_name": own.get("library_name"),
        "sdk": own.get("sdk"), "downloads": _number(own.get("downloads")),
        "likes": _number(row.get("likes") or own.get("likes")), "tags": tags,
        "gated": row["gated"] if row.get("gated") in ("auto", "manual") else None,
        "disabled": True if row.get("disabled") == "1" else None,
    }  # fmt: skip
    return said


def _dumped(stream: TextIO, wanted: set[str]) -> Iterator[tuple[str, Cells]]:
    """The rows of these tables, each with its columns' names as CREATE TABLE or INSERT tells them."""
    columns: dict[str, list[str]] = defaultdict(list)
    making = filling = None
    for line in stream:
        if found := re.match(r"CREATE TABLE `(\w+)`", line):
            making = found[1]
        elif making and (found := re.match(r"\s+`(\w+)` ", line)):
            columns[making].append(found[1])
        elif found := re.match(r"INSERT INTO `(\w+)`\s*(\([^()]*\))?\s*VALUES\s*", line):
            making, filling = None, found[1] if found[1] in wanted else None
            if found[2]:
                columns[found[1]] = re.findall(r"\w+", found[2])
            line = line[found.end() :]
        elif line.startswith(")"):
            making = None
        if filling and making is None:
            for row in _tuples(line):
                yield filling, dict(zip(columns[filling], row, strict=True)) if columns[filling] else {}
            filling = None if line.rstrip().endswith(";") else filling


def _tuples(text: str) -> Iterator[list[str | None]]:
    """The rows of a VALUES list.

    >>> list(_tuples("('a''b',NULL,3),('c\\\\nd','(x),',-1);"))
    [["a'b", None, '3'], ['c\\nd', '(x),', '-1']]
    """
    row: list[str | None] = []
    for quoted, bare, mark in CELL.findall(text):
        if mark == "(":
            row = []
        elif mark == ")":
            yield row
        elif not mark:
            row.append(None if bare == "NULL" else bare or ESCAPED.sub(_plain, quoted))


def _plain(found: re.Match[str]) -> str:
    return "'" if found[1] is None else LETTERS.get(found[1], found[1])


def _text(path: Path) -> TextIO:
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8")


def _number(text: str | None) -> int | str | None:
    return int(text) if text is not None and text.isdigit() else text


def _moment(text: str | None) -> str | None:
    return None if not text else text.replace(" ", "T", 1)


def _no_dump(why: str) -> ImportFailed:
    return ImportFailed("The file is not a dump of HFCommunity.", why=why, fix="Name the .sql or .sql.gz file itself.")

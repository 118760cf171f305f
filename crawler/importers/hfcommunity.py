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

from crawler.importers import ImportFailedError, ImportSpec, ParsedList
from crawler.importers._hub import hub_kind, parse_rows

CELL_PATTERN = re.compile(r"""'((?:[^'\\]|\\.|'')*)'|([^\s,()';]+)|(\(|\)|,|;)""", re.DOTALL)
ESCAPE_PATTERN = re.compile(r"\\(.)|''", re.DOTALL)
ESCAPED_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "Z": "\x1a"}
Cells = dict[str, str | None]


def read_file(path: Path, spec: ImportSpec) -> ParsedList:
    """The repositories of one kind, best first.

    Raises:
        ImportFailed: it is no such dump.
    """
    kind = hub_kind(spec).removesuffix("s")
    repositories: dict[str, Cells] = {}
    own: dict[str, Cells] = {}
    tags: dict[str, list[str]] = defaultdict(list)
    fields: set[str] = {"lastModified"}
    try:
        with _open_text(path) as stream:
            for table, row in _iter_rows(stream, {"repository", kind, "tags_in_repo"}):
                if table == "repository" and row.get("type") == kind:
                    repositories[str(row["id"])] = row
                elif table == kind:
                    own[str(row["id"] if "id" in row else row[f"{kind}_id"])] = row
                elif table == "tags_in_repo":
                    tags[str(row["repo_id"])].append(str(row["tag_name"]))
    except (OSError, EOFError, UnicodeDecodeError, KeyError) as error:
        raise _not_a_dump_error(str(error)) from error
    repositories = repositories or {key: row for key, row in own.items() if "id" in row}
    if not repositories:
        raise _not_a_dump_error(f"There is no row of `repository` with the type {kind}, nor of `{kind}` with an id.")
    for rows in (repositories, own):
        fields |= set(next(iter(rows.values()), {}))
    fields |= {"tags"} if tags else set()
    made = (
        _make_hub_row(name, row, own.get(name, {}), tags[name] if tags else None) for name, row in repositories.items()
    )
    return parse_rows(made, spec, fields)


def _make_hub_row(name: str, row: Cells, own: Cells, tags: list[str] | None) -> dict[str, object]:
    said: dict[str, object] = {
        "id": row.get("name") or name.partition("/")[2], "lastModified": _format_instant(row.get("last_modified")),
        "sha": row.get("sha"), "pipeline_tag": own.get("pipeline_tag"), "library_name": own.get("library_name"),
        "sdk": own.get("sdk"), "downloads": _parse_number(own.get("downloads")),
        "likes": _parse_number(row.get("likes") or own.get("likes")), "tags": tags,
        "gated": row["gated"] if row.get("gated") in ("auto", "manual") else None,
        "disabled": True if row.get("disabled") == "1" else None,
    }  # fmt: skip
    return said


def _iter_rows(stream: TextIO, tables: set[str]) -> Iterator[tuple[str, Cells]]:
    """The rows of these tables, each with its columns' names as CREATE TABLE or INSERT tells them."""
    columns: dict[str, list[str]] = defaultdict(list)
    making = filling = None
    for line in stream:
        if found := re.match(r"CREATE TABLE `(\w+)`", line):
            making = found[1]
        elif making and (found := re.match(r"\s+`(\w+)` ", line)):
            columns[making].append(found[1])
        elif found := re.match(r"INSERT INTO `(\w+)`\s*(\([^()]*\))?\s*VALUES\s*", line):
            making, filling = None, found[1] if found[1] in tables else None
            if found[2]:
                columns[found[1]] = re.findall(r"\w+", found[2])
            line = line[found.end() :]
        elif line.startswith(")"):
            making = None
        if filling and making is None:
            for row in _parse_tuples(line):
                yield filling, dict(zip(columns[filling], row, strict=True)) if columns[filling] else {}
            filling = None if line.rstrip().endswith(";") else filling


def _parse_tuples(text: str) -> Iterator[list[str | None]]:
    """The rows of a VALUES list.

    >>> list(_parse_tuples("('a''b',NULL,3),('c\\\\nd','(x),',-1);"))
    [["a'b", None, '3'], ['c\\nd', '(x),', '-1']]
    """
    row: list[str | None] = []
    for quoted, bare, mark in CELL_PATTERN.findall(text):
        if mark == "(":
            row = []
        elif mark == ")":
            yield row
        elif not mark:
            row.append(None if bare == "NULL" else bare or ESCAPE_PATTERN.sub(_unescape, quoted))


def _unescape(match: re.Match[str]) -> str:
    return "'" if match[1] is None else ESCAPED_LETTERS.get(match[1], match[1])


def _open_text(path: Path) -> TextIO:
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8")


def _parse_number(text: str | None) -> int | str | None:
    return int(text) if text is not None and text.isdigit() else text


def _format_instant(text: str | None) -> str | None:
    return None if not text else text.replace(" ", "T", 1)


def _not_a_dump_error(why: str) -> ImportFailedError:
    return ImportFailedError(
        "The file is not a dump of HFCommunity.", why=why, fix="Name the .sql or .sql.gz file itself."
    )

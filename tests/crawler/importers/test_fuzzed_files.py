"""A file whose bytes, rows, cells, types or encoding were changed is read, rejected row by row, or refused in words."""

from __future__ import annotations

import json
import math
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from crawler.importers import ImportFailedError, ImportSession, ImportSpec, ListImporter, ParsedList, load_importer
from crawler.importers._judging import judge_list
from crawler.importers.cards import CardImporter
from db import SECONDS_PER_DAY
from tests.list_files import WRITERS

USUAL_FILES, SOME_FILES, MANY_FILES = 8, 1000, 100_000  # for each format: by default, by `make test-ci`, by `-slow`
ROWS = 12
FIRST_DAY, STORED_SHARE = 1_600_000_000, 25  # one file in 25 is stored too
SPECS = {
    "csv": ImportSpec(
        "huggingface/models", 0, "downloads", None, None, {"id": "name", "value": "number", "rank": "place"}
    ),
    "ecosystems-csv": ImportSpec("npm", 0, "downloads", "last-month", None),
    "top-pypi-packages": ImportSpec("pypi", 0, "downloads", "last-30-days", None),
    "librarian-bots": ImportSpec("huggingface/models", 0, "downloads", None, None, {"value": "downloads"}),
    "cards": ImportSpec("huggingface/models", 0, "downloads", None, None, {"value": "downloads"}),
}
HUB = ImportSpec("huggingface/models", 0, "downloads", None, None)
ODD_BYTES = (
    b"\0", b'"', b"'", b"\n", b"\r", b"\xff\xfe", b"\xef\xbb\xbf", b"[" * 5000, b"{", b"}", b",", b"\\ud800", b";",
    b"\\", b"\xed\xa0\x80", b"NaN", b"1e999", b"9" * 5000, b"\x1f\x8b", b"--", b"''",
)  # fmt: skip
ODD_CELLS: tuple[Any, ...] = (
    None, "", "many", "-1", -1, 1.5, "1e3", "1,234", math.nan, math.inf, 2**63, 2**64 - 1, True, "٣", "²", "\0", "a\nb",
    '"', "'", "\\", "a,b", "[]", "x" * 400, "2022-13-45", "9999-12-31T23:59:59+23:59", "0001-01-01T00:00:00-23:59",
)  # fmt: skip
ODD_JSON: tuple[Any, ...] = (*ODD_CELLS, [], {}, [None], {"a": [1]}, "\ud800", 10**400, [[[[]]]])


@dataclass(frozen=True)
class MutatedFile:
    """A file that was changed, and the number of rows that it has, None if the change may have removed rows."""

    content: bytes
    rows: int | None


def make_hub_row(number: int) -> dict[str, Any]:
    base = {"relation": "finetune", "models": [{"_id": f"{99:024x}", "id": "maker/base"}]}
    more = {"baseModels": base, "safetensors": {"total": 7}} if number % 3 else {}
    return {
        "_id": f"{number:024x}", "id": f"maker/m{number * 5 % ROWS}", "createdAt": "2022-03-02T23:29:04.000Z",
        "lastModified": "2022-04-02T23:29:04.000Z", "downloads": 900 - number, "downloadsAllTime": 9000, "likes": 3,
        "trendingScore": 1.5, "sha": "0" * 40, "pipeline_tag": "fill-mask", "library_name": "transformers",
        "gated": False, "disabled": False, "tags": ["transformers", "license:mit", "base_model:maker/base"], **more,
    }  # fmt: skip


def make_package(number: int) -> dict[str, Any]:
    return {
        "name": f"p{number * 5 % ROWS}", "ecosystem": "npm", "registry": "npm.example", "downloads": 900 - number,
        "downloads_period": "last-month", "dependent_packages_count": 3, "dependent_repos_count": 4,
        "description": "words", "first_release_published_at": "2022-03-02T23:29:04.000Z",
        "latest_release_published_at": "2022-03-02T23:29:04.000Z", "last_synced_at": "2022-03-02T23:29:04.000Z",
    }  # fmt: skip


def write_rows(source: random.Random, format_name: str, change: Callable[[list[dict[str, Any]]], None]) -> bytes:
    """Return a file of a format, after a change of its rows."""
    make = make_package if format_name in ("ecosystems-csv", "top-pypi-packages") else make_hub_row
    rows = [make(number) for number in range(ROWS)]
    change(rows)
    return WRITERS[format_name](source, rows)


def change_nothing(rows: Sequence[object]) -> None:
    """Leave rows as they are."""


def change_bytes(source: random.Random, format_name: str) -> MutatedFile:
    """Insert, remove, repeat or replace bytes, up to three times."""
    content = write_rows(source, format_name, change_nothing)
    for _ in range(source.randint(1, 3)):
        start, end = sorted((source.randint(0, len(content)), source.randint(0, len(content))))
        content = source.choice((
            content[:start], content[:start] + content[end:], content[:end] + content[start:],
            content[:start] + source.choice(ODD_BYTES) + content[start:],
            content[:start] + bytes([source.randrange(256)]) + content[start + 1 :],
        ))  # fmt: skip
    return MutatedFile(content, None)


def change_encoding(source: random.Random, format_name: str) -> MutatedFile:
    """Encode a text in another way. The content of a binary format becomes another one."""
    text = write_rows(source, format_name, change_nothing).decode("latin-1")
    return MutatedFile(text.encode(source.choice(("utf-16", "utf-32", "utf-7", "cp037", "utf-8"))), None)


def change_json(source: random.Random, format_name: str) -> MutatedFile:
    """Put another value into a field of the rows, before they are written as JSON."""
    content = write_rows(source, format_name, change_nothing)
    lines = format_name == "cards" or (content[:1] == b"{" and b"\n" in content)
    document = [json.loads(line) for line in content.splitlines()] if lines else json.loads(content)
    rows = document["rows"] if isinstance(document, dict) else document
    for _ in range(source.randint(1, 3)):
        position = source.randrange(len(rows))
        row = dict(rows[position]) if isinstance(rows[position], dict) else {}
        row[source.choice([*row, "id"])] = source.choice(ODD_JSON)
        rows[position] = source.choice((row, row, row, source.choice(ODD_CELLS)))
    text = "\n".join(map(json.dumps, rows)) if lines else json.dumps(document)
    return MutatedFile(text.encode(), None if format_name == "ptmtorrent" else ROWS)


def change_table(source: random.Random, format_name: str) -> MutatedFile:
    """Put other values into the cells of a text, or a quotation mark that is not closed in its row."""
    lines = make_table(format_name).splitlines(keepends=True)
    for _ in range(source.randint(1, 2)):
        number = source.randrange(1, len(lines))
        cells = lines[number].rstrip("\n").split(",")
        column = source.randrange(len(cells))
        if format_name == "ecosystems-csv" and column in (1, 2):
            continue  # the row would be of another registry
        cells[column] = str(source.choice((*ODD_CELLS, '"the best', '"the', '"')))
        lines[number] = ",".join(cells) + "\n"
    return MutatedFile("".join(lines).encode("utf-8", "replace"), ROWS)


def make_table(format_name: str) -> str:
    """Return a table without any quotation mark."""
    if format_name == "ecosystems-csv":
        package = ",".join(map(str, make_package(0).values()))
        rows = [package.replace("p0,", f"p{n * 5 % ROWS},").replace(",900,", f",{900 - n},") for n in range(ROWS)]
        return "\n".join([",".join(make_package(0)), *rows, ""])
    rows = [f"{n + 1},m{n * 5 % ROWS},words,{900 - n}" for n in range(ROWS)]
    return "\n".join(["place,name,words,number", *rows, ""])


def change_cells(source: random.Random, format_name: str) -> MutatedFile:
    """Put other values into the cells of a column, in the types that the format has."""

    def change(rows: list[dict[str, Any]]) -> None:
        column = source.choice(["downloads", "likes", "id", "name", "sha", "tags"])
        values = ([], ["a"], None, ["\0"]) if column == "tags" else ("", "a\0b", "'", "x" * 400)
        for row in source.sample(rows, source.randint(1, 3)):
            if column in row:
                row[column] = source.choice(values)

    try:
        return MutatedFile(write_rows(source, format_name, change), None)
    except (ValueError, TypeError, OverflowError, ArithmeticError):  # the writer cannot write such a value
        return MutatedFile(b"", None)


def list_changes(format_name: str) -> list[Callable[[random.Random, str], MutatedFile]]:
    """Return the changes that a format can have."""
    changes = [change_bytes, change_bytes, change_encoding, change_cells]
    if format_name in ("hub-api", "ptmtorrent", "top-pypi-packages", "cards"):
        changes += [change_json] * 3
    if format_name in ("csv", "ecosystems-csv"):
        changes += [change_table] * 3
    return changes


def parse_file(path: Path, format_name: str) -> ParsedList:
    """Return the list of a file, after its cards, if it has any.

    Raises:
        ImportFailedError: the file is no list.
    """
    importer, spec = load_importer(format_name), SPECS.get(format_name, HUB)
    if isinstance(importer, ListImporter):
        return importer.open_list(path).parse(spec)
    assert isinstance(importer, CardImporter)
    cards = importer.open_source(path, spec)
    unread = sum(card is None for card in cards.iter_cards())
    cards.find_events(spec)
    parsed, list_spec = cards.as_list(spec)
    parsed = judge_list(parsed, list_spec)
    return replace(parsed, fault=parsed.fault or (f"{unread} lines could not be read" if unread else None))


def store_file(session: ImportSession, path: Path, format_name: str, day: int) -> None:
    """Store the list of a file as of a day. Whatever is not complete must say why."""
    spec = replace(SPECS.get(format_name, HUB), taken_at=FIRST_DAY + day * SECONDS_PER_DAY)
    outcome = load_importer(format_name).import_file(session, str(path), spec, format_name)
    assert outcome.status == "complete" or outcome.remark or outcome.warnings


def try_file(source: random.Random, format_name: str, path: Path) -> str:
    """Read a changed file, and return what became of the file: `refused`, `told` or `whole`."""
    file = source.choice(list_changes(format_name))(source, format_name)
    path.write_bytes(file.content)
    try:
        parsed = parse_file(path, format_name)
    except ImportFailedError as error:
        assert error.message and error.fix
        return "refused"
    assert parsed.fault or parsed.received == len(parsed.observations) + len(parsed.rejects)
    assert all(reject.reason for reject in parsed.rejects)
    if parsed.fault or parsed.rejects:
        return "told"
    assert file.rows is None or len(parsed.observations) == file.rows, "rows are missing without a reason"
    return "whole"


def try_files(format_name: str, count: int) -> Counter[str]:
    """Read changed files, and return how many were refused, told or whole. A failure names the seed of its file."""
    ends: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, ImportSession(Path(folder) / "store.db") as session:
        path = Path(folder) / "file.dat"
        for seed in range(count):
            try:
                end = try_file(random.Random(seed), format_name, path)
                if end != "refused" and seed % STORED_SHARE == 0:
                    store_file(session, path, format_name, seed // STORED_SHARE)
                ends[end] += 1
            except Exception as error:
                raise AssertionError(f"file of seed {seed}") from error
    return ends


@pytest.mark.fault("D13", "D9")
@pytest.mark.parametrize("format_name", WRITERS)
def test_any_file_is_read_told_or_refused(format_name: str) -> None:
    assert len(try_files(format_name, USUAL_FILES)) > 1


@pytest.mark.ci
@pytest.mark.fault("D13", "D9")
@pytest.mark.parametrize("format_name", WRITERS)
def test_a_thousand_files_are_read_told_or_refused(format_name: str) -> None:
    assert len(try_files(format_name, SOME_FILES)) == 3


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.fault("D13", "D9")
@pytest.mark.parametrize("format_name", WRITERS)
def test_many_files_are_read_told_or_refused(format_name: str, measured: Callable[[str], None]) -> None:
    ends = try_files(format_name, MANY_FILES)
    measured(f"{MANY_FILES:,} files of {format_name}, {ends['refused']:,} of them refused")

"""The models of a PeaTMOSS database (SQLite).

Eras: `PeaTMOSS.db` has a row of `model` for each package (`context_id` is its name), with the tables `model_to_tag`,
`model_to_library` and `model_to_license`. The builds of 2024 also have `model_to_base_model`. The oldest era has only
names (`modelId`) and downloads. Hubs other than Hugging Face are skipped. No era has stable ids.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from crawler.importers import FileImporter, ImportFailedError, ImportSpec, ParsedList
from crawler.importers._hub import parse_rows
from db.causes import describe_cause

NAME_COLUMNS, DOWNLOAD_COLUMNS = ("context_id", "modelId"), ("downloads", "downloads_last_month")
JOIN_TABLES = {  # the query of a join table, and the prefix that the Hub's tags have for its values
    "model_to_tag": ("SELECT j.model_id, t.name FROM model_to_tag j JOIN tag t ON t.id = j.tag_id", ""),
    "model_to_library": ("SELECT j.model_id, t.name FROM model_to_library j JOIN library t ON t.id = j.library_id", ""),
    "model_to_license": (
        "SELECT j.model_id, t.name FROM model_to_license j JOIN license t ON t.id = j.license_id",
        "license:",
    ),
    "model_to_base_model": ("SELECT model_id, base_model_name FROM model_to_base_model", "base_model:"),
}


def read_file(path: Path, spec: ImportSpec) -> ParsedList:
    """Read the models of the Hub in a database, best first.

    Raises:
        ImportFailedError: the file is not SQLite, or has no table of models with names and downloads.
    """
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            connection.text_factory = _read_text
            return _read_models(connection, spec)
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the name of a table or column may be no text
        raise _not_peatmoss_error(describe_cause(error)) from error


IMPORTER = FileImporter(read_file)


def _read_text(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")  # half characters: the reader of rows refuses them


def _read_models(connection: sqlite3.Connection, spec: ImportSpec) -> ParsedList:
    tables = {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "model" not in tables:
        raise _not_peatmoss_error(f"Its tables are: {', '.join(sorted(tables)[:20])}.")
    fields = {"downloads", "likes", "sha"} | ({"tags", "library_name"} if tables & JOIN_TABLES.keys() else set())
    hubs = _find_hugging_face_hubs(connection) if "model_hub" in tables else None
    rows = _iter_rows(connection, _read_tags(connection, tables), hubs)
    return parse_rows(rows, spec, fields, lineage="model_to_base_model" in tables)


def _iter_rows(
    connection: sqlite3.Connection, tags: Mapping[int, list[str]], hubs: set[int] | None
) -> Iterator[dict[str, object]]:
    cursor = connection.execute("SELECT * FROM model")
    columns = [column[0] for column in cursor.description]
    name = next((column for column in NAME_COLUMNS if column in columns), None)
    downloads = next((column for column in DOWNLOAD_COLUMNS if column in columns), None)
    if name is None or downloads is None:
        raise _not_peatmoss_error(f"The columns of its table `model` are: {', '.join(columns)}.")
    other_columns = [column for column in ("likes", "sha") if column in columns]
    for number, row in enumerate(cursor):
        if hubs is not None and "model_hub_id" in columns and row["model_hub_id"] not in hubs:
            continue
        model_tags = tags.get(row["id"] if "id" in columns else number, [])
        other_fields = {column: row[column] for column in other_columns}
        yield {"id": row[name], "downloads": row[downloads], "tags": model_tags, **other_fields}


def _read_tags(connection: sqlite3.Connection, tables: set[str]) -> dict[int, list[str]]:
    tags: dict[int, list[str]] = defaultdict(list)
    for table, (query, prefix) in JOIN_TABLES.items():
        if table in tables:
            for model, name in connection.execute(query):
                if name:
                    tags[model].append(f"{prefix}{name}")
    return tags


def _find_hugging_face_hubs(connection: sqlite3.Connection) -> set[int]:
    rows = connection.execute("SELECT id, name, url FROM model_hub")
    return {number for number, name, url in rows if "huggingface" in f"{name} {url}".lower().replace(" ", "")}


def _not_peatmoss_error(why: str) -> ImportFailedError:
    return ImportFailedError(
        "The file is not a PeaTMOSS database.", why=why, fix="Name the SQLite file itself, unpacked."
    )

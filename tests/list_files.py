"""The same rows of the Hub or of Ecosyste.ms as files of each format, with the forms of numbers that it has."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow
import pyarrow.parquet

Row = Mapping[str, Any]
STATS_FIELDS = (
    "_id", "id", "createdAt", "lastModified", "downloads", "downloadsAllTime", "likes", "trendingScore", "pipeline_tag",
    "library_name", "tags", "sha", "baseModels", "safetensors",
)  # fmt: skip
PTM_FIELDS = (
    "_id", "id", "downloads", "likes", "sha", "tags", "library_name", "pipeline_tag", "lastModified", "createdAt",
)  # fmt: skip
LIBRARIAN_FIELDS = ("id", "downloads", "likes", "library_name", "tags", "pipeline_tag", "createdAt", "lastModified")
NUMBER_FORMS: tuple[Callable[[int], object], ...] = (int, str, "{}.0".format, float)


def vary(source: random.Random, row: Row) -> dict[str, Any]:
    """Return a row whose counts have any of the forms that programs write into JSON."""
    counts = {name: row[name] for name in ("downloads", "likes", "downloadsAllTime") if name in row}
    return {**row, **{name: source.choice(NUMBER_FORMS)(count) for name, count in counts.items()}}


def select(row: Row, fields: Sequence[str]) -> dict[str, Any]:
    """Return the fields that a format carries."""
    return {name: row[name] for name in fields if name in row}


def write_json(source: random.Random, rows: Sequence[Row]) -> bytes:
    """Return a body of the Hub, as one list or with a row to a line."""
    texts = [json.dumps(vary(source, row)) for row in rows]
    return ("\n".join(texts) if source.random() < 0.5 else f"[{','.join(texts)}]").encode()


def write_parquet(source: random.Random, rows: Sequence[Row], names: Mapping[str, str] = {}) -> bytes:
    """Return a Parquet file. Its counts, moments and nested fields have one of several types."""
    fields = list(dict.fromkeys(name for row in rows for name in row))
    columns = {names.get(name, name): _make_column(source, name, [row.get(name) for row in rows]) for name in fields}
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), stream, row_group_size=source.choice((7, 1000)))
    return stream.getvalue()


def _make_column(source: random.Random, name: str, values: Sequence[Any]) -> pyarrow.Array:
    if name in ("downloads", "likes", "downloadsAllTime"):
        convert = source.choice((int, float, Decimal, str, "{}.0".format))
        return pyarrow.array([None if value is None else convert(value) for value in values])
    if name in ("createdAt", "lastModified"):
        moments = [datetime.fromisoformat(value) for value in values]
        unit, zone = source.choice(("s", "ms", "us", "ns")), source.choice(("UTC", "Europe/Madrid", "-03:00"))
        return pyarrow.array(moments, pyarrow.timestamp(unit, tz=zone))
    if name in ("baseModels", "safetensors"):
        return pyarrow.array([None if value is None else json.dumps(value) for value in values])
    if name in ("_id", "id", "sha") and source.random() < 0.3:
        return pyarrow.array([value and value.encode() for value in values])
    return pyarrow.array(values)


def write_hub_stats(source: random.Random, rows: Sequence[Row]) -> bytes:
    """Return a file of hub-stats."""
    return write_parquet(source, [select(row, STATS_FIELDS) for row in rows])


def write_librarian_bots(source: random.Random, rows: Sequence[Row]) -> bytes:
    """Return a file of cards of librarian-bots."""
    cards = [{**select(row, LIBRARIAN_FIELDS), "card": f"# {row['id']}"} for row in rows]
    return write_parquet(source, cards, {"id": "modelId", "lastModified": "last_modified"})


def write_ptmtorrent(source: random.Random, rows: Sequence[Row]) -> bytes:
    """Return a file of PTMTorrent."""
    return json.dumps([vary(source, select(row, PTM_FIELDS)) for row in rows]).encode()


def write_cards(source: random.Random, rows: Sequence[Row]) -> bytes:
    """Return JSON lines of cards."""
    lines = [{"modelId": row["id"], "card": f"# {row['id']}", **select(row, ("downloads", "likes"))} for row in rows]
    return "\n".join(json.dumps(vary(source, line)) for line in lines).encode()


def write_csv(source: random.Random, rows: Sequence[Row]) -> bytes:
    """Return a table with ranks and counts, in any delimiter and form of numbers."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=source.choice(",;\t|"), lineterminator=source.choice(("\n", "\r\n")))
    writer.writerow(["place", "words", "name", "number"])
    for rank, row in enumerate(rows, 1):
        form = source.choice((*NUMBER_FORMS, "{:,}".format, "{:.10e}".format))
        writer.writerow([rank, source.choice(("", "a, b; c|d\te", "two\nlines")), row["id"], form(row["downloads"])])
    content = stream.getvalue().encode(source.choice(("utf-8", "utf-8-sig")))
    return gzip.compress(content) if source.random() < 0.3 else content


def write_peatmoss(source: random.Random, rows: Sequence[Row]) -> bytes:
    """Return a database of PeaTMOSS. Each tag, licence and base stands in a table of its own."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for table in ("tag", "library", "license"):
            connection.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, name UNIQUE)")
            connection.execute(f"CREATE TABLE model_to_{table} (model_id, {table}_id)")
        connection.execute("CREATE TABLE model (id, context_id, sha, downloads, likes)")
        connection.execute("CREATE TABLE model_to_base_model (model_id, base_model_id, base_model_name)")
        for number, row in enumerate(rows, 1):
            counts = [source.choice(NUMBER_FORMS)(row[name]) for name in ("downloads", "likes")]
            connection.execute("INSERT INTO model VALUES (?, ?, ?, ?, ?)", (number, row["id"], row["sha"], *counts))
            for tag in row.get("tags", ()):
                _add_tag(connection, number, tag)
        return connection.serialize()


def _add_tag(connection: sqlite3.Connection, model: int, tag: str) -> None:
    kind, _, value = tag.partition(":")
    if kind == "base_model":
        connection.execute("INSERT INTO model_to_base_model VALUES (?, NULL, ?)", (model, value))
        return
    table, name = ("license", value) if kind == "license" else ("tag", tag)
    connection.execute(f"INSERT OR IGNORE INTO {table} (name) VALUES (?)", (name,))
    connection.execute(f"INSERT INTO model_to_{table} SELECT ?, id FROM {table} WHERE name = ?", (model, name))


def write_hfcommunity(source: random.Random, rows: Sequence[Row]) -> bytes:
    """Return a dump of HFCommunity."""
    models = [(row["id"], row.get("pipeline_tag"), row["downloads"], row.get("library_name")) for row in rows]
    repositories = [
        (row["id"], row["id"], "model", row["sha"], row["lastModified"][:19].replace("T", " "), row["likes"],
         row["gated"] or 0, int(row["disabled"]))
        for row in rows
    ]  # fmt: skip
    tags = [(tag, row["id"]) for row in rows for tag in row.get("tags", ())]
    tables = {
        "model": (("model_id", "pipeline_tag", "downloads", "library_name"), models),
        "repository": (("id", "name", "type", "sha", "last_modified", "likes", "gated", "disabled"), repositories),
        "tags_in_repo": (("tag_name", "repo_id"), tags),
    }
    text = "-- MariaDB dump 10.19\n" + "".join(
        _write_table(source, name, columns, values) for name, (columns, values) in tables.items()
    )
    content = f"{text}-- Dump completed on 2026-01-05\n".encode()
    return gzip.compress(content) if source.random() < 0.3 else content


def _write_table(source: random.Random, name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    separator = source.choice((",", ",\n"))
    values = separator.join(f"({','.join(map(_format_sql, row))})" for row in rows)
    heads = "".join(f"  `{column}` text,\n" for column in columns)
    return f"CREATE TABLE `{name}` (\n{heads}) ENGINE=InnoDB;\nINSERT INTO `{name}` VALUES {values};\n"


def _format_sql(value: object) -> str:
    if value is None or isinstance(value, int):
        return "NULL" if value is None else str(value)
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def write_release(source: random.Random, rows: Sequence[Row]) -> bytes:
    """Return the packages table of a release of Ecosyste.ms, with the headings of either era."""
    headings = {
        "Name": "name", "Ecosystem": "ecosystem", "Registry": "registry", "Downloads": "downloads",
        "Downloads Period": "downloads_period", "Dependent Packages Count": "dependent_packages_count",
        "Dependent Repositories Count": "dependent_repos_count", "Description": "description",
        "First Release Publish Timestamp": "first_release_published_at", "Last synced Timestamp": "last_synced_at",
        "Latest Release Publish Timestamp": "latest_release_published_at",
    }  # fmt: skip
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    is_late = source.random() < 0.5
    writer.writerow([heading.lower().replace(" ", "_") if is_late else heading for heading in headings])
    for row in rows:
        number = source.choice(("{}", "{}.0", "{:,}")).format(row["downloads"])
        writer.writerow([number if name == "downloads" else row.get(name) for name in headings.values()])
    content = stream.getvalue().encode()
    return gzip.compress(content) if source.random() < 0.3 else content


def write_top(source: random.Random, rows: Sequence[Row]) -> bytes:
    """Return a file of top-pypi-packages of either era, with any spelling of the names."""
    spell = source.choice((str, str.upper, lambda name: name.replace("-", "_")))
    projects = [
        {"project": spell(row["name"]), "download_count": source.choice(NUMBER_FORMS)(row["downloads"])} for row in rows
    ]
    document = projects if source.random() < 0.5 else {"last_update": "2026-01-05 10:00:00", "rows": projects}
    return json.dumps(document).encode()


WRITERS: dict[str, Callable[[random.Random, Sequence[Row]], bytes]] = {
    "cards": write_cards, "csv": write_csv, "ecosystems-csv": write_release, "hfcommunity": write_hfcommunity,
    "hub-api": write_json, "hub-stats": write_hub_stats, "hub-weekly-snapshots": write_hub_stats,
    "librarian-bots": write_librarian_bots, "peatmoss": write_peatmoss, "ptmtorrent": write_ptmtorrent,
    "top-pypi-packages": write_top,
}  # fmt: skip

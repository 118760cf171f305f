"""Private content is in no file of a bundle, in any format."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from analysis.exports.files import WrittenFile
from analysis.exports.formats import jsonl
from analysis.exports.tables import Table
from db.connection import open_for_writing
from db.private_content import find_private_content
from db.rows import Event, Observation, Parent, Registry
from db.store import Store
from tests.analysis.conftest import History
from tests.analysis.exports.conftest import Export, make_model

HUB = Registry("huggingface/models", "huggingface")
PARTS = ("maker", "id-a", "id-b", "lodash", "stranger")


def read_texts(out: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every file, with the texts inside Parquet and SQLite."""
    from pyarrow.parquet import read_table

    for path in sorted(out.rglob("*")):
        if path.suffix == ".parquet":
            yield path.name, json.dumps(read_table(path, partitioning=None).to_pylist(), ensure_ascii=False)
        elif path.suffix == ".sqlite":
            with sqlite3.connect(path) as connection:
                yield path.name, "\n".join(connection.iterdump())
        elif path.is_file():
            yield path.name, path.read_text("utf-8")


def files_with(out: Path, word: str) -> list[str]:
    return [name for name, text in read_texts(out) if word in text]


@pytest.fixture
def quoting_store(store: Path) -> Path:
    """Return the store after adding texts that quote names."""
    tags = {"tags": json.dumps(["base_model:stranger/base", "dataset:other/data"])}
    parents = (Parent("stranger/base", "merge", None),)
    quoting = Observation("id-q", "quoting", downloads=1, attributes=tags, parents=parents)
    History(store).add_snapshot("2026-02-01", [quoting, make_model("a", 5)])
    with open_for_writing(store) as database:
        Store(database).add_quality_events(
            HUB, [Event("renamed", "note", "maker/a became maker/b", "maker/a", "id-b")], 0
        )
    return store


@pytest.mark.fault("G2")
def test_pseudonyms_leave_no_name_in_any_file(quoting_store: Path, export: Export, tmp_path: Path) -> None:
    key = tmp_path / "k"
    key.write_text("a key that is long enough", "utf-8")
    plain, hidden = export(out="plain"), export("--pseudonymise", "--key", str(key), out="hidden")
    for part in PARTS:
        assert files_with(plain, part), f"{part} is in the plain bundle"
        assert files_with(hidden, part) == [], part
    assert files_with(hidden, "a key that is long enough") == []
    for snapshot in json.loads((plain / "manifest.json").read_text())["snapshots"]:
        assert files_with(hidden, snapshot["digest"]) == []


@pytest.mark.fault("G2")
def test_equal_keys_give_equal_pseudonyms_and_another_key_gives_others(export: Export, tmp_path: Path) -> None:
    names = []
    for number, text in enumerate(["the first key of two", "the first key of two", "the second key of two"]):
        (tmp_path / "k").write_text(text, "utf-8")
        out = export("--pseudonymise", "--key", str(tmp_path / "k"), "--format", "jsonl", out=f"out{number}")
        lines = (out / "jsonl" / "v1_ranking" / "huggingface-models-000001.jsonl").read_text("utf-8").splitlines()
        names.append([json.loads(line)["name"] for line in lines])
    assert names[0] == names[1]
    assert not set(names[0]) & set(names[2])
    assert len({name.split("/")[0] for name in names[0]}) == 1, "all of them have the same author"
    assert len(set(names[0])) == 6


def test_pseudonyms_need_a_key(export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "k").write_text("short", "utf-8")
    assert not export("--pseudonymise", code=1).exists()
    assert not export("--pseudonymise", "--key", str(tmp_path / "k"), code=1).exists()
    assert not export("--key", str(tmp_path / "k"), code=2).exists()
    monkeypatch.setenv("OBSERVATORY_PSEUDONYM_KEY", "a key that is long enough")
    assert export("--pseudonymise", "--format", "jsonl").exists()


@pytest.mark.parametrize(
    ("entry", "absent", "present"),
    [
        ('package = "id-a"', ("maker/a", "id-a"), ("maker/b", "lodash")),
        pytest.param('name = "maker/a"', ("maker/a", "id-a"), ("maker/b", "lodash"), marks=pytest.mark.slow),
        pytest.param('name = "lodash"', ("lodash",), ("maker/a", "@types/node"), marks=pytest.mark.slow),
        ('author = "stranger"', ("stranger",), ("maker/a", "lodash")),
        ('author = "maker"', ("maker", "id-a", "id-b"), ("lodash", "quoting")),
    ],
)
@pytest.mark.fault("G3")
def test_a_redacted_package_is_in_no_format(
    quoting_store: Path, export: Export, tmp_path: Path, entry: str, absent: tuple[str, ...], present: tuple[str, ...]
) -> None:
    (tmp_path / "r.toml").write_text(f"[[redaction]]\n{entry}\n", "utf-8")
    out = export("--redactions", str(tmp_path / "r.toml"))
    for word in absent:
        assert files_with(out, word) == [], word
    for word in present:
        assert len(files_with(out, word)) >= 5, word


def test_a_redaction_by_an_old_name_leaves_out_the_renamed_package(
    store: Path, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    History(store).add_snapshot("2026-03-01", [Observation("id-a", "other/renamed", downloads=5), make_model("b", 4)])
    (tmp_path / "redactions.toml").write_text('[[redaction]]\nname = "maker/a"\n', "utf-8")
    monkeypatch.chdir(tmp_path)
    out = export()
    assert files_with(out, "other/renamed") == []
    redacted = json.loads((out / "manifest.json").read_text("utf-8"))["redacted"]
    assert redacted["packages"] == 1
    assert [redacted["rows"][table] for table in ("v1_ranking", "ranking", "alias")] == [3, 3, 2]
    assert "Packages left out on request: 1" in (out / "README.md").read_text("utf-8")


@pytest.mark.parametrize("text", ["[[redaction]]\n", "[[redaction]]\nname = ''\n", "redaction = 3\n", "[["])
def test_a_redaction_file_that_cannot_be_read_stops_the_export(text: str, export: Export, tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(text, "utf-8")
    assert not export("--redactions", str(tmp_path / "r.toml"), code=1).exists()


PLANTED = {
    "an e-mail address": [
        "jo.doe@mail.example.org",
        "jo%40mail.example.org",
        "müller@büro.example",
        "a+b@c-d.example.co",
    ],
    "a token of the Hub": ["hf_" + "aB3" * 12],
    "a key of a judge": ["sk-" + "aB3" * 8, "sk-proj-" + "Zz9_" * 8],
}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in PLANTED.items() for text in texts])
@pytest.mark.fault("E10", "G1")
def test_addresses_and_tokens_are_found(kind: str, text: str) -> None:
    assert find_private_content(f"see {text}, please") == kind


@pytest.mark.parametrize(("kind", "text"), [(kind, texts[-1]) for kind, texts in PLANTED.items()])
@pytest.mark.fault("E10", "G1")
def test_a_bundle_with_private_content_is_not_made_and_the_content_is_not_printed(
    kind: str, text: str, store: Path, export: Export, capsys: pytest.CaptureFixture[str]
) -> None:
    History(store).add_snapshot("2026-03-01", [Observation("id-x", f"x/{text}", downloads=1)])
    assert not export("--format", "jsonl,parquet", "--tables", "v1_ranking", code=1).exists()
    output = capsys.readouterr().err
    assert kind in output and text not in output


@pytest.mark.parametrize("format_name", ["csv", "jsonl", "parquet", "sqlite"])
@pytest.mark.fault("G1")
def test_an_address_is_found_in_every_format(format_name: str, store: Path, export: Export) -> None:
    History(store).add_snapshot("2026-03-01", [Observation("id-x", "jo@mail.example.org", downloads=1)])
    assert not export("--format", format_name, "--tables", "v1_ranking", code=1).exists()


@pytest.mark.parametrize(
    "text",
    ["@types/node", "'@socket.io/emitter",
     "@a.b/c.js", "sk-learn-something-very-long-indeed", "task-sk-abcDEF123abcDEF123abc", "hf_transfer",
     "hf_internal_testing_tiny_random_model_of_length", "a@b", "1@2.3"],
)  # fmt: skip
def test_names_that_resemble_addresses_and_tokens_are_accepted(text: str) -> None:
    assert find_private_content(text) is None


def test_a_format_that_leaks_an_address_is_refused(
    store: Path, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tables = jsonl.write_tables

    def write_and_leak(tables: Sequence[Table], folder: Path) -> Iterator[WrittenFile]:
        yield from write_tables(tables, folder)
        (folder / "notes.txt").write_text("ask jo@mail.example.org", "utf-8")

    monkeypatch.setattr(jsonl, "write_tables", write_and_leak)
    assert not export("--format", "jsonl", code=1).exists()


@pytest.mark.fault("E16", "G6")
def test_no_raw_row_body_or_setting_is_in_a_bundle(store: Path, export: Export) -> None:
    with open_for_writing(store) as database:
        rows = database.conn.execute("SELECT raw FROM reject UNION SELECT settings FROM snapshot").fetchall()
    assert "{}" in [row[0] for row in rows]
    out = export()
    columns = {row.split(",")[1].strip('"') for row in (out / "dictionary.csv").read_text("utf-8").splitlines()}
    assert not columns & {"raw", "settings", "body", "content", "headers", "url"}

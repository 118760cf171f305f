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
from db.private_text import find_private_text, remove_private_text
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
        ('name = "MAKER/a"\n[[redaction]]\nname = "Transformers"', ("maker/a", "id-a", "transformers"), ("maker/b",)),
        pytest.param('author = "@Maker"', ("maker", "id-a", "id-b"), ("lodash",), marks=pytest.mark.slow),
        pytest.param('author = "Types"', ("@types/node",), ("lodash", "maker/a"), marks=pytest.mark.slow),
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


@pytest.mark.fault("G3")
def test_a_renewed_bundle_has_nothing_of_what_was_redacted_since(store: Path, export: Export, tmp_path: Path) -> None:
    formats = ("--format", "jsonl,parquet")
    out = export(*formats)
    assert len(files_with(out, "maker/a")) >= 5
    (tmp_path / "r.toml").write_text('[[redaction]]\nname = "Maker/A"\n', "utf-8")
    assert export(*formats, "--redactions", str(tmp_path / "r.toml")) == out
    assert files_with(out, "maker/a") == files_with(out, "id-a") == [] and files_with(out, "maker/b")


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
    assert "Packages left out: 1" in (out / "README.md").read_text("utf-8")


@pytest.mark.parametrize("text", ["[[redaction]]\n", "[[redaction]]\nname = ''\n", "redaction = 3\n", "[["])
def test_a_redaction_file_that_cannot_be_read_stops_the_export(text: str, export: Export, tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(text, "utf-8")
    assert not export("--redactions", str(tmp_path / "r.toml"), code=1).exists()


PLANTED = {
    "an e-mail address": [
        "jo.doe@mail.example.org", "jo%40mail.example.org", "müller@büro.example", "a+b@c-d.example.co",
        "jo\uff20lab.example", "jo&#64;lab.example", "jo&amp;commat;lab.example", "用户@例子.广告", "संपर्क@डाटामेल.भारत",
        "почта@пример.рф", "jo@[192.168.0.1]", "jo@[IPv6:2001:db8::1]", '"jo doe"@lab.example', "jo@lab.org谢谢",
        "jo@xn--bcher-kva.xn--p1ai", "jo\u200b@lab.example", "jo%2540lab.example", "jo@lab.org-",
    ],
    "a token of the Hub": ["api_org_" + "aBcD" * 9, "\\u0068f_" + "aB3" * 12, "hf_" + "aB3" * 12],
    "a key of a judge": ["sk-" + "aB3" * 8, "sk-ant-api03-" + "aB3_d-" * 15, "sk-proj-" + "Zz9_" * 8],
    "a token or a password": [
        "ghp_" + "a1B2" * 9, "github_pat_" + "1A" * 11 + "_" + "aB1" * 15, "glpat-" + "aB3d" * 5, "AKIA" + "A1B2" * 4,
        "npm_" + "aB3d" * 9, "pypi-AgEIcHlwaS5vcmc" + "aB3" * 20, "xoxb-123456789012-" + "aB3" * 8,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n", "https://me:hunter2@host/x",
        "Bearer abcdef1234567890xyz", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END PRIVATE KEY-----",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in PLANTED.items() for text in texts])
@pytest.mark.fault("E10", "G1")
def test_addresses_and_tokens_are_found_and_removed(kind: str, text: str) -> None:
    assert find_private_text(f"see {text}, please") == kind
    cut = remove_private_text(json.dumps({"a": f"see {text}, please"}))
    assert find_private_text(cut) is None and "removed]" in json.loads(cut)["a"]


@pytest.mark.fault("E10", "G1")
def test_a_package_with_an_address_or_a_token_in_its_name_is_left_out_of_every_format(
    store: Path, export: Export, capsys: pytest.CaptureFixture[str]
) -> None:
    planted = [f"x/{texts[-1]}" for texts in list(PLANTED.values())[:3]]
    rows = [Observation(f"id-{index}", name, downloads=index) for index, name in enumerate(planted)]
    rows += [make_model("a", 9), Observation("id-sk", "lab/sk-Mistral7BInstructV02", downloads=8)]
    History(store).add_snapshot("2026-03-01", rows)
    out = export()
    assert [files_with(out, name) for name in planted] == [[], [], []]
    for word in ("maker/a", "lab/sk-Mistral7BInstructV02"):
        assert len(files_with(out, word)) >= 5, "one package does not cost another its rows"
    assert "their names have one: 3." in capsys.readouterr().err
    assert "Packages left out: 3" in (out / "README.md").read_text("utf-8")


@pytest.mark.fault("E10", "G1")
def test_an_address_in_any_text_of_an_older_store_is_cut_and_its_rows_stay(store: Path, export: Export) -> None:
    address = "jo@lab.example"
    attributes = {"status": f"by {address}", "licence": address}
    row = Observation("id-a", "maker/a", downloads=5, sha=address, attributes=attributes,
                      parents=(Parent(address, "merge"),), libraries=((address, "library"),))  # fmt: skip
    event = Event("kind", "note", f"said {address}", address, address)
    History(store).add_snapshot("2026-03-01", [row, make_model("b", 4)], events=(event,))
    with open_for_writing(store) as database:
        database.conn.execute("UPDATE result SET note = note || ?", (address,))
    out = export()
    assert files_with(out, address) == []
    assert len(files_with(out, "by [address removed]")) >= 4 and len(files_with(out, "maker/a")) >= 5


@pytest.mark.fault("E10")
def test_a_credential_of_the_run_is_in_no_bundle_whatever_its_shape(
    store: Path, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "mirror/key=of-ours")
    texts = {"tags": json.dumps(["mirror/key=of-ours", "mirror%2Fkey%3Dof-ours"])}
    row = Observation("id-a", "maker/a", downloads=5, attributes=texts)
    History(store).add_snapshot("2026-03-01", [row, make_model("b", 4)])
    out = export("--format", "jsonl,parquet")
    assert files_with(out, "of-ours") == [] and len(files_with(out, "maker/a")) >= 5


@pytest.mark.parametrize(
    "text",
    ["@types/node", "'@socket.io/emitter",
     "@a.b/c.js", "sk-learn-something-very-long-indeed", "task-sk-abcDEF123abcDEF123abc", "hf_transfer",
     "hf_internal_testing_tiny_random_model_of_length", "a@b", "1@2.3"],
)  # fmt: skip
def test_names_that_resemble_addresses_and_tokens_are_accepted(text: str) -> None:
    assert find_private_text(text) is None


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

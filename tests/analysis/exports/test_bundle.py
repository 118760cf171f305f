"""A bundle has the content of the store, equal in every format and every time, and describes itself."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest
import yaml

from analysis.export import main
from analysis.exports.manifest import find_mismatches
from db import __version__
from tests.analysis.conftest import History
from tests.analysis.exports.conftest import Export, hash_tree, make_model, query
from tests.analysis.exports.readers import assert_equal_in_every_format


def test_every_view_has_the_rows_of_the_store_in_every_format(store: Path, export: Export) -> None:
    assert_equal_in_every_format(store, export())


def test_the_same_store_and_options_give_the_same_bytes(export: Export) -> None:
    first, second = export(), export(out="again")
    assert hash_tree(first) == hash_tree(second)
    assert list(find_mismatches(first)) == []


def test_a_later_export_adds_new_files_and_leaves_the_others_unchanged(store: Path, export: Export) -> None:
    out = export()
    part = "parquet/v1_ranking/huggingface-models-000001.parquet"
    before, old_status = hash_tree(out), (out / part).stat()
    History(store).add_snapshot("2026-03-01", [make_model("a", 5)])
    assert export() == out
    after = hash_tree(out)
    new_status = (out / part).stat()
    assert (new_status.st_ino, new_status.st_mtime_ns) == (old_status.st_ino, old_status.st_mtime_ns)
    new_files = {name for name in after.keys() - before.keys() if "v1_ranking" in name}
    assert new_files == {f"{ext}/v1_ranking/huggingface-models-000006.{ext}" for ext in ("parquet", "csv", "jsonl")}
    assert [name for name in before if "snapshot=1/" in name and before[name] != after[name]] == []
    assert list(find_mismatches(out)) == []
    assert after == hash_tree(export(out="afresh")), "exported in steps or at once, the bundle is the same"


def test_only_complete_snapshots_have_rows_and_the_others_are_listed(export: Export) -> None:
    with sqlite3.connect(export() / "sqlite" / "observatory.sqlite") as connection:
        assert {row[0] for row in connection.execute("SELECT snapshot FROM v1_ranking")} == {1, 2, 4, 5}
        statuses = dict(connection.execute("SELECT snapshot, status FROM v1_snapshot"))
    assert statuses == {1: "complete", 2: "complete", 3: "partial", 4: "complete", 5: "complete"}


@pytest.mark.parametrize(
    ("period", "message"),
    [
        (("--since", "2026-03-02", "--as-of", "2026-03-01"), "No day is both --since and --as-of"),
        (("--since", "2099-01-01"), "The snapshots of these registries are of 2026-01-01 to 2026-02-02."),
        (("--as-of", "2025-12-31"), "No snapshot is of a day between --since and --as-of."),
    ],
)
def test_a_period_without_a_day_or_a_snapshot_is_refused(
    export: Export, capsys: pytest.CaptureFixture[str], period: Sequence[str], message: str
) -> None:
    out = export(*period, code=2)
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_options_narrow_the_export(export: Export) -> None:
    out = export("--format", "csv,jsonl", "--tables", "v1_ranking", "--registry", "npm", "--as-of", "2026-02-01")
    tables = {name for name in hash_tree(out) if name.startswith(("csv/", "jsonl/", "parquet/", "sqlite/"))}
    assert tables == {f"{ext}/v1_ranking/npm-000004.{ext}" for ext in ("csv", "jsonl")}


def test_an_unknown_format_table_or_registry_is_an_error(export: Export, capsys: pytest.CaptureFixture[str]) -> None:
    for option, word in (("--format", "xlsx"), ("--tables", "body"), ("--registry", "cargo")):
        assert not export(option, word, code=2).exists()
        assert word in capsys.readouterr().err


def test_the_error_for_an_unknown_table_lists_every_table(export: Export, capsys: pytest.CaptureFixture[str]) -> None:
    export("--tables", "rankings", code=2)
    message = capsys.readouterr().err
    assert "There is no table 'rankings'." in message and " ranking, " in message and " v1_ranking," in message


@pytest.mark.fault("E7")
def test_a_folder_that_is_no_bundle_is_not_replaced(tmp_path: Path, export: Export) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work", "utf-8")
    export(code=1)
    assert hash_tree(tmp_path / "out").keys() == {"thesis.tex"}


def test_verify_lists_missing_changed_and_new_files(export: Export, capsys: pytest.CaptureFixture[str]) -> None:
    out = export("--format", "csv,jsonl")
    assert main(["verify", str(out)]) == 0
    (out / "README.md").unlink()
    (out / "more.csv").write_text("a\n", "utf-8")
    path = out / "csv" / "v1_ranking" / "npm-000004.csv"
    path.write_bytes(path.read_bytes().replace(b"1000000", b"2000000"))
    capsys.readouterr()
    assert main(["verify", str(out)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "README.md is missing",
        "more.csv is not in the manifest",
        "csv/v1_ranking/npm-000004.csv is not the file that was exported",
    ]
    (out / "manifest.json").write_text("{}", "utf-8")
    assert main(["verify", str(out)]) == 1


def test_a_citation_has_the_hash_of_the_content(
    store: Path, export: Export, capsys: pytest.CaptureFixture[str]
) -> None:
    out = export("--format", "jsonl")
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    capsys.readouterr()
    assert main(["cite", str(out)]) == 0
    assert f"sha256:{manifest['id']}" in capsys.readouterr().out
    assert main(["cite", "--db", str(store)]) == 0
    lines = capsys.readouterr().out.splitlines()
    digests = [digest for (digest,) in query(store, "SELECT digest FROM snapshot WHERE status = 'complete'")]
    assert len(lines) == 4 and all(any(digest in line for line in lines) for digest in digests)


def test_the_manifest_counts_the_rows_of_every_file(export: Export) -> None:
    out = export("--format", "csv,parquet")
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert manifest["tool"] == f"hub-observatory {__version__}"
    for file in manifest["files"]:
        if file["path"].endswith(".csv") and "rows" in file:
            with (out / file["path"]).open(encoding="utf-8", newline="") as stream:
                assert sum(1 for _ in csv.reader(stream)) == file["rows"] + 1


def test_the_dictionary_has_every_column_of_every_table(export: Export) -> None:
    out = export()
    with (out / "dictionary.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    described = {(row["table"], row["column"]) for row in rows}
    for path in out.glob("parquet/*"):
        columns = duckdb.sql(f"DESCRIBE SELECT * FROM read_parquet('{path}/**/*.parquet', hive_partitioning = false)")
        assert {(path.name, row[0]) for row in columns.fetchall()} <= described
    (downloads,) = [row for row in rows if (row["table"], row["column"]) == ("v1_ranking", "downloads")]
    assert downloads["collected_since"] == "2026-01-01"
    assert "freezes" in downloads["caveat"]
    assert downloads["licence"].split("; ")[-1] == "npm: CC-BY-SA-4.0"
    assert {row["personal"] for row in rows} == {"none", "name", "text", "label", "hash"}


@pytest.mark.fault("G5")
def test_each_file_has_the_licence_of_its_source(export: Export) -> None:
    package = json.loads((export() / "datapackage.json").read_text("utf-8"))
    licences = {resource["path"]: resource["licenses"][0]["name"] for resource in package["resources"]}
    assert licences["csv/v1_ranking/npm-000004.csv"] == "CC-BY-SA-4.0"
    assert licences["csv/v1_ranking/huggingface-models-000001.csv"] == "other"
    assert licences["sqlite/observatory.sqlite"] == "CC-BY-SA-4.0"


def test_the_card_and_the_citation_are_valid_and_name_the_source(export: Export) -> None:
    out = export()
    front = yaml.safe_load((out / "README.md").read_text("utf-8").split("---\n")[1])
    assert front["license"] == "cc-by-sa-4.0"
    assert front["configs"][0] == {
        "config_name": "v1_ranking",
        "default": True,
        "data_files": [{"split": "train", "path": "parquet/v1_ranking/*.parquet"}],
    }
    citation = yaml.safe_load((out / "CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors", "type"} <= citation.keys()
    for name in ("README.md", "CITATION.cff", "LICENSES.md", "datapackage.json"):
        assert "ecosyste.ms" in (out / name).read_text("utf-8"), name


@pytest.mark.fault("G5")
def test_a_bundle_without_attribution_is_not_made(
    export: Export, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from analysis.exports.descriptors import readme

    render = readme.render
    monkeypatch.setattr(
        readme, "render", lambda facts: {"README.md": render(facts)["README.md"].replace(b"ecosyste.ms", b"x")}
    )
    assert not export(code=1).exists()
    assert "README.md would not name ecosyste.ms" in capsys.readouterr().err

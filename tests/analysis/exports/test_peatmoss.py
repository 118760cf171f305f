"""A PeaTMOSS export of any snapshot answers queries like those of the scripts of that dataset."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from analysis.export import main
from db.rows import Observation, Parent
from tests.analysis.conftest import History

TAGS = {
    "gpt2": ["transformers", "pytorch", "text-generation", "license:mit"],
    "a/tuned": ["transformers", "text-generation", "license:mit", "dataset:c/set", "arxiv:1909.11942"],
    "b/vision": ["image-classification", "license:apache-2.0"],
}


def make_model(name: str, downloads: int, *bases: str) -> Observation:
    tags = TAGS[name]
    return Observation(
        f"id-{name}", name, downloads=downloads, likes=downloads // 10, sha="s" * 40,
        attributes={"tags": json.dumps(tags)}, parents=tuple(Parent(base, "finetune", None) for base in bases),
        libraries=tuple((tag, "library") for tag in tags if tag in ("transformers", "pytorch")),
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Path:
    history = History(tmp_path / "observatory.db")
    history.add_snapshot("2026-01-01", [make_model("gpt2", 90), make_model("a/tuned", 50, "gpt2")])
    history.add_snapshot(
        "2026-02-01",
        [make_model("b/vision", 95), make_model("gpt2", 80), make_model("a/tuned", 60, "gpt2", "gone/base")],
    )
    history.add_snapshot("2026-03-01", [make_model("gpt2", 70)], "partial")
    return history.path


def query_export(store: Path, out: Path, query: str, *options: str) -> list[tuple[object, ...]]:
    if not out.exists():
        assert main(["peatmoss", str(out), "--db", str(store), *options]) == 0
    connection = sqlite3.connect(out)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


COUNT_BY_TAG = """
    SELECT tag.name AS TagName, COUNT(DISTINCT model.id) AS number FROM model
    INNER JOIN model_to_tag ON model.id = model_to_tag.model_id
    INNER JOIN tag ON model_to_tag.tag_id = tag.id
    WHERE model.model_hub_id = 1 AND tag.name LIKE '%-%' AND tag.name NOT LIKE '%:%' GROUP BY tag.name ORDER BY tag.name
"""
LICENCES = """
    SELECT license.name, COUNT(*) FROM license LEFT JOIN model_to_license ON license.id = model_to_license.license_id
    LEFT JOIN model ON model.id = model_to_license.model_id GROUP BY license.name ORDER BY license.name
"""
DESCENDANTS = """
    SELECT base_model_name, COUNT(*) AS count, SUM(m.downloads) AS downloads
    FROM model_to_base_model b JOIN model m ON m.id = b.model_id GROUP BY base_model_name ORDER BY base_model_name
"""
LIBRARY_PAIRS = """
    SELECT l.name, COUNT(DISTINCT b.model_id) FROM model_to_base_model b
    JOIN model_to_library j ON j.model_id = b.model_id JOIN library l ON l.id = j.library_id GROUP BY l.name
"""


def test_models_by_task_licence_base_and_library_are_counted(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "PeaTMOSS.db"
    assert query_export(store, out, COUNT_BY_TAG) == [("image-classification", 1), ("text-generation", 2)]
    assert query_export(store, out, LICENCES) == [("apache-2.0", 1), ("mit", 2)]
    assert query_export(store, out, DESCENDANTS) == [("gone/base", 1, 60), ("gpt2", 1, 60)]
    assert query_export(store, out, LIBRARY_PAIRS) == [("transformers", 1)]
    top = "SELECT context_id, downloads, likes FROM model ORDER BY downloads DESC LIMIT 2"
    assert query_export(store, out, top) == [("b/vision", 95, 9), ("gpt2", 80, 8)]
    bases = "SELECT base_model_name, base_model_id IS NULL FROM model_to_base_model ORDER BY 1"
    assert query_export(store, out, bases) == [("gone/base", 1), ("gpt2", 0)]


PUBLISHED = {
    "model": ("id", "context_id", "model_hub_id", "sha", "repo_url", "downloads", "likes", "has_snapshot",
              "ptm_issues_id", "ptm_pull_requests_id"),
    "model_hub": ("id", "name", "url"),
    **dict.fromkeys(("author", "dataset", "library", "license", "paper", "tag"), ("id", "name")),
    **{f"model_to_{term}": ("model_id", f"{term}_id")
       for term in ("author", "dataset", "library", "license", "paper", "tag")},
    "model_to_base_model": ("model_id", "base_model_id", "base_model_name"),  # of the builds for the ESEM paper
}  # fmt: skip


def test_the_tables_have_the_columns_of_the_published_schema_in_its_order(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "PeaTMOSS.db"
    columns = "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
    tables: dict[str, tuple[str, ...]] = {}
    for table, column in query_export(store, out, columns):
        tables[str(table)] = (*tables.get(str(table), ()), str(column))
    assert tables == PUBLISHED
    assert query_export(store, out, "SELECT * FROM model_hub") == [(1, "HuggingFace", "https://huggingface.co/models")]


def test_the_scripts_of_the_dataset_work(store: Path, tmp_path: Path) -> None:
    """Query the most downloaded models as its demonstration, and join licences and tasks in pandas as its analyses."""
    import pandas

    out = tmp_path / "PeaTMOSS.db"
    most_downloaded = "SELECT id, context_id, downloads FROM Model ORDER BY downloads DESC LIMIT 100"
    assert [row[1:] for row in query_export(store, out, most_downloaded)] == [
        ("b/vision", 95),
        ("gpt2", 80),
        ("a/tuned", 60),
    ]
    connection = sqlite3.connect(out)
    frames = {name: pandas.read_sql_query(f"SELECT * FROM {name}", connection) for name in PUBLISHED}
    connection.close()
    for term, expected in (
        ("license", {("gpt2", "mit"), ("a/tuned", "mit"), ("b/vision", "apache-2.0")}),
        ("tag", {("gpt2", "text-generation"), ("a/tuned", "text-generation"), ("b/vision", "image-classification")}),
    ):
        terms = frames[term].rename(columns={"id": f"{term}_id"}).merge(frames[f"model_to_{term}"], how="left")
        joined = terms.merge(frames["model"].rename(columns={"id": "model_id"}), how="left", on="model_id")
        assert set(zip(joined["context_id"], joined["name"], strict=True)) == expected


def test_an_earlier_snapshot_has_the_values_of_its_date(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "then.db"
    assert query_export(store, out, DESCENDANTS, "--snapshot", "1") == [("gpt2", 1, 50)]
    assert query_export(store, out, "SELECT context_id, sha FROM model ORDER BY 1") == [
        ("a/tuned", None),
        ("gpt2", None),
    ]
    names = "SELECT d.name, p.name FROM dataset d, paper p"
    assert query_export(store, out, names) == [("c/set", "https://arxiv.org/abs/1909.11942")]


def test_a_redacted_package_is_in_no_table(store: Path, tmp_path: Path) -> None:
    file, models = tmp_path / "out.toml", "SELECT context_id FROM model ORDER BY 1"
    file.write_text('[[redaction]]\nname = "gpt2"\n[[redaction]]\nauthor = "c"\n')
    out = tmp_path / "less.db"
    assert query_export(store, out, models, "--redactions", str(file)) == [("a/tuned",), ("b/vision",)]
    assert b"gpt2" not in out.read_bytes()
    assert b"c/set" not in out.read_bytes()


@pytest.mark.fault("E10")
def test_a_credential_of_the_run_is_in_no_table(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "text-generation")
    out = tmp_path / "less.db"
    assert query_export(store, out, "SELECT name FROM tag WHERE name LIKE '%-%'") == [("image-classification",)]
    assert b"text-generation" not in out.read_bytes()


def test_an_existing_file_is_not_replaced_and_a_partial_snapshot_is_refused(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.db").write_bytes(b"mine")
    assert main(["peatmoss", str(tmp_path / "mine.db"), "--db", str(store)]) == 2
    assert (tmp_path / "mine.db").read_bytes() == b"mine"
    assert main(["peatmoss", str(tmp_path / "new.db"), "--db", str(store), "--snapshot", "3"]) == 2
    assert "no complete snapshot" in capsys.readouterr().err
    assert not [path.name for path in tmp_path.iterdir() if "new" in path.name]

"""Queries of the shapes that PeaTMOSS' own scripts have run on any snapshot."""

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


def model(name: str, downloads: int, *bases: str) -> Observation:
    tags = TAGS[name]
    return Observation(
        f"id-{name}", name, downloads=downloads, likes=downloads // 10, sha="s" * 40,
        attributes={"tags": json.dumps(tags)}, parents=tuple(Parent(base, "finetune", None) for base in bases),
        libraries=tuple((tag, "library") for tag in tags if tag in ("transformers", "pytorch")),
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Path:
    history = History(tmp_path / "observatory.db")
    history.add_snapshot("2026-01-01", [model("gpt2", 90), model("a/tuned", 50, "gpt2")])
    history.add_snapshot(
        "2026-02-01", [model("b/vision", 95), model("gpt2", 80), model("a/tuned", 60, "gpt2", "gone/base")]
    )
    history.add_snapshot("2026-03-01", [model("gpt2", 70)], "partial")
    return history.path


def queried(store: Path, out: Path, query: str, *options: str) -> list[tuple[object, ...]]:
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
    assert queried(store, out, COUNT_BY_TAG) == [("image-classification", 1), ("text-generation", 2)]
    assert queried(store, out, LICENCES) == [("apache-2.0", 1), ("mit", 2)]
    assert queried(store, out, DESCENDANTS) == [("gone/base", 1, 60), ("gpt2", 1, 60)]
    assert queried(store, out, LIBRARY_PAIRS) == [("transformers", 1)]
    top = "SELECT context_id, downloads, likes FROM model ORDER BY downloads DESC LIMIT 2"
    assert queried(store, out, top) == [("b/vision", 95, 9), ("gpt2", 80, 8)]
    bases = "SELECT base_model_name, base_model_id IS NULL FROM model_to_base_model ORDER BY 1"
    assert queried(store, out, bases) == [("gone/base", 1), ("gpt2", 0)]


PUBLISHED = {
    "model": ("id", "context_id", "model_hub_id", "sha", "repo_url", "downloads", "likes", "has_snapshot",
              "ptm_issues_id", "ptm_pull_requests_id"),
    "model_hub": ("id", "name", "url"),
    **dict.fromkeys(("author", "dataset", "library", "license", "paper", "tag"), ("id", "name")),
    **{f"model_to_{word}": ("model_id", f"{word}_id")
       for word in ("author", "dataset", "library", "license", "paper", "tag")},
    "model_to_base_model": ("model_id", "base_model_id", "base_model_name"),  # of the builds for the ESEM paper
}  # fmt: skip


def test_the_tables_have_the_columns_of_the_published_schema_in_its_order(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "PeaTMOSS.db"
    columns = "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
    found: dict[str, tuple[str, ...]] = {}
    for table, column in queried(store, out, columns):
        found[str(table)] = (*found.get(str(table), ()), str(column))
    assert found == PUBLISHED
    assert queried(store, out, "SELECT * FROM model_hub") == [(1, "HuggingFace", "https://huggingface.co/models")]


def test_what_the_scripts_of_the_data_set_do_works(store: Path, tmp_path: Path) -> None:
    """The most downloaded (its demonstration), licences and tasks as whole tables joined in pandas (its analyses)."""
    import pandas

    out = tmp_path / "PeaTMOSS.db"
    most = "SELECT id, context_id, downloads FROM Model ORDER BY downloads DESC LIMIT 100"
    assert [row[1:] for row in queried(store, out, most)] == [("b/vision", 95), ("gpt2", 80), ("a/tuned", 60)]
    connection = sqlite3.connect(out)
    whole = {name: pandas.read_sql_query(f"SELECT * FROM {name}", connection) for name in PUBLISHED}
    connection.close()
    for word, expected in (
        ("license", {("gpt2", "mit"), ("a/tuned", "mit"), ("b/vision", "apache-2.0")}),
        ("tag", {("gpt2", "text-generation"), ("a/tuned", "text-generation"), ("b/vision", "image-classification")}),
    ):
        words = whole[word].rename(columns={"id": f"{word}_id"}).merge(whole[f"model_to_{word}"], how="left")
        joined = words.merge(whole["model"].rename(columns={"id": "model_id"}), how="left", on="model_id")
        assert set(zip(joined["context_id"], joined["name"], strict=True)) == expected


def test_an_earlier_snapshot_is_as_it_was_then(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "then.db"
    assert queried(store, out, DESCENDANTS, "--snapshot", "1") == [("gpt2", 1, 50)]
    assert queried(store, out, "SELECT context_id, sha FROM model ORDER BY 1") == [("a/tuned", None), ("gpt2", None)]
    words = "SELECT d.name, p.name FROM dataset d, paper p"
    assert queried(store, out, words) == [("c/set", "https://arxiv.org/abs/1909.11942")]


def test_what_is_to_be_left_out_is_in_no_table(store: Path, tmp_path: Path) -> None:
    named, models = tmp_path / "out.toml", "SELECT context_id FROM model ORDER BY 1"
    named.write_text('[[redaction]]\nname = "gpt2"\n[[redaction]]\nauthor = "c"\n')
    out = tmp_path / "less.db"
    assert queried(store, out, models, "--redactions", str(named)) == [("a/tuned",), ("b/vision",)]
    assert b"gpt2" not in out.read_bytes()
    assert b"c/set" not in out.read_bytes()


def test_a_file_that_is_there_stays_and_a_partial_snapshot_is_none(store: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "mine.db").write_bytes(b"mine")
    assert main(["peatmoss", str(tmp_path / "mine.db"), "--db", str(store)]) == 2
    assert (tmp_path / "mine.db").read_bytes() == b"mine"
    assert main(["peatmoss", str(tmp_path / "new.db"), "--db", str(store), "--snapshot", "3"]) == 2
    assert "no complete snapshot" in capsys.readouterr().err
    assert not [path.name for path in tmp_path.iterdir() if "new" in path.name]

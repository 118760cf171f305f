"""A bundle of a simulation or of a mirror says so wherever a bundle names its source, and is not published unasked."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from analysis.export import main
from db.rows import Registry
from tests.analysis.conftest import MODELS, History, descending_rows

NPM = Registry("npm", "ecosystems", "npm.example")
SIMULATION, MIRROR = "http://127.0.0.1:4711", "https://hf-mirror.example"
NOTICE = f"Simulated or local, not a public registry: snapshots come from {SIMULATION}."


def make_bundle(folder: Path, *snapshots: tuple[Registry, str], options: Sequence[str] = ()) -> Path:
    """Return the bundle of a store with a snapshot of each registry from each source."""
    history = History(folder / "observatory.db")
    for week, (registry, source) in enumerate(snapshots):
        history.add_snapshot(f"2026-01-0{1 + week}", descending_rows("abc"), registry=registry, source=source)
    assert main([str(folder / "out"), "--db", str(history.path), "--format", "csv,parquet", *options]) == 0
    return folder / "out"


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bundle of a simulated store."""
    return make_bundle(tmp_path_factory.mktemp("simulated"), (MODELS, SIMULATION), (NPM, f"{SIMULATION}/api/v1"))


def test_every_descriptor_of_a_simulated_bundle_says_so(simulated: Path) -> None:
    texts = {
        name: (simulated / name).read_text("utf-8")
        for name in ("README.md", "CITATION.cff", "LICENSES.md", "datapackage.json", "croissant.json")
    }
    assert [name for name, text in texts.items() if NOTICE not in text] == []
    for foreign in ("Hugging Face Hub API", "CC-BY-SA", "CC BY-SA", "cc-by-sa", "ecosyste.ms"):
        assert [name for name in ("README.md", "CITATION.cff", "LICENSES.md") if foreign in texts[name]] == [], foreign
    title = "Simulated or local snapshots of huggingface/models, npm, 2026-01-01 to 2026-01-02"
    assert yaml.safe_load(texts["CITATION.cff"])["title"] == title
    front = yaml.safe_load(texts["README.md"].split("---\n")[1])
    assert (front["license_name"], front["tags"][-1]) == ("simulated-or-local", "simulated")
    manifest = json.loads((simulated / "manifest.json").read_text("utf-8"))
    assert (manifest["title"], manifest["not_public"]) == (title, [f"simulated or local: {SIMULATION}"])
    package = json.loads(texts["datapackage.json"])
    assert package["sources"] == [{"title": f"simulated or local: {SIMULATION}", "path": SIMULATION}]
    assert [licence["path"] for licence in package["licenses"]] == ["LICENSES.md"]
    assert json.loads(texts["croissant.json"])["license"] == "LICENSES.md"
    assert "CC-BY-SA" not in (simulated / "dictionary.csv").read_text("utf-8")


def test_the_citations_of_a_simulated_store_say_so(simulated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cite", str(simulated)]) == 0
    assert "Simulated or local snapshots of" in capsys.readouterr().out
    assert main(["cite", "--db", str(simulated.parent / "observatory.db")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [f"; simulated or local: {SIMULATION})" in line for line in lines] == [True, True]


def test_a_simulated_bundle_is_published_only_on_request(simulated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["publish", "hf", "me/test", "--bundle", str(simulated), "--dry-run"]
    assert main(line) == 2
    assert f"simulated or local: {SIMULATION}" in capsys.readouterr().err
    assert main([*line, "--allow-simulated"]) == 0
    assert "would publish" in capsys.readouterr().out


def test_a_bundle_that_does_not_say_where_it_comes_from_is_not_published(
    simulated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = json.loads((simulated / "manifest.json").read_text("utf-8"))
    del manifest["not_public"]
    older = shutil.copytree(simulated, tmp_path / "older")
    (older / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    assert main(["publish", "hf", "me/test", "--bundle", str(older), "--dry-run"]) == 2
    error = capsys.readouterr().err
    assert "it does not say where its snapshots come from" in error and "Export it again." in error
    assert "not from public registries" not in error


def test_a_mirror_is_named_and_the_licence_of_the_registry_stays(tmp_path: Path) -> None:
    out = make_bundle(tmp_path, (MODELS, MIRROR), (NPM, "https://packages.ecosyste.ms/api/v1"))
    package = json.loads((out / "datapackage.json").read_text("utf-8"))
    assert package["title"].startswith("Snapshots from a mirror of huggingface/models, npm")
    assert package["licenses"][0]["name"] == "CC-BY-SA-4.0"
    assert {"title": f"not the public registry: {MIRROR}", "path": MIRROR} in package["sources"]
    assert f"snapshots come from {MIRROR}" in (out / "README.md").read_text("utf-8")
    assert "imulated" not in (out / "README.md").read_text("utf-8")


def test_a_partly_simulated_bundle_keeps_the_licences_of_its_real_part(tmp_path: Path) -> None:
    out = make_bundle(tmp_path, (MODELS, "https://huggingface.co"), (NPM, SIMULATION))
    package = json.loads((out / "datapackage.json").read_text("utf-8"))
    assert package["title"].startswith("Partly simulated or local snapshots of")
    assert [licence["path"] for licence in package["licenses"]] == ["https://huggingface.co/terms-of-service"]
    licences = {resource["path"]: resource["licenses"][0]["path"] for resource in package["resources"]}
    assert licences["csv/v1_ranking/npm-000002.csv"] == "LICENSES.md"
    text = (out / "LICENSES.md").read_text("utf-8")
    assert "| `csv/v1_ranking/npm-000002.csv` | simulated-or-local |" in text
    assert [line.split(":")[0] for line in text.splitlines() if line.startswith("- ")] == [
        "- hub-facts",
        "- simulated-or-local",
    ], "each licence that a file has, and no other"


def test_a_crawl_of_another_service_is_not_of_ecosystems(tmp_path: Path) -> None:
    out = make_bundle(tmp_path, (Registry("shelf", "shelf", "shelf.example"), "https://shelf.example.org"))
    for name in ("README.md", "LICENSES.md", "CITATION.cff"):
        assert "CC-BY-SA" not in (out / name).read_text("utf-8"), name
    assert "imported-lists: Lists of other sources" in (out / "LICENSES.md").read_text("utf-8")


def test_pseudonyms_do_not_hide_a_simulation(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"0123456789abcdef0123456789abcdef")
    out = make_bundle(tmp_path, (MODELS, SIMULATION), options=("--pseudonymise", "--key", str(tmp_path / "key")))
    assert NOTICE in (out / "README.md").read_text("utf-8")


def test_a_public_store_has_no_notice(tmp_path: Path) -> None:
    out = make_bundle(tmp_path, (MODELS, "https://huggingface.co"))
    assert json.loads((out / "manifest.json").read_text("utf-8"))["not_public"] == []
    assert json.loads((out / "datapackage.json").read_text("utf-8"))["title"].startswith("Snapshots of ")
    assert "not the public registry" not in (out / "README.md").read_text("utf-8")


def test_a_peatmoss_database_of_a_simulation_names_its_hub(
    simulated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "PeaTMOSS.db"
    assert main(["peatmoss", str(out), "--db", str(simulated.parent / "observatory.db")]) == 0
    assert NOTICE in capsys.readouterr().err
    with sqlite3.connect(out) as connection:
        assert connection.execute("SELECT name, url FROM model_hub").fetchall() == [
            (f"simulated or local: {SIMULATION}", SIMULATION)
        ]


def test_imported_lists_keep_the_licence_of_their_source(tmp_path: Path) -> None:
    """Nothing of them is from Ecosyste.ms, so its licence and its attribution do not apply."""
    history = History(tmp_path / "observatory.db")
    history.add_snapshot("2026-01-01", descending_rows("abc"), registry=NPM, source="a list of others", origin="import")
    assert main([str(tmp_path / "out"), "--db", str(history.path), "--format", "csv"]) == 0
    texts = {
        name: (tmp_path / "out" / name).read_text("utf-8") for name in ("README.md", "CITATION.cff", "LICENSES.md")
    }
    for foreign in ("CC-BY-SA", "CC BY-SA", "cc-by-sa", "ecosyste.ms"):
        assert [name for name, text in texts.items() if foreign in text] == [], foreign
    assert "license_name: imported-lists" in texts["README.md"]
    assert "imported: a list of others" in texts["README.md"]
    assert "each stays under the licence of its source" in texts["LICENSES.md"]

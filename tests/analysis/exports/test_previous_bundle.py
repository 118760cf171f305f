"""A later export to the same folder reads only the rows of new snapshots, and equals a first export."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from analysis.export import _load_redactions, main
from analysis.exports.bundle import ExportOutcome, ExportSpec, make_bundle
from analysis.exports.files import hash_file
from analysis.exports.manifest import MANIFEST, ManifestFile, compute_bundle_id, find_mismatches, read_manifest
from analysis.exports.privacy import Redactions
from analysis.exports.tables import ExportScope
from db.connection import open_for_reading
from db.rows import Observation
from tests.analysis.conftest import History
from tests.analysis.exports.conftest import hash_tree, make_model

FORMATS = ("csv", "parquet")
PART = Path("csv", "v1_ranking", "huggingface-models-000001.csv")
SCOPE = ExportScope(registries=("huggingface/models", "npm"))
NO_SNAPSHOT, PARTIAL = 0, 3  # queried for the names of the columns; the partial snapshot has no rows
ROW_QUERY = re.compile(r"FROM (ranking|finding|v1_ranking|v1_finding)\b.*snapshot(?:_id)? = (\d+)", re.DOTALL)


def export_and_trace(
    store: Path, out: Path, redactions: Redactions | None = None
) -> tuple[ExportOutcome, set[tuple[str, int]]]:
    """Make a bundle, and return the outcome with the tables and snapshots whose rows were queried."""
    with open_for_reading(store) as connection:
        statements: list[str] = []
        connection.set_trace_callback(statements.append)
        outcome = make_bundle(connection, ExportSpec(SCOPE, FORMATS, redactions or Redactions()), out)
    matches = (ROW_QUERY.search(statement) for statement in statements)
    return outcome, {(match[1], int(match[2])) for match in matches if match and "SELECT 1" not in match[0]}


def rewrite_manifest(out: Path) -> None:
    """Give the manifest of a bundle the files that are in the folder, as another version would have written them."""
    manifest = read_manifest(out)
    entries = {entry["path"]: entry for entry in manifest["files"]}
    files: list[ManifestFile] = []
    for path in sorted(path for path in out.rglob("*") if path.is_file() and path.name != MANIFEST):
        name = path.relative_to(out).as_posix()
        sizes: ManifestFile = {"path": name, "bytes": path.stat().st_size, "sha256": hash_file(path)}
        files.append(entries.get(name, {}) | sizes)
    manifest.update(files=files, id=compute_bundle_id(files))
    (out / MANIFEST).write_text(json.dumps(manifest), "utf-8")


def test_only_the_rows_of_a_new_snapshot_are_read(store: Path, tmp_path: Path) -> None:
    first, queried = export_and_trace(store, tmp_path / "out")
    assert first.reused_files == 0 and {number for table, number in queried if table == "v1_ranking"} >= {1, 2, 4, 5}
    new = History(store).add_snapshot("2026-03-01", [make_model("a", 5)])
    later, queried = export_and_trace(store, tmp_path / "out")
    assert {number for table, number in queried if table in ("ranking", "v1_ranking")} == {NO_SNAPSHOT, PARTIAL, new}
    old_files = [
        file
        for file in read_manifest(tmp_path / "out")["files"]
        if "key" in file and file["snapshot"] not in (None, new)
    ]
    assert later.reused_files == len(old_files) >= 4 * (1 + len(FORMATS))
    afresh, _ = export_and_trace(store, tmp_path / "afresh")
    assert (afresh.reused_files, hash_tree(tmp_path / "afresh")) == (0, hash_tree(tmp_path / "out"))
    assert list(find_mismatches(tmp_path / "out")) == []


def test_a_ranking_is_read_again_if_an_earlier_name_was_found(store: Path, tmp_path: Path) -> None:
    export_and_trace(store, tmp_path / "out")
    History(store).add_snapshot("2025-12-01", [Observation("id-a", "maker/once", downloads=5)])
    _, queried = export_and_trace(store, tmp_path / "out")
    assert {number for table, number in queried if table == "v1_ranking"} >= {1, 2}
    assert {number for table, number in queried if table == "ranking"} == {NO_SNAPSHOT, PARTIAL, 6}
    export_and_trace(store, tmp_path / "afresh")
    assert hash_tree(tmp_path / "out") == hash_tree(tmp_path / "afresh")


def test_a_file_that_was_changed_is_written_again(store: Path, tmp_path: Path) -> None:
    export_and_trace(store, tmp_path / "out")
    expected, part = hash_tree(tmp_path / "out"), tmp_path / "out" / PART
    part.write_bytes(part.read_bytes().replace(b"900", b"800"))
    export_and_trace(store, tmp_path / "out")
    assert hash_tree(tmp_path / "out") == expected


def test_a_manifest_that_points_out_of_its_folder_is_not_followed(store: Path, tmp_path: Path) -> None:
    export_and_trace(store, tmp_path / "out")
    expected = hash_tree(tmp_path / "out")
    (tmp_path / "outside.csv").write_bytes((tmp_path / "out" / PART).read_bytes())
    manifest = read_manifest(tmp_path / "out")
    for file in manifest["files"]:
        if file["path"].endswith(PART.name):
            file["path"] = "../outside.csv"
    manifest["id"] = compute_bundle_id(manifest["files"])
    (tmp_path / "out" / MANIFEST).write_text(json.dumps(manifest), "utf-8")
    export_and_trace(store, tmp_path / "out")
    assert hash_tree(tmp_path / "out") == expected
    assert (tmp_path / "outside.csv").stat().st_nlink == 1


def test_a_bundle_of_another_version_is_renewed(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as other_version:
        other_version.setattr("analysis.exports.previous_bundle.hash_code", lambda connection: "other code")
        other_version.setattr("analysis.exports.manifest.__version__", "0.0.9")
        export_and_trace(store, out)
    (out / PART).write_bytes((out / PART).read_bytes().replace(b"900", b"800"))
    (out / "csv" / "v1_former").mkdir()
    (out / "csv" / "v1_former" / "all.csv").write_text("name\n", "utf-8")
    rewrite_manifest(out)
    assert list(find_mismatches(out)) == []
    renewed, _ = export_and_trace(store, out)
    export_and_trace(store, tmp_path / "afresh")
    assert renewed.reused_files == 0, "files of another version are not reused"
    assert hash_tree(out) == hash_tree(tmp_path / "afresh"), "no file of the other version remains"
    assert list(find_mismatches(out)) == []


@pytest.mark.parametrize("change", [{"schema": 2}, {"schema": None}, {"id": "0" * 64}])
def test_a_bundle_with_an_unknown_manifest_is_refused_and_stays(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, object]
) -> None:
    export_and_trace(store, tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text("utf-8"))
    (tmp_path / "out" / MANIFEST).write_text(json.dumps(manifest | change), "utf-8")
    before = hash_tree(tmp_path / "out")
    assert main([str(tmp_path / "out"), "--db", str(store)]) == 1
    assert f"{tmp_path / 'out'} is not replaced: it is not a bundle." in capsys.readouterr().err
    assert hash_tree(tmp_path / "out") == before


@pytest.mark.parametrize("is_redacted_first", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_no_file_is_reused_if_one_of_two_exports_is_redacted(
    store: Path, tmp_path: Path, is_redacted_first: bool
) -> None:
    file = tmp_path / "r.toml"
    file.write_text('[[redaction]]\nname = "maker/a"\n', "utf-8")
    with open_for_reading(store) as connection:
        redactions = _load_redactions(file, connection)
    first, second = (redactions, None) if is_redacted_first else (None, redactions)
    export_and_trace(store, tmp_path / "out", first)
    later, _ = export_and_trace(store, tmp_path / "out", second)
    assert later.reused_files == 0
    assert any("key" in file for file in read_manifest(tmp_path / "out")["files"]) == is_redacted_first
    text = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*.csv"))
    assert (b"maker/a" in text) == is_redacted_first

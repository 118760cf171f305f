"""A later export to the same place reads the rows of new snapshots only, and gives the same bundle as a first one."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from analysis.export import _load_redactions
from analysis.exports.bundle import ExportOutcome, ExportSpec, make_bundle
from analysis.exports.manifest import compute_bundle_id, find_mismatches, read_manifest
from analysis.exports.privacy import Redactions
from analysis.exports.tables import ExportScope
from db.connection import open_for_reading
from db.rows import Observation
from tests.analysis.conftest import History
from tests.analysis.exports.conftest import hash_tree, model

FORMS = ("csv", "parquet")
SCOPE = ExportScope(registries=("huggingface/models", "npm"))
NONE, PARTIAL = 0, 3  # asked for the names of its columns; it has no rows
ASKED = re.compile(r"FROM (ranking|finding|v1_ranking|v1_finding)\b.*snapshot(?:_id)? = (\d+)", re.DOTALL)


def exported(store: Path, out: Path, leave: Redactions | None = None) -> tuple[ExportOutcome, Counter[tuple[str, int]]]:
    """A bundle, and how often the rows of each snapshot were asked for."""
    with open_for_reading(store) as connection:
        said: list[str] = []
        connection.set_trace_callback(said.append)
        made = make_bundle(connection, ExportSpec(SCOPE, FORMS, leave or Redactions()), out)
    found = (ASKED.search(statement) for statement in said)
    return made, Counter((one[1], int(one[2])) for one in found if one and "SELECT 1" not in one[0])


def test_only_the_rows_of_a_new_snapshot_are_read(store: Path, tmp_path: Path) -> None:
    first, asked = exported(store, tmp_path / "out")
    assert first.reused_files == 0 and {number for table, number in asked if table == "v1_ranking"} >= {1, 2, 4, 5}
    new = History(store).add_snapshot("2026-03-01", [model("a", 5)])
    later, asked = exported(store, tmp_path / "out")
    assert {number for table, number in asked if table in ("ranking", "v1_ranking")} == {NONE, PARTIAL, new}
    assert later.reused_files == sum(
        1 for one in read_manifest(tmp_path / "out")["files"] if "key" in one and one["snapshot"] not in (None, new)
    ) >= 4 * (1 + len(FORMS))  # fmt: skip
    afresh, _ = exported(store, tmp_path / "afresh")
    assert (afresh.reused_files, hash_tree(tmp_path / "afresh")) == (0, hash_tree(tmp_path / "out"))
    assert list(find_mismatches(tmp_path / "out")) == []


def test_a_list_whose_packages_are_called_otherwise_now_is_read_again(store: Path, tmp_path: Path) -> None:
    exported(store, tmp_path / "out")
    History(store).add_snapshot("2025-12-01", [Observation("id-a", "maker/once", downloads=5)])
    _, asked = exported(store, tmp_path / "out")
    assert {number for table, number in asked if table == "v1_ranking"} >= {1, 2}
    assert {number for table, number in asked if table == "ranking"} == {NONE, PARTIAL, 6}
    exported(store, tmp_path / "afresh")
    assert hash_tree(tmp_path / "out") == hash_tree(tmp_path / "afresh")


def test_a_file_that_is_not_what_it_was_is_written_again(store: Path, tmp_path: Path) -> None:
    exported(store, tmp_path / "out")
    whole, part = hash_tree(tmp_path / "out"), tmp_path / "out" / "csv" / "v1_ranking" / "huggingface-models-000001.csv"
    part.write_bytes(part.read_bytes().replace(b"900", b"800"))
    exported(store, tmp_path / "out")
    assert hash_tree(tmp_path / "out") == whole


def test_a_manifest_that_points_out_of_its_folder_is_not_followed(store: Path, tmp_path: Path) -> None:
    exported(store, tmp_path / "out")
    whole, manifest = hash_tree(tmp_path / "out"), tmp_path / "out" / "manifest.json"
    part = tmp_path / "out" / "csv" / "v1_ranking" / "huggingface-models-000001.csv"
    (tmp_path / "outside.csv").write_bytes(part.read_bytes())
    told = read_manifest(tmp_path / "out")
    for one in told["files"]:
        if one["path"].endswith(part.name):
            one["path"] = "../outside.csv"
    manifest.write_text(json.dumps({**told, "id": compute_bundle_id(told["files"])}), "utf-8")
    exported(store, tmp_path / "out")
    assert hash_tree(tmp_path / "out") == whole
    assert (tmp_path / "outside.csv").stat().st_nlink == 1


@pytest.mark.parametrize("before", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_nothing_is_taken_over_where_rows_are_left_out(store: Path, tmp_path: Path, before: bool) -> None:
    named = tmp_path / "r.toml"
    named.write_text('[[redaction]]\nname = "maker/a"\n', "utf-8")
    with open_for_reading(store) as connection:
        leave = _load_redactions(named, connection)
    made, other = (leave, None) if before else (None, leave)
    exported(store, tmp_path / "out", made)
    later, _ = exported(store, tmp_path / "out", other)
    assert later.reused_files == 0
    assert any("key" in one for one in read_manifest(tmp_path / "out")["files"]) == before
    text = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*.csv"))
    assert (b"maker/a" in text) == before

"""A later export to the same place reads the rows of new snapshots only, and gives the same bundle as a first one."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from analysis.export import _left_out
from analysis.exports.bundle import Made, Wanted, make
from analysis.exports.manifest import faults, identity, read
from analysis.exports.privacy import Redactions
from analysis.exports.tables import Scope
from db.connection import reading
from db.rows import Observation
from tests.analysis.conftest import History
from tests.analysis.exports.conftest import model, tree

FORMS = ("csv", "parquet")
SCOPE = Scope(registries=("huggingface/models", "npm"))
NONE, PARTIAL = 0, 3  # asked for the names of its columns; it has no rows
ASKED = re.compile(r"FROM (ranking|finding|v1_ranking|v1_finding)\b.*snapshot(?:_id)? = (\d+)", re.DOTALL)


def exported(store: Path, out: Path, leave: Redactions | None = None) -> tuple[Made, Counter[tuple[str, int]]]:
    """A bundle, and how often the rows of each snapshot were asked for."""
    with reading(store) as connection:
        said: list[str] = []
        connection.set_trace_callback(said.append)
        made = make(connection, Wanted(SCOPE, FORMS, leave or Redactions()), out)
    found = (ASKED.search(statement) for statement in said)
    return made, Counter((one[1], int(one[2])) for one in found if one and "SELECT 1" not in one[0])


def test_only_the_rows_of_a_new_snapshot_are_read(store: Path, tmp_path: Path) -> None:
    first, asked = exported(store, tmp_path / "out")
    assert first.taken == 0 and {number for table, number in asked if table == "v1_ranking"} >= {1, 2, 4, 5}
    new = History(store).add("2026-03-01", [model("a", 5)])
    later, asked = exported(store, tmp_path / "out")
    assert {number for table, number in asked if table in ("ranking", "v1_ranking")} == {NONE, PARTIAL, new}
    assert later.taken == sum(
        1 for one in read(tmp_path / "out")["files"] if "key" in one and one["snapshot"] not in (None, new)
    ) >= 4 * (1 + len(FORMS))  # fmt: skip
    afresh, _ = exported(store, tmp_path / "afresh")
    assert (afresh.taken, tree(tmp_path / "afresh")) == (0, tree(tmp_path / "out"))
    assert list(faults(tmp_path / "out")) == []


def test_a_list_whose_packages_are_called_otherwise_now_is_read_again(store: Path, tmp_path: Path) -> None:
    exported(store, tmp_path / "out")
    History(store).add("2025-12-01", [Observation("id-a", "maker/once", downloads=5)])
    _, asked = exported(store, tmp_path / "out")
    assert {number for table, number in asked if table == "v1_ranking"} >= {1, 2}
    assert {number for table, number in asked if table == "ranking"} == {NONE, PARTIAL, 6}
    exported(store, tmp_path / "afresh")
    assert tree(tmp_path / "out") == tree(tmp_path / "afresh")


def test_a_file_that_is_not_what_it_was_is_written_again(store: Path, tmp_path: Path) -> None:
    exported(store, tmp_path / "out")
    whole, part = tree(tmp_path / "out"), tmp_path / "out" / "csv" / "v1_ranking" / "huggingface-models-000001.csv"
    part.write_bytes(part.read_bytes().replace(b"900", b"800"))
    exported(store, tmp_path / "out")
    assert tree(tmp_path / "out") == whole


def test_a_manifest_that_points_out_of_its_folder_is_not_followed(store: Path, tmp_path: Path) -> None:
    exported(store, tmp_path / "out")
    whole, manifest = tree(tmp_path / "out"), tmp_path / "out" / "manifest.json"
    part = tmp_path / "out" / "csv" / "v1_ranking" / "huggingface-models-000001.csv"
    (tmp_path / "outside.csv").write_bytes(part.read_bytes())
    told = read(tmp_path / "out")
    for one in told["files"]:
        if one["path"].endswith(part.name):
            one["path"] = "../outside.csv"
    manifest.write_text(json.dumps({**told, "id": identity(told["files"])}), "utf-8")
    exported(store, tmp_path / "out")
    assert tree(tmp_path / "out") == whole
    assert (tmp_path / "outside.csv").stat().st_nlink == 1


@pytest.mark.parametrize("before", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_nothing_is_taken_over_where_rows_are_left_out(store: Path, tmp_path: Path, before: bool) -> None:
    named = tmp_path / "r.toml"
    named.write_text('[[redaction]]\nname = "maker/a"\n', "utf-8")
    with reading(store) as connection:
        leave = _left_out(named, connection)
    made, other = (leave, None) if before else (None, leave)
    exported(store, tmp_path / "out", made)
    later, _ = exported(store, tmp_path / "out", other)
    assert later.taken == 0
    assert any("key" in one for one in read(tmp_path / "out")["files"]) == before
    text = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*.csv"))
    assert (b"maker/a" in text) == before

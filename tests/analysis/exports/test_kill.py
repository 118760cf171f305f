"""kill -9 at any call to the file system leaves the complete old bundle, the complete new bundle, or none."""

from __future__ import annotations

import io
import os
import resource
import shutil
import signal
import sys
from pathlib import Path

import pytest

from analysis.export import main
from analysis.exports.manifest import MANIFEST, find_mismatches
from tests.analysis.conftest import History
from tests.analysis.exports.conftest import hash_tree, make_model
from tests.db.builders import run_in_child

Bundles = tuple[Path, list[dict[str, str]]]
CALLS = {"open", "os.rename", "os.mkdir", "os.link", "os.remove", "os.rmdir", "os.scandir", "sqlite3.connect"}
SAMPLE_STEP = 89  # the default run tries every 89th call
OPTIONS = ("--format", "parquet,csv,sqlite", "--tables", "v1_ranking,v1_snapshot,ranking,snapshot")


def export_and_kill(out: Path, store: Path, call: int) -> bool:
    """Export in a process that is killed at its n-th call, and return whether it was killed before its end."""
    child = os.fork()
    if child == 0:
        count = [0]

        def watch(event: str, details: tuple[object, ...]) -> None:
            if event in CALLS and str(out.parent) in str(details[:2]) and str(store) not in str(details[:2]):
                count[0] += 1
                if count[0] == call:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        os._exit(main([str(out), "--db", str(store), *OPTIONS]))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0


@pytest.fixture
def bundles(store: Path, tmp_path: Path) -> Bundles:
    """Return a folder with bundles of the store `before` a new snapshot and `now`, and the hashes of both."""
    assert main([str(tmp_path / "before"), "--db", str(store), *OPTIONS]) == 0
    History(store).add_snapshot("2026-03-01", [make_model("a", 5)])
    assert main([str(tmp_path / "now"), "--db", str(store), *OPTIONS]) == 0
    return tmp_path, [hash_tree(tmp_path / "before"), hash_tree(tmp_path / "now")]


def kill_repeatedly(bundles: Bundles, store: Path, is_renewal: bool, step: int) -> int:
    """Kill the export at every step-th call until a run ends, and return the number of runs."""
    folder, complete = bundles
    call = runs = 1
    while True:
        run_folder = folder / f"run{call}"
        run_folder.mkdir()
        out = run_folder / "out"
        if is_renewal:
            shutil.copytree(folder / "before", out)
        is_killed = export_and_kill(out, store, call)
        if out.exists():
            assert (out / MANIFEST).exists() and list(find_mismatches(out)) == []
            assert hash_tree(out) in complete
        else:
            assert is_killed and not is_renewal
        assert main([str(out), "--db", str(store), *OPTIONS]) == 0
        assert hash_tree(out) == complete[1]
        assert [path.name for path in run_folder.iterdir()] == ["out"], "no temporary folder remains"
        shutil.rmtree(run_folder)
        if not is_killed:
            return runs
        call, runs = call + step, runs + 1


@pytest.mark.parametrize("is_renewal", [False, True])
@pytest.mark.fault("A1", "A5")
def test_a_kill_at_some_calls_leaves_a_complete_bundle_or_none(bundles: Bundles, store: Path, is_renewal: bool) -> None:
    assert kill_repeatedly(bundles, store, is_renewal, SAMPLE_STEP) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("is_renewal", [False, True])
@pytest.mark.timeout(900)
@pytest.mark.fault("A1", "A5")
def test_a_kill_at_every_call_leaves_a_complete_bundle_or_none(bundles: Bundles, store: Path, is_renewal: bool) -> None:
    assert kill_repeatedly(bundles, store, is_renewal, 1) >= 60


def export_without_room(out: Path, store: Path, size: int) -> int:
    """Export in a process whose files may not grow beyond a size, and return its exit code."""

    def export() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        sys.stdout = sys.stderr = io.StringIO()
        os._exit(main([str(out), "--db", str(store), *OPTIONS]))

    return os.waitstatus_to_exitcode(os.waitpid(run_in_child(export), 0)[1])


@pytest.mark.parametrize("size", [100, 40_000])
@pytest.mark.fault("A4", "A5")
def test_an_export_to_a_full_disk_leaves_the_previous_bundle(bundles: Bundles, store: Path, size: int) -> None:
    folder, complete = bundles
    assert export_without_room(folder / "before", store, size) == 1
    assert hash_tree(folder / "before") == complete[0]
    assert export_without_room(folder / "none", store, size) == 1
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["before", "now"]
    assert main([str(folder / "before"), "--db", str(store), *OPTIONS]) == 0
    assert hash_tree(folder / "before") == complete[1]

"""kill -9 at any call to the file system: what is there is a whole bundle, the old one or the new one, or none."""

from __future__ import annotations

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
from tests.analysis.exports.conftest import hash_tree, model
from tests.db.builders import run_in_child

CALLS = {"open", "os.rename", "os.mkdir", "os.link", "os.remove", "os.rmdir", "os.scandir", "sqlite3.connect"}
EVERY = 89  # of the moments, in the usual run
ENOUGH = ("--format", "parquet,csv,sqlite", "--tables", "v1_ranking,v1_snapshot,ranking,snapshot")


def killed_at(out: Path, store: Path, moment: int) -> bool:
    """Export in a process that is killed at its n-th call; False if it ended before that."""
    child = os.fork()
    if child == 0:
        count = [0]

        def watch(event: str, details: tuple[object, ...]) -> None:
            if event in CALLS and str(out.parent) in str(details[:2]) and str(store) not in str(details[:2]):
                count[0] += 1
                if count[0] == moment:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        os._exit(main([str(out), "--db", str(store), *ENOUGH]))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0


@pytest.fixture
def wanted(store: Path, tmp_path: Path) -> tuple[Path, list[dict[str, str]]]:
    """A store that has grown, its bundle of before at `before`, and what the bundle may be: as before, or as now."""
    assert main([str(tmp_path / "before"), "--db", str(store), *ENOUGH]) == 0
    History(store).add_snapshot("2026-03-01", [model("a", 5)])
    assert main([str(tmp_path / "now"), "--db", str(store), *ENOUGH]) == 0
    return tmp_path, [hash_tree(tmp_path / "before"), hash_tree(tmp_path / "now")]


def killed_over_and_over(wanted: tuple[Path, list[dict[str, str]]], store: Path, renewed: bool, step: int) -> int:
    """Kill it at every step-th call until it ends; how many times that was."""
    folder, whole = wanted
    moment = times = 1
    while True:
        place = folder / f"run{moment}"
        place.mkdir()
        out = place / "out"
        if renewed:
            shutil.copytree(folder / "before", out)
        killed = killed_at(out, store, moment)
        if out.exists():
            assert (out / MANIFEST).exists() and list(find_mismatches(out)) == []
            assert hash_tree(out) in whole
        else:
            assert killed and not renewed
        assert main([str(out), "--db", str(store), *ENOUGH]) == 0
        assert hash_tree(out) == whole[1]
        assert [path.name for path in place.iterdir()] == ["out"], "nothing is left over"
        shutil.rmtree(place)
        if not killed:
            return times
        moment, times = moment + step, times + 1


@pytest.mark.parametrize("renewed", [False, True])
@pytest.mark.fault("A1", "A5")
def test_a_kill_at_some_calls_leaves_a_whole_bundle_or_none(
    wanted: tuple[Path, list[dict[str, str]]], store: Path, renewed: bool
) -> None:
    assert killed_over_and_over(wanted, store, renewed, EVERY) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("renewed", [False, True])
@pytest.mark.timeout(900)
@pytest.mark.fault("A1", "A5")
def test_a_kill_at_every_call_leaves_a_whole_bundle_or_none(
    wanted: tuple[Path, list[dict[str, str]]], store: Path, renewed: bool
) -> None:
    assert killed_over_and_over(wanted, store, renewed, 1) >= 60


def without_room(out: Path, store: Path, size: int) -> int:
    """Export in a process whose files may not grow beyond a size; its exit code."""

    def export() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        sys.stdout = sys.stderr = open(os.devnull, "w")
        os._exit(main([str(out), "--db", str(store), *ENOUGH]))

    return os.waitstatus_to_exitcode(os.waitpid(run_in_child(export), 0)[1])


@pytest.mark.parametrize("size", [100, 40_000])
@pytest.mark.fault("A4", "A5")
def test_an_export_without_room_leaves_the_bundle_of_before(
    wanted: tuple[Path, list[dict[str, str]]], store: Path, size: int
) -> None:
    folder, whole = wanted
    assert without_room(folder / "before", store, size) == 1
    assert hash_tree(folder / "before") == whole[0]
    assert without_room(folder / "none", store, size) == 1
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["before", "now"]
    assert main([str(folder / "before"), "--db", str(store), *ENOUGH]) == 0
    assert hash_tree(folder / "before") == whole[1]

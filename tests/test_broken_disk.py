"""EIO and ENOSPC at any call on a file of ours: an error in four parts, whatever the command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from db.connection import open_for_writing
from db.store import Store
from tests.db.builders import take_snapshot

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = (
    "store migrate", "store check", "store backup backup.db", "store restore prev.db --force", "compute", "report",
    "report --format html --out report.html", "export bundle", "top npm", "schedule status --schedules s",
    "schedule once daily --schedules s", "crawl import csv list.csv --registry pypi --date 2022-02-15 --id n --value v",
)  # fmt: skip
CALLS = (
    "openat", "read", "pread64", "write", "pwrite64", "fsync", "ftruncate", "rename", "unlink", "newfstatat", "flock",
    "mkdir", "getdents64",
)  # fmt: skip
FAULTS = list(product(CALLS, ("EIO", "ENOSPC"), (1, 3, 10)))
OWN_FILES = ("observatory.db", "backup.db", "prev.db")
SIDE_FILES = ("", "-wal", "-shm", "-journal", ".lock", ".ticks")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with open_for_writing(tmp_path / "observatory.db") as database:
        take_snapshot(Store(database), [f"package-{number}" for number in range(20)])
    shutil.copy(tmp_path / "observatory.db", tmp_path / "prev.db")
    (tmp_path / "list.csv").write_text("n,v\nreact,30\nlodash,20\nchalk,10\n", "utf-8")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "daily.toml").write_text('run = "compute"\nevery = "1 day"\n', "utf-8")
    yield tmp_path


def run_with_fault(folder: Path, command: str, call: str, error: str, number: int) -> subprocess.CompletedProcess[str]:
    """Run a command in which a call on a file of the folder fails from some number on."""
    files = [folder / f"{name}{suffix}" for name in OWN_FILES for suffix in SIDE_FILES]
    files += [folder, folder / "s", folder / "s" / "daily.toml", folder / "list.csv", folder / "out"]
    files += [folder / "report.html", folder / "bundle"]
    watched = [word for file in files for word in ("-P", str(file))]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    environment |= {"PYTHONPATH": str(ROOT), "OBSERVATORY_DB": str(folder / "observatory.db")}
    with (folder / "out").open("w") as out:
        return subprocess.run(
            ["strace", "-f", "-o", os.devnull, *watched, "-e", f"trace={call}",
             "-e", f"inject={call}:error={error}:when={number}+",
             sys.executable, "-P", "-m", "schedules.cli", *command.split()],
            cwd=folder, env=environment, stdout=out, stderr=subprocess.PIPE, text=True, check=False, timeout=120,
        )  # fmt: skip


@pytest.mark.ci
@pytest.mark.timeout(300)
@pytest.mark.fault("A22")
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("place", range(len(COMMANDS)), ids=[command.replace(" ", "-")[:30] for command in COMMANDS])
def test_a_disk_that_fails_at_some_call_is_an_error_in_words(folder: Path, place: int) -> None:
    """Try three of all faults with each command, other ones for the next command."""
    for call, error, number in FAULTS[place * 5 % len(FAULTS) :: len(FAULTS) // 3]:
        ended = run_with_fault(folder, COMMANDS[place], call, error, number)
        attempt = (COMMANDS[place], call, error, number, ended.stderr[-600:])
        assert ended.returncode in (0, 1, 2, 3), attempt
        assert not any(text in ended.stderr for text in ("Traceback", "Unexpected error", "Exception ignored")), attempt


@pytest.mark.parametrize(
    ("words", "code", "unbuffered"),
    [("--help", 1, ""), ("schedule list", 1, ""), ("no-such-command", 2, ""), ("schedule --help", 1, "1")],
)
@pytest.mark.fault("A22")
def test_a_full_disk_under_the_output_is_an_error_whatever_python_buffers(
    words: str, code: int, unbuffered: str
) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("w") as full:
        line = [sys.executable, "-m", "schedules.cli", *words.split()]
        ended = subprocess.run(line, cwd=ROOT, env=environment, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (ended.returncode, ended.stderr.count(b"error: ")) == (code, 1)
    assert ended.stderr.startswith(b"error: ")

"""The shipped systemd unit: every command of the product runs under its system call filter."""

from __future__ import annotations

import inspect
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from db.file_systems import file_system_type, refuse_network_file_system
from tests.schedules import system_calls
from tests.simulated import Simulation

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "deploy" / "observatory.service"
HUB = "huggingface/models"
COMMANDS = (  # in this order, on one store
    "--version",
    "store migrate",
    f"crawl snapshot {HUB} --top 20 --quiet",
    f"crawl cards {HUB} --top 5",
    f"crawl changes {HUB}",
    f"crawl snapshot {HUB} --full --quiet",
    f"crawl check {HUB}",
    "crawl registries",
    "crawl import csv list.csv --registry npm --date 2022-02-15 --id name --value downloads",
    "compute",
    "score",
    "report",
    "report --format html --out report.html",
    "report --format markdown --out report.md",
    "report --format json --out report.json",
    "export bundle",
    "schedule list",
    "schedule check",
    "schedule once daily --schedules schedules",
    "store check",
    "store schema",
    "store backup backup.db",
    "store restore backup.db --force",
)

pytestmark = [
    pytest.mark.skipif(not system_calls.is_supported(), reason="needs Linux on x86-64 or ARM64"),
    pytest.mark.timeout(300),
]


@dataclass(frozen=True)
class ConfinedFolder:
    """A folder in which commands run as the unit lets them."""

    folder: Path
    environment: dict[str, str]

    def command_line(self, *arguments: str, unit: Path = UNIT) -> list[str]:
        confined = [sys.executable, "-m", "tests.schedules.system_calls", str(unit)]
        return [*confined, sys.executable, "-m", "schedules.cli", *arguments]

    def run_cli(self, *arguments: str, unit: Path = UNIT) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command_line(*arguments, unit=unit), cwd=self.folder, env=self.environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def confined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConfinedFolder]:
    folder = tmp_path_factory.mktemp("unit")
    (folder / "list.csv").write_text("name,downloads\nreact,30\nlodash,20\nchalk,10\n", "utf-8")
    (folder / "schedules").mkdir()
    (folder / "schedules" / "daily.toml").write_text('run = "compute"\nevery = "1 day"\n', "utf-8")
    with Simulation(models=1050, datasets=5, spaces=5, packages=40) as simulation:
        environment = {
            **os.environ, "HF_ENDPOINT": simulation.huggingface, "ECOSYSTEMS_ENDPOINT": simulation.ecosystems,
            "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1", "OBSERVATORY_DB": str(folder / "observatory.db"),
            "PYTHONPATH": str(ROOT), "HOME": str(folder),
        }  # fmt: skip
        yield ConfinedFolder(folder, environment)


@pytest.fixture(scope="module")
def killing(confined: ConfinedFolder) -> Path:
    """Return the unit with a filter that kills a process at a call that the unit does not allow."""
    unit = confined.folder / "killing.service"
    unit.write_text(UNIT.read_text("utf-8").replace("SystemCallErrorNumber=EPERM\n", ""), "utf-8")
    return unit


@pytest.mark.ci
def test_every_command_makes_only_calls_that_the_unit_allows(confined: ConfinedFolder, killing: Path) -> None:
    failures = {}
    for line in COMMANDS:
        completed = confined.run_cli(*line.split(), unit=killing)
        if completed.returncode != 0:
            failures[line] = (completed.returncode, completed.stderr[-400:])
    assert failures == {}


@pytest.mark.slow
def test_the_demonstration_runs_under_the_filter_of_the_unit(confined: ConfinedFolder) -> None:
    completed = confined.run_cli("demo", "--top", "20")
    assert completed.returncode == 0, completed.stderr


def test_the_daemon_and_its_command_make_only_calls_that_the_unit_allows(
    confined: ConfinedFolder, killing: Path
) -> None:
    (confined.folder / "quick").mkdir()
    (confined.folder / "quick" / "quick.toml").write_text('run = "compute"\nevery = "1 second"\n', "utf-8")
    arguments = ("schedule", "run", "--schedules", "quick", "--log", "json", "--db", "daemon.db")
    with subprocess.Popen(
        confined.command_line(*arguments, unit=killing), cwd=confined.folder, env=confined.environment,
        stderr=subprocess.PIPE, text=True,
    ) as daemon:  # fmt: skip
        assert daemon.stderr is not None
        assert any('"outcome": "done"' in line for line in daemon.stderr)
        daemon.terminate()
        daemon.stderr.read()
        assert daemon.wait(15) == 0
    assert confined.run_cli("schedule", "status", "--schedules", "schedules", "--db", "daemon.db").returncode == 0


def test_without_the_calls_that_libraries_make_the_filter_would_end_numpy(
    confined: ConfinedFolder, killing: Path
) -> None:
    allowed = "SystemCallFilter=mbind fchown pkey_alloc pkey_free pkey_mprotect\n"
    text = killing.read_text("utf-8")
    assert allowed in text
    narrower = confined.folder / "narrower.service"
    narrower.write_text(text.replace(allowed, ""), "utf-8")
    assert confined.run_cli("compute", unit=narrower).returncode == -signal.SIGSYS


def test_calls_that_the_unit_takes_away_end_with_eperm(confined: ConfinedFolder) -> None:
    script = "import os\ntry:\n os.nice(1)\nexcept PermissionError:\n os.fchmod(1, 0o600)\nelse:\n raise SystemExit(1)"
    line = [*confined.command_line()[:4], sys.executable, "-c", script]
    with (confined.folder / "out").open("wb") as out:
        assert subprocess.run(line, cwd=ROOT, stdout=out, check=False).returncode == 0


@pytest.mark.parametrize("function", [refuse_network_file_system, file_system_type])
def test_the_check_for_network_file_systems_reads_a_file_that_the_unit_shows(function: Callable[..., object]) -> None:
    assert "ProcSubset=pid\n" in UNIT.read_text("utf-8"), "only the folders of processes are in /proc"
    mounts = inspect.signature(function).parameters["mounts"].default
    assert mounts == Path("/proc/self/mounts") and mounts.exists()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text("utf-8").replace("/opt/observatory/.venv/bin/observatory", sys.executable)
    unit = tmp_path / "observatory.service"
    unit.write_text(text, "utf-8")
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    about_the_unit = [line for line in verified.stderr.splitlines() if "observatory" in line]
    assert about_the_unit == [], verified.stderr

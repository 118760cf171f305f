"""Environments without a library, for commands in processes of their own and for functions in this one."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest

from db.database import AbsentModules
from tests.simulated import ROOT


def run_without_library(
    library: str, words: Sequence[str], folder: Path, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run `observatory` in a fresh process, in an environment that has every installed package but one."""
    packages = folder / "packages"
    packages.mkdir()
    for installed in Path(sysconfig.get_path("purelib")).iterdir():
        if installed.name.partition(".")[0] != library:
            (packages / installed.name).symlink_to(installed)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, packages)))}
    command = [sys.executable, "-S", "-m", "schedules.cli", *words]  # -S: no package but those of the folder
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def hide_library(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Let this process not find modules until the test ends, also if they were imported before."""
    for name in [name for name in sys.modules if name.split(".")[0] in modules or name in modules]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [AbsentModules(modules), *sys.meta_path])

"""Commands in processes of their own that are made quickly: a fork of this one, which has imported what they need."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from crawler.__main__ import main as crawl
from tests.db.builders import run_in_child
from tests.simulated import ROOT, Simulation


def run_forked(function: Callable[[], int]) -> int:
    """Do something in a fork of this process; its exit code, below zero where it was killed."""

    def end() -> None:
        sys.stderr = open(os.devnull, "w")
        os._exit(function())

    return os.waitstatus_to_exitcode(os.waitpid(run_in_child(end), 0)[1])


def start_crawl_command(arguments: Sequence[str], env: Mapping[str, str], out: Path, errors: Path) -> int:
    """Begin `observatory crawl …` in a fork, as if it were typed with this environment; the number of the process."""

    def end() -> None:
        os.chdir(ROOT)
        os.environ.clear()
        os.environ.update(env)
        logging.getLogger().handlers.clear()  # they are those of the tests
        for number, path in ((1, out), (2, errors)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.stdout, sys.stderr = open(1, "w"), open(2, "w")
        code = crawl(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    return run_in_child(end)


def wait_for_process(child: int) -> int:
    """Wait for a process; its exit code. It does not outlive the wait, should that be broken off."""
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise


def import_modules(names: Iterable[str]) -> None:
    """Import what a crawl needs before it is forked, but for the reactor, of which each process has its own."""
    for name in names:
        if name not in ("__main__", "twisted.internet.reactor"):
            try:
                importlib.import_module(name)
            except ImportError:
                continue
    gc.freeze()


def list_crawl_modules() -> list[str]:
    """The modules that one crawl has imported in the end."""
    with Simulation(models=30, datasets=5, spaces=5, packages=5) as hub, tempfile.TemporaryDirectory() as name:
        folder, told = Path(name), Path(name) / "modules"
        words = ["snapshot", "huggingface/models", "--top", "1", "--quiet", "--db", str(folder / "first.db")]

        def do() -> int:
            os.environ["HF_ENDPOINT"] = hub.huggingface
            code = crawl(words)
            told.write_text("\n".join(sorted(sys.modules)), "utf-8")
            return code

        run_forked(do)
        return told.read_text("utf-8").splitlines()

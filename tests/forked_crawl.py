"""Crawls in forks of this process. They start fast, because this process has imported what they need."""

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
    """Run a function in a fork of this process, and return the exit code, below zero after a kill."""

    def end() -> None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
        os._exit(function())

    return os.waitstatus_to_exitcode(os.waitpid(run_in_child(end), 0)[1])


def start_crawl_command(arguments: Sequence[str], env: Mapping[str, str], out: Path, errors: Path) -> int:
    """Start `observatory crawl …` in a fork with this environment, and return the id of the process."""

    def end() -> None:
        os.chdir(ROOT)
        os.environ.clear()
        os.environ.update(env)
        logging.getLogger().handlers.clear()  # the handlers of the tests
        for number, path in ((1, out), (2, errors)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        code = crawl(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    return run_in_child(end)


def wait_for_process(child: int) -> int:
    """Wait for a process and return its exit code. If the wait is interrupted, the process is killed."""
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise


def import_modules(names: Iterable[str]) -> None:
    """Import what a crawl needs before the fork, except for the reactor: each process has its own."""
    for name in names:
        if name not in ("__main__", "twisted.internet.reactor"):
            try:
                importlib.import_module(name)
            except ImportError:
                continue
    gc.freeze()


def list_crawl_modules() -> list[str]:
    """Return the modules that a crawl has imported when it ends."""
    with Simulation(models=30, datasets=5, spaces=5, packages=5) as hub, tempfile.TemporaryDirectory() as name:
        folder, module_list = Path(name), Path(name) / "modules"
        arguments = ["snapshot", "huggingface/models", "--top", "1", "--quiet", "--db", str(folder / "first.db")]

        def crawl_and_list() -> int:
            os.environ["HF_ENDPOINT"] = hub.huggingface
            code = crawl(arguments)
            module_list.write_text("\n".join(sorted(sys.modules)), "utf-8")
            return code

        run_forked(crawl_and_list)
        return module_list.read_text("utf-8").splitlines()

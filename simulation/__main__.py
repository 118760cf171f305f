"""`python -m simulation`: serve until asked to stop. One line of JSON on stdout has the URLs."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Sequence

from simulation.options import read_options
from simulation.server import SimulationServers


def main(argv: Sequence[str] | None = None) -> int:
    """Serve one simulation until it is asked to stop, and return 0."""
    options = read_options(argv)
    simulation = SimulationServers(options)
    simulation.start()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if options.until_stdin_closes:
        threading.Thread(target=wait_for_stdin_eof, args=(stop,), daemon=True).start()
    print(json.dumps({**simulation.urls(), "pid": os.getpid()}), flush=True)
    stop.wait()
    simulation.stop()
    return 0


def wait_for_stdin_eof(stop: threading.Event) -> None:
    """Stop when the process that started this one has ended."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    stop.set()


if __name__ == "__main__":
    sys.exit(main())

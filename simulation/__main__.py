"""`python -m simulation`: serve until told to stop; one line of JSON on stdout says where."""

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
    """Serve one simulation; return 0 when it was asked to end."""
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
    """Stop when whoever started us is gone."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    stop.set()


if __name__ == "__main__":
    sys.exit(main())

"""Move the clock of each Python process that has this folder on its path: the file MOVED_CLOCK holds the seconds."""

from __future__ import annotations

import os
import time
from pathlib import Path

_read_clock, _file = time.time, os.environ.get("MOVED_CLOCK")


def _read_moved_clock() -> float:
    return _read_clock() + float(Path(str(_file)).read_text("ascii"))


if _file:
    time.time = _read_moved_clock

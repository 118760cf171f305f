"""The heartbeat of the daemon: the modification time of its lock file."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from db import ObservatoryError
from schedules.systemd import notify


class Heartbeat:
    """The lock file of a daemon that holds the lock."""

    def __init__(self, store: Path) -> None:
        self._file = heartbeat_file(store)
        self._held = self._file.stat() if self._file.exists() else None

    def write(self) -> None:
        """Write the time into the lock file, and notify systemd."""
        notify("WATCHDOG=1")
        with suppress(OSError):
            os.utime(self._file)

    def require_file(self) -> None:
        """Refuse to end with success without the lock file.

        Raises:
            ObservatoryError: the lock file was deleted or replaced.
        """
        if not self.has_lost_file():
            return
        raise ObservatoryError(
            f"The lock file {self._file} was deleted or replaced.",
            why="A second daemon could start on the store, and status would not see this one.",
            fix="Start the daemon again.",
        )

    def has_lost_file(self) -> bool:
        """Return whether the lock file was deleted or replaced. A folder that is gone may come back with the file."""
        with suppress(OSError):
            if self._held is not None and self._file.parent.is_dir():
                return not self._file.exists() or not os.path.samestat(self._held, self._file.stat())
        return False


def heartbeat_file(store: Path) -> Path:
    """Return the lock file of the daemon. Its modification time is the last heartbeat."""
    return Path(f"{os.path.realpath(store)}.daemon.lock")

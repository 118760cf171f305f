"""Tell systemd how we are: a datagram to the socket it names, or nothing where it names none."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress


def notify(state: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Send one state, as `READY=1`; whether somebody was told. It never fails and never waits."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out:
        out.sendto(state.encode("utf-8"), address)
        return True
    return False


def heartbeat_seconds(environment: Mapping[str, str] = os.environ) -> float:
    """How often the watchdog is to hear of us: three times in the time it waits; ten seconds where there is none.

    >>> heartbeat_seconds({"WATCHDOG_USEC": "6000000"})
    2.0
    """
    waits = environment.get("WATCHDOG_USEC", "")
    return max(0.1, min(10.0, int(waits) / 3e6)) if waits.isascii() and waits.isdigit() and int(waits) else 10.0

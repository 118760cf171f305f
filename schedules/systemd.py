"""Notifications to systemd: a datagram to the socket that it names, or nothing where it names none."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

MAX_HEARTBEAT_SECONDS = 10.0


def notify(state: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Send one state, such as `READY=1`, and return whether it was sent. It never fails and never waits."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as datagram_socket:
        datagram_socket.sendto(state.encode("utf-8"), address)
        return True
    return False


def heartbeat_seconds(environment: Mapping[str, str] = os.environ) -> float:
    """Return the time between two heartbeats: a third of the watchdog's time, and at most ten seconds.

    >>> heartbeat_seconds({"WATCHDOG_USEC": "6000000"})
    2.0
    """
    microseconds = environment.get("WATCHDOG_USEC", "")
    if not (microseconds.isascii() and microseconds.isdigit() and int(microseconds)):
        return MAX_HEARTBEAT_SECONDS
    return max(0.1, min(MAX_HEARTBEAT_SECONDS, int(microseconds) / 3e6))

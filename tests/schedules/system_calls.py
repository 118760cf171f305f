"""The system call filter of a systemd unit, installed in a process without systemd.

`python -m tests.schedules.system_calls UNIT COMMAND…` reads the `SystemCall…` lines of a unit, installs the same filter
by seccomp, and becomes the command. The groups of calls are those of the systemd that is installed, or else those of
`system_calls.json`.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FALLBACK = Path(__file__).with_suffix(".json")
AUDIT_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_… of linux/audit.h
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # instructions of classic BPF
NUMBER_OFFSET, MACHINE_OFFSET = 0, 4  # in struct seccomp_data
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000  # SECCOMP_RET_…; REFUSE is joined with an errno
PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_SET_NO_NEW_PRIVS = 22, 2, 38


@dataclass(frozen=True)
class SystemCallFilter:
    """The calls that a unit allows, and the errno that all others end with; 0: the process is killed."""

    allowed: frozenset[str]
    error_number: int


class _Program(ctypes.Structure):
    """`struct sock_fprog` of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def is_supported() -> bool:
    """Return whether the filter can be installed on this machine."""
    return sys.platform == "linux" and platform.machine() in AUDIT_MACHINES


def parse_unit(text: str) -> SystemCallFilter:
    """Return the filter of a unit: a first list allows, a list after `~` takes calls away again."""
    settings = [line.partition("=")[::2] for line in text.splitlines() if line.startswith("SystemCall")]
    allowed: set[str] = set()
    for key, value in settings:
        if key == "SystemCallFilter":
            calls = expand_groups(value.removeprefix("~").split())
            allowed = allowed - calls if value.startswith("~") else allowed | calls
    name = dict(settings).get("SystemCallErrorNumber", "")
    return SystemCallFilter(frozenset(allowed | expand_groups(["@default"])), getattr(errno, name) if name else 0)


def expand_groups(names: Iterable[str]) -> set[str]:
    """Return the names of calls, with each group replaced by its members."""
    calls: set[str] = set()
    for name in names:
        calls |= expand_groups(load_groups()[name]) if name.startswith("@") else {name}
    return calls


@cache
def load_groups() -> Mapping[str, list[str]]:
    """Return the groups of calls of the installed systemd, or the committed ones."""
    if shutil.which("systemd-analyze"):
        line = ["systemd-analyze", "syscall-filter", "--no-pager"]
        listing = subprocess.run(line, capture_output=True, text=True, check=False)
        if listing.returncode == 0:
            return parse_groups(listing.stdout.splitlines())
    groups: dict[str, list[str]] = json.loads(FALLBACK.read_text("utf-8"))["sets"]
    return groups


def parse_groups(lines: Iterable[str]) -> dict[str, list[str]]:
    """Return the groups in a listing of `systemd-analyze syscall-filter`: the members of a group are indented."""
    groups: dict[str, list[str]] = {}
    members: list[str] = []
    for line in lines:
        name = line.strip()
        if line.startswith("@"):
            members = groups[name] = []
        elif line.startswith("#"):
            members = []  # calls that belong to no group
        elif name and not name.startswith("#"):
            members.append(name)
    return groups


def encode_program(rules: SystemCallFilter) -> bytes:
    """Return the filter in BPF. Calls that systemd does not know end with ENOSYS, as systemd has it."""
    numbers: dict[str, int] = json.loads(FALLBACK.read_text("utf-8"))["numbers"][platform.machine()]
    refusal = REFUSE | rules.error_number if rules.error_number else KILL

    def instructions() -> Iterator[tuple[int, int, int, int]]:
        yield LOAD, 0, 0, MACHINE_OFFSET
        yield JUMP_IF_EQUAL, 1, 0, AUDIT_MACHINES[platform.machine()]
        yield RETURN, 0, 0, KILL
        yield LOAD, 0, 0, NUMBER_OFFSET
        for name, number in numbers.items():
            yield JUMP_IF_EQUAL, 0, 1, number
            yield RETURN, 0, 0, ALLOW if name in rules.allowed else refusal
        yield RETURN, 0, 0, REFUSE | errno.ENOSYS

    return b"".join(struct.pack("HBBI", *instruction) for instruction in instructions())


def install(rules: SystemCallFilter) -> None:
    """Install the filter in this process; its children inherit it."""
    encoded = encode_program(rules)
    buffer = ctypes.create_string_buffer(encoded, len(encoded))
    program = _Program(len(encoded) // 8, ctypes.addressof(buffer))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for arguments in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    install(parse_unit(Path(sys.argv[1]).read_text("utf-8")))
    os.execvp(sys.argv[2], sys.argv[2:])

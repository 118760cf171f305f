"""What a power cut may leave of a store: every write of a real run is recorded, and crash states are made of them.

The model: what was flushed stays. Of what was written to a file after its last flush nothing, all, some, or torn pieces
of 512 bytes may be there, in any order. Files that are made or removed are so at once; disks that lie are out of its
scope.
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from db import connection as connect
from db.ids import compact_id, short_hash

SECTOR = 512
VARIANTS = ("nothing", "all", "some", "some", "torn", "newest first")
FINGERPRINT = (
    "SELECT (SELECT count(*) FROM sqlite_master), (SELECT count(*) FROM snapshot), (SELECT count(*) FROM page),"
    " (SELECT count(*) FROM ranking), (SELECT count(*) FROM body), (SELECT count(*) FROM gate_result),"
    " (SELECT coalesce(max(status), '-') FROM snapshot), (SELECT coalesce(max(digest), '-') FROM snapshot)"
)


@dataclass(frozen=True)
class FileEvent:
    """One thing that was done to a file: a write, a cut, a flush or its removal; or a commit that was acknowledged."""

    kind: str
    file: str = ""
    offset: int = 0
    content: bytes = b""


@dataclass
class RecordedRun:
    """A run: everything that was done to files, and what the store held after each commit."""

    events: list[FileEvent] = field(default_factory=list)
    contents: list[tuple[object, ...]] = field(default_factory=list)


def traced_statements(run: Callable[[Path], None], path: Path) -> list[str]:
    """Every statement of a run, with its values in it."""
    said: list[str] = []
    opened = connect._open

    def open_traced(uri: str, path: Path) -> sqlite3.Connection:
        connection = opened(uri, path)
        connection.set_trace_callback(said.append)
        return connection

    connect._open = open_traced
    try:
        run(path)
    finally:
        connect._open = opened
    alone = [
        one for before, one in zip(["", *said], said, strict=False) if one != before
    ]  # a trigger says its statement again
    return [one for one in alone if not one.upper().startswith("PRAGMA JOURNAL") and "synchronous" not in one]


class RecordingFile(apsw.VFSFile):
    """A file that tells what is done to it."""

    def __init__(self, recorded: RecordedRun, name: object, flags: list[int]) -> None:
        self._name = Path(str(name.filename() if hasattr(name, "filename") else name)).name
        self._recorded = recorded
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._recorded.events.append(FileEvent("write", self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:
        self._recorded.events.append(FileEvent("cut", self._name, size))
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:
        self._recorded.events.append(FileEvent("flush", self._name))
        super().xSync(flags)


class RecordingDisk(apsw.VFS):
    """A file system that records."""

    def __init__(self, name: str, recorded: RecordedRun) -> None:
        self._recorded = recorded
        super().__init__(name, "")

    def xOpen(self, name: object, flags: list[int]) -> apsw.VFSFile:
        return RecordingFile(self._recorded, name, flags)

    def xDelete(self, name: str, sync: bool) -> None:
        self._recorded.events.append(FileEvent("gone", Path(name).name))
        super().xDelete(name, sync)


def record_run(statements: list[str], path: Path, journal: str, synchronous: str) -> RecordedRun:
    """Do the statements again on a file system that records, with this journal and these flushes."""
    recorded = RecordedRun()
    name = f"recording-{journal}-{synchronous}"
    disk = RecordingDisk(name, recorded)
    connection = apsw.Connection(str(path), vfs=name)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # no shared memory: nobody else looks
    connection.execute(f"PRAGMA journal_mode = {journal}")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.create_scalar_function("compact", compact_id, 1)
    connection.create_scalar_function("short_hash", short_hash, 1)
    for statement in statements:
        connection.execute(statement).fetchall()
        if not connection.in_transaction and statement.lstrip().upper().startswith(
            ("COMMIT", "INSERT", "CREATE", "PRAGMA APP")
        ):
            recorded.contents.append(_fingerprint(lambda question: connection.execute(question).fetchone()))
            recorded.events.append(FileEvent("committed"))
    connection.close()
    disk.unregister()
    return recorded


def _fingerprint(ask: Callable[[str], tuple[object, ...]]) -> tuple[object, ...]:
    try:
        return tuple(ask(FINGERPRINT))
    except (apsw.SQLError, sqlite3.OperationalError):  # the tables are not there yet
        return (ask("SELECT count(*) FROM sqlite_master")[0],)


def crash_states(
    recorded: RecordedRun, every: int = 1, seed: int = 1, variants: Sequence[str] = VARIANTS
) -> Iterator[tuple[int, dict[str, bytes]]]:
    """Every so-many-th crash state: the commits acknowledged by then, and what the disk holds. Equal ones come once."""
    chance = random.Random(seed)
    flushed: dict[str, bytearray] = {}
    loose: dict[str, list[FileEvent]] = {}
    acknowledged, number, seen = 0, 0, set[bytes]()
    for one in recorded.events:
        if one.kind == "committed":
            acknowledged += 1
        elif one.kind == "gone":
            flushed.pop(one.file, None)
            loose.pop(one.file, None)
        elif one.kind == "flush":
            flushed[one.file] = _apply_writes(flushed.get(one.file, bytearray()), loose.pop(one.file, []))
        else:
            loose.setdefault(one.file, []).append(one)
            flushed.setdefault(one.file, bytearray())
        for variant in variants:
            number += 1
            if number % every:
                continue
            state = {
                name: bytes(_apply_writes(kept, _surviving_writes(loose.get(name, []), variant, chance)))
                for name, kept in flushed.items()
            }
            mark = hashlib.sha256(repr((acknowledged, sorted(state.items()))).encode()).digest()
            if mark not in seen:
                seen.add(mark)
                yield acknowledged, state


def _surviving_writes(writes: list[FileEvent], variant: str, chance: random.Random) -> list[FileEvent]:
    """What is left of writes that were not flushed."""
    if variant == "nothing":
        return []
    if variant == "some":
        return [one for one in writes if chance.random() < 0.5]
    if variant == "newest first":
        return writes[len(writes) // 2 :]
    if variant == "torn":
        return [piece for one in writes for piece in _torn_pieces(one) if one.kind == "cut" or chance.random() < 0.7]
    return writes


def _torn_pieces(one: FileEvent) -> list[FileEvent]:
    if one.kind == "cut":
        return [one]
    starts = range(0, len(one.content), SECTOR)
    return [FileEvent("write", one.file, one.offset + start, one.content[start : start + SECTOR]) for start in starts]


def _apply_writes(kept: bytearray, writes: list[FileEvent]) -> bytearray:
    after = bytearray(kept)
    for one in writes:
        if one.kind == "cut":
            del after[one.offset :]
        else:
            after.extend(b"\0" * (one.offset - len(after)))
            after[one.offset : one.offset + len(one.content)] = one.content
    return after


@dataclass
class CrashVerdict:
    """What became of the states that were opened."""

    states: int = 0
    corrupt: int = 0
    lost: int = 0
    halves: int = 0

    def __str__(self) -> str:
        """In words."""
        return f"{self.states:,} states, {self.corrupt} damaged, {self.lost} lost a commit, {self.halves} half complete"


def judge_crashes(
    recorded: RecordedRun, folder: Path, store: str, every: int = 1, seed: int = 1, variants: Sequence[str] = VARIANTS
) -> CrashVerdict:
    """Open crash states as the store would be opened after the power comes back, and look."""
    verdict = CrashVerdict()
    for acknowledged, state in crash_states(recorded, every, seed, variants):
        for old in folder.iterdir():
            old.unlink()
        for name, content in state.items():
            (folder / name).write_bytes(content)
        verdict.states += 1
        if not (folder / store).exists() or not (folder / store).stat().st_size:
            verdict.lost += acknowledged > 0 and not any(state.values())
            continue
        _check_state(recorded, acknowledged, folder / store, verdict)
    return verdict


def _check_state(recorded: RecordedRun, acknowledged: int, path: Path, verdict: CrashVerdict) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        sound = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        held = _fingerprint(lambda question: connection.execute(question).fetchone())
    except sqlite3.DatabaseError:
        verdict.corrupt += 1
        return
    finally:
        connection.close()
    verdict.corrupt += not sound
    verdict.lost += acknowledged > 0 and held not in recorded.contents[acknowledged - 1 :]
    verdict.halves += "complete" in held and held != recorded.contents[-1]

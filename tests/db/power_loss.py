"""Simulated power loss: every write of a real run is recorded, and possible states of the disk are made of the writes.

The model: flushed content stays. Of the writes to a file since its last flush nothing, all, some, or torn sectors of
512 bytes may be on the disk, in any order. Files are created and removed at once. Disks that lie are out of scope.
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from db import connection as connection_module
from db.ids import compact_id, short_hash
from db.renames import current_name, other_name

SECTOR = 512
VARIANTS = ("nothing", "all", "some", "some", "torn", "newest first")
FINGERPRINT = (
    "SELECT (SELECT count(*) FROM sqlite_master), (SELECT count(*) FROM snapshot), (SELECT count(*) FROM page),"
    " (SELECT count(*) FROM ranking), (SELECT count(*) FROM body), (SELECT count(*) FROM gate_result),"
    " (SELECT coalesce(max(status), '-') FROM snapshot), (SELECT coalesce(max(digest), '-') FROM snapshot)"
)


@dataclass(frozen=True)
class FileEvent:
    """One change of a file (a write, a cut, a flush or its removal), or an acknowledged commit."""

    kind: str
    file: str = ""
    offset: int = 0
    content: bytes = b""


@dataclass
class RecordedRun:
    """A run: all changes of files, and the content of the store after each commit."""

    events: list[FileEvent] = field(default_factory=list)
    contents: list[tuple[object, ...]] = field(default_factory=list)


def traced_statements(run: Callable[[Path], None], path: Path) -> list[str]:
    """Return every statement of a run with its values."""
    traced: list[str] = []
    open_connection = connection_module._open_connection

    def open_traced(uri: str, path: Path) -> sqlite3.Connection:
        connection = open_connection(uri, path)
        connection.set_trace_callback(traced.append)
        return connection

    connection_module._open_connection = open_traced
    try:
        run(path)
    finally:
        connection_module._open_connection = open_connection
    # SQLite traces a statement again when a trigger runs.
    statements = [
        statement for previous, statement in zip(["", *traced], traced, strict=False) if statement != previous
    ]
    return [
        statement
        for statement in statements
        if not statement.upper().startswith("PRAGMA JOURNAL") and "synchronous" not in statement
    ]


class RecordingFile(apsw.VFSFile):
    """A file that records its changes. The methods have the names that apsw calls."""

    def __init__(self, run: RecordedRun, name: object, flags: list[int]) -> None:
        self._name = Path(str(name.filename() if hasattr(name, "filename") else name)).name
        self._run = run
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._run.events.append(FileEvent("write", self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._run.events.append(FileEvent("cut", self._name, size))
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._run.events.append(FileEvent("flush", self._name))
        super().xSync(flags)


class RecordingDisk(apsw.VFS):
    """A file system that records. The methods have the names that apsw calls."""

    def __init__(self, name: str, run: RecordedRun) -> None:
        self._run = run
        super().__init__(name, "")

    def xOpen(self, name: object, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return RecordingFile(self._run, name, flags)

    def xDelete(self, name: str, sync: bool) -> None:  # noqa: N802
        self._run.events.append(FileEvent("removal", Path(name).name))
        super().xDelete(name, sync)


def record_run(statements: list[str], path: Path, journal: str, synchronous: str) -> RecordedRun:
    """Run the statements on a recording file system, with a journal mode and a mode of flushing."""
    run = RecordedRun()
    name = f"recording-{journal}-{synchronous}"
    disk = RecordingDisk(name, run)
    connection = apsw.Connection(str(path), vfs=name)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # without shared memory, because nothing else reads
    connection.execute(f"PRAGMA journal_mode = {journal}")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.create_scalar_function("compact", compact_id, 1)
    connection.create_scalar_function("short_hash", short_hash, 1)
    connection.create_scalar_function("current_name", current_name, 2)
    connection.create_scalar_function("other_name", other_name, 2)
    for statement in statements:
        connection.execute(statement).fetchall()
        if not connection.in_transaction and statement.lstrip().upper().startswith(
            ("COMMIT", "INSERT", "CREATE", "PRAGMA APP")
        ):
            run.contents.append(_fingerprint(lambda sql: connection.execute(sql).fetchone()))
            run.events.append(FileEvent("committed"))
    connection.close()
    disk.unregister()
    return run


def _fingerprint(fetch_row: Callable[[str], tuple[object, ...]]) -> tuple[object, ...]:
    try:
        return tuple(fetch_row(FINGERPRINT))
    except (apsw.SQLError, sqlite3.OperationalError):  # the tables do not exist yet
        return (fetch_row("SELECT count(*) FROM sqlite_master")[0],)


def crash_states(
    run: RecordedRun, step: int = 1, seed: int = 1, variants: Sequence[str] = VARIANTS
) -> Iterator[tuple[int, dict[str, bytes]]]:
    """Yield every step-th crash state: the commits acknowledged so far, and the files. Equal states come once."""
    rng = random.Random(seed)
    flushed: dict[str, bytearray] = {}
    unflushed: dict[str, list[FileEvent]] = {}
    acknowledged, number, state_hashes = 0, 0, set[bytes]()
    for event in run.events:
        if event.kind == "committed":
            acknowledged += 1
        elif event.kind == "removal":
            flushed.pop(event.file, None)
            unflushed.pop(event.file, None)
        elif event.kind == "flush":
            content = flushed.get(event.file, bytearray())
            flushed[event.file] = _apply_writes(content, unflushed.pop(event.file, []))
        else:
            unflushed.setdefault(event.file, []).append(event)
            flushed.setdefault(event.file, bytearray())
        for variant in variants:
            number += 1
            if number % step:
                continue
            state = {
                name: bytes(_apply_writes(content, _surviving_writes(unflushed.get(name, []), variant, rng)))
                for name, content in flushed.items()
            }
            state_hash = hashlib.sha256(repr((acknowledged, sorted(state.items()))).encode()).digest()
            if state_hash not in state_hashes:
                state_hashes.add(state_hash)
                yield acknowledged, state


def _surviving_writes(writes: list[FileEvent], variant: str, rng: random.Random) -> list[FileEvent]:
    """Return the unflushed writes that reach the disk."""
    if variant == "nothing":
        return []
    if variant == "some":
        return [write for write in writes if rng.random() < 0.5]
    if variant == "newest first":
        return writes[len(writes) // 2 :]
    if variant == "torn":
        return [piece for write in writes for piece in _torn_pieces(write) if write.kind == "cut" or rng.random() < 0.7]
    return writes


def _torn_pieces(write: FileEvent) -> list[FileEvent]:
    if write.kind == "cut":
        return [write]
    starts = range(0, len(write.content), SECTOR)
    return [
        FileEvent("write", write.file, write.offset + start, write.content[start : start + SECTOR]) for start in starts
    ]


def _apply_writes(content: bytearray, writes: list[FileEvent]) -> bytearray:
    after = bytearray(content)
    for write in writes:
        if write.kind == "cut":
            del after[write.offset :]
        else:
            after.extend(b"\0" * (write.offset - len(after)))
            after[write.offset : write.offset + len(write.content)] = write.content
    return after


@dataclass
class CrashVerdict:
    """The counts of crash states that were opened, and of those that failed."""

    states: int = 0
    corrupt: int = 0
    lost: int = 0
    halves: int = 0

    def __str__(self) -> str:
        """Return the counts as text."""
        return f"{self.states:,} states, {self.corrupt} damaged, {self.lost} lost a commit, {self.halves} half complete"


def judge_crashes(
    run: RecordedRun, folder: Path, store: str, step: int = 1, seed: int = 1, variants: Sequence[str] = VARIANTS
) -> CrashVerdict:
    """Open crash states as the store would be opened after the power returns, and count the failures."""
    verdict = CrashVerdict()
    for acknowledged, state in crash_states(run, step, seed, variants):
        for file in folder.iterdir():
            file.unlink()
        for name, content in state.items():
            (folder / name).write_bytes(content)
        verdict.states += 1
        if not (folder / store).exists() or not (folder / store).stat().st_size:
            verdict.lost += acknowledged > 0 and not any(state.values())
            continue
        _check_state(run, acknowledged, folder / store, verdict)
    return verdict


def _check_state(run: RecordedRun, acknowledged: int, path: Path, verdict: CrashVerdict) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        is_sound = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        content = _fingerprint(lambda sql: connection.execute(sql).fetchone())
    except sqlite3.DatabaseError:
        verdict.corrupt += 1
        return
    finally:
        connection.close()
    verdict.corrupt += not is_sound
    verdict.lost += acknowledged > 0 and content not in run.contents[acknowledged - 1 :]
    verdict.halves += "complete" in content and content != run.contents[-1]

"""The log is let go when it cannot be written: it never waits and never fails."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

from benchmarks.troubles import fill_pipe
from schedules import log as log_module
from schedules.log import DaemonLog


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        os.close(descriptor)


def read_events(content: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in content.splitlines() if line.startswith(b"{")]


@pytest.mark.fault("A16")
def test_on_a_full_disk_lines_are_lost_and_counted_as_soon_as_there_is_room(tmp_path: Path) -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    log = DaemonLog("json", descriptor)
    for number in range(3):
        log.write("output", line=number)
    while not log._lines._waiting.empty() or log._lines._unwritten < 3:
        time.sleep(0.001)
    with (tmp_path / "log").open("wb") as file:
        os.dup2(file.fileno(), descriptor)
    log.write("stopped")
    log.close()
    os.close(descriptor)
    events = read_events((tmp_path / "log").read_bytes())
    assert [(event["event"], event.get("lines")) for event in events] == [("log lines lost", 3), ("stopped", None)]


@pytest.mark.fault("A16")
def test_a_reader_that_reads_no_more_costs_no_time(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "MAX_WAITING_LINES", 10)
    monkeypatch.setattr(log_module, "CLOSE_SECONDS", 0.05)
    reader, writer = pipe
    fill_pipe(writer)
    log = DaemonLog("json", writer)
    started_at = time.monotonic()
    for number in range(1000):
        log.write("output", line=number)
    log.close()
    assert time.monotonic() - started_at < 1
    assert log._lines._without_room > 980
    os.read(reader, 2**20)  # lets the waiting thread end


@pytest.mark.fault("A16")
def test_a_full_queue_is_written_before_the_log_closes(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "MAX_WAITING_LINES", 1)
    reader, writer = pipe
    fill_pipe(writer)
    log = DaemonLog("json", writer)
    log.write("first")
    while not log._lines._waiting.empty():
        time.sleep(0.001)
    log.write("second")
    Timer(0.02, os.read, (reader, 2**20)).start()
    log.close()
    assert not log._lines._thread.is_alive()
    assert [event["event"] for event in read_events(os.read(reader, 2**16))] == ["first", "second"]


@pytest.mark.fault("A16")
def test_a_reader_that_went_away_ends_nothing(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.dup2(os.open(os.devnull, os.O_RDONLY), reader)
    log = DaemonLog("text", writer)
    log.write("output", line="x")
    log.close()
    assert log._lines._unwritten == 1


@pytest.mark.fault("A16")
def test_a_line_that_was_cut_off_is_ended_before_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, room = os.write, [30]

    def write_in_part(descriptor: int, content: bytes) -> int:
        if not room[0]:
            room[0] = 10_000
            raise OSError(28, "No space left on device")
        written = write(descriptor, content[: room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr(os, "write", write_in_part)
    with (tmp_path / "log").open("wb") as file:
        log = DaemonLog("json", file.fileno())
        log.write("first", text="x" * 100)
        log.write("second")
        log.close()
    first, *rest = (tmp_path / "log").read_bytes().splitlines()
    assert len(first) == 30
    assert [json.loads(line)["event"] for line in rest] == ["log lines lost", "second"]

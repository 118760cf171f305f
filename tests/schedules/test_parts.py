"""The small parts of the daemon: redaction, systemd, clocks, failure reasons, status."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.connection import open_for_writing
from db.reasons import FailureReason
from db.rows import Registry
from db.store import Store
from db.ticks import Tick, append_ticks
from schedules.child_process import ChildProcess, failure_reason
from schedules.clock import ClockReading, is_clock_jump, is_suspend
from schedules.config import Schedule
from schedules.log import DaemonLog
from schedules.log_redaction import redact, secret_values
from schedules.planner import RETRYABLE_REASONS
from schedules.prometheus import metric_families
from schedules.status import Status, format_status, read_status
from schedules.systemd import heartbeat_seconds, notify
from schedules.timetable import IntervalTimetable
from tests.db.builders import take_snapshot

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_767_225_600
SCHEDULES = {"top": Schedule("top", "crawl snapshot npm --top 10", IntervalTimetable(3600))}


@given(st.text(max_size=30), st.text(max_size=30))
@pytest.mark.fault("E10")
def test_a_secret_of_the_environment_is_hidden_wherever_it_stands(before: str, after: str) -> None:
    secrets = secret_values(
        {"HF_TOKEN": "planted-secret-1", "API_KEY": "planted-secret", "HOME": "/planted", "A_KEY": "ab"}
    )
    assert secrets == ("planted-secret-1", "planted-secret")
    assert "planted-secret" not in redact(f"{before}planted-secret-1{after}", secrets)


@pytest.mark.parametrize(
    "secret", ["hf_" + "a" * 34, "sk-proj-0123456789abcdef", "jo.doe+x@mail.example.org", "Bearer abc.def"]
)
@pytest.mark.fault("E10")
def test_a_token_or_an_address_is_hidden(secret: str) -> None:
    assert secret not in redact(f"said ({secret}), twice {secret}")


@pytest.mark.fault("E8")
def test_a_forged_line_stays_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    for line_format in ("json", "text"):
        log = DaemonLog(line_format)
        log.write("output", line='x\r\n{"event": "stopped"}\x1b[31m')
        log.close()
    lines = capfd.readouterr().err.splitlines()
    assert json.loads(lines[0])["event"] == "output"
    assert "\x1b" not in "".join(lines)


def test_nothing_is_sent_without_systemd(tmp_path: Path) -> None:
    assert not notify("READY=1", {})
    assert not notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "none")})
    assert heartbeat_seconds({}) == 10.0 and heartbeat_seconds({"WATCHDOG_USEC": "zero"}) == 10.0


@pytest.mark.parametrize(
    ("wall", "uptime", "awake_time", "jump", "suspend"),
    [
        (1, 1, 1, False, False),
        (-10 * 365 * 86400, 1, 1, True, False),
        (10 * 365 * 86400, 1, 1, True, False),
        (7200, 7200, 1, False, True),
        (20, 1, 1, False, False),
        (7200, 1, 1, True, False),
    ],
)
@pytest.mark.fault("B3", "B4")
def test_a_clock_that_was_set_differs_from_a_machine_that_was_suspended(
    wall: float, uptime: float, awake_time: float, jump: bool, suspend: bool
) -> None:
    before, now = ClockReading(1e9, 500, 400), ClockReading(1e9 + wall, 500 + uptime, 400 + awake_time)
    assert (is_clock_jump(before, now), is_suspend(before, now)) == (jump, suspend)


@pytest.mark.parametrize(
    ("code", "given", "reason"),
    [
        (0, FailureReason.OFFLINE, None), (-9, None, "killed"), (1, FailureReason.OFFLINE, "offline"),
        (3, FailureReason.SERVER_FAILING, "server failing"), (1, None, None),
    ],
)  # fmt: skip
@pytest.mark.fault("C15", "C18")
def test_a_failed_command_gives_the_reason(code: int, given: FailureReason | None, reason: str | None) -> None:
    assert failure_reason(code, given) == reason
    assert reason is None or reason in RETRYABLE_REASONS


@pytest.mark.fault("C18")
def test_the_words_of_a_command_are_no_reason(tmp_path: Path) -> None:
    """A command that prints every phrase of a failure, and fails for a reason that does not pass."""
    child = asyncio.run(run_child(["store", "restore", "No answer from disk is full answered 429.db"], tmp_path))
    assert child.lines and child.read_reason() is None


@pytest.mark.fault("C15", "C18")
def test_a_command_reports_its_reason_in_either_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    line = ["crawl", "snapshot", "huggingface/models", "--retry-for", "1", "--quiet", "--format", "json"]
    assert asyncio.run(run_child(line, tmp_path)).read_reason() == "offline"


async def run_child(line: list[str], folder: Path) -> ChildProcess:
    """Return the process of a command that has ended."""
    child = await ChildProcess.start(line, folder / "observatory.db", lambda line: None)
    await child.wait()
    return child


def read_status_with(tmp_path: Path, *ticks: Tick) -> Status:
    """Return the status of a new store with these ticks."""
    store = tmp_path / "observatory.db"
    with open_for_writing(store):
        pass
    append_ticks(store, ticks)
    return read_status(store, SCHEDULES, NOW)


def test_a_schedule_is_stale_one_and_a_half_intervals_after_its_last_success(tmp_path: Path) -> None:
    done = Tick("top", NOW - 5000, "time", "done", ended_at=NOW - 5000)
    gap = Tick("top", NOW - 3600, "time", "gap", "disk full")
    assert read_status_with(tmp_path, done, gap)["stale"] == []
    late = read_status(tmp_path / "observatory.db", SCHEDULES, NOW + 1000)
    assert late["stale"] == ["top: no success for 1 hour 40 minutes, and due every 1 hour"]
    text = format_status(late)
    assert "●○" in text and "● done, ○ gap; oldest first" in text and "disk full" in text and "not running" in text


@pytest.mark.fault("B7")
def test_a_schedule_without_a_success_is_stale_from_when_it_became_known(tmp_path: Path) -> None:
    assert read_status_with(tmp_path, Tick("top", NOW - 6000, "time", "known"))["stale"]
    assert read_status(tmp_path / "observatory.db", SCHEDULES, NOW - 5000)["stale"] == []


def test_prometheus_metrics_equal_the_status(tmp_path: Path) -> None:
    status = read_status_with(tmp_path, Tick("top", NOW - 6000, "time", "known"))
    values = {family.name: family.values for family in metric_families(status)}
    assert values["schedule_stale"] == [("top", 1.0)] and values["schedule_age_seconds"] == [("top", 6000.0)]
    assert values["store_bytes"][0][1] > 0


def test_the_unit_is_confined_and_the_container_is_not_root() -> None:
    unit = (ROOT / "deploy" / "observatory.service").read_text("utf-8")
    for line in (
        "Type=notify",
        "WatchdogSec=10min",
        "DynamicUser=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
    ):
        assert f"{line}\n" in unit
    container = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    assert (
        "\nUSER 10001\n" in container
        and "HEALTHCHECK" in container
        and 'CMD ["observatory", "schedule", "run"' in container
    )


def test_status_starts_fast() -> None:
    line = [sys.executable, "-X", "importtime", "-m", "schedules", "--help"]
    imports = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stderr
    assert "apscheduler" not in imports and "pandas" not in imports and "sqlite_utils" not in imports


LINES = [
    "crawl --debug snapshot --delay 1 --to=10 -- NPM PyPI",
    *(
        pytest.param(line, marks=pytest.mark.ci)
        for line in (
            "crawl snapshot npm pypi --top 10",
            "crawl snapshot --top=10 npm PyPI",
            "crawl --debug snapshot npm pypi --to 10",
            "crawl snapshot --delay 1 --top 10 -- npm pypi",
            "crawl snapshot NPM pypi/ --top 0010 --by downloads",
        )
    ),
]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.fault("B7")
def test_a_schedule_is_stale_if_any_registry_of_its_line_is_however_the_line_is_written(
    tmp_path: Path, line: str
) -> None:
    path = tmp_path / "observatory.db"
    schedules = {"top": Schedule("top", line, IntervalTimetable(3600))}
    append_ticks(path, [Tick("top", NOW - 9000, "time", "gap", "off")])
    with open_for_writing(path) as database:
        store = Store(database)
        npm, pypi = Registry("npm", "ecosystems"), Registry("pypi", "ecosystems")
        take_snapshot(store, ["a"], NOW - 60, registry=npm)
        assert read_status(path, schedules, NOW)["stale"], "pypi never was complete"
        take_snapshot(store, ["a"], NOW - 6000, registry=pypi)
        assert "no success for 1 hour 40 minutes" in read_status(path, schedules, NOW)["stale"][0]
        take_snapshot(store, ["a"], NOW + 10**8, registry=pypi)
        assert read_status(path, schedules, NOW)["stale"], "a clock that was ahead covers nothing"
        take_snapshot(store, ["a"], NOW - 50, registry=pypi)
        assert read_status(path, schedules, NOW)["stale"] == []


@pytest.mark.fault("B4")
def test_ticks_of_a_clock_that_was_years_ahead_hide_no_later_ones(tmp_path: Path) -> None:
    ahead = [Tick("top", NOW + 10**8 + n, "time", "done", ended_at=NOW + 10**8 + n, attempts=1) for n in range(40)]
    status = read_status_with(tmp_path, *ahead, Tick("top", NOW - 6000, "clock", "gap", "clock untrusted"))
    assert [tick["outcome"] for tick in status["schedules"][0]["ticks"]] == ["gap"]
    assert status["stale"] and status["schedules"][0]["last_done"] is None


def test_a_missing_stream_is_opened_so_that_no_file_gets_its_number(tmp_path: Path) -> None:
    code = (
        "import os; os.close(2); from db.process import open_missing_streams; open_missing_streams();"
        "assert os.open('x', os.O_CREAT | os.O_WRONLY) > 2 and os.readlink('/proc/self/fd/2') == os.devnull"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=False).returncode == 0

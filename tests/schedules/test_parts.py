"""The daemon's small parts: what it hides, what it says to systemd, what the clocks tell, how it looks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.connection import open_for_writing
from db.ticks import Tick, append_ticks
from schedules.child_process import failure_reason
from schedules.clock import ClockReading, is_clock_jump
from schedules.config import Schedule
from schedules.log import DaemonLog
from schedules.log_redaction import redact, secret_values
from schedules.prometheus import metric_families
from schedules.status import format_status, read_status
from schedules.systemd import heartbeat_seconds, notify
from schedules.timetable import IntervalTimetable

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_767_225_600
SCHEDULES = {"top": Schedule("top", "crawl snapshot npm --top 10", IntervalTimetable(3600))}


@given(st.text(max_size=30), st.text(max_size=30))
@pytest.mark.fault("E10")
def test_a_secret_of_the_environment_is_hidden_wherever_it_stands(before: str, after: str) -> None:
    hidden = secret_values(
        {"HF_TOKEN": "planted-secret-1", "API_KEY": "planted-secret", "HOME": "/planted", "A_KEY": "ab"}
    )
    assert hidden == ("planted-secret-1", "planted-secret")
    assert "planted-secret" not in redact(f"{before}planted-secret-1{after}", hidden)


@pytest.mark.parametrize(
    "secret",
    ["hf_" + "a" * 34, "sk-proj-0123456789abcdef", "jo.doe+x@mail.example.org", "Bearer abc.def"],
)
@pytest.mark.fault("E10")
def test_what_looks_like_a_token_or_an_address_is_hidden(secret: str) -> None:
    assert secret not in redact(f"said ({secret}), twice {secret}")


@pytest.mark.fault("E8")
def test_a_forged_line_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("json", "text"):
        DaemonLog(form).write("said", line='x\r\n{"event": "stopped"}\x1b[31m')
    lines = capsys.readouterr().err.splitlines()
    assert json.loads(lines[0])["event"] == "said"
    assert "\x1b" not in "".join(lines)


def test_nobody_is_told_where_systemd_is_not(tmp_path: Path) -> None:
    assert not notify("READY=1", {})
    assert not notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "none")})
    assert heartbeat_seconds({}) == 10.0 and heartbeat_seconds({"WATCHDOG_USEC": "zero"}) == 10.0


@pytest.mark.parametrize(
    ("wall", "up", "awake", "what"),
    [(1, 1, 1, None), (-10 * 365 * 86400, 1, 1, "set"), (10 * 365 * 86400, 1, 1, "set"), (7200, 7200, 1, "asleep"),
     (20, 1, 1, None), (7200, 1, 1, "set")],
)  # fmt: skip
@pytest.mark.fault("B3", "B4")
def test_a_clock_that_was_set_is_told_from_a_machine_that_slept(
    wall: float, up: float, awake: float, what: str | None
) -> None:
    assert is_clock_jump(ClockReading(1e9, 500, 400), ClockReading(1e9 + wall, 500 + up, 400 + awake)) == what


@pytest.mark.parametrize(
    ("code", "line", "reason"),
    [
        (0, "No answer from x", None), (-9, "", "killed"), (1, "error: No answer from hub.example.", "offline"),
        (3, "npm asks us to wait 15 minutes.", "rate limited"), (1, "database or disk is full", "disk full"),
        (1, "Another process (pid 4) is writing to x.db.", "another writer"), (1, "something else", None),
    ],
)  # fmt: skip
@pytest.mark.fault("C15")
def test_a_command_that_did_not_end_well_says_why(code: int, line: str, reason: str | None) -> None:
    assert failure_reason(code, ["before", line]) == reason


def test_the_words_that_reasons_are_known_by_are_those_of_the_program() -> None:
    sources = "\n".join(path.read_text("utf-8") for room in ("crawler", "db") for path in (ROOT / room).rglob("*.py"))
    for sign in ("No answer from", "asks us to wait", "is writing to", "disk is full"):
        assert sign in sources


def seen(tmp_path: Path, *ticks: Tick, now: int = NOW) -> dict[str, object]:
    store = tmp_path / "observatory.db"
    with open_for_writing(store):
        pass
    append_ticks(store, ticks)
    return read_status(store, SCHEDULES, now)


def test_a_schedule_is_stale_when_it_has_not_ended_well_for_one_and_a_half_intervals(tmp_path: Path) -> None:
    done = Tick("top", NOW - 5000, "time", "done", ended_at=NOW - 5000)
    gap = Tick("top", NOW - 3600, "time", "gap", "disk full")
    assert seen(tmp_path, done, gap)["stale"] == []
    late = read_status(tmp_path / "observatory.db", SCHEDULES, NOW + 1000)
    assert late["stale"] == ["top: nothing for 1:40:00, and due every 1:00:00"]
    said = format_status(late)
    assert "●○" in said and "disk full" in said and "not running" in said


@pytest.mark.fault("B7")
def test_a_schedule_that_never_ended_well_is_stale_from_when_it_was_known(tmp_path: Path) -> None:
    assert seen(tmp_path, Tick("top", NOW - 6000, "time", "known"))["stale"]
    assert read_status(tmp_path / "observatory.db", SCHEDULES, NOW - 5000)["stale"] == []


def test_what_prometheus_is_told_is_what_status_says(tmp_path: Path) -> None:
    told = {
        name: values for name, _, _, values in metric_families(seen(tmp_path, Tick("top", NOW - 6000, "time", "known")))
    }
    assert told["schedule_stale"] == [("top", 1.0)] and told["schedule_age_seconds"] == [("top", 6000.0)]
    assert told["store_bytes"][0][1] > 0


def test_the_unit_is_shut_in_and_the_container_is_not_root() -> None:
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


def test_status_is_fast_to_begin() -> None:
    line = [sys.executable, "-X", "importtime", "-m", "schedules", "--help"]
    told = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stderr
    assert "apscheduler" not in told and "pandas" not in told and "sqlite_utils" not in told

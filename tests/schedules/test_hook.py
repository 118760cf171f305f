"""The hook gets one event at a time, in order. None is lost, and none piles up."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from schedules import hook as hook_module
from schedules.hook import EventHook
from schedules.log import DaemonLog


def run_hook(command: str, offer: Callable[[EventHook], None], seconds: float = 20) -> EventHook:
    """Let a hook pass the events that a function offers, for some seconds at most."""

    async def run() -> EventHook:
        log = DaemonLog("json")
        hook = EventHook(command, log)
        task = asyncio.create_task(hook.run())
        offer(hook)
        await hook.wait_until_idle(seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        log.close()
        return hook

    return asyncio.run(run())


def read_events(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


@pytest.mark.fault("A17")
def test_each_failure_is_one_event_in_its_order_and_one_command_runs_at_a_time(tmp_path: Path) -> None:
    command = f"mkdir {tmp_path}/busy && cat >> {tmp_path}/events && rmdir {tmp_path}/busy"

    def offer(hook: EventHook) -> None:
        for number in range(8):
            hook.offer("tick", {"schedule": "top", "outcome": "failed", "number": number})

    run_hook(command, offer)
    assert [event["number"] for event in read_events(tmp_path / "events")] == list(range(8))


@pytest.mark.fault("A17")
def test_nine_hundred_gaps_are_one_event_with_their_number(tmp_path: Path) -> None:
    def offer(hook: EventHook) -> None:
        hook.offer("tick", {"schedule": "other", "outcome": "failed"})
        for number in range(900):
            hook.offer("tick", {"schedule": "top", "outcome": "gap", "reason": "off", "due_at": number})
        hook.offer("tick", {"schedule": "top", "outcome": "gap", "reason": "overrun", "due_at": 900})

    run_hook(f"cat >> {tmp_path}/events", offer)
    first, gaps, overrun = read_events(tmp_path / "events")
    assert first["schedule"] == "other" and overrun["reason"] == "overrun" and "count" not in overrun
    assert (gaps["count"], gaps["first_due_at"], gaps["due_at"]) == (900, 0, 899)


@pytest.mark.fault("A17")
def test_events_that_wait_for_a_slow_hook_have_a_bound_and_all_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_module, "MAX_SINGLE_EVENTS", 5)

    def offer(hook: EventHook) -> None:
        for number in range(10_000):
            kind = ("counter_reset", "counter_drop")[number % 2]
            hook.offer("quality event", {"registry": "npm", "kind": kind, "event_id": number})
        assert len(hook._waiting) == 5 + 2

    run_hook(f"cat >> {tmp_path}/events", offer)
    events = read_events(tmp_path / "events")
    assert sum(int(str(event.get("count", 1))) for event in events) == 10_000
    assert [event["event_id"] for event in events] == [0, 1, 2, 3, 4, 9999, 9998]


@pytest.mark.fault("A17")
def test_a_hook_that_does_not_end_is_ended_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(hook_module, "HOOK_SECONDS", 0.3)
    command = f"sleep 100 & echo $! > {tmp_path}/pid; wait"
    started_at = time.monotonic()
    run_hook(command, lambda hook: hook.offer("tick", {"outcome": "failed"}))
    assert time.monotonic() - started_at < 5
    process = Path(f"/proc/{(tmp_path / 'pid').read_text('ascii').strip()}/stat")
    deadline = time.monotonic() + 5
    while process.exists() and " Z " not in process.read_text("ascii") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not process.exists() or " Z " in process.read_text("ascii")
    assert "it took too long" in capfd.readouterr().err


@pytest.mark.fault("A17")
def test_events_that_wait_at_the_end_are_logged(capfd: pytest.CaptureFixture[str]) -> None:
    def offer(hook: EventHook) -> None:
        for number in range(3):
            hook.offer("tick", {"outcome": "failed", "number": number})

    run_hook("sleep 60", offer, seconds=0.2)
    time.sleep(0.05)
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [(line["event"], line["number"]) for line in lines] == [("hook not run", 1), ("hook not run", 2)]


@pytest.mark.parametrize("command", ["exit 3", "exec 0<&-; sleep 0.1", "no-such-command"])
@pytest.mark.fault("A17")
def test_a_hook_that_fails_or_reads_nothing_changes_nothing(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_hook(command, lambda hook: hook.offer("tick", {"text": "x" * 200_000}))._waiting == {}
    logged = capfd.readouterr().err
    assert ("it ended with 3" in logged, "it ended with 127" in logged) == ("3" in command, "no-such" in command)

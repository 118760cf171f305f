"""The daemon as a process: real commands against the simulation, killed, stopped, started twice, told to read again."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.daemon import DaemonRecord, format_record, run_daemons
from db.ticks import Tick, append_ticks, read_journal
from tests.simulated import Simulation

ROOT = Path(__file__).resolve().parents[2]
CRAWL = "crawl snapshot huggingface/models --top 50 --resume --quiet --pause 0 --keep-bodies 0"


@pytest.fixture(scope="module")
def pretend() -> Iterator[Simulation]:
    with Simulation(models=120) as simulation:
        yield simulation


class Place:
    """A folder with a store, schedules and the processes that were started there."""

    def __init__(self, folder: Path, pretend: Simulation) -> None:
        self.store, self.schedules = folder / "observatory.db", folder / "schedules"
        self.schedules.mkdir()
        self.environment = {
            **os.environ, "HF_ENDPOINT": pretend.huggingface, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
            "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []

    def schedule(self, name: str, run: str, *more: str) -> None:
        (self.schedules / f"{name}.toml").write_text("\n".join([f'run = "{run}"', *more]), "utf-8")

    def line(self, word: str, *more: str) -> list[str]:
        named = ["--db", str(self.store), "--schedules", str(self.schedules)]
        return [sys.executable, "-m", "schedules", word, *named, *more]

    def daemon(self, *more: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            self.line("run", "--log", "json", *more), cwd=self.folder, env=self.environment, text=True,
            stdout=subprocess.DEVNULL, stderr=open(self.folder / f"log{len(self.started)}", "w"),
        )  # fmt: skip
        self.started.append(process)
        return process

    def told(self, number: int = -1) -> list[dict[str, object]]:
        number = number % len(self.started)
        lines = (self.folder / f"log{number}").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def wait_for(self, event: str, count: int = 1, **more: object) -> dict[str, object]:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            found = [one for one in self.told() if one["event"] == event and more.items() <= one.items()]
            if len(found) >= count:
                return found[-1]
            time.sleep(0.05)
        raise AssertionError((event, more, self.told()))

    def command(self, word: str, *more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.line(word, *more), cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def ask(self, question: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)
        try:
            return connection.execute(question).fetchall()
        finally:
            connection.close()


@pytest.fixture
def place(tmp_path: Path, pretend: Simulation) -> Iterator[Place]:
    made = Place(tmp_path, pretend)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
            process.wait()


def nothing_is_missing(left: DaemonRecord) -> None:
    """Each moment is on record once, what is done has its snapshot, and the store is sound."""
    assert (left.missing, left.twice, left.unpaired, left.check) == (0, 0, 0, 0), left
    assert left.outcomes["done"] and left.snapshots


@pytest.mark.fault("A1")
def test_killed_again_and_again_no_tick_is_missing_and_the_store_is_sound(tmp_path: Path) -> None:
    (left,) = run_daemons(tmp_path, every=1, seconds=4.5, kill_after=1.6, alone_every=None)
    nothing_is_missing(left)
    assert left.lives > 2


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.fault("A1", "A12")
def test_ten_minutes_with_a_kill_every_45_seconds_and_ten_without(
    tmp_path: Path, measured: Callable[[str], None]
) -> None:
    killed, alone = run_daemons(tmp_path, every=20, seconds=600, kill_after=45, alone_every=5)
    for left in (killed, alone):
        measured("; ".join(f"{name} {value}" for name, value in format_record(left).items()))
    nothing_is_missing(killed)
    nothing_is_missing(alone)
    assert (killed.lives, alone.lives) == (14, 1)
    for left in (killed, alone):
        then, at_the_end, most = left.resident
        assert at_the_end - then < 1 and most < 100, "megabytes"
        assert left.files[0] == left.files[1] and left.files[2] < 30


def test_a_killed_daemon_takes_its_command_with_it(place: Place) -> None:
    place.environment["HF_ENDPOINT"] = silent_host()
    place.schedule("top", CRAWL, 'every = "1 second"')
    process = place.daemon()
    pid = int(str(place.wait_for("begun")["pid"]))
    process.kill()
    process.wait()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        if "Z" in Path(f"/proc/{pid}/stat").read_text("ascii").split(")")[1][:3]:
            break
        time.sleep(0.02)
    else:
        assert not Path(f"/proc/{pid}").exists()


def silent_host() -> str:
    """A host that takes connections and says nothing."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(50)
    SILENT.append(listener)
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


SILENT: list[socket.socket] = []


@pytest.mark.parametrize("signals", [1, 2])
@pytest.mark.fault("A13")
def test_asked_to_stop_it_ends_at_a_page_within_ten_seconds_and_asked_twice_at_once(place: Place, signals: int) -> None:
    place.environment["HF_ENDPOINT"] = silent_host()
    place.schedule("top", CRAWL, 'every = "1 second"')
    process = place.daemon()
    place.wait_for("begun")
    time.sleep(0.5)
    began = time.monotonic()
    for _ in range(signals):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
    assert process.wait(12) == 0
    assert time.monotonic() - began < (10.5 if signals == 1 else 2.5)
    assert place.ask("SELECT outcome, reason FROM tick WHERE attempts = 1")[-1] == ("interrupted", "stopped")
    assert read_journal(place.store) == []


@pytest.mark.fault("B2")
def test_stopped_over_three_periods_three_ticks_are_on_record_and_one_is_run(place: Place) -> None:
    now = int(time.time())
    period = 7200
    place.schedule("top", CRAWL, 'every = "2 hours"')
    last = now // period * period
    append_ticks(place.store, [Tick("top", last - 3 * period, "time", "gap", "off")])
    process = place.daemon()
    place.wait_for("tick", outcome="done")
    process.terminate()
    process.wait(15)
    rows = place.ask("SELECT due_at, outcome, reason, cause FROM tick ORDER BY due_at")[1:]
    assert rows == [
        (last - 2 * period, "gap", "off", "time"), (last - period, "gap", "off", "time"),
        (last, "done", None, "catch-up" if now - last > 60 else "time"),
    ]  # fmt: skip
    assert place.ask("SELECT count(*) FROM snapshot") == [(1,)]


def one_of_two(place: Place, times: int) -> None:
    place.schedule("top", "store schema", 'every = "1 hour"')
    for _ in range(times):
        both = [place.daemon(), place.daemon()]
        deadline = time.monotonic() + 20
        while all(one.poll() is None for one in both) and time.monotonic() < deadline:
            time.sleep(0.02)
        (loser,) = [number for number, one in enumerate(both, len(place.started) - 2) if one.poll() is not None]
        said = (place.folder / f"log{loser}").read_text("utf-8")
        (winner,) = [one for one in both if one.poll() is None]
        assert place.started[loser].returncode == 1
        assert f"(pid {winner.pid})" in said, said
        place.started = place.started[:-2] + [place.started[loser], winner]
        winner.kill()
        winner.wait()


@pytest.mark.fault("A9")
def test_of_two_daemons_one_runs_and_the_other_names_it(place: Place) -> None:
    one_of_two(place, 2)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.fault("A9")
def test_two_daemons_started_together_fifty_times(place: Place, measured: Callable[[str], None]) -> None:
    one_of_two(place, 50)
    measured("exactly one ran, 50 times")


@pytest.mark.fault("A13")
def test_told_to_read_again_it_does_or_says_why_not(place: Place) -> None:
    place.schedule("top", "store schema", 'every = "1 hour"')
    process = place.daemon()
    place.wait_for("started")
    time.sleep(0.5)
    place.schedule("new", "store schema", 'evry = "1 second"')
    process.send_signal(signal.SIGHUP)
    assert "did you mean every?" in str(place.wait_for("not reread")["faults"])
    place.schedule("new", "store schema", 'every = "1 second"')
    process.send_signal(signal.SIGHUP)
    place.wait_for("reread")
    place.wait_for("tick", schedule="new", outcome="done")


@pytest.mark.fault("E10")
def test_secrets_and_addresses_reach_no_log_no_row_and_no_hook(place: Place) -> None:
    secret, address = "hf_" + "Q" * 34, "someone@example.org"
    place.environment.update(HF_TOKEN=secret, OPENAI_API_KEY="sk-planted-0123456789", HF_ENDPOINT="http://127.0.0.1:1")
    place.schedule("top", f"crawl snapshot huggingface/models --contact {address} --patience 1", 'every = "1 second"')
    place.schedule("wrong", f"crawl snapshot {secret} {address} --nonsense sk-planted-0123456789", 'every = "1 second"')
    process = place.daemon("--on-event", f"cat >> {place.folder}/hook")
    place.wait_for("tick", outcome="failed", schedule="wrong")
    place.wait_for("tick", outcome="failed", schedule="top")
    process.terminate()
    process.wait(15)
    assert (place.folder / "hook").read_text("utf-8").count('"event": "tick"') >= 2
    status = place.command("status", "--format", "json").stdout
    for file in [one for one in place.folder.iterdir() if one.is_file() and one.suffix != ".toml"]:
        content = file.read_bytes()
        assert secret.encode() not in content, file
        assert b"sk-planted" not in content and address.encode() not in content, file
    assert json.loads(status)["schema"] == 1


def test_it_answers_prometheus_on_loopback_and_tells_systemd(place: Place) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(place.folder / "notify"))
        systemd.settimeout(20)
        place.environment |= {"NOTIFY_SOCKET": str(place.folder / "notify"), "WATCHDOG_USEC": "600000"}
        place.schedule("top", CRAWL, 'every = "1 second"')
        process = place.daemon("--prometheus", str(port))
        said = [systemd.recv(100) for _ in range(4)]
        assert said[0] == b"READY=1" and said.count(b"WATCHDOG=1") == 3
        place.wait_for("tick", outcome="done")
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        assert 'observatory_last_complete_age_seconds{registry="huggingface/models"}' in text
        assert 'observatory_schedule_stale{schedule="top"} 0.0' in text
        process.terminate()
        assert process.wait(15) == 0


SLOW_DISK = """
import os, sys, time
flush = os.fsync
os.fsync = lambda file: (time.sleep(0.5), flush(file))[1]
from schedules.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.fault("A14")
def test_on_a_slow_disk_it_still_says_that_it_lives(place: Place) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(place.folder / "notify"))
        systemd.settimeout(20)
        place.environment |= {"NOTIFY_SOCKET": str(place.folder / "notify"), "WATCHDOG_USEC": "12000000"}
        place.schedule("top", CRAWL, 'every = "2 seconds"')
        line = place.line("run", "--log", "json")
        log = open(place.folder / "log0", "w")
        process = subprocess.Popen(
            [line[0], "-c", SLOW_DISK, *line[3:]], cwd=ROOT, env=place.environment, stdout=log, stderr=log
        )
        place.started.append(process)
        heard = [time.monotonic()]
        while time.monotonic() - heard[0] < 15:
            systemd.recv(100)
            heard.append(time.monotonic())
        assert max(after - before for before, after in zip(heard, heard[1:], strict=False)) < 12, "or it is killed"
        place.wait_for("tick", outcome="done")
        process.terminate()
        assert process.wait(30) == 0


@pytest.mark.fault("B7")
def test_a_daemon_that_does_nothing_is_seen(place: Place) -> None:
    place.schedule("top", CRAWL, 'every = "1 hour"')
    done = place.command("status")
    assert done.returncode == 1 and "no daemon has run" in done.stdout
    now = int(time.time())
    append_ticks(place.store, [Tick("top", now - 6000, "time", "done", ended_at=now - 6000, attempts=1)])
    done = place.command("status")
    assert done.returncode == 1 and "stale      top: nothing for 1:40:0" in done.stdout
    assert place.command("once", "top").returncode == 0
    assert place.command("status").returncode == 0


def test_once_runs_one_command_and_it_is_on_record(place: Place) -> None:
    place.schedule("top", CRAWL, 'every = "1 hour"')
    assert place.command("once", "tpo").returncode == 2
    done = place.command("once", "top")
    assert done.returncode == 0, done.stderr
    assert place.ask("SELECT schedule, cause, outcome, exit_code FROM tick") == [("top", "person", "done", 0)]


def test_check_lets_each_command_read_its_own_line(place: Place) -> None:
    place.schedule("good", CRAWL, 'every = "1 hour"')
    assert place.command("check").returncode == 0
    place.schedule("word", "crawl snapshto npm", 'every = "1 hour"')
    place.schedule("value", "crawl snapshot npm --top none", 'every = "1 hour"')
    done = place.command("check")
    assert done.returncode == 2
    assert "snapshto" in done.stderr and "above zero" in done.stderr and "good" not in done.stderr
    assert not place.store.exists()
    listed = json.loads(place.command("list", "--format", "json").stdout)
    assert [row["schedule"] for row in listed["schedules"]] == ["good", "value", "word"]

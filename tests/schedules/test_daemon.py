"""The daemon as a process: real commands against the simulation, killed, stopped, started twice, reloaded."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.daemon import DaemonRecord, format_record, run_daemons
from db.ticks import Tick, append_ticks, read_journal
from tests.db.builders import query
from tests.db.test_upgrade import FILES, make_older_store
from tests.simulated import Simulation

ROOT = Path(__file__).resolve().parents[2]
CRAWL = "crawl snapshot huggingface/models --top 50 --resume --quiet --delay 0 --body-retention 0"


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    with Simulation(models=120) as running:
        yield running


class DaemonFolder:
    """A folder with a store, schedules, and the daemons that were started in it."""

    def __init__(self, folder: Path, simulation: Simulation) -> None:
        self.store, self.schedules = folder / "observatory.db", folder / "schedules"
        self.schedules.mkdir()
        self.environment = {
            **os.environ,
            "HF_ENDPOINT": simulation.huggingface,
            "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
            "PYTHONPATH": str(ROOT),
        }
        self.folder = folder
        self.daemons: list[subprocess.Popen[str]] = []

    def write_schedule(self, name: str, run: str, *lines: str) -> None:
        (self.schedules / f"{name}.toml").write_text("\n".join([f'run = "{run}"', *lines]), "utf-8")

    def command_line(self, command: str, *arguments: str) -> list[str]:
        options = ["--db", str(self.store), "--schedules", str(self.schedules)]
        return [sys.executable, "-m", "schedules", command, *options, *arguments]

    def start_daemon(self, *arguments: str) -> subprocess.Popen[str]:
        with (self.folder / f"log{len(self.daemons)}").open("w") as log:
            process = subprocess.Popen(
                self.command_line("run", "--log", "json", *arguments),
                cwd=self.folder,
                env=self.environment,
                text=True,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self.daemons.append(process)
        return process

    def read_log(self) -> list[dict[str, object]]:
        """Return the events in the log of the newest daemon."""
        lines = (self.folder / f"log{len(self.daemons) - 1}").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def wait_for(self, event: str, **fields: object) -> dict[str, object]:
        """Return the newest event of a kind with these fields, as soon as there is one."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            events = [line for line in self.read_log() if line["event"] == event and fields.items() <= line.items()]
            if events:
                return events[-1]
            time.sleep(0.05)
        raise AssertionError((event, fields, self.read_log()))

    def run_cli(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command_line(command, *arguments),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def query(self, statement: str) -> list[tuple[object, ...]]:
        return query(self.store, statement)


@pytest.fixture
def folder(tmp_path: Path, simulation: Simulation) -> Iterator[DaemonFolder]:
    daemon_folder = DaemonFolder(tmp_path, simulation)
    yield daemon_folder
    for process in daemon_folder.daemons:
        if process.poll() is None:
            process.kill()
            process.wait()


def check_record(record: DaemonRecord) -> None:
    """Check that each moment is recorded once, each success has its snapshot, and the store is sound."""
    assert (record.missing, record.twice, record.unpaired, record.check) == (0, 0, 0, 0), record
    assert record.outcomes["done"] and record.snapshots


@pytest.mark.ci
@pytest.mark.fault("A1")
def test_after_repeated_kills_no_tick_is_missing_and_the_store_is_sound(tmp_path: Path) -> None:
    (record,) = run_daemons(tmp_path, every=1, seconds=4.5, kill_after=1.6, alone_every=None)
    check_record(record)
    assert record.lives > 2


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.fault("A1", "A12")
def test_ten_minutes_with_a_kill_every_45_seconds_and_ten_without(
    tmp_path: Path, measured: Callable[[str], None]
) -> None:
    killed, undisturbed = run_daemons(tmp_path, every=20, seconds=600, kill_after=45, alone_every=5)
    for record in (killed, undisturbed):
        measured("; ".join(f"{name} {value}" for name, value in format_record(record).items()))
    check_record(killed)
    check_record(undisturbed)
    assert (killed.lives, undisturbed.lives) == (14, 1)
    for record in (killed, undisturbed):
        after_a_third, at_the_end, peak = record.resident
        assert at_the_end - after_a_third < 1 and peak < 100, "megabytes"
        assert record.files[0] == record.files[1] and record.files[2] < 30


def test_a_killed_daemon_takes_its_command_with_it(folder: DaemonFolder) -> None:
    folder.environment["HF_ENDPOINT"] = silent_host()
    folder.write_schedule("top", CRAWL, 'every = "1 second"')
    process = folder.start_daemon()
    pid = int(str(folder.wait_for("command started")["pid"]))
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
    """Return the URL of a host that accepts connections and sends nothing."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(50)
    SILENT_LISTENERS.append(listener)
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


SILENT_LISTENERS: list[socket.socket] = []


@pytest.mark.parametrize("signals", [1, 2])
@pytest.mark.fault("A13")
def test_one_signal_stops_the_daemon_within_ten_seconds_and_two_stop_it_at_once(
    folder: DaemonFolder, signals: int
) -> None:
    folder.environment["HF_ENDPOINT"] = silent_host()
    folder.write_schedule("top", CRAWL, 'every = "1 second"')
    process = folder.start_daemon()
    folder.wait_for("command started")
    time.sleep(0.5)
    started_at = time.monotonic()
    for _ in range(signals):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
    assert process.wait(12) == 0
    assert time.monotonic() - started_at < (10.5 if signals == 1 else 2.5)
    assert folder.query("SELECT outcome, reason FROM tick WHERE attempts = 1")[-1] == ("interrupted", "stopped")
    assert read_journal(folder.store) == []


@pytest.mark.fault("B2")
def test_after_three_missed_periods_three_ticks_are_recorded_and_one_runs(folder: DaemonFolder) -> None:
    now = int(time.time())
    period = 7200
    folder.write_schedule("top", CRAWL, 'every = "2 hours"')
    last = now // period * period
    append_ticks(folder.store, [Tick("top", last - 3 * period, "time", "gap", "off")])
    process = folder.start_daemon()
    folder.wait_for("tick", outcome="done")
    process.terminate()
    process.wait(60)
    rows = folder.query("SELECT due_at, outcome, reason, cause FROM tick ORDER BY due_at")[1:]
    assert rows == [
        (last - 2 * period, "gap", "off", "time"),
        (last - period, "gap", "off", "time"),
        (last, "done", None, "catch-up" if now - last > 60 else "time"),
    ]
    assert folder.query("SELECT count(*) FROM snapshot") == [(1,)]


def race_two_daemons(folder: DaemonFolder, times: int) -> None:
    folder.write_schedule("top", "store schema", 'every = "1 hour"')
    for _ in range(times):
        first = len(folder.daemons)
        daemons = [folder.start_daemon(), folder.start_daemon()]
        deadline = time.monotonic() + 20
        while all(daemon.poll() is None for daemon in daemons) and time.monotonic() < deadline:
            time.sleep(0.02)
        (loser,) = (number for number, daemon in enumerate(daemons, first) if daemon.poll() is not None)
        (winner,) = (daemon for daemon in daemons if daemon.poll() is None)
        log = (folder.folder / f"log{loser}").read_text("utf-8")
        assert folder.daemons[loser].returncode == 1
        assert f"(pid {winner.pid})" in log, log
        winner.kill()
        winner.wait()


@pytest.mark.fault("A9")
def test_of_two_daemons_one_runs_and_the_other_names_it(folder: DaemonFolder) -> None:
    race_two_daemons(folder, 2)


@pytest.mark.ci
@pytest.mark.fault("A9")
def test_a_daemon_whose_lock_file_is_deleted_ends_so_that_a_supervisor_starts_another(folder: DaemonFolder) -> None:
    folder.write_schedule("top", "store schema", 'every = "1 second"')
    process = folder.start_daemon()
    folder.wait_for("tick", outcome="done")
    for file in folder.folder.glob("observatory.db*"):
        file.unlink()
    assert process.wait(30) == 1
    log = (folder.folder / "log0").read_text("utf-8")
    assert "was deleted or replaced" in log and "Traceback" not in log


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.fault("A9")
def test_two_daemons_started_together_fifty_times(folder: DaemonFolder, measured: Callable[[str], None]) -> None:
    race_two_daemons(folder, 50)
    measured("exactly one ran, 50 times")


@pytest.mark.fault("A13")
def test_sighup_reloads_the_schedules_or_logs_why_not(folder: DaemonFolder) -> None:
    folder.write_schedule("top", "store schema", 'every = "1 hour"')
    process = folder.start_daemon()
    folder.wait_for("started")
    time.sleep(0.5)
    folder.write_schedule("new", "store schema", 'evry = "1 second"')
    process.send_signal(signal.SIGHUP)
    assert "Did you mean every?" in str(folder.wait_for("not reloaded")["faults"])
    folder.write_schedule("new", "store schema", 'every = "1 second"')
    process.send_signal(signal.SIGHUP)
    folder.wait_for("reloaded")
    folder.wait_for("tick", schedule="new", outcome="done")


@pytest.mark.fault("E10")
def test_secrets_and_addresses_reach_no_log_no_row_and_no_hook(folder: DaemonFolder) -> None:
    secret, address = "hf_" + "Q" * 34, "someone@example.org"
    folder.environment.update(HF_TOKEN=secret, OPENAI_API_KEY="sk-planted-0123456789", HF_ENDPOINT="http://127.0.0.1:1")
    folder.write_schedule(
        "top", f"crawl snapshot huggingface/models --contact {address} --retry-for 1", 'every = "1 second"'
    )
    folder.write_schedule(
        "wrong", f"crawl snapshot {secret} {address} --nonsense sk-planted-0123456789", 'every = "1 second"'
    )
    process = folder.start_daemon("--on-event", f"cat >> {folder.folder}/hook")
    folder.wait_for("tick", outcome="failed", schedule="wrong")
    folder.wait_for("tick", outcome="failed", schedule="top")
    process.terminate()
    process.wait(60)
    assert (folder.folder / "hook").read_text("utf-8").count('"event": "tick"') >= 2
    status = folder.run_cli("status", "--format", "json").stdout
    for file in [path for path in folder.folder.iterdir() if path.is_file() and path.suffix != ".toml"]:
        content = file.read_bytes()
        assert secret.encode() not in content, file
        assert b"sk-planted" not in content and address.encode() not in content, file
    assert json.loads(status)["schema"] == 1


def test_it_serves_prometheus_on_loopback_and_notifies_systemd(folder: DaemonFolder) -> None:
    with socket.socket() as free_socket:
        free_socket.bind(("127.0.0.1", 0))
        port = free_socket.getsockname()[1]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(folder.folder / "notify"))
        systemd.settimeout(20)
        folder.environment |= {"NOTIFY_SOCKET": str(folder.folder / "notify"), "WATCHDOG_USEC": "600000"}
        folder.write_schedule("top", CRAWL, 'every = "1 second"')
        process = folder.start_daemon("--prometheus", str(port))
        states = [systemd.recv(100) for _ in range(4)]
        assert states[0] == b"READY=1" and states.count(b"WATCHDOG=1") == 3
        folder.wait_for("tick", outcome="done")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
            text = response.read().decode()
        assert 'observatory_last_complete_age_seconds{registry="huggingface/models"}' in text
        assert 'observatory_schedule_stale{schedule="top"} 0.0' in text
        process.terminate()
        assert process.wait(60) == 0


SLOW_DISK = """
import os, sys, time
flush = os.fsync
os.fsync = lambda file: (time.sleep(0.5), flush(file))[1]
from schedules.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.fault("A14")
def test_on_a_slow_disk_it_still_sends_heartbeats(folder: DaemonFolder) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(folder.folder / "notify"))
        systemd.settimeout(20)
        folder.environment |= {"NOTIFY_SOCKET": str(folder.folder / "notify"), "WATCHDOG_USEC": "12000000"}
        folder.write_schedule("top", CRAWL, 'every = "2 seconds"')
        line = folder.command_line("run", "--log", "json")
        with (folder.folder / "log0").open("w") as log:
            process = subprocess.Popen(
                [line[0], "-c", SLOW_DISK, *line[3:]], cwd=ROOT, env=folder.environment, stdout=log, stderr=log
            )
        folder.daemons.append(process)
        heartbeats = [time.monotonic()]
        while time.monotonic() - heartbeats[0] < 15:
            systemd.recv(100)
            heartbeats.append(time.monotonic())
        assert max(after - before for before, after in pairwise(heartbeats)) < 12, "or systemd kills the daemon"
        folder.wait_for("tick", outcome="done")
        process.terminate()
        assert process.wait(30) == 0


@pytest.mark.fault("B7")
def test_a_daemon_that_does_nothing_is_seen(folder: DaemonFolder) -> None:
    folder.write_schedule("top", CRAWL, 'every = "1 hour"')
    status = folder.run_cli("status")
    assert status.returncode == 1 and "no daemon has run" in status.stdout
    now = int(time.time())
    append_ticks(folder.store, [Tick("top", now - 6000, "time", "done", ended_at=now - 6000, attempts=1)])
    status = folder.run_cli("status")
    assert status.returncode == 1 and "stale      top: no success for 1 hour" in status.stdout
    assert folder.run_cli("once", "top").returncode == 0
    assert folder.run_cli("status").returncode == 0


@pytest.mark.parametrize("command", ["once", "run-now"])
def test_once_runs_one_command_and_records_it(folder: DaemonFolder, command: str) -> None:
    folder.write_schedule("top", CRAWL, 'every = "1 hour"')
    misspelled = folder.run_cli(command, "tpo")
    assert misspelled.returncode == 2 and "Did you mean top?" in misspelled.stderr
    completed = folder.run_cli(command, "top")
    assert completed.returncode == 0, completed.stderr
    assert folder.query("SELECT schedule, cause, outcome, exit_code FROM tick") == [("top", "person", "done", 0)]


def test_check_lets_each_command_parse_its_own_line(folder: DaemonFolder) -> None:
    folder.write_schedule("good", CRAWL, 'every = "1 hour"')
    assert folder.run_cli("check").returncode == 0
    folder.write_schedule("word", "crawl snapshto npm", 'every = "1 hour"')
    folder.write_schedule("value", "crawl snapshot npm --top none", 'every = "1 hour"')
    checked = folder.run_cli("check")
    assert checked.returncode == 2
    assert "snapshto" in checked.stderr and "above zero" in checked.stderr and "good" not in checked.stderr
    assert not folder.store.exists()
    document = json.loads(folder.run_cli("list", "--format", "json").stdout)
    assert [row["schedule"] for row in document["schedules"]] == ["good", "value", "word"]


def test_a_daemon_of_a_newer_version_migrates_the_store_before_it_reads_it(
    folder: DaemonFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_older_store(tmp_path, len(FILES) - 1, monkeypatch).rename(folder.store)
    folder.write_schedule("compute", "compute", 'every = "1 hour"')
    daemon = folder.start_daemon()
    assert folder.wait_for("migrated")["migrations"] == FILES[-1].stem
    folder.wait_for("started")
    daemon.terminate()
    assert daemon.wait(20) == 0
    assert folder.query("SELECT rank FROM ranking ORDER BY rank") == [(1,), (2,)]

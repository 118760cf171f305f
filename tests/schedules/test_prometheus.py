"""The metrics for Prometheus are for this machine only, and can only be read."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from schedules import prometheus
from schedules.config import Schedule
from schedules.prometheus import MAX_REQUESTS, StatusCollector, serve_metrics


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    yield serve_metrics(0, tmp_path_factory.mktemp("none") / "none.db", dict)


def fetch(port: int, method: str = "GET", host: str = "127.0.0.1", path: str = "/metrics") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers={"Host": host})
    response = connection.getresponse()
    return response.status, response.read()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "localhost:9100"])
@pytest.mark.fault("E14")
def test_a_request_for_loopback_is_answered(port: int, host: str) -> None:
    status, body = fetch(port, host=host)
    assert status == 200 and b"observatory_store_readable" in body


@pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1.attacker.example", "127.0.0.1@attacker.example", ""])
@pytest.mark.fault("E14")
def test_a_request_for_another_host_is_rejected(port: int, host: str) -> None:
    status, body = fetch(port, host=host)
    assert status == 421 and b"observatory" not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.fault("E14")
def test_writing_methods_are_rejected(port: int, method: str) -> None:
    assert fetch(port, method)[0] == 405


@pytest.mark.fault("E14")
def test_it_listens_on_loopback_alone(port: int) -> None:
    listening = Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]
    addresses = {line.split()[1].split(":")[0] for line in listening if line.split()[1].endswith(f":{port:04X}")}
    assert addresses == {"0100007F"}


def count_request_threads() -> int:
    return sum("process_request_thread" in thread.name for thread in threading.enumerate())


@pytest.mark.fault("A20")
def test_scrapers_that_send_nothing_or_drip_get_a_few_threads_for_a_limited_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(prometheus, "MAX_REQUEST_SECONDS", 0.1)
    port = serve_metrics(0, tmp_path / "none.db", dict)
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(3 * MAX_REQUESTS)]
    ended = threading.Event()

    def drip() -> None:
        while not ended.wait(0.02):
            for connection in slow[::2]:
                with suppress(OSError):  # the server has cut it off
                    connection.send(b"G")

    dripping = threading.Thread(target=drip)
    dripping.start()
    time.sleep(0.05)
    assert 0 < count_request_threads() <= MAX_REQUESTS
    started_at = time.monotonic()
    assert fetch(port)[0] == 200
    assert time.monotonic() - started_at < 3 * 0.1 + 2
    ended.set()
    dripping.join()
    for connection in slow:
        connection.close()
    assert capfd.readouterr().err == ""


def test_the_metrics_are_of_the_schedules_of_this_moment(tmp_path: Path) -> None:
    schedules: dict[str, Schedule] = {}
    collector = StatusCollector(tmp_path / "none.db", lambda: schedules)
    for name in ("old", "new"):
        schedules = {name: Schedule(name, "report")}
        stale = next(family for family in collector.collect() if family.name == "observatory_schedule_stale")
        assert [sample.labels["schedule"] for sample in stale.samples] == [name]

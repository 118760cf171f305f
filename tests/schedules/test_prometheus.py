"""The metrics for Prometheus are for this machine only, and can only be read."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from schedules.prometheus import serve_metrics


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

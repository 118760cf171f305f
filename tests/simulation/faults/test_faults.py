"""Each fault does what its name says. One test checks that no kind is forgotten."""

from __future__ import annotations

import http.client
import json
import math
import socket
import time
import zlib
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from simulation.faults.script import FAULTS
from tests.simulated import Simulation
from tests.simulation.client import ClientResponse, fetch

LIST = "/api/models?sort=downloads&limit=20"


def fetch_with_fault(simulation: Simulation, kind: str, query: str = LIST, **arguments: object) -> ClientResponse:
    simulation.faults([{"kind": kind, **arguments}])
    return fetch(simulation.huggingface + query)


def fetch_list(simulation: Simulation) -> ClientResponse:
    return fetch(simulation.huggingface + LIST)


def body_with(**change: object) -> Callable[[ClientResponse, ClientResponse], bool]:
    return lambda answer, normal: answer.json == change["body"]


def first_downloads(value: object) -> Callable[[ClientResponse, ClientResponse], bool]:
    return lambda answer, normal: answer.json[0]["downloads"] == value and answer.json[1:] == normal.json[1:]


def every_row(test: Callable[[dict[str, object]], bool]) -> Callable[[ClientResponse, ClientResponse], bool]:
    return lambda answer, normal: len(answer.json) == 20 and all(map(test, answer.json))


def header(name: str, value: str | None) -> Callable[[ClientResponse, ClientResponse], bool]:
    return lambda answer, normal: answer.headers[name] == value and answer.json == normal.json


Check = Callable[[ClientResponse, ClientResponse], bool]
FAULT_CASES: dict[str, tuple[dict[str, object], Check]] = {
    "status": (
        {"code": 503, "headers": {"Retry-After": "7"}, "body": {"error": "later"}},
        lambda answer, normal: (answer.status, answer.headers["Retry-After"]) == (503, "7"),
    ),
    "html": (
        {},
        lambda answer, normal: answer.body.startswith(b"<!doctype html>") and "html" in answer.headers["Content-Type"],
    ),
    "error_json": ({"text": "oops"}, body_with(body={"error": "oops"})),
    "not_list": ({}, body_with(body={})),
    "empty_page_with_next": ({}, lambda answer, normal: answer.json == [] and answer.links == normal.links),
    "cursor_loop": ({}, lambda answer, normal: answer.links["next"].endswith(LIST)),
    "next_other_host": (
        {"host": "http://10.0.0.1"},
        lambda answer, normal: answer.links["next"] == "http://10.0.0.1" + LIST,
    ),
    "redirect": (
        {"location": "//evil.invalid/"},
        lambda answer, normal: (answer.status, answer.headers["Location"]) == (307, "//evil.invalid/"),
    ),
    "change_type": ({"field": "likes", "value": "7"}, every_row(lambda row: row["likes"] == "7")),
    "drop_field": ({"field": "likes"}, every_row(lambda row: "likes" not in row)),
    "rename_field": ({"field": "likes", "to": "hearts"}, every_row(lambda row: "hearts" in row and "likes" not in row)),
    "null_field": ({"field": "likes"}, every_row(lambda row: row["likes"] is None)),
    "duplicate_rows": ({"n": 3}, lambda answer, normal: answer.json == normal.json + normal.json[:3]),
    "huge_int": ({}, first_downloads(2**70)),
    "negative": ({}, first_downloads(-1)),
    "nan": ({}, lambda answer, normal: b"NaN" in answer.body and math.isnan(answer.json[0]["downloads"])),
    "lone_surrogate": (
        {},
        lambda answer, normal: b"\\ud800" in answer.body and answer.json[0]["id"].endswith("\ud800"),
    ),
    "deep_nesting": ({"depth": 5000}, lambda answer, normal: answer.body == b"[" * 5000 + b"]" * 5000),
    "short_page": ({"n": 4}, lambda answer, normal: answer.json == normal.json[:-4] and answer.links == normal.links),
    "missing_link": ({}, lambda answer, normal: answer.links == {} and answer.json == normal.json),
    "link_form": (
        {"form": '<{url}>; rel="last next"'},
        lambda answer, normal: answer.headers["Link"].replace("last ", "") == normal.headers["Link"],
    ),
    "heavy_page": ({"size": 19}, lambda answer, normal: answer.status == 504),
    "poison_row": ({"row": "not listed"}, lambda answer, normal: answer.body == normal.body),
    "wrong_encoding": ({"coding": "br"}, header("Content-Encoding", "br")),
    "wrong_date": ({"seconds": -86400}, lambda answer, normal: "03 Feb 2026" in answer.headers["Date"]),
    "stale": ({"age": 90}, header("age", "90")),
    "ratelimit_headers": ({"headers": {"RateLimit": '"api";r=0;t=9'}}, header("RateLimit", '"api";r=0;t=9')),
    "no_ratelimit_headers": ({}, header("RateLimit", None)),
    "wrong_content_type": ({}, header("Content-Type", "text/html")),
    "clamp": ({"size": 6}, lambda answer, normal: answer.json == normal.json[:6]),
    "slow_headers": ({"seconds": 0.01}, lambda answer, normal: answer.json == normal.json),
}
TRANSPORT_FAULTS = {"truncate", "truncate_gzip", "bomb", "endless", "stall", "reset"}


def test_no_kind_of_fault_is_untested() -> None:
    assert set(FAULT_CASES) | TRANSPORT_FAULTS == set(FAULTS)


@pytest.mark.parametrize("kind", FAULT_CASES)
def test_a_fault_does_what_its_name_says(simulation: Simulation, kind: str) -> None:
    arguments, holds = FAULT_CASES[kind]
    normal = fetch_list(simulation)
    simulation.reset()
    assert holds(fetch_with_fault(simulation, kind, **arguments), normal)


def test_a_poisonous_row_fails_in_company_and_not_alone(simulation: Simulation) -> None:
    row = fetch_list(simulation).json[0]["_id"]
    assert fetch_with_fault(simulation, "poison_row", row=row).status == 500
    assert fetch_with_fault(simulation, "poison_row", "/api/models?sort=downloads&limit=1", row=row).status == 200


def test_a_truncated_answer_promises_more_than_it_sends(simulation: Simulation) -> None:
    with pytest.raises(http.client.IncompleteRead) as caught:
        fetch_with_fault(simulation, "truncate", fraction=0.25)
    assert len(caught.value.partial) == pytest.approx(caught.value.expected / 3, rel=0.02)


def test_a_truncated_gzip_stream_looks_whole_to_http(simulation: Simulation) -> None:
    answer = fetch_with_fault(simulation, "truncate_gzip", fraction=0.5)
    unpack = zlib.decompressobj(31)
    assert answer.status == 200 and answer.headers["Content-Length"] is None
    assert unpack.decompress(answer.body) and not unpack.eof


def test_a_bomb_is_small_on_the_wire_and_large_in_memory(simulation: Simulation) -> None:
    answer = fetch_with_fault(simulation, "bomb", megabytes=8)
    unpacked = zlib.decompress(answer.body, 31)
    assert len(unpacked) > 8 * 2**20 > 500 * len(answer.body)
    assert json.loads(unpacked)[0]["id"] == "a/b"


def test_an_endless_body_does_not_end(simulation: Simulation) -> None:
    simulation.faults([{"kind": "endless"}])
    parts = urlsplit(simulation.huggingface)
    connection = http.client.HTTPConnection(parts.netloc, timeout=5)
    connection.request("GET", LIST)
    answer = connection.getresponse()
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert len(answer.read(50000)) == 50000
    connection.close()


@pytest.mark.parametrize("where", ["start", "body"])
def test_a_stalled_answer_outlasts_a_short_timeout(simulation: Simulation, where: str) -> None:
    simulation.faults([{"kind": "stall", "seconds": 30, "where": where}])
    with pytest.raises(TimeoutError):
        fetch(simulation.huggingface + LIST, timeout=0.2)


def test_a_stall_ends_with_the_whole_answer(simulation: Simulation) -> None:
    began = time.monotonic()
    assert fetch_with_fault(simulation, "stall", seconds=0.2, where="body").json == fetch_list(simulation).json
    assert time.monotonic() - began > 0.2


def test_a_reset_is_a_reset(simulation: Simulation) -> None:
    with pytest.raises(ConnectionResetError):
        fetch_with_fault(simulation, "reset")
    assert fetch_list(simulation).status == 200


def test_a_fault_applies_to_the_request_of_its_number(simulation: Simulation) -> None:
    simulation.faults([{"request": 3, "kind": "status", "code": 502, "times": 2}])
    assert [fetch_list(simulation).status for _ in range(5)] == [200, 200, 502, 502, 200]


def test_each_site_counts_its_own_requests(simulation: Simulation) -> None:
    simulation.faults([{"request": 2, "kind": "status", "code": 500, "api": "ecosystems"}])
    pattern = [fetch_list(simulation).status, fetch_list(simulation).status]
    pattern += [fetch(f"{simulation.ecosystems}/registries?per_page=1").status for _ in range(3)]
    assert pattern == [200, 200, 200, 500, 200]


def test_a_fault_can_apply_to_a_path(simulation: Simulation) -> None:
    simulation.faults([{"path": "cursor=", "kind": "status", "code": 504, "times": -1}])
    following = fetch_list(simulation).links["next"]
    assert [fetch(following).status, fetch(following).status, fetch_list(simulation).status] == [504, 504, 200]


@pytest.mark.parametrize("period", [1, 2, 5])
def test_a_cursor_loop_has_its_period(simulation: Simulation, period: int) -> None:
    simulation.faults([{"kind": "cursor_loop", "period": period}])
    address, urls = simulation.huggingface + LIST, []
    for _ in range(2 * period + 1):
        urls.append(address)
        address = fetch(address).links["next"]
    assert urls[0] == urls[period] == urls[2 * period]
    assert len(set(urls)) == period


def test_clamped_pages_lose_no_row(simulation: Simulation) -> None:
    normal = fetch_list(simulation).json
    simulation.faults([{"kind": "clamp", "size": 8, "times": -1}])
    first = fetch_list(simulation)
    second = fetch(first.links["next"])
    assert "limit=20" in first.links["next"]
    assert first.json + second.json == normal[:16]


def test_a_clamped_page_of_packages_says_its_size(simulation: Simulation) -> None:
    simulation.faults([{"kind": "clamp", "size": 30, "api": "ecosystems"}])
    answer = fetch(f"{simulation.ecosystems}/registries/npm.example/package_names?sort=downloads&per_page=100")
    assert (len(answer.json), answer.headers["page-items"]) == (30, "30")


def test_two_faults_can_apply_to_one_request(simulation: Simulation) -> None:
    simulation.faults([{"kind": "missing_link"}, {"kind": "stale", "age": 5}])
    answer = fetch_list(simulation)
    assert (answer.links, answer.headers["age"]) == ({}, "5")


def test_the_log_shows_what_was_sent(simulation: Simulation) -> None:
    fetch_with_fault(simulation, "status", code=418)
    assert [entry["status"] for entry in simulation.requests("huggingface")] == [418]


@pytest.mark.parametrize(
    ("script", "part"),
    [
        ({"kind": "nonsense"}, "no fault 'nonsense'"),
        ({"kind": "html", "n": 1}, "has no argument n"),
        ({"kind": "html", "api": "npm"}, "no site 'npm'"),
    ],
)
def test_an_unknown_fault_is_refused(simulation: Simulation, script: dict[str, object], part: str) -> None:
    with pytest.raises(ValueError, match=part):
        simulation.faults([script])


def test_a_stalled_response_does_not_delay_others(simulation: Simulation) -> None:
    simulation.faults([{"kind": "stall", "seconds": 2}])
    parts = urlsplit(simulation.huggingface)
    waiting = socket.create_connection((parts.hostname or "", parts.port or 0))
    waiting.sendall(f"GET {LIST} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
    began = time.monotonic()
    while not simulation.requests():
        time.sleep(0.01)
    assert fetch_list(simulation).status == 200
    assert time.monotonic() - began < 1
    waiting.close()

"""Faults of an API: no short or broken ranking counts as complete."""

from __future__ import annotations

import pytest

from crawler.spiders.huggingface_census import HuggingFaceCensusSpider
from tests.crawler.conftest import HUB, Crawl, CrawlRun, environment
from tests.simulated import Simulation

TOP = ("snapshot", HUB, "--top", "3000", "--retry-for", "1.5", "--quiet")  # the probe, then three pages


def make_fault(kind: str, request: int = 3, **options: object) -> dict[str, object]:
    """Return a fault of one request to the Hub."""
    return {"api": "huggingface", "request": request, "kind": kind, **options}


TEMPORARY_FAULTS = [
    {"kind": "status", "code": 500},
    {"kind": "status", "code": 503},
    {"kind": "reset"},
    {"kind": "truncate", "fraction": 0.5},
    {"kind": "truncate_gzip", "fraction": 0.7},
    {"kind": "html"},
    {"kind": "error_json"},
    {"kind": "not_list"},
    {"kind": "wrong_content_type"},
    {"kind": "stall", "seconds": 3},
    {"kind": "slow_headers", "seconds": 3},
]
SAMPLE = {("status", 3), ("reset", 4), ("truncate", 3), ("html", 3), ("stall", 3)}

MISTYPED = (("likes", "many"), ("createdAt", 7), ("safetensors", []))
ELSEWHERE = (
    "https://127.0.0.1:1/x", "//127.0.0.3/x", "http://[::1]/x", "file:///etc/passwd", "http://user@127.0.0.2/",
    "http://[::ffff:127.0.0.2]/", "http://0.0.0.0/", "http://0/", "http://127.1/", "http://2130706433/",
    "http://0x7f000002/", "http://localhost/", "http://10.0.0.1/", "http://192.168.0.1/", "http://172.16.0.1/",
    "http://metadata.internal/", "ftp://127.0.0.2/x", "data:application/json,[]", "javascript:alert(1)",
    "gopher://127.0.0.2/", "http://hub.example@127.0.0.2/", "http://127.0.0.2#@hub.example/", "http://127.0.0.2:80%00/",
    "http://%31%32%37.0.0.2/", "http://[fe80::1]/",
    "//169.254.169.254/latest/meta-data/",
)  # fmt: skip


def temporary_faults_at_each_request() -> list[object]:
    """Return every temporary fault at every request of a crawl. All but a sample are slow."""
    return [
        pytest.param(
            fault,
            number,
            id=f"{fault['kind']}{fault.get('code', '')}-{number}",
            marks=() if (fault["kind"], number) in SAMPLE else pytest.mark.slow,
        )
        for fault in TEMPORARY_FAULTS
        for number in (1, 2, 3, 4)
    ]


@pytest.mark.parametrize(("fault", "request_number"), temporary_faults_at_each_request())
@pytest.mark.fault("C5")
def test_a_temporary_fault_leaves_the_ranking_complete(
    crawl: Crawl, pretend: Simulation, fault: dict[str, object], request_number: int
) -> None:
    pretend.faults([{"api": "huggingface", "request": request_number, **fault}])
    done = crawl(*TOP)
    assert (done.exit_code, done.outcome["status"]) == (0, "complete")
    truth = pretend.truth(HUB, by="downloads", k=3000)
    assert [row[1] for row in done.ranking()] == [row["id"] for row in truth]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "code": 502},
        *(
            pytest.param(fault, marks=pytest.mark.slow)
            for fault in (
                {"kind": "reset"},
                {"kind": "truncate", "fraction": 0.5},
                {"kind": "html"},
                {"kind": "error_json"},
            )
        ),
    ],
    ids=lambda fault: str(fault["kind"]),
)
@pytest.mark.fault("C5")
def test_a_lasting_fault_leaves_whole_pages_and_the_crawl_can_be_resumed(
    crawl: Crawl, pretend: Simulation, fault: dict[str, object]
) -> None:
    pretend.faults([{"api": "huggingface", "request": 3, "times": -1, **fault}])
    broken = crawl(*TOP)
    assert (broken.exit_code, broken.outcome["status"], broken.outcome["listed"]) == (3, "open", 1000)
    assert broken.rows("SELECT count(*) FROM v1_ranking") == [(0,)]
    pretend.reset()
    done = crawl(*TOP, "--resume")
    assert (done.exit_code, done.outcome["status"], done.outcome["snapshot"]) == (0, "complete", 1)
    assert len(pretend.requests("huggingface")) == 2  # the two pages that were missing, and no probe
    truth = pretend.truth(HUB, by="downloads", k=3000)
    assert [row[1] for row in done.ranking()] == [row["id"] for row in truth]


def assert_partial(crawl: Crawl, pretend: Simulation, gate: str, *faults: dict[str, object]) -> CrawlRun:
    """Check that faults make a snapshot partial for a reason, and that no view returns its rows."""
    pretend.faults(list(faults))
    done = crawl(*TOP)
    assert (done.exit_code, done.outcome["status"]) == (3, "partial")
    assert gate in str(done.outcome["reason"])
    assert done.rows("SELECT count(*) FROM v1_ranking") == [(0,)]
    return done


@pytest.mark.parametrize(
    ("fault", "gate"),
    [
        (make_fault("short_page", n=10, times=2), "G2 transport"),
        (make_fault("drop_field", field="_id"), "G10 rejects"),
        (make_fault("change_type", field="downloads", value="many"), "G10 rejects"),
        (make_fault("null_field", field="downloads"), "G10 rejects"),
        (make_fault("rename_field", field="downloads"), "most often: downloads is missing"),
    ],
    ids=lambda part: part["kind"] if isinstance(part, dict) else "",
)
@pytest.mark.fault("C7", "D1")
def test_an_incomplete_or_malformed_list_is_partial_with_the_reason(
    crawl: Crawl, pretend: Simulation, fault: dict[str, object], gate: str
) -> None:
    assert_partial(crawl, pretend, gate, fault)


BODIES = (
    "", "null", "{}", '"text"', "7", "[1, 2", "<html><body>Sign in</body></html>", '{"error": "Internal"}', "\ufeff[]",
    "[[[[", "[null]", "\x00\x01",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.fault("C7")
def test_a_body_that_is_not_a_list_of_rows_is_not_stored_as_a_page(
    crawl: Crawl, pretend: Simulation, body: str
) -> None:
    pretend.faults([make_fault("status", code=200, body=body, content_type="application/json", times=-1)])
    done = crawl(*TOP)
    assert done.exit_code == 3 and done.outcome["status"] in ("open", "partial")
    assert done.rows("SELECT count(*) FROM v1_ranking") == [(0,)]
    assert done.rows("SELECT count(*) FROM ranking") == [(1000,)]


LOOPS = [(period, start) for period in (1, 2, 3, 4, 5) for start in (2, 3, 4, 5)]


@pytest.mark.parametrize(
    ("period", "start"),
    [pytest.param(*loop, marks=() if loop in ((1, 3), (2, 2)) else pytest.mark.slow) for loop in LOOPS],
)
@pytest.mark.fault("C9")
def test_a_list_that_runs_in_a_circle_ends_within_two_requests(
    crawl: Crawl, pretend: Simulation, period: int, start: int
) -> None:
    small = make_fault("clamp", request=2, size=200, times=-1)
    assert_partial(
        crawl, pretend, "cursor_loop", small, make_fault("cursor_loop", request=start, period=period, times=-1)
    )
    assert len(pretend.requests("huggingface")) <= start + period + 1


@pytest.mark.fault("C10")
def test_a_next_page_on_another_host_is_not_requested(crawl: Crawl, pretend: Simulation) -> None:
    assert_partial(crawl, pretend, "next_other_host", make_fault("next_other_host"))


@pytest.mark.fault("C13")
def test_rows_seen_twice_are_counted_and_too_many_make_the_snapshot_partial(crawl: Crawl, pretend: Simulation) -> None:
    assert_partial(crawl, pretend, "overlap", make_fault("duplicate_rows", n=200, times=2))


@pytest.mark.slow
@pytest.mark.parametrize("churn", [0.0001, 0.001, 0.01])
@pytest.mark.fault("C13")
def test_a_moving_list_misses_about_as_many_packages_as_it_shows_twice(crawl: Crawl, churn: float) -> None:
    with Simulation(models=6000, churn=churn) as moving:
        before = {row["id"] for row in moving.truth(HUB, k=5000)}
        done = crawl("snapshot", HUB, "--top", "5000", "--quiet", env=environment(moving))
        after = {row["id"] for row in moving.truth(HUB, k=5000)}
    twice = int(str(done.outcome["duplicates"]))
    missed = len((before & after) - {str(row[1]) for row in done.ranking()})
    assert done.outcome["status"] == ("complete" if twice <= 50 else "partial")
    assert missed <= 3 * twice + 5


@pytest.mark.parametrize(
    "fault", [make_fault("stale", age=90000), make_fault("wrong_date", seconds=-7200)], ids=lambda fault: fault["kind"]
)
@pytest.mark.fault("C14", "B4")
def test_a_response_from_an_old_cache_or_a_wrong_clock_is_not_fresh(
    crawl: Crawl, pretend: Simulation, fault: dict[str, object]
) -> None:
    assert_partial(crawl, pretend, "G8 freshness", fault)


CUTS = [(kind, part / 16) for kind in ("truncate", "truncate_gzip") for part in range(16)]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "fraction"), CUTS)
@pytest.mark.fault("C6")
def test_a_truncated_response_is_requested_again(crawl: Crawl, pretend: Simulation, kind: str, fraction: float) -> None:
    pretend.faults([make_fault(kind, fraction=fraction)])
    done = crawl(*TOP)
    assert (done.exit_code, done.outcome["status"]) == (0, "complete")
    truth = pretend.truth(HUB, by="downloads", k=3000)
    assert [row[1] for row in done.ranking()] == [row["id"] for row in truth]


@pytest.mark.parametrize(
    "kind",
    ["huge_int", "lone_surrogate", *(pytest.param(variant, marks=pytest.mark.slow) for variant in ("negative", "nan"))],
)
@pytest.mark.fault("D9")
def test_a_row_that_cannot_be_stored_leaves_its_rank_empty(crawl: Crawl, pretend: Simulation, kind: str) -> None:
    pretend.faults([make_fault(kind, row=7)])
    done = crawl(*TOP)
    assert done.outcome["status"] == "complete"
    assert done.rows("SELECT page, position FROM reject") == [(2, 7)]
    truth = [(row["rank"], row["id"]) for row in pretend.truth(HUB, by="downloads", k=3000)]
    assert [row[:2] for row in done.ranking()] == truth[:1007] + truth[1008:]


@pytest.mark.parametrize(
    ("field", "value"), [("tags", "none"), *(pytest.param(*variant, marks=pytest.mark.slow) for variant in MISTYPED)]
)
@pytest.mark.fault("D1")
def test_an_optional_field_of_another_type_is_dropped_with_one_event(
    crawl: Crawl, pretend: Simulation, field: str, value: object
) -> None:
    pretend.faults([make_fault("change_type", field=field, value=value)])
    done = crawl(*TOP)
    assert done.outcome["status"] == "complete"
    assert done.rows("SELECT kind, after FROM quality_event WHERE kind <> 'self_loop'") == [
        ("schema_type_change", field)
    ]


@pytest.mark.fault("C8")
def test_an_empty_page_with_a_next_page_is_requested_again(crawl: Crawl, pretend: Simulation) -> None:
    pretend.faults([make_fault("empty_page_with_next")])
    done = crawl(*TOP)
    assert (done.outcome["status"], done.outcome["listed"], done.outcome["pages"]) == ("complete", 3000, 4)


@pytest.mark.fault("C8")
def test_a_page_that_stays_empty_is_accepted_and_fails_the_gate(crawl: Crawl, pretend: Simulation) -> None:
    pretend.faults([make_fault("empty_page_with_next", times=3)])
    done = crawl("snapshot", HUB, "--top", "2000", "--retry-for", "1.5", "--quiet")
    assert (done.outcome["status"], done.outcome["listed"]) == ("partial", 2000)
    assert "G2 transport" in str(done.outcome["reason"])


@pytest.mark.fault("C8", "D7")
def test_an_empty_list_is_a_failure(crawl: Crawl, pretend: Simulation) -> None:
    pretend.faults([make_fault("status", request=2, code=200, body=[], content_type="application/json", times=3)])
    done = crawl(*TOP)
    assert (done.exit_code, done.outcome["status"], done.outcome["listed"]) == (1, "failed", 0)


def test_the_text_output_states_the_reason_of_a_failure(crawl: Crawl, pretend: Simulation) -> None:
    pretend.faults([make_fault("status", request=2, code=200, body=[], content_type="application/json", times=3)])
    output = crawl(*TOP, form="text").output
    assert output.startswith(f"failed   {HUB}\n")
    assert "G5 size: 0 ranks" in output


@pytest.mark.fault("C12")
def test_a_page_size_that_the_server_reduces_is_followed(crawl: Crawl, pretend: Simulation) -> None:
    pretend.faults([make_fault("clamp", request=2, size=400, times=-1)])
    done = crawl(*TOP)
    assert (done.outcome["status"], done.outcome["listed"], done.outcome["pages"]) == ("complete", 3000, 9)


@pytest.mark.slow
@pytest.mark.parametrize(("registry", "k", "request_number"), [(HUB, 3450, 5), (HUB, 100, 2), ("npm", 300, 3)])
@pytest.mark.fault("C12")
def test_a_page_with_lost_rows_is_requested_again(
    crawl: Crawl, pretend: Simulation, registry: str, k: int, request_number: int
) -> None:
    api = "huggingface" if registry == HUB else "ecosystems"
    pretend.faults([{"api": api, "request": request_number, "kind": "short_page", "n": 20}])
    done = crawl("snapshot", registry, "--top", str(k), "--delay", "0", "--retry-for", "1.5", "--quiet")
    truth = pretend.truth(HUB if registry == HUB else "npm.example", by="downloads", k=k)
    assert done.outcome["status"] == "complete"
    assert {row[1] for row in done.ranking()} == {row["id"] for row in truth}


@pytest.mark.fault("C12")
def test_rows_lost_every_time_are_detected_from_the_cursor_of_the_next_page(crawl: Crawl, pretend: Simulation) -> None:
    pretend.faults([make_fault("short_page", request=2, n=20, times=2)])
    done = crawl("snapshot", HUB, "--top", "100", "--quiet")
    assert done.outcome["status"] == "partial"
    assert "1 whose next page starts after another row than their last" in str(done.outcome["reason"])
    assert done.rows("SELECT kind FROM v1_quality_event WHERE severity = 'warning'") == [("rows_lost",)]


@pytest.mark.fault("C12")
def test_a_census_with_lost_rows_is_partial(crawl: Crawl, pretend: Simulation) -> None:
    pretend.faults([make_fault("short_page", request=2, n=20, times=-1)])
    done = crawl("snapshot", HUB, "--full", "--quiet")
    assert done.outcome["status"] == "partial"
    assert "G2 transport" in str(done.outcome["reason"])
    assert done.rows("SELECT DISTINCT kind FROM v1_quality_event WHERE severity = 'warning'") == [("rows_lost",)]


@pytest.mark.ci
@pytest.mark.parametrize("kind", ["bomb", pytest.param("endless", marks=pytest.mark.slow)])
@pytest.mark.fault("C11")
def test_an_endless_body_is_discarded(crawl: Crawl, pretend: Simulation, kind: str) -> None:
    size = {"megabytes": 300} if kind == "bomb" else {}
    pretend.faults([make_fault(kind, request=2, times=-1, **size)])
    done = crawl(*TOP)
    assert (done.exit_code, done.outcome["status"]) == (1, "failed")


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.2:9/x", "http://169.254.169.254/latest",
     *(pytest.param(target, marks=pytest.mark.slow) for target in ELSEWHERE)],
)  # fmt: skip
@pytest.mark.fault("C10", "E11")
def test_a_redirect_to_another_host_is_not_followed(crawl: Crawl, pretend: Simulation, target: str) -> None:
    pretend.faults([make_fault("redirect", location=target)])
    done = crawl(*TOP)
    assert (done.exit_code, done.outcome["status"]) == (3, "partial")
    assert "another host" in str(done.outcome["reason"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "target",
    [
        "http:////127.0.0.2/",
        *(pytest.param(variant, marks=pytest.mark.slow) for variant in ("\\\\127.0.0.2\\x", "///127.0.0.2/")),
    ],
)
@pytest.mark.fault("C10", "E11")
def test_a_redirect_that_only_looks_like_another_host_is_a_path_on_the_same_host(
    crawl: Crawl, pretend: Simulation, target: str
) -> None:
    assert_partial(crawl, pretend, "(404)", make_fault("redirect", location=target))
    assert "127.0.0.2" in pretend.requests("huggingface")[-1]["path"]


@pytest.mark.parametrize(
    ("code", "exit_code"), [(401, 1), (404, 1), *(pytest.param(code, 1, marks=pytest.mark.slow) for code in (403, 418))]
)
def test_a_refused_request_ends_in_one_clear_error_and_a_failed_snapshot(
    crawl: Crawl, pretend: Simulation, code: int, exit_code: int
) -> None:
    pretend.faults([make_fault("status", request=1, code=code)])
    done = crawl(*TOP)
    assert (done.exit_code, done.outcome["status"]) == (exit_code, "failed")
    assert str(code) in done.outcome["error"]["what"]
    assert done.rows("SELECT status, depth FROM snapshot") == [("failed", 0)]


@pytest.mark.fault("C16")
def test_a_crawl_whose_token_expires_can_be_resumed(crawl: Crawl, pretend: Simulation) -> None:
    pretend.faults([make_fault("status", code=401, body='{"error":"Invalid credentials in Authorization header"}')])
    done = crawl(*TOP)
    assert (done.exit_code, done.outcome["status"]) == (3, "open")
    assert "HF_TOKEN" in done.outcome["error"]["fix"]


@pytest.mark.fault("C11")
def test_a_census_that_does_not_end_is_partial_with_the_reason(
    crawl: Crawl, pretend: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HuggingFaceCensusSpider, "max_pages", 3)
    done = crawl("snapshot", HUB, "--full")
    assert (done.exit_code, done.outcome["status"]) == (3, "partial")
    assert str(done.outcome["reason"]).startswith("endless: The list of huggingface/models does not end.")

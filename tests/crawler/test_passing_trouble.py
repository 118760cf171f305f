"""Trouble that passes: what could not be read is not absent, and what was read is not thrown away."""

from __future__ import annotations

import pytest

from tests.crawler.conftest import HUB, Crawl
from tests.simulated import Simulation

CENSUS = ("snapshot", HUB, "--full", "--retry-for", "1.5", "--quiet")
LIST = ("snapshot", HUB, "--top", "3000", "--retry-for", "1.5", "--quiet")
PACKAGES = ("snapshot", "npm", "--top", "300", "--delay", "0", "--retry-for", "1", "--quiet")
LONG = pytest.mark.ci


def on_hub(kind: str, request: int = 1, **options: object) -> dict[str, object]:
    """Return a fault of the Hub, by default at each request."""
    return {"api": "huggingface", "kind": kind, "request": request, "times": -1, **options}


def on_ecosystems(kind: str, path: str = "", **options: object) -> dict[str, object]:
    """Return a fault of each request of Ecosyste.ms with a path."""
    return {"api": "ecosystems", "kind": kind, "path": path, "times": -1, **options}


@pytest.mark.parametrize(
    "form",
    [
        '<{url}>; type="application/json"; rel="last next"',
        *(
            pytest.param(form, marks=LONG)
            for form in ("<{url}>; rel=next", '<{url}>; REL="Next"', "<{url}>; rel='next'", '</{path}>; rel="next"')
        ),
    ],
)
@pytest.mark.fault("C17")
def test_a_census_is_whole_however_its_next_pages_are_named(crawl: Crawl, pretend: Simulation, form: str) -> None:
    pretend.faults([on_hub("link_form", form=form)])
    done = crawl(*CENSUS)
    assert (done.outcome["status"], done.outcome["listed"]) == ("complete", 3500)


@pytest.mark.parametrize("request_number", [2, pytest.param(1, marks=LONG), pytest.param(4, marks=LONG)])
@pytest.mark.fault("C17")
def test_a_census_whose_pages_name_no_next_page_is_whole(
    crawl: Crawl, pretend: Simulation, request_number: int
) -> None:
    pretend.faults([on_hub("missing_link", request_number)])
    done = crawl(*CENSUS)
    assert (done.outcome["status"], done.outcome["listed"]) == ("complete", 3500)


@LONG
@pytest.mark.fault("C17")
def test_a_list_whose_pages_name_no_next_page_is_whole(crawl: Crawl, pretend: Simulation) -> None:
    pretend.faults([on_hub("missing_link"), on_ecosystems("missing_link"), on_ecosystems("clamp", size=100)])
    truth = pretend.truth(HUB, by="downloads", k=3000)
    assert [row[1] for row in crawl(*LIST).ranking()] == [row["id"] for row in truth]
    names = crawl("snapshot", "npm", "--full", "--delay", "0", "--quiet")
    assert (names.outcome["status"], names.outcome["listed"]) == ("complete", 400)


@LONG
@pytest.mark.fault("C17")
def test_a_cursor_that_the_server_refuses_leaves_the_census_open(crawl: Crawl, pretend: Simulation) -> None:
    pretend.faults([on_hub("missing_link"), on_hub("status", 4, code=400)])
    done = crawl(*CENSUS)
    assert (done.exit_code, done.outcome["status"], done.outcome["listed"]) == (3, "open", 999)
    assert crawl(*CENSUS, "--resume").outcome["status"] == "partial"


@LONG
@pytest.mark.fault("C8")
def test_an_empty_page_in_the_middle_is_requested_again(crawl: Crawl, pretend: Simulation) -> None:
    pretend.faults([on_hub("status", 4, code=200, body=[], content_type="application/json", times=2)])
    done = crawl(*CENSUS)
    assert (done.outcome["status"], done.outcome["listed"]) == ("complete", 3500)


@LONG
@pytest.mark.parametrize("code", [202, 204, 206, 421, 425, 499, 507, 526, 529, 599])
@pytest.mark.fault("C18")
def test_a_status_that_passes_leaves_the_census_complete(crawl: Crawl, pretend: Simulation, code: int) -> None:
    pretend.faults([on_hub("status", 4, code=code, times=1)])
    done = crawl(*CENSUS)
    assert (done.outcome["status"], done.outcome["listed"]) == ("complete", 3500)


@LONG
@pytest.mark.parametrize("code", [403, 404, 410, 422, 507, 599])
@pytest.mark.fault("C18")
def test_a_refusal_in_the_middle_leaves_a_census_that_can_be_resumed(
    crawl: Crawl, pretend: Simulation, code: int
) -> None:
    pretend.faults([on_hub("status", 4, code=code)])
    broken = crawl(*CENSUS)
    assert (broken.exit_code, broken.outcome["status"]) == (3, "open")
    pretend.reset()
    assert crawl(*CENSUS, "--resume").outcome["status"] == "complete"


@LONG
@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate", "gzip, br"])
@pytest.mark.fault("C18")
def test_a_body_that_cannot_be_decoded_is_requested_again(crawl: Crawl, pretend: Simulation, coding: str) -> None:
    pretend.faults([on_hub("wrong_encoding", 3, coding=coding, times=2)])
    done = crawl(*CENSUS)
    assert (done.outcome["status"], done.outcome["listed"]) == ("complete", 3500)


@LONG
@pytest.mark.fault("C18")
def test_a_server_that_asks_for_no_wait_is_not_stormed(crawl: Crawl, pretend: Simulation) -> None:
    pretend.faults([on_hub("status", 3, code=503, headers={"Retry-After": "0"}, times=3)])
    assert crawl(*LIST).outcome["status"] == "complete"


@pytest.mark.parametrize(
    ("command", "listed"), [(LIST, 3000), pytest.param(CENSUS, 3500, marks=LONG)], ids=["list", "census"]
)
@pytest.mark.fault("C19")
def test_a_page_that_is_too_heavy_is_read_in_parts(
    crawl: Crawl, pretend: Simulation, command: tuple[str, ...], listed: int
) -> None:
    pretend.faults([on_hub("heavy_page", size=400)])
    done = crawl(*command)
    assert (done.outcome["status"], done.outcome["listed"]) == ("complete", listed)


@LONG
@pytest.mark.parametrize("command", [LIST, CENSUS], ids=["list", "census"])
@pytest.mark.fault("C19")
def test_a_row_that_fails_beside_others_is_read_alone(
    crawl: Crawl, pretend: Simulation, command: tuple[str, ...]
) -> None:
    poison = pretend.truth(HUB, by="downloads", k=1234)[-1]["id"]
    pretend.faults([on_hub("poison_row", row=poison)])
    done = crawl(*command)
    assert done.outcome["status"] == "complete"
    assert done.rows("SELECT count(*) FROM package WHERE stable_id = ?", poison) == [(1,)]
    assert len(pretend.requests("huggingface")) < 150, "the pages grow again"


@LONG
@pytest.mark.parametrize("single_fails", [False, True])
@pytest.mark.fault("C19")
def test_the_counters_around_a_row_that_fails_are_read(crawl: Crawl, pretend: Simulation, single_fails: bool) -> None:
    poison = [row["id"] for row in pretend.truth("npm.example", k=150) if "@" not in row["id"]][-1]
    alone = [on_ecosystems("status", f"/packages/{poison}", code=500)] if single_fails else []
    pretend.faults([on_ecosystems("poison_row", "/packages?", row=poison), *alone])
    done = crawl(*PACKAGES)
    assert (done.outcome["status"], done.outcome["listed"]) == ("complete", 300)
    assert done.rows("SELECT count(*) FROM ranking WHERE downloads IS NULL") == [(int(single_fails),)]


@LONG
@pytest.mark.fault("C19")
def test_names_come_in_smaller_pages_and_a_first_row_that_fails_is_passed_over(
    crawl: Crawl, pretend: Simulation
) -> None:
    first = on_ecosystems("status", "per_page=1&page=1", code=500)
    pretend.faults([on_ecosystems("heavy_page", "package_names", size=160), first])
    done = crawl(*PACKAGES)
    assert (done.outcome["status"], done.outcome["listed"]) == ("complete", 300)


@LONG
@pytest.mark.fault("C19")
def test_a_server_that_fails_for_good_is_not_asked_for_every_page(crawl: Crawl, pretend: Simulation) -> None:
    pretend.faults([on_ecosystems("status", "/packages", code=500, request=5)])
    done = crawl(*PACKAGES)
    assert (done.exit_code, done.outcome["status"]) == (3, "open")
    assert done.outcome["error"]["reason"] == "server failing"  # type: ignore[index]
    assert len(pretend.requests("ecosystems")) < 60

"""A card is requested once for each commit, and each response gives the state that it shows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from scrapy import Request
from scrapy.http import Response

from crawler.cards.listing import first_list_url
from crawler.cards.recorder import CardRecorder
from crawler.cards.spider import MAX_DOWNLOAD_BYTES, CardSpider, classify_failure, classify_response, observe_card
from crawler.errors import CrawlError, resume_hint
from crawler.plan import CrawlPlan
from crawler.response import HttpResponse
from crawler.spiders.huggingface import HuggingFaceSpider
from db.store.cards import MAX_CARD_BYTES, PendingCard, blob_hash
from tests.crawler.conftest import HUB, Crawl, CrawlRun, environment
from tests.simulated import Simulation

K = "40"
SNAPSHOT_COMMAND = ("snapshot", HUB, "--top", K, "--quiet")
CARDS_COMMAND = ("cards", HUB, "--top", K, "--patience", "1.5", "--quiet")
CARD = PendingCard(7, "a/b", "0f", 100)


@pytest.fixture(scope="module")
def pretend() -> Iterator[Simulation]:
    """Yield a small simulated Hub, shared by the tests of this module."""
    with Simulation(models=120, datasets=5, spaces=20, packages=5, quota=10**6) as running:
        yield running


@pytest.fixture
def crawl_cards(crawl: Crawl, pretend: Simulation) -> Callable[[], CrawlRun]:
    """Take a ranking, then crawl its cards. Only the requests of the card crawl are logged."""

    def run() -> CrawlRun:
        assert crawl(*SNAPSHOT_COMMAND).exit_code == 0
        pretend.reset()
        return crawl(*CARDS_COMMAND)

    return run


def requested_paths(pretend: Simulation) -> list[str]:
    return [str(request["path"]) for request in pretend.requests("huggingface")]


def state_counts(done: CrawlRun) -> dict[str, int]:
    return done.outcome["cards"]["found"]  # type: ignore[index, return-value]


def make_response(status: int = 200, body: bytes = b"", **headers: str) -> HttpResponse:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse("https://hub.example/a/b", status, names, body, 123)


def test_a_second_crawl_of_unchanged_cards_requests_nothing(
    crawl_cards: Callable[[], CrawlRun], crawl: Crawl, pretend: Simulation
) -> None:
    first = crawl_cards()
    assert (first.exit_code, sum(state_counts(first).values())) == (0, 40)
    assert set(state_counts(first)) == {"card", "none"}
    assert len(requested_paths(pretend)) == 1 + 2 * state_counts(first)["card"], (
        "the list, and no request for a missing card"
    )
    assert not [path for path in requested_paths(pretend) if "config.json" in path]
    second = crawl_cards()
    assert (second.exit_code, second.outcome["cards"]["unchanged"], requested_paths(pretend)) == (0, 40, [])  # type: ignore[index]

    name = next(row["name"] for row in pretend.truth(HUB, k=40) if row["name"] in stored_card_names(first))
    time.sleep(1)  # a package has one card in a second
    for _ in range(2):  # every second commit changes the card
        pretend.mutate(registry=HUB, name=name, action="edit")
    time.sleep(1)
    third = crawl_cards()
    assert sum(state_counts(third).values()) == 1
    listed, *paths = requested_paths(pretend)
    assert listed == "/api/models" and paths
    assert all(path.startswith((f"/{name}/resolve/", f"/api/resolve-cache/models/{name}/")) for path in paths)
    history = third.rows("SELECT valid_to IS NULL, card_id FROM card_revision JOIN package USING (package_id)"
                         " WHERE name = ? ORDER BY valid_from", name)  # fmt: skip
    assert [newest for newest, _ in history] == [0, 1] and len({card for _, card in history}) == 2


def test_the_clock_of_the_registry_dates_a_collection(crawl: Crawl) -> None:
    clock = ("--top", "5", "--quiet", "--clock", "registry")
    with Simulation(models=20, start="2026-01-05") as long_ago:
        for command in ("snapshot", "cards"):
            done = crawl(command, HUB, *clock, env=environment(long_ago))
            assert done.exit_code == 0
    dates = "SELECT DISTINCT date(taken_at, 'unixepoch'), date(fetched_at, 'unixepoch') FROM card_collection"
    assert done.rows(f"{dates} JOIN card_revision USING (collection_id)") == [("2026-01-05", "2026-01-05")]


def test_a_stopped_card_crawl_names_no_option_that_its_command_lacks() -> None:
    assert (
        resume_hint(CardSpider(CrawlPlan("huggingface/models", 1), [], None).has_resume_option)
        == "run the same command again"
    )
    assert (
        resume_hint(HuggingFaceSpider(CrawlPlan("huggingface/models", 1)).has_resume_option)
        == "run the same command with --resume"
    )


def stored_card_names(done: CrawlRun) -> list[str]:
    return [
        str(name)
        for (name,) in done.rows("SELECT name FROM card_revision JOIN package USING (package_id) WHERE state = 'card'")
    ]


def test_cards_are_stored_unchanged_under_their_git_hash(
    crawl_cards: Callable[[], CrawlRun], pretend: Simulation
) -> None:
    names = [row["name"] for row in pretend.truth(HUB, k=40)]
    texts = {names[0]: "# Tiny\n", names[1]: "x" * (MAX_CARD_BYTES + 1), names[2]: "---\nlicense: mit\n---\nÜ"}
    for name, text in texts.items():
        pretend.mutate(registry=HUB, name=name, set={"card": text})
    done = crawl_cards()
    statement = "SELECT name, blob, size, truncated FROM v1_card WHERE state = 'card'"
    stored = {name: rest for name, *rest in done.rows(statement)}
    for name, text in texts.items():
        if name in stored:
            content = text.encode()
            assert stored[name] == [blob_hash(content), len(content), int(len(content) > MAX_CARD_BYTES)]
    assert set(texts) & set(stored)


@pytest.mark.slow
@pytest.mark.fault("E1")
def test_a_card_too_large_to_fetch_is_recorded_and_not_requested_again(
    crawl_cards: Callable[[], CrawlRun], pretend: Simulation
) -> None:
    first = crawl_cards()
    name = stored_card_names(first)[0]
    pretend.mutate(registry=HUB, name=name, action="edit")
    pretend.mutate(registry=HUB, name=name, set={"card": "x" * (MAX_DOWNLOAD_BYTES + 1)})
    assert state_counts(crawl_cards()) == {"huge": 1}
    assert crawl_cards().outcome["cards"]["unchanged"] == 40  # type: ignore[index]
    pretend.mutate(registry=HUB, name=name, set={"card": "small again"})


@pytest.mark.fault("D2", "D4")
def test_a_renamed_repository_is_found_and_a_deleted_one_is_missing(crawl: Crawl, pretend: Simulation) -> None:
    done = crawl(*SNAPSHOT_COMMAND)
    (renamed,), (deleted,) = done.rows("SELECT name FROM package WHERE sha IS NOT NULL ORDER BY downloads DESC LIMIT 2")
    pretend.mutate(registry=HUB, name=renamed, action="rename", to=f"{renamed}-moved")
    pretend.mutate(registry=HUB, name=deleted, action="delete")
    done = crawl(*CARDS_COMMAND)
    states = dict(done.rows("SELECT name, state FROM card_revision JOIN package USING (package_id)"))
    assert states[renamed] in ("card", "none")
    assert states[deleted] == "missing"
    assert done.exit_code == 0


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "code": 503},
        pytest.param({"kind": "truncate", "fraction": 0.5}, marks=pytest.mark.slow),
        pytest.param({"kind": "truncate_gzip", "fraction": 0.9}, marks=pytest.mark.slow),
        pytest.param({"kind": "reset"}, marks=pytest.mark.slow),
    ],
)
@pytest.mark.fault("C5", "C6")
def test_a_temporary_fault_leaves_no_trace(crawl: Crawl, pretend: Simulation, fault: dict[str, object]) -> None:
    crawl(*SNAPSHOT_COMMAND)
    pretend.reset()
    pretend.faults([{"api": "huggingface", "request": number, **fault} for number in (1, 2, 3)])
    done = crawl(*CARDS_COMMAND)
    assert (done.exit_code, done.outcome["cards"]["status"]) == (0, "complete")  # type: ignore[index]
    assert sum(state_counts(done).values()) == 40


@pytest.mark.slow
@pytest.mark.fault("C5")
def test_a_hub_that_is_down_ends_the_crawl_and_the_next_crawl_continues(crawl: Crawl, pretend: Simulation) -> None:
    crawl(*SNAPSHOT_COMMAND)
    pretend.reset()
    pretend.faults([{"api": "huggingface", "request": 9, "kind": "status", "code": 500, "times": 1000}])
    broken = crawl(*CARDS_COMMAND)
    assert broken.exit_code in (1, 3) and broken.outcome["cards"]["error"]  # type: ignore[index]
    pretend.reset()
    done = crawl(*CARDS_COMMAND)
    assert done.exit_code == 0
    counted = Counter(state for (state,) in done.rows("SELECT state FROM card_revision"))
    assert counted.total() == 40 and set(counted) <= {"card", "none", "missing"}


@pytest.mark.parametrize(("registry", "words"), [("huggingface/datasets", "download"), (HUB, "crawl snapshot")])
def test_a_registry_without_cards_or_ranking_is_refused_with_the_reason(
    crawl: Crawl, registry: str, words: str
) -> None:
    done = crawl("cards", registry)
    assert done.exit_code == 2 and words in done.errors


@pytest.mark.parametrize(
    ("status", "headers", "state"),
    [
        (200, {}, "card"),
        (200, {"x-repo-commit": "another"}, "missing"),
        (404, {"x-error-code": "EntryNotFound"}, "none"),
        (404, {"x-error-code": "RevisionNotFound"}, "missing"),
        (404, {"x-error-code": "RepoNotFound"}, "missing"),
        (404, {}, ""),
        (403, {"server": "a firewall"}, ""),
        (404, {"x-error-message": "Not found"}, "missing"),
        (401, {"x-error-message": "Invalid username or password."}, "missing"),
        (401, {"x-error-code": "GatedRepo"}, "gated"),
        (403, {"x-error-code": "GatedRepo"}, "gated"),
        (403, {"x-error-message": "Access to this resource is disabled."}, "gated"),
    ],
)
def test_every_response_has_its_state(status: int, headers: dict[str, str], state: str) -> None:
    assert classify_response(status, headers, "0f") == state


@pytest.mark.fault("C16")
def test_a_refused_token_is_an_error_of_the_crawl_and_not_of_a_card() -> None:
    with pytest.raises(CrawlError):
        classify_response(401, {"x-error-message": "Invalid credentials in Authorization header"}, "0f")


@pytest.mark.fault("C10", "E11")
def test_a_card_on_another_host_is_not_fetched_and_a_temporary_failure_has_no_state() -> None:
    assert classify_failure(CrawlError("sent on", gate="next_other_host")) == "elsewhere"
    assert classify_failure(CrawlError("kept failing")) == classify_failure(TimeoutError()) == ""


@pytest.mark.fault("G1")
def test_the_message_of_a_refusal_is_stored_without_email_addresses() -> None:
    observation = observe_card(
        CARD, make_response(401, x_error_code="GatedRepo", x_error_message="Ask jo@mail.example.org")
    )
    assert (observation.state, observation.note, observation.sha, observation.at) == (
        "gated",
        "Ask [address removed]",
        "0f",
        100,
    )
    assert observe_card(CARD, make_response(body=b"", x_repo_commit="0f")).text is not None


def test_a_list_that_goes_on_at_another_host_is_not_followed_and_each_card_is_requested() -> None:
    plan = CrawlPlan("huggingface/models", 2000, endpoint="https://hub.example")
    recorder = CardRecorder.__new__(CardRecorder)
    recorder.date_collection = lambda moment: None
    spider = CardSpider(plan, [PendingCard(1, "a/b", "0f", 0)], recorder)
    link = {"link": '<https://elsewhere.example/api/models?cursor=x>; rel="next"'}
    url = first_list_url(plan)
    answer = HttpResponse(url, 200, link, b"[]", 0)
    requests = list(spider.parse_list(Response(url, request=Request(url, meta={"answer": answer}))))
    assert [request.url for request in requests] == ["https://hub.example/a/b/resolve/0f/README.md"]
    assert spider.crawl_error is None

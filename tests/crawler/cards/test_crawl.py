"""Cards are asked for once for each commit, and what is found in their place is kept as what it is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from crawler.cards.spider import MAX_DOWNLOAD_BYTES, CardSpider, classify_failure, classify_response, observe_card
from crawler.errors import CrawlError, resume_hint
from crawler.plan import CrawlPlan
from crawler.response import HttpResponse
from crawler.spiders.huggingface import HuggingFaceSpider
from db.store.cards import MAX_CARD_BYTES, PendingCard, blob_hash
from tests.crawler.conftest import HUB, Crawl, Crawled
from tests.simulated import Simulation

K = "40"
LIST = ("snapshot", HUB, "--top", K, "--quiet")
LOOK = ("cards", HUB, "--top", K, "--patience", "1.5", "--quiet")
WANTED = PendingCard(7, "a/b", "0f", 100)


@pytest.fixture(scope="module")
def pretend() -> Iterator[Simulation]:
    """A small Hub, the same for all tests of this module."""
    with Simulation(models=120, datasets=5, spaces=20, packages=5, quota=10**6) as running:
        yield running


@pytest.fixture
def looked(crawl: Crawl, pretend: Simulation) -> Callable[[], Crawled]:
    """Take a list, then look at its cards; the requests of the look alone are remembered."""

    def run() -> Crawled:
        assert crawl(*LIST).exit_code == 0
        pretend.reset()
        return crawl(*LOOK)

    return run


def asked(pretend: Simulation) -> list[str]:
    return [str(one["path"]) for one in pretend.requests("huggingface")]


def found(done: Crawled) -> dict[str, int]:
    return done.outcome["cards"]["found"]  # type: ignore[index, return-value]


def answer(status: int = 200, body: bytes = b"", **headers: str) -> HttpResponse:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse("https://hub.example/a/b", status, names, body, 123)


def test_a_second_look_at_unchanged_cards_asks_for_nothing(
    looked: Callable[[], Crawled], crawl: Crawl, pretend: Simulation
) -> None:
    first = looked()
    assert (first.exit_code, sum(found(first).values())) == (0, 40)
    assert set(found(first)) == {"card", "none"}
    assert len(asked(pretend)) == 1 + 2 * found(first)["card"], "the list, and no request for a card that is not there"
    assert not [path for path in asked(pretend) if "config.json" in path]
    second = looked()
    assert (second.exit_code, second.outcome["cards"]["unchanged"], asked(pretend)) == (0, 40, [])  # type: ignore[index]

    name = next(row["name"] for row in pretend.truth(HUB, k=40) if row["name"] in asked_names(first))
    for _ in range(2):  # every second commit writes another card
        pretend.mutate(registry=HUB, name=name, action="edit")
    time.sleep(1)  # a package has one card in a second
    third = looked()
    assert sum(found(third).values()) == 1
    listed, *paths = asked(pretend)
    assert listed == "/api/models" and paths
    assert all(path.startswith((f"/{name}/resolve/", f"/api/resolve-cache/models/{name}/")) for path in paths)
    history = third.rows("SELECT valid_to IS NULL, card_id FROM card_revision JOIN package USING (package_id)"
                         " WHERE name = ? ORDER BY valid_from", name)  # fmt: skip
    assert [newest for newest, _ in history] == [0, 1] and len({card for _, card in history}) == 2


def test_a_look_that_is_stopped_names_no_option_it_lacks() -> None:
    assert (
        resume_hint(CardSpider(CrawlPlan("huggingface/models", 1), [], None).has_resume_option)
        == "run the same command again"
    )
    assert (
        resume_hint(HuggingFaceSpider(CrawlPlan("huggingface/models", 1)).has_resume_option)
        == "run the same command with --resume"
    )


def asked_names(done: Crawled) -> list[str]:
    return [
        str(name)
        for (name,) in done.rows("SELECT name FROM card_revision JOIN package USING (package_id) WHERE state = 'card'")
    ]


def test_cards_are_stored_as_they_are_under_the_hash_git_gives_them(
    looked: Callable[[], Crawled], pretend: Simulation
) -> None:
    names = [row["name"] for row in pretend.truth(HUB, k=40)]
    texts = {names[0]: "# Tiny\n", names[1]: "x" * (MAX_CARD_BYTES + 1), names[2]: "---\nlicense: mit\n---\nÜ"}
    for name, text in texts.items():
        pretend.mutate(registry=HUB, name=name, set={"card": text})
    done = looked()
    statement = "SELECT name, blob, size, truncated FROM v1_card WHERE state = 'card'"
    stored = {name: rest for name, *rest in done.rows(statement)}
    for name, text in texts.items():
        if name in stored:
            content = text.encode()
            assert stored[name] == [blob_hash(content), len(content), int(len(content) > MAX_CARD_BYTES)]
    assert set(texts) & set(stored)


@pytest.mark.slow
@pytest.mark.fault("E1")
def test_a_card_too_large_to_fetch_is_noted_and_not_asked_for_again(
    looked: Callable[[], Crawled], pretend: Simulation
) -> None:
    first = looked()
    name = asked_names(first)[0]
    pretend.mutate(registry=HUB, name=name, action="edit")
    pretend.mutate(registry=HUB, name=name, set={"card": "x" * (MAX_DOWNLOAD_BYTES + 1)})
    assert found(looked()) == {"huge": 1}
    assert looked().outcome["cards"]["unchanged"] == 40  # type: ignore[index]
    pretend.mutate(registry=HUB, name=name, set={"card": "small again"})


@pytest.mark.fault("D2", "D4")
def test_a_renamed_repository_is_found_and_one_that_went_is_missing(crawl: Crawl, pretend: Simulation) -> None:
    done = crawl(*LIST)
    (renamed,), (deleted,) = done.rows("SELECT name FROM package WHERE sha IS NOT NULL ORDER BY downloads DESC LIMIT 2")
    pretend.mutate(registry=HUB, name=renamed, action="rename", to=f"{renamed}-moved")
    pretend.mutate(registry=HUB, name=deleted, action="delete")
    done = crawl(*LOOK)
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
def test_a_fault_that_passes_leaves_no_trace(crawl: Crawl, pretend: Simulation, fault: dict[str, object]) -> None:
    crawl(*LIST)
    pretend.reset()
    pretend.faults([{"api": "huggingface", "request": number, **fault} for number in (1, 2, 3)])
    done = crawl(*LOOK)
    assert (done.exit_code, done.outcome["cards"]["status"]) == (0, "complete")  # type: ignore[index]
    assert sum(found(done).values()) == 40


@pytest.mark.slow
@pytest.mark.fault("C5")
def test_a_hub_that_is_down_ends_the_look_and_the_next_one_goes_on(crawl: Crawl, pretend: Simulation) -> None:
    crawl(*LIST)
    pretend.reset()
    pretend.faults([{"api": "huggingface", "request": 9, "kind": "status", "code": 500, "times": 1000}])
    broken = crawl(*LOOK)
    assert broken.exit_code in (1, 3) and broken.outcome["cards"]["error"]  # type: ignore[index]
    pretend.reset()
    done = crawl(*LOOK)
    assert done.exit_code == 0
    counted = Counter(state for (state,) in done.rows("SELECT state FROM card_revision"))
    assert counted.total() == 40 and set(counted) <= {"card", "none", "missing"}


@pytest.mark.parametrize(("registry", "said"), [("huggingface/datasets", "download"), (HUB, "crawl snapshot")])
def test_what_cannot_be_looked_at_says_why(crawl: Crawl, registry: str, said: str) -> None:
    done = crawl("cards", registry)
    assert done.exit_code == 2 and said in done.errors


@pytest.mark.parametrize(
    ("status", "headers", "state"),
    [
        (200, {}, "card"),
        (200, {"x-repo-commit": "another"}, "missing"),
        (404, {"x-error-code": "EntryNotFound"}, "none"),
        (404, {"x-error-code": "RevisionNotFound"}, "missing"),
        (404, {"x-error-code": "RepoNotFound"}, "missing"),
        (404, {}, "missing"),
        (401, {"x-error-message": "Invalid username or password."}, "missing"),
        (401, {"x-error-code": "GatedRepo"}, "gated"),
        (403, {"x-error-code": "GatedRepo"}, "gated"),
        (403, {"x-error-message": "Access to this resource is disabled."}, "gated"),
    ],
)
def test_every_answer_has_its_state(status: int, headers: dict[str, str], state: str) -> None:
    assert classify_response(status, headers, "0f") == state


@pytest.mark.fault("C16")
def test_a_token_that_is_not_accepted_is_our_fault_and_not_the_cards() -> None:
    with pytest.raises(CrawlError):
        classify_response(401, {"x-error-message": "Invalid credentials in Authorization header"}, "0f")


@pytest.mark.fault("C10", "E11")
def test_a_card_on_another_host_is_not_fetched_and_a_failure_is_no_state() -> None:
    assert classify_failure(CrawlError("sent on", gate="next_other_host")) == "elsewhere"
    assert classify_failure(CrawlError("kept failing")) == classify_failure(TimeoutError()) == ""


@pytest.mark.fault("G1")
def test_what_a_refusal_says_is_kept_without_addresses() -> None:
    look = observe_card(WANTED, answer(401, x_error_code="GatedRepo", x_error_message="Ask jo@mail.example.org"))
    assert (look.state, look.note, look.sha, look.at) == ("gated", "Ask [address removed]", "0f", 100)
    assert observe_card(WANTED, answer(body=b"", x_repo_commit="0f")).text is not None

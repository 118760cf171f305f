"""Only what everyone sees is stored and counted, whatever a token at hand shows."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from crawler.plan import CrawlPlan
from crawler.spiders.huggingface import HuggingFaceSpider
from db.connection import open_for_writing
from db.store.changes import ChangeStore
from tests.crawler.conftest import HUB, Crawl, CrawlRun, environment
from tests.simulated import Simulation

TOKEN = "hf_" + "p" * 34
LISTS = [
    (HUB, ("--top", "50")),
    *(
        pytest.param(registry, words, marks=pytest.mark.ci)
        for registry, words in [
            (HUB, ("--full",)),
            (HUB, ("--top", "50", "--by", "likes")),
            ("huggingface/datasets", ("--top", "50")),
            ("huggingface/datasets", ("--full",)),
            ("huggingface/spaces", ("--top", "50")),
            ("huggingface/spaces", ("--full",)),
        ]
    ),
]
LARGE = {"downloads": 40_000_000, "likes": 9_000_000, "trendingScore": 900}
HIDDEN_NAMES = ("unpublished", "observer/", "for-members", "secret-base")


def start_hub(**options: object) -> Simulation:
    """Start a small Hub with two private repositories of each kind at the top of every list."""
    hub = Simulation(models=160, datasets=60, spaces=60, packages=5, quota=10**6, **options)
    for kind in ("models", "datasets", "spaces"):
        for name in ("secretlab/unpublished", "observer/draft"):
            create(hub, name, kind, private=True)
    return hub


def create(hub: Simulation, name: str, kind: str = "models", **flags: object) -> None:
    """Create a repository with large counters."""
    registry = f"huggingface/{kind}"
    hub.mutate(registry=registry, name=name, action="create", set={**LARGE, **flags})


@pytest.fixture(scope="module")
def pretend() -> Iterator[Simulation]:
    """Yield a Hub that shows private repositories to the sender of a token."""
    with start_hub() as running:
        yield running


@pytest.fixture(scope="module")
def grouped() -> Iterator[Simulation]:
    """Yield a Hub that also has resource groups: one repository is for members only, and one is public."""
    with start_hub() as running:
        for kind in ("models", "datasets", "spaces"):
            create(running, "secretlab/for-members", kind, members_only=True, resource_group="team")
            create(running, "secretlab/released", kind, resource_group="team")
        yield running


def wait_for_census(words: tuple[str, ...]) -> None:
    """Wait until a census lists what was created just before: it leaves out the second in which it begins."""
    time.sleep(1 if "--full" in words else 0)


def sending_token(hub: Simulation) -> dict[str, str]:
    """Return the environment of a command that sends a token."""
    return environment(hub, HF_TOKEN=TOKEN)


def assert_nothing_hidden(store: Path) -> None:
    """Assert that no hidden name is in any column of a store, nor anywhere in its files."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
        texts = ["\n".join(connection.iterdump())]
    texts += [path.read_bytes().decode("latin-1") for path in store.parent.glob(f"{store.name}*")]
    assert [name for name in HIDDEN_NAMES for text in texts if name in text] == []


def assert_same_list(done: CrawlRun, public: CrawlRun) -> None:
    """Assert that two crawls stored the same complete list."""
    assert (done.exit_code, done.outcome["status"]) == (0, "complete")
    assert done.ranking() == public.ranking()
    assert done.rows("SELECT digest, depth FROM snapshot") == public.rows("SELECT digest, depth FROM snapshot")
    assert_nothing_hidden(done.db)


def authorized(hub: Simulation, path: str = "/api/") -> list[object]:
    """Return for each request of a path whether it carried a token."""
    return [request["authorization"] for request in hub.requests("huggingface") if path in str(request["path"])]


@pytest.mark.ci
def test_the_official_client_sees_private_repositories_with_a_token_only(grouped: Simulation) -> None:
    names = {
        token: {row.id: row.private for row in HfApi(grouped.huggingface, token=token).list_models(author="secretlab")}
        for token in (TOKEN, False)
    }
    assert names[False] == {"secretlab/released": False}
    assert names[TOKEN] == names[False] | {"secretlab/unpublished": True, "secretlab/for-members": False}
    group = HfApi(grouped.huggingface, token=TOKEN).model_info("secretlab/released", expand=["resourceGroup"])
    assert group.resource_group == {"id": "team", "name": "team"}


@pytest.mark.parametrize(("registry", "words"), LISTS)
@pytest.mark.fault("G8")
def test_private_rows_that_a_token_shows_are_dropped_and_counted(
    crawl: Crawl, pretend: Simulation, registry: str, words: tuple[str, ...]
) -> None:
    wait_for_census(words)
    done = crawl("snapshot", registry, *words, "--quiet", env=sending_token(pretend))
    assert set(authorized(pretend)) == {True}
    public = crawl("snapshot", registry, *words, "--quiet", db="public.db")
    assert_same_list(done, public)
    assert (done.outcome["hidden"], public.outcome["hidden"]) == (2, 0)
    assert done.gate_result("G4 counts")[0] == "pass" and str(done.gate_result("G4 counts")[1]).endswith(" + 2")


@pytest.mark.ci
@pytest.mark.parametrize(("registry", "words"), LISTS)
@pytest.mark.fault("G8")
def test_with_a_resource_group_the_list_is_requested_as_everyone_sees_it(
    crawl: Crawl, grouped: Simulation, registry: str, words: tuple[str, ...]
) -> None:
    wait_for_census(words)
    done = crawl("snapshot", registry, *words, "--quiet", env=sending_token(grouped))
    assert set(authorized(grouped)) == {True, False}
    assert_same_list(done, crawl("snapshot", registry, *words, "--quiet", db="public.db", env=environment(grouped)))
    assert done.rows("SELECT evidence, after FROM quality_event WHERE kind = 'without_token'") == [
        ("a repository belongs to a resource group, so requests carry no token from this page on", "3 rows not public")
    ]
    assert done.rows("SELECT count(*) FROM package WHERE name = 'secretlab/released'") == [(1,)]


@pytest.mark.ci
@pytest.mark.parametrize("words", [("--top", "50"), ("--full",)])
@pytest.mark.fault("G8")
def test_a_private_base_that_a_token_resolves_is_not_stored(crawl: Crawl, words: tuple[str, ...]) -> None:
    with start_hub() as hub:
        create(hub, "secretlab/base", private=True)
        hub.mutate(registry=HUB, name="lab/child", action="create", parents=["secretlab/base"], set=LARGE)
        hub.mutate(registry=HUB, name="secretlab/base", action="rename", to="secretlab/secret-base")
        wait_for_census(words)
        done = crawl("snapshot", HUB, *words, "--quiet", env=sending_token(hub))
        assert_same_list(done, crawl("snapshot", HUB, *words, "--quiet", db="public.db", env=environment(hub)))
    parents = "SELECT parent_id, parent_name FROM lineage_edge JOIN package ON package_id = child_id WHERE name = ?"
    assert done.rows(parents, "lab/child") == [(None, "secretlab/base")]


@pytest.mark.ci
@pytest.mark.parametrize(("registry", "words"), [*LISTS])
@pytest.mark.fault("G8")
def test_rows_are_dropped_where_the_endpoint_itself_sends_a_token(
    crawl: Crawl, registry: str, words: tuple[str, ...]
) -> None:
    with start_hub(access="mirror") as hub:
        wait_for_census(words)
        done = crawl("snapshot", registry, *words, "--quiet", env=environment(hub))
    assert (done.outcome["status"], done.outcome["hidden"]) == ("complete", 2)
    assert_nothing_hidden(done.db)


@pytest.mark.ci
@pytest.mark.parametrize(("registry", "words"), [*LISTS])
@pytest.mark.fault("G8")
def test_an_endpoint_that_insists_on_a_token_shows_no_repository_of_a_resource_group(
    crawl: Crawl, registry: str, words: tuple[str, ...]
) -> None:
    with start_hub(access="login") as hub:
        for kind in ("models", "datasets", "spaces"):
            create(hub, "secretlab/for-members", kind, members_only=True, resource_group="team")
        wait_for_census(words)
        done = crawl("snapshot", registry, *words, "--quiet", env=sending_token(hub))
        refused = crawl("snapshot", registry, *words, "--quiet", db="other.db", env=environment(hub))
    assert (done.outcome["status"], done.outcome["hidden"], refused.exit_code) == ("complete", 3, 1)
    assert_nothing_hidden(done.db)


@pytest.mark.ci
@pytest.mark.fault("G8")
def test_a_hub_that_does_not_state_what_is_private_gets_no_token(crawl: Crawl) -> None:
    with start_hub(no_expand=["private"]) as hub:
        done = crawl("snapshot", HUB, "--top", "50", "--quiet", env=sending_token(hub))
        assert authorized(hub) == [True, False, False]
    assert done.outcome["status"] == "complete"
    assert_nothing_hidden(done.db)


@pytest.mark.fault("G8")
def test_a_crawl_that_an_older_version_began_is_resumed_without_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    plan = CrawlPlan(HUB, 50, endpoint="https://hub.example")
    older = CrawlPlan(HUB, 50, endpoint="https://hub.example", settings={"expand": ["downloads", "likes"]})
    requests = [HuggingFaceSpider(each).make_request("https://hub.example") for each in (plan, older)]
    assert [b"Authorization" in request.headers for request in requests] == [True, False]


def mark_as_missing(done: CrawlRun, name: str) -> None:
    """Open the case of a package that a census no longer lists."""
    with open_for_writing(done.db) as database:
        ((package, seen_at),) = done.rows("SELECT package_id, seen_at FROM package WHERE name = ?", name)
        ChangeStore(database).open_missing([(int(str(package)), int(str(seen_at)), int(str(seen_at)) + 1)])


@pytest.mark.ci
@pytest.mark.parametrize("kind", ["models", "datasets", "spaces"])
@pytest.mark.fault("G8", "D4")
def test_a_repository_that_turns_private_is_gone_for_a_crawl_of_changes(crawl: Crawl, kind: str) -> None:
    with start_hub() as hub:
        create(hub, "secretlab/was-public", kind)
        crawl("snapshot", f"huggingface/{kind}", "--top", "5", "--quiet", env=sending_token(hub))
        key = {"registry": f"huggingface/{kind}", "name": "secretlab/was-public"}
        hub.mutate(**key, action="private")
        hub.mutate(**key, action="edit")
        hub.mutate(**key, action="rename", to="secretlab/unpublished-too")
        done = crawl("changes", f"huggingface/{kind}", "--quiet", env=sending_token(hub))
        mark_as_missing(done, "secretlab/was-public")
        hub.reset()
        done = crawl("changes", f"huggingface/{kind}", "--quiet", env=sending_token(hub))
        assert authorized(hub, f"/api/{kind}/") == [False]
    assert done.outcome["look"]["hidden"] >= 3  # type: ignore[index]
    assert done.rows("SELECT name, state, probes FROM missing_package") == [("secretlab/was-public", "unknown", 1)]
    assert_nothing_hidden(done.db)


@pytest.mark.ci
@pytest.mark.fault("G8", "D4")
def test_no_package_is_probed_where_nobody_is_answered_without_a_token(crawl: Crawl) -> None:
    with start_hub(access="login") as hub:
        create(hub, "lab/was-public")
        done = crawl("snapshot", HUB, "--top", "5", "--quiet", env=sending_token(hub))
        mark_as_missing(done, "lab/was-public")
        hub.mutate(registry=HUB, name="lab/was-public", action="delete")
        done = crawl("changes", HUB, "--quiet", env=sending_token(hub))
    assert done.outcome["look"]["status"] == "caught up"  # type: ignore[index]
    assert done.rows("SELECT state, probes FROM missing_package") == [("unknown", 0)]
    assert done.rows("SELECT count(*) FROM quality_event WHERE kind = 'not_probed'") == [(1,)]


CARDS = ("cards", HUB, "--top", "50", "--quiet")


@pytest.mark.ci
@pytest.mark.parametrize("access", ["everyone", "login"])
@pytest.mark.fault("G8", "F8")
def test_a_card_that_only_a_token_opens_is_not_stored(crawl: Crawl, access: str) -> None:
    with start_hub(access=access) as hub:
        create(hub, "lab/gated", gated="manual", card_gated=True, card="# Only for the granted\n")
        create(hub, "secretlab/soon-private", card="# Soon private\n")
        crawl("snapshot", HUB, "--top", "50", "--quiet", env=sending_token(hub))
        hub.mutate(registry=HUB, name="secretlab/soon-private", action="private")
        hub.reset()
        done = crawl(*CARDS, env=sending_token(hub))
        assert set(authorized(hub, "/resolve/")) == {access == "login"}
    states = dict(done.rows("SELECT name, state FROM card_revision JOIN package USING (package_id)"))
    assert states["lab/gated"] == "gated" and states["secretlab/soon-private"] != "card"
    assert "card" in states.values()


@pytest.mark.ci
@pytest.mark.fault("G8")
def test_cards_that_may_have_been_fetched_with_a_token_are_requested_again(crawl: Crawl, pretend: Simulation) -> None:
    crawl("snapshot", HUB, "--top", "50", "--quiet")
    done = crawl(*CARDS)
    with sqlite3.connect(done.db) as connection:
        connection.execute("UPDATE card_collection SET is_public = 0")
    again, then = crawl(*CARDS), crawl(*CARDS)
    wanted = [run.outcome["cards"]["wanted"] for run in (done, again, then)]  # type: ignore[index]
    assert wanted == [50, 50, 0]
    assert done.rows("SELECT count(*) FROM card_revision") == [(50,)]

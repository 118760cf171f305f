"""One repository, renames, missing ones, headers and quotas on the Hub."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

import pytest

from simulation.sites.hub import quota_bucket
from tests.simulated import Simulation
from tests.simulation.client import fetch

TOKEN = {"Authorization": "Bearer hf_pretend"}


def first(simulation: Simulation, kind: str = "models") -> str:
    return fetch(f"{simulation.huggingface}/api/{kind}?sort=likes&limit=1").json[0]["id"]


def test_the_default_object_lacks_the_properties_to_expand(simulation: Simulation) -> None:
    repository = fetch(f"{simulation.huggingface}/api/models/{first(simulation)}").json
    assert {"_id", "id", "sha", "siblings", "model-index", "usedStorage"} <= set(repository)
    assert not {"downloadsAllTime", "trendingScore", "baseModels"} & set(repository)


def test_expand_works_on_one_repository(simulation: Simulation) -> None:
    repository = fetch(f"{simulation.huggingface}/api/models/{first(simulation)}?expand=downloadsAllTime").json
    assert list(repository) == ["_id", "id", "downloadsAllTime"]


@pytest.mark.parametrize("kind", ["datasets", "spaces"])
def test_datasets_and_spaces_are_shown_too(simulation: Simulation, kind: str) -> None:
    name = first(simulation, kind)
    assert fetch(f"{simulation.huggingface}/api/{kind}/{name}").json["id"] == name


def test_a_revision_is_shown_by_branch_and_by_commit(simulation: Simulation) -> None:
    address = f"{simulation.huggingface}/api/models/{first(simulation)}"
    head = fetch(address).json["sha"]
    assert fetch(f"{address}/revision/main").json["sha"] == head
    assert fetch(f"{address}/revision/{head}").json["sha"] == head


def test_an_unknown_revision_is_not_found(simulation: Simulation) -> None:
    answer = fetch(f"{simulation.huggingface}/api/models/{first(simulation)}/revision/nope")
    assert (answer.status, answer.headers["X-Error-Code"]) == (404, "RevisionNotFound")
    assert answer.json == {"error": "Invalid rev id: nope"}


def test_a_missing_repository_is_unauthorized_to_strangers(simulation: Simulation) -> None:
    answer = fetch(f"{simulation.huggingface}/api/models/no/body")
    assert (answer.status, answer.json) == (401, {"error": "Invalid username or password."})
    assert answer.headers["X-Error-Code"] is None
    assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")


def test_a_missing_repository_is_not_found_with_a_token(simulation: Simulation) -> None:
    answer = fetch(f"{simulation.huggingface}/api/models/no/body", TOKEN)
    assert (answer.status, answer.headers["X-Error-Code"]) == (404, "RepoNotFound")


def test_another_case_redirects_relatively_and_keeps_the_query(simulation: Simulation) -> None:
    name = first(simulation)
    answer = fetch(f"{simulation.huggingface}/api/models/{name.upper()}?expand=sha&x=%20")
    assert (answer.status, answer.headers["Location"]) == (307, f"/api/models/{name}?expand=sha&x=%20")


def test_old_names_redirect_to_the_same_id(simulation: Simulation) -> None:
    renamed = [
        event
        for event in simulation.events()
        if event["kind"] == "renamed" and event["registry"] == "huggingface/models"
    ]
    answers = [fetch(f"{simulation.huggingface}/api/models/{event['from']}") for event in renamed]
    moved = [(event, answer) for event, answer in zip(renamed, answers, strict=True) if answer.status == 307]
    assert moved
    assert all(
        fetch(simulation.huggingface + answer.headers["Location"]).json["_id"] == event["id"]
        for event, answer in moved[:5]
    )


def test_there_is_no_list_of_agent_harnesses(simulation: Simulation) -> None:
    assert fetch(f"{simulation.huggingface}/api/agent-harnesses").status == 404


def test_a_token_has_a_name(simulation: Simulation) -> None:
    assert fetch(f"{simulation.huggingface}/api/whoami-v2").status == 401
    assert fetch(f"{simulation.huggingface}/api/whoami-v2", TOKEN).json["name"] == "observer"


def test_every_response_has_the_state_of_the_quota(simulation: Simulation) -> None:
    for path in ("/api/models?limit=1", "/api/models/no/body", "/api/models?expand=x", "/nowhere"):
        headers = fetch(simulation.huggingface + path).headers
        assert re.fullmatch(r'"\w+";r=\d+;t=\d+', headers["RateLimit"]), path
        assert re.fullmatch(r'"fixed window";"\w+";q=\d+;w=300', headers["RateLimit-Policy"]), path


def test_dates_are_simulated(simulation: Simulation) -> None:
    answer = fetch(f"{simulation.huggingface}/api/models?limit=1")
    moment = parsedate_to_datetime(answer.headers["Date"])
    assert moment.strftime("%Y-%m-%d") == simulation.now()[:10] == "2026-02-04"


def test_a_large_page_is_compressed_for_clients_that_accept_gzip(simulation: Simulation) -> None:
    address = f"{simulation.huggingface}/api/models?limit=100"
    packed, plain = fetch(address, {"Accept-Encoding": "gzip"}), fetch(address)
    assert packed.headers["Content-Encoding"] == "gzip" and plain.headers["Content-Encoding"] is None
    assert packed.json == plain.json
    assert len(packed.body) < len(plain.body) / 3


def test_an_unchanged_page_can_return_304(simulation: Simulation) -> None:
    address = f"{simulation.huggingface}/api/models?limit=5"
    etag = fetch(address).headers["ETag"]
    again = fetch(address, {"If-None-Match": etag})
    assert etag.startswith('W/"')
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    ("path", "charged"),
    [
        ("/api/models", "api"), ("/api/models/a/b", "api"), ("/a/b/resolve/main/README.md", "resolvers"),
        ("/api/resolve-cache/models/a/b/c/README.md", "resolvers"), ("/a/b", "pages"),
        ("/a%2Fb/resolve/main/README.md", "pages"),
    ],
)  # fmt: skip
def test_each_path_is_charged_to_its_bucket(path: str, charged: str) -> None:
    assert quota_bucket(path) == charged


def test_the_quota_ends_exactly_where_it_says(start_simulation: Callable[..., Simulation]) -> None:
    strict = start_simulation(quota=5, window=60)
    answers = [fetch(f"{strict.huggingface}/api/models?limit=1") for _ in range(7)]
    assert [answer.status for answer in answers] == [200] * 5 + [429] * 2
    assert [answer.remaining for answer in answers] == [4, 3, 2, 1, 0, 0, 0]
    assert "We had to rate limit your IP" in answers[5].json["error"]
    assert answers[5].headers["Retry-After"] is None


def test_redirects_and_errors_cost_as_much_as_anything(start_simulation: Callable[..., Simulation]) -> None:
    strict = start_simulation(quota=50)
    name = first(strict)
    paths = [f"models/{name.upper()}", "models/no/body", "models?expand=x", f"models/{name}"]
    assert [fetch(f"{strict.huggingface}/api/{path}").remaining for path in paths] == [48, 47, 46, 45]


def test_the_next_window_begins_with_one_request_used(start_simulation: Callable[..., Simulation]) -> None:
    strict = start_simulation(quota=2, window=0.5)
    address = f"{strict.huggingface}/api/models?limit=1"
    assert [fetch(address).status for _ in range(3)] == [200, 200, 429]
    time.sleep(0.55)
    assert (fetch(address).remaining, fetch(address).status) == (1, 200)


def test_buckets_and_tokens_have_quotas_of_their_own(start_simulation: Callable[..., Simulation]) -> None:
    strict = start_simulation(quota=10)
    fetch(f"{strict.huggingface}/api/models?limit=1")
    assert fetch(f"{strict.huggingface}/a/b/resolve/main/README.md").remaining == 59
    assert fetch(f"{strict.huggingface}/nowhere").remaining == 1
    assert fetch(f"{strict.huggingface}/api/models?limit=1", TOKEN).remaining == 19


def test_control_is_neither_counted_nor_logged(start_simulation: Callable[..., Simulation]) -> None:
    strict = start_simulation(quota=3)
    for _ in range(5):
        strict.now()
    assert strict.requests() == []
    assert fetch(f"{strict.huggingface}/api/models?limit=1").remaining == 2

"""READMEs and other files of a repository."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from simulation.population.repositories import blob_hash
from tests.simulated import Simulation
from tests.simulation.client import ClientResponse, fetch

FULL = "limit=200&full=true&sort=downloads"


def with_card(simulation: Simulation, has_card: bool = True, kind: str = "models") -> dict[str, str]:
    rows = fetch(f"{simulation.huggingface}/api/{kind}?{FULL}").json
    return next(row for row in rows if has_card == ({"rfilename": "README.md"} in row["siblings"]))


def card(simulation: Simulation, revision: str, method: str = "GET", path: str = "README.md") -> ClientResponse:
    return fetch(f"{simulation.huggingface}/{with_card(simulation)['id']}/resolve/{revision}/{path}", method=method)


def test_a_card_is_found_through_one_redirect(simulation: Simulation) -> None:
    sha = with_card(simulation)["sha"]
    hop = card(simulation, sha)
    assert (hop.status, hop.headers["X-Repo-Commit"]) == (307, sha)
    assert hop.headers["Location"].startswith("/api/resolve-cache/models/")
    assert hop.body.startswith(b"Temporary Redirect. Redirecting to /api/resolve-cache/")


def test_the_etag_of_a_card_is_its_git_hash(simulation: Simulation) -> None:
    hop = card(simulation, "main")
    rows = fetch(simulation.huggingface + hop.headers["Location"])
    expected = hashlib.sha1(b"blob %d\0" % len(rows.body) + rows.body).hexdigest()
    assert rows.status == 200
    assert rows.headers["ETag"] == hop.headers["X-Linked-Etag"] == f'"{expected}"'


def test_a_head_request_has_the_headers_and_no_body(simulation: Simulation) -> None:
    answer, head = card(simulation, "main"), card(simulation, "main", "HEAD")
    assert (head.status, head.body) == (307, b"")
    assert head.headers["Content-Length"] == answer.headers["Content-Length"]


@pytest.mark.parametrize("kind", ["datasets", "spaces"])
def test_cards_of_datasets_and_spaces_have_a_prefix(simulation: Simulation, kind: str) -> None:
    rows = fetch(f"{simulation.huggingface}/api/{kind}?limit=50&full=true").json
    name = next(row["id"] for row in rows if {"rfilename": "README.md"} in row["siblings"])
    hop = fetch(f"{simulation.huggingface}/{kind}/{name}/resolve/main/README.md")
    assert hop.headers["Location"].startswith(f"/api/resolve-cache/{kind}/{name}/")


def test_front_matter_agrees_with_the_card_fields_of_the_api(simulation: Simulation) -> None:
    rows = fetch(f"{simulation.huggingface}/api/models?{FULL}&cardData=true").json
    row = next(row for row in rows if row.get("cardData", {}).get("license"))
    hop = fetch(f"{simulation.huggingface}/{row['id']}/resolve/{row['sha']}/README.md")
    text = fetch(simulation.huggingface + hop.headers["Location"]).body.decode()
    assert text.startswith("---\n")
    assert f"license: {row['cardData']['license']}\n" in text


def test_a_repository_without_a_card_returns_404(simulation: Simulation) -> None:
    name = with_card(simulation, has_card=False)["id"]
    answer = fetch(f"{simulation.huggingface}/{name}/resolve/main/README.md")
    assert (answer.status, answer.headers["X-Error-Code"], answer.body) == (404, "EntryNotFound", b"Entry not found")


def test_an_unknown_revision_of_a_card_is_not_found(simulation: Simulation) -> None:
    assert card(simulation, "0" * 40).headers["X-Error-Code"] == "RevisionNotFound"


def test_a_missing_repository_has_no_card_for_strangers(simulation: Simulation) -> None:
    assert fetch(f"{simulation.huggingface}/no/body/resolve/main/README.md").status == 401


def test_the_tree_names_the_blob_of_the_card(simulation: Simulation) -> None:
    row = with_card(simulation)
    entries = {row["path"]: row for row in fetch(f"{simulation.huggingface}/api/models/{row['id']}/tree/main").json}
    assert f'"{entries["README.md"]["oid"]}"' == card(simulation, "main").headers["X-Linked-Etag"]


def test_a_gated_repository_shows_its_card_but_not_its_files(start_simulation: Callable[..., Simulation]) -> None:
    running = start_simulation()
    row = with_card(running)
    running.mutate(name=row["id"], action="gate", to="manual")
    assert card(running, "main").status == 307
    hidden = card(running, "main", path="config.json")
    assert (hidden.status, hidden.headers["X-Error-Code"]) == (401, "GatedRepo")


def test_fetching_a_config_counts_as_a_download_and_a_card_does_not(
    start_simulation: Callable[..., Simulation],
) -> None:
    running = start_simulation()
    row = with_card(running)
    running.mutate(id=row["_id"], set={"downloads": 1000, "gated": False, "disabled": False})
    for path in ("README.md", "config.json"):
        fetch(f"{running.huggingface}/{row['id']}/resolve/main/{path}", method="HEAD")
    assert running.repository("huggingface/models", id=row["_id"])["downloads"] == 1001
    assert sum(row["path"].endswith("config.json") for row in running.requests()) == 1


def test_every_second_commit_changes_the_card(start_simulation: Callable[..., Simulation]) -> None:
    running = start_simulation()
    name = with_card(running)["id"]
    etags, shas = [], []
    for _ in range(5):
        hop = fetch(f"{running.huggingface}/{name}/resolve/main/README.md")
        etags.append(hop.headers["X-Linked-Etag"])
        shas.append(hop.headers["X-Repo-Commit"])
        running.mutate(name=name, action="edit")
    assert len(set(shas)) == 5
    assert len(set(etags)) == 3


def test_the_text_of_a_card_can_be_scripted(start_simulation: Callable[..., Simulation]) -> None:
    running = start_simulation()
    name = with_card(running)["id"]
    running.mutate(name=name, set={"card": "# Hostile\n"})
    hop = fetch(f"{running.huggingface}/{name}/resolve/main/README.md")
    assert fetch(running.huggingface + hop.headers["Location"]).body == b"# Hostile\n"
    assert hop.headers["X-Linked-Etag"] == f'"{blob_hash(b"# Hostile" + bytes([10]))}"'

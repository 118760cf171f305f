"""The official client, unchanged, reads the truth from the simulation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulated import Simulation

SCRIPT = """
import json, sys
from huggingface_hub import HfApi
from huggingface_hub.errors import RepositoryNotFoundError
endpoint, old, new = sys.argv[1:]
hub = HfApi(endpoint=endpoint, token=False)
results = {
    "created": [row.id for row in hub.list_models(sort="created_at", limit=2500, expand=["baseModels"])],
    "downloads": [[row.id, row.downloads] for row in hub.list_models(sort="downloads", limit=1500)],
    "likes": [row.likes for row in hub.list_models(sort="likes", limit=100, expand=["likes"])],
    "datasets": [row.id for row in hub.list_datasets(sort="downloads")],
    "spaces": [row.id for row in hub.list_spaces(sort="likes")],
    "author": sorted(row.id for row in hub.list_models(author=new.split("/")[0])),
    "renamed": hub.model_info(old).id,
    "files": [row.rfilename for row in hub.model_info(new).siblings],
}
try:
    # Without a token the answer is 401, and over http:// the client takes that for any other error.
    HfApi(endpoint=endpoint, token="hf_pretend").model_info("no/body")
except RepositoryNotFoundError as problem:
    results["missing"] = problem.response.status_code
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def renamed(shared: Simulation) -> tuple[str, str]:
    """Return the old and the new name of a model that was renamed and still exists."""
    for event in shared.events():
        if event["kind"] == "renamed" and event["registry"] == "huggingface/models":
            now = shared.repository("huggingface/models", id=event["id"])
            if not (now["deleted"] or now["private"]):
                return event["from"], now["id"]
    raise AssertionError("nobody was renamed")


@pytest.fixture(scope="module")
def results(
    shared: Simulation, renamed: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """Yield the results of the client, in a process and a home of its own."""
    shared.reset()
    home: Path = tmp_path_factory.mktemp("hub")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    environment = variables | {"HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, "-c", SCRIPT, shared.huggingface, *renamed]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    yield json.loads(done.stdout)


def truth(shared: Simulation, kind: str, by: str = "downloads") -> list[dict[str, Any]]:
    return shared.truth(f"huggingface/{kind}", by=by, k=10**6)


def test_it_pages_the_newest(shared: Simulation, results: dict[str, Any]) -> None:
    newest = sorted(truth(shared, "models"), key=lambda row: row["id"], reverse=True)
    assert results["created"] == [row["name"] for row in newest[:2500]]


def test_it_pages_a_ranking(shared: Simulation, results: dict[str, Any]) -> None:
    assert results["downloads"] == [[row["name"], row["downloads"]] for row in truth(shared, "models")[:1500]]


def test_it_sorts_by_likes(shared: Simulation, results: dict[str, Any]) -> None:
    assert results["likes"] == [row["likes"] for row in truth(shared, "models", "likes")[:100]]


def test_it_lists_datasets_and_spaces(shared: Simulation, results: dict[str, Any]) -> None:
    assert results["datasets"] == [row["name"] for row in truth(shared, "datasets")]
    assert results["spaces"] == [row["name"] for row in truth(shared, "spaces", "likes")]


def test_it_filters_by_author(shared: Simulation, results: dict[str, Any], renamed: tuple[str, str]) -> None:
    author = renamed[1].split("/")[0] + "/"
    assert results["author"] == sorted(row["name"] for row in truth(shared, "models") if row["name"].startswith(author))


def test_it_follows_a_rename(results: dict[str, Any], renamed: tuple[str, str]) -> None:
    assert results["renamed"] == renamed[1] != renamed[0]


def test_it_sees_the_files(results: dict[str, Any]) -> None:
    assert ".gitattributes" in results["files"]


def test_it_recognizes_a_missing_repository(results: dict[str, Any]) -> None:
    assert results["missing"] == 404


def test_it_fetched_no_configuration(shared: Simulation, results: dict[str, Any]) -> None:
    assert not [row for row in shared.requests() if row["path"].endswith("config.json")]

"""A bundle is published in one commit with a tag, by the official client.

A repeated publication sends nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.exports import publish as publication
from tests.analysis.conftest import History
from tests.analysis.exports.conftest import Export, make_model
from tests.commits import FakeHub, run_fake_hub

ROOT = Path(__file__).resolve().parents[3]
NAME = "lab/snapshots"


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with run_fake_hub() as running:
        yield running


def publish(hub: FakeHub, out: Path, *options: str, token: str = "hf_pretend") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": token}
    line = [sys.executable, "-m", "analysis.export", "publish", "hf", NAME, "--bundle", str(out), *options]
    return subprocess.run(line, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def count_uploads(hub: FakeHub) -> int:
    return len([request for request in hub.requests if request.startswith("PUT")])


def read_folder(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_bundle_is_published_and_a_newer_bundle_replaces_it(hub: FakeHub, store: Path, export: Export) -> None:
    options = ("--format", "parquet,csv", "--tables", "v1_ranking,v1_snapshot")
    out = export(*options)
    hub.faults = [("/api/repos/create", 503), ("/commit/", 500), ("/tag/", 502)]
    result = publish(hub, out)
    assert result.returncode == 0, result.stderr
    assert hub.repositories[NAME] == read_folder(out)
    assert (len(hub.commits), list(hub.tags.values())) == (1, hub.commits)
    assert hub.faults == []
    assert publish(hub, out).returncode == 0, "a repeated publication changes nothing"
    assert (len(hub.commits), len(hub.tags)) == (1, 1)
    History(store).add_snapshot("2026-03-01", [make_model("a", 5)])
    uploads = count_uploads(hub)
    assert publish(hub, export(*options)).returncode == 0
    assert hub.repositories[NAME] == read_folder(out)
    assert (len(hub.commits), len(hub.tags)) == (2, 2)
    assert count_uploads(hub) - uploads == 2, "the new ranking, and v1_snapshot"


def test_a_publication_that_failed_is_resumed(hub: FakeHub, export: Export) -> None:
    out = export("--format", "parquet", "--tables", "v1_ranking")
    hub.faults = [("/commit/", 403)]
    result = publish(hub, out)
    assert result.returncode == 1
    assert "did not accept the bundle" in result.stderr and "Traceback" not in result.stderr
    assert hub.repositories[NAME] == {} and hub.tags == {}
    assert publish(hub, out).returncode == 0
    assert hub.repositories[NAME] == read_folder(out)
    assert count_uploads(hub) == 4, "large files were sent once"


@pytest.mark.fault("G8")
def test_a_bundle_that_names_a_repository_only_the_token_shows_is_not_published(hub: FakeHub, export: Export) -> None:
    out = export("--format", "parquet", "--tables", "v1_ranking")
    hub.private, hub.faults = ["maker/unknown", "maker/b"], [("/api/whoami-v2", 503)]
    result = publish(hub, out)
    assert (result.returncode, hub.repositories) == (1, {}), "a failure that passes does not skip the comparison"
    assert "names a repository that only you see, in parquet/" in result.stderr and "maker/b" not in result.stderr
    hub.private, hub.faults = ["maker/unknown"], [("/api/spaces", 404)]
    result = publish(hub, out)
    assert result.returncode == 0 and "not compared with your private repositories" in result.stderr


def test_a_network_error_without_a_message_is_reported_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def time_out() -> None:
        raise TimeoutError

    monkeypatch.setattr(publication, "MAX_ATTEMPTS", 1)
    with pytest.raises(publication.PublishError, match="did not accept the bundle: TimeoutError"):
        publication._retry(time_out)


def test_a_dry_run_sends_no_request(hub: FakeHub, export: Export) -> None:
    result = publish(hub, export("--format", "csv"), "--dry-run", token="")
    assert result.returncode == 0
    assert "would publish" in result.stdout and NAME in result.stdout
    assert hub.requests == []


def test_a_changed_bundle_or_a_missing_token_is_not_published(hub: FakeHub, export: Export) -> None:
    out = export("--format", "csv", "--tables", "v1_ranking")
    assert "no token" in publish(hub, out, token="").stderr
    (out / "README.md").write_text("other", "utf-8")
    result = publish(hub, out)
    assert (result.returncode, "README.md" in result.stderr) == (1, True)
    assert hub.requests == []

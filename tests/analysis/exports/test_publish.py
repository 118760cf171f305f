"""A bundle is published whole, in one commit with a tag, by the official client; again costs nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.analysis.conftest import History
from tests.analysis.exports.conftest import Export, model
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


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_published_is_the_bundle_and_a_newer_one_takes_its_place(
    hub: FakeHub, store: Path, export: Export
) -> None:
    few = ("--format", "parquet,csv", "--tables", "v1_ranking,v1_snapshot")
    out = export(*few)
    hub.faults = [("/api/repos/create", 503), ("/commit/", 500), ("/tag/", 502)]
    told = publish(hub, out)
    assert told.returncode == 0, told.stderr
    assert hub.repositories[NAME] == content(out)
    assert (len(hub.commits), list(hub.tags.values())) == (1, hub.commits)
    assert hub.faults == []
    assert publish(hub, out).returncode == 0, "once more changes nothing"
    assert (len(hub.commits), len(hub.tags)) == (1, 1)
    History(store).add_snapshot("2026-03-01", [model("a", 5)])
    sent = len([one for one in hub.requests if one.startswith("PUT")])
    assert publish(hub, export(*few)).returncode == 0
    assert hub.repositories[NAME] == content(out)
    assert (len(hub.commits), len(hub.tags)) == (2, 2)
    assert len([one for one in hub.requests if one.startswith("PUT")]) - sent == 2, (
        "the new list, and the list of lists"
    )


def test_a_publication_that_failed_goes_on_where_it_was(hub: FakeHub, export: Export) -> None:
    out = export("--format", "parquet", "--tables", "v1_ranking")
    hub.faults = [("/commit/", 403)]
    told = publish(hub, out)
    assert told.returncode == 1
    assert "did not take the bundle" in told.stderr and "Traceback" not in told.stderr
    assert hub.repositories[NAME] == {} and hub.tags == {}
    assert publish(hub, out).returncode == 0
    assert hub.repositories[NAME] == content(out)
    assert len([one for one in hub.requests if one.startswith("PUT")]) == 4, "large files were sent once"


def test_a_dry_run_asks_nobody(hub: FakeHub, export: Export) -> None:
    told = publish(hub, export("--format", "csv"), "--dry-run", token="")
    assert told.returncode == 0
    assert "would publish" in told.stdout and NAME in told.stdout
    assert hub.requests == []


def test_what_is_not_as_exported_or_has_no_token_is_not_published(hub: FakeHub, export: Export) -> None:
    out = export("--format", "csv", "--tables", "v1_ranking")
    assert "no token" in publish(hub, out, token="").stderr
    (out / "README.md").write_text("other", "utf-8")
    told = publish(hub, out)
    assert (told.returncode, "README.md" in told.stderr) == (1, True)
    assert hub.requests == []

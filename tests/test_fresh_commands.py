"""Imports, results, reports, exports and scores by commands, each in a fresh process of its own."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.crawler.importers.test_fuzzed_files import make_hub_row
from tests.list_files import WRITERS
from tests.simulated import ROOT

pytestmark = pytest.mark.ci
DATES = ("2025-01-07", "2025-01-14")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a function that runs `observatory` in a fresh process, on a store with two weeks of the Hub and cards."""
    folder = tmp_path_factory.mktemp("fresh")

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PYTHONPATH": str(ROOT), "OBSERVATORY_DB": "store.db", **variables}
        command = [sys.executable, "-m", "schedules.cli", *words]
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)

    for number, day in enumerate(DATES):
        rows = [make_hub_row(position) for position in range(number, 12)]
        (folder / f"{day}.parquet").write_bytes(WRITERS["hub-stats"](random.Random(number), rows))
    lines = [{"modelId": row["id"], "card": "# T\nThis model classifies film reviews \ud83d by mood."} for row in rows]
    (folder / "cards.jsonl").write_text("\n".join(map(json.dumps, lines)))
    words = ("--registry", "huggingface/models")
    weeks = run("crawl", "import", "hub-stats", *(f"{day}.parquet" for day in DATES), *words, "--date-from-name")
    cards = run("crawl", "import", "cards", "cards.jsonl", *words, "--date", DATES[-1])
    computed = run("compute")
    assert [done.returncode for done in (weeks, cards, computed)] == [0, 0, 0], weeks.stderr + cards.stderr
    return run


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_a_report_of_each_form_is_printed(run: Run, form: str) -> None:
    done = run("report", "--format", form)
    assert done.returncode == 0, done.stderr
    assert "m5" in done.stdout and DATES[-1] in done.stdout


@pytest.mark.parametrize("form", ["csv", "graphml", "jsonl", "parquet", "sqlite"])
def test_a_bundle_of_each_form_alone_is_written(run: Run, form: str) -> None:
    done = run("export", f"bundle-{form}", "--format", form)
    assert done.returncode == 0, done.stderr


def test_cards_of_a_file_are_scored_and_printed_as_json(run: Run) -> None:
    done = run("score", "cards.jsonl", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert [card["file"] for card in json.loads(done.stdout)][:1] == ["maker/m5"]


def test_cards_of_the_store_are_scored(run: Run) -> None:
    done = run("score", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["cards"] == 1  # all of them have the same text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_output_that_the_terminal_cannot_encode_is_escaped(run: Run, encoding: str) -> None:
    file = os.fsdecode("missing-\N{SNOWMAN}-".encode() + b"\xff.jsonl")
    words = ("crawl", "import", "csv", file, "--registry", "npm", "--date", DATES[0], "--dry-run", "--format", "json")
    done = run(*words, "--id", "a", "--value", "b", PYTHONIOENCODING=encoding)
    assert (done.returncode, "missing-" in done.stdout) == (0, True), done.stderr

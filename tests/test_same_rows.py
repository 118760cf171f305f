"""The same rows give the same ranking, attributes and lineage through each importer and through a crawl."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from crawler.importers import list_formats
from crawler.parsing.huggingface_rows import EXPAND_FIELDS
from tests.db.builders import query
from tests.list_files import WRITERS
from tests.simulated import ROOT, Simulation

pytestmark = pytest.mark.ci
TOP = 40
REGISTRIES = {"ecosystems-csv": "npm", "top-pypi-packages": "pypi"}
OPTIONS = {
    "csv": ("--id", "name", "--value", "number", "--rank", "place"),
    "cards": ("--value", "downloads"),
    "librarian-bots": ("--value", "downloads"),
}
RANKING = {  # the columns of a ranking that a format carries
    "hub-api": "name, downloads, likes, package, downloads_all_time, trending",
    "ptmtorrent": "name, downloads, likes, package",
    "csv": "name, downloads",
    "top-pypi-packages": "name, downloads, package",
    "ecosystems-csv": "name, downloads, package, dependents, dependent_repos, synced_at",
}
RANKING |= dict.fromkeys(("hub-stats", "hub-weekly-snapshots"), RANKING["hub-api"])
ALL_ATTRIBUTES = ("library", "task", "gated", "disabled", "parameters", "tags", "licence")
ATTRIBUTES = {
    "hub-api": ALL_ATTRIBUTES, "ptmtorrent": ("library", "task", "tags", "licence"),
    "librarian-bots": ("library", "task", "tags", "licence"), "peatmoss": ("licence",),
    "hub-stats": ("library", "task", "parameters", "tags", "licence"),
    "hub-weekly-snapshots": ("library", "task", "parameters", "tags", "licence"),
    "hfcommunity": ("library", "task", "gated", "disabled", "tags", "licence"),
}  # fmt: skip
RESOLVED = ("hub-api", "hub-stats", "hub-weekly-snapshots")  # formats with the parents that the Hub resolved
TAGGED = ("hfcommunity", "librarian-bots", "peatmoss")  # formats that have parents only in their tags


@dataclass(frozen=True)
class CrawledLists:
    """A store of crawled lists, and the rows that the registries had."""

    seed: int
    store: Path
    rows: Mapping[str, list[dict[str, Any]]]


def fetch(url: str, query: object) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{url}?{urlencode(query)}") as response:
        return json.load(response)


def run_crawl(*words: object, hub: Simulation | None = None) -> None:
    """Run `observatory crawl` in a fresh process."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    if hub is not None:
        env |= {"HF_ENDPOINT": hub.huggingface, "ECOSYSTEMS_ENDPOINT": hub.ecosystems}
    command = [sys.executable, "-m", "schedules.cli", "crawl", *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module", params=[1, pytest.param(2, marks=pytest.mark.slow)])
def crawled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CrawledLists]:
    store = tmp_path_factory.mktemp("crawled") / "store.db"
    with Simulation(models=60, datasets=5, spaces=5, packages=60, seed=request.param) as hub:
        parameters = [("sort", "downloads"), ("direction", "-1"), ("limit", TOP)]
        parameters += [("expand[]", field) for field in EXPAND_FIELDS["models"]]
        rows = {"huggingface/models": fetch(f"{hub.huggingface}/api/models", parameters)}
        for registry in ("npm", "pypi"):
            pages = {"sort": "downloads", "order": "desc", "per_page": TOP}
            rows[registry] = fetch(f"{hub.ecosystems}/registries/{registry}.example/packages", pages)
        run_crawl("snapshot", *rows, "--top", TOP, "--clock", "registry", "--quiet", "--db", store, hub=hub)
    yield CrawledLists(request.param, store, rows)


def read_ranking(store: Path, registry: str, columns: str) -> list[tuple[object, ...]]:
    """Return the rows of the list. Packages with equal counts stand in the order of their names."""
    order = "ORDER BY downloads DESC, name"
    return query(store, f"SELECT {columns} FROM v1_ranking WHERE registry = '{registry}' {order}")


def read_attributes(store: Path, registry: str, names: tuple[str, ...]) -> set[tuple[object, ...]]:
    named = "SELECT DISTINCT p.name, a.attribute, a.value FROM v1_attribute a JOIN v1_ranking p"
    rows = query(store, f"{named} USING (registry, package) WHERE registry = '{registry}'")
    return {row for row in rows if row[1] in names}


def read_edges(store: Path, columns: str) -> set[tuple[object, ...]]:
    """Return the edges of the listed packages. A crawl also stores those of the rows after the last rank."""
    return set(query(store, f"SELECT {columns} FROM v1_lineage_edge WHERE child IN (SELECT package FROM v1_ranking)"))


def test_each_format_has_a_writer() -> None:
    assert tuple(WRITERS) == list_formats()


@pytest.mark.fault("D13")
@pytest.mark.parametrize("format_name", WRITERS)
def test_an_importer_and_a_crawl_store_the_same_list(crawled: CrawledLists, format_name: str, tmp_path: Path) -> None:
    registry = REGISTRIES.get(format_name, "huggingface/models")
    file, store = tmp_path / "list.dat", tmp_path / "store.db"
    file.write_bytes(WRITERS[format_name](random.Random(crawled.seed), crawled.rows[registry]))
    words = ("--registry", registry, "--date", "2026-01-05", *OPTIONS.get(format_name, ()), "--db", store)
    run_crawl("import", format_name, file, *words)
    columns = RANKING.get(format_name, "name, downloads, likes")
    assert read_ranking(store, registry, columns) == read_ranking(crawled.store, registry, columns)
    ranks = query(store, "SELECT downloads FROM v1_ranking ORDER BY rank")
    assert ranks == sorted(ranks, reverse=True) and len(ranks) == TOP
    names = ATTRIBUTES.get(format_name, ())
    assert read_attributes(store, registry, names) == read_attributes(crawled.store, registry, names)
    if format_name in RESOLVED:
        columns = "child, parent, parent_name, relation"
        assert read_edges(store, columns) == read_edges(crawled.store, columns) != set()
    elif format_name in TAGGED:
        assert read_edges(store, "child_name") == read_edges(crawled.store, "child_name") != set()
    else:
        assert read_edges(store, "child") == set()

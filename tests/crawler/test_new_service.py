"""A new service is one file: the spider. Nothing else in the tree names it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHELF = '''
"""The one list of a shelf of books.

Pages
    `/top` has all books, the most borrowed first.

Counters
    `downloads` counts loans since the beginning.
"""

import json

from crawler.parsing.pages import make_page
from crawler.plan import ListedRegistry
from crawler.response import Observation, Registry
from crawler.spiders import RegistrySpider


class ShelfSpider(RegistrySpider):
    """The books by loans."""

    name = "shelf"
    service = "shelf"
    endpoint_variable = "SHELF_ENDPOINT"
    public_endpoint = "https://shelf.example.org"

    def __init__(self, plan, resume_url=None, recorder=None):
        super().__init__(plan, resume_url, recorder)
        self.ordered_by = "downloads"

    @classmethod
    def list_registries(cls):
        yield ListedRegistry("shelf/books", ("downloads",), "downloads: loans since the beginning")

    @property
    def counter(self):
        return "total"

    def describe_registry(self):
        return Registry(self.plan.registry, self.service, "books")

    def first_url(self):
        return f"{self.plan.endpoint}/top"

    def read_page(self, response):
        rows = json.loads(response.body)
        books = [Observation(row["title"], row["title"], row["loans"]) for row in rows][: self.plan.top]
        return make_page("ranking", response, len(books), books, body=response.body)

    def next_url(self, page, progress):
        return None
'''
COMMAND = (
    "import runpy, sys; import crawler.spiders; crawler.spiders.__path__.append({folder!r}); sys.argv = {argv!r}; \
runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
)
TOPS = (20, 30)
BOOKS = [{"title": f"book-{number}", "loans": 1000 - number} for number in range(max(TOPS))]


class ShelfHandler(BaseHTTPRequestHandler):
    """Answers every request with all books."""

    def do_GET(self) -> None:
        """Send the list."""
        body = json.dumps(BOOKS).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Suppress the log."""


@pytest.fixture
def shelf_endpoint() -> Iterator[str]:
    """Serve the books on loopback, and return the URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), ShelfHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def run_with_shelf(tmp_path: Path, endpoint: str, module: str, *arguments: str) -> str:
    """Run a module's command with the shelf's file among the spiders, and return its output."""
    folder = tmp_path / "spiders"
    folder.mkdir(exist_ok=True)
    (folder / "shelf.py").write_text(SHELF)
    argv = [module, *arguments, "--db", str(tmp_path / "store.db")]
    code = COMMAND.format(folder=str(folder), argv=argv, module=module)
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "SHELF_ENDPOINT": endpoint},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    return process.stdout


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.ci
def test_one_file_adds_a_service_that_is_listed_crawled_computed_and_exported(
    tmp_path: Path, shelf_endpoint: str
) -> None:
    listed = json.loads(run_with_shelf(tmp_path, shelf_endpoint, "crawler", "registries", "--format", "json"))
    shelf = next(row for row in listed["registries"] if row["registry"] == "shelf/books")
    assert (shelf["service"], shelf["by"], shelf["last_complete"]) == ("shelf", ["downloads"], None)

    for top in TOPS:
        options = ("--top", str(top), "--format", "json")
        output = run_with_shelf(tmp_path, shelf_endpoint, "crawler", "snapshot", "shelf/books", *options)
        (outcome,) = json.loads(output)["snapshots"]
        assert (outcome["status"], outcome["listed"]) == ("complete", top)

    run_with_shelf(tmp_path, shelf_endpoint, "analysis")
    report = json.loads(run_with_shelf(tmp_path, shelf_endpoint, "analysis.report", "--format", "json"))
    assert {row["registry"] for row in report["results"]} == {"shelf/books"}

    out = tmp_path / "bundle"
    run_with_shelf(tmp_path, shelf_endpoint, "analysis.export", str(out), "--format", "csv")
    rows = [row for path in sorted(out.glob("csv/v1_ranking/shelf-books-*.csv")) for row in read_csv(path)]
    assert {row["registry"] for row in rows} == {"shelf/books"}
    exported = [(int(row["snapshot"]), int(row["rank"]), row["name"], int(row["downloads"])) for row in rows]
    assert exported == [
        (snapshot, rank, book["title"], book["loans"])
        for snapshot, top in enumerate(TOPS, 1)
        for rank, book in enumerate(BOOKS[:top], 1)
    ]


def test_a_service_without_a_census_refuses_full(tmp_path: Path, shelf_endpoint: str) -> None:
    with pytest.raises(AssertionError, match="shelf/books has no census"):
        run_with_shelf(tmp_path, shelf_endpoint, "crawler", "snapshot", "shelf/books", "--full")


def test_an_unknown_registry_of_a_new_service_is_refused(tmp_path: Path, shelf_endpoint: str) -> None:
    with pytest.raises(AssertionError, match="There is no registry 'shelf/films'"):
        run_with_shelf(tmp_path, shelf_endpoint, "crawler", "snapshot", "shelf/films")

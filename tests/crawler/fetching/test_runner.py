"""A bug in a component of a crawl is reported as a failure of the program, by the command in a fresh process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response

from crawler.errors import CrawlError, CrawlStoppedError
from crawler.fetching.middlewares import PaceMiddleware
from crawler.plan import CrawlPlan
from crawler.spiders.huggingface import HuggingFaceSpider
from tests.crawler.conftest import HUB, ROOT, CrawlRun, environment
from tests.simulated import Simulation

BREAK_METHOD_AND_CRAWL = """
import importlib, sys
module, class_name, method = sys.argv[1].split(":")
def fail(*arguments, **options):
    raise AttributeError("no budget here")
component = getattr(importlib.import_module(module), class_name)
setattr(component, method, classmethod(fail) if method == "from_crawler" else fail)
from crawler.__main__ import main
sys.exit(main(sys.argv[2:]))
"""
PACE = "crawler.fetching.middlewares:PaceMiddleware"
PIPELINE = "crawler.fetching.pipelines:PagePipeline"
CARD_PACE = "crawler.cards.spider:CardPaceMiddleware"
CARD_PIPELINE = "crawler.cards.pipeline:CardPipeline"
FAILURE_REPORT = [
    "error: The crawl failed: AttributeError: no budget here.",
    "  why  The program is at fault, not the registry.",
    "  fix  Run the same command with --debug and report the traceback.",
    "  more docs/errors.md",
]


@pytest.fixture(scope="module")
def hub() -> Iterator[Simulation]:
    """Start a small Hub."""
    with Simulation(models=60, datasets=5, spaces=5, packages=5) as simulation:
        yield simulation


@pytest.fixture(scope="module")
def ranked_store(hub: Simulation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Take a ranking, which a crawl of cards needs."""
    path = tmp_path_factory.mktemp("ranked") / "store.db"
    command = [sys.executable, "-m", "crawler", "snapshot", HUB, "--top", "5", "--quiet", "--db", str(path)]
    subprocess.run(command, cwd=ROOT, env=environment(hub), check=True, capture_output=True)
    return path


def crawl_with_broken_method(hub: Simulation, method: str, db: Path, *arguments: str) -> CrawlRun:
    """Run the command in a fresh process in which one method raises AttributeError."""
    command = [sys.executable, "-c", BREAK_METHOD_AND_CRAWL, method, *arguments, "--db", str(db)]
    done = subprocess.run(command, cwd=ROOT, env=environment(hub), capture_output=True, text=True, timeout=60)
    return CrawlRun(done.returncode, done.stdout, done.stderr, db)


@pytest.mark.parametrize(
    "method",
    [f"{PACE}:from_crawler", f"{PACE}:process_request", f"{PACE}:process_response", f"{PIPELINE}:process_item"],
)
def test_a_snapshot_with_a_broken_component_blames_the_program(hub: Simulation, tmp_path: Path, method: str) -> None:
    done = crawl_with_broken_method(hub, method, tmp_path / "s.db", "snapshot", HUB, "--top", "5", "--quiet")
    assert (done.exit_code, done.errors.splitlines()) == (1, FAILURE_REPORT)
    assert done.output.split() == ["failed", HUB]
    assert done.rows("SELECT status, reason FROM snapshot") == [
        ("failed", "program: The crawl failed: AttributeError: no budget here.")
    ]


def test_a_snapshot_whose_recorder_is_broken_reports_a_bug(hub: Simulation, tmp_path: Path) -> None:
    recorder = "crawler.snapshots.recorder:SnapshotRecorder:store_page"
    done = crawl_with_broken_method(hub, recorder, tmp_path / "s.db", "snapshot", HUB, "--top", "5", "--quiet")
    assert (done.exit_code, done.errors.splitlines()[0]) == (
        1,
        "error: Unexpected error: AttributeError: no budget here",
    )


@pytest.mark.parametrize(
    "method",
    [f"{CARD_PACE}:from_crawler", f"{CARD_PACE}:process_request", f"{CARD_PACE}:process_response",
     f"{CARD_PIPELINE}:process_item"],
)  # fmt: skip
def test_a_crawl_of_cards_with_a_broken_component_blames_the_program(
    hub: Simulation, ranked_store: Path, method: str
) -> None:
    done = crawl_with_broken_method(hub, method, ranked_store, "cards", HUB, "--quiet")
    assert (done.exit_code, done.errors.splitlines()) == (1, FAILURE_REPORT)
    assert done.output.startswith("failed")
    assert done.rows("SELECT count(*) FROM card") == [(0,)]


@pytest.mark.parametrize(
    "method",
    [f"{PACE}:from_crawler", f"{PACE}:process_request", f"{PACE}:process_response",
     "crawler.api_check:ApiCheckSpider:parse"],
)  # fmt: skip
def test_a_check_with_a_broken_component_blames_the_program(hub: Simulation, tmp_path: Path, method: str) -> None:
    done = crawl_with_broken_method(hub, method, tmp_path / "s.db", "check", HUB)
    assert (done.exit_code, done.output, done.errors.splitlines()) == (1, "", FAILURE_REPORT)


@pytest.mark.parametrize(
    "method",
    [f"{PACE}:from_crawler", f"{PACE}:process_request", f"{PACE}:process_response", f"{PIPELINE}:process_item"],
)
def test_the_debug_option_shows_the_traceback_of_the_bug_once(hub: Simulation, tmp_path: Path, method: str) -> None:
    done = crawl_with_broken_method(hub, method, tmp_path / "s.db", "snapshot", HUB, "--top", "5", "--debug")
    assert done.exit_code == 1
    lines = done.errors.splitlines()
    assert lines.count("AttributeError: no budget here") == 1
    assert sum(line.endswith(", in fail") for line in lines) == 1


def test_a_redirect_to_https_names_the_endpoint_to_write() -> None:
    crawler = Crawler(HuggingFaceSpider)
    crawler.spider = HuggingFaceSpider(CrawlPlan(HUB, 5, endpoint="http://hub.example"))
    url = "http://hub.example/api/models"
    redirect = Response(url, 308, {"Location": "https://hub.example/api/models"})
    with pytest.raises(CrawlError, match=r"^hub\.example answers http only with a redirect to https\.$") as failure:
        PaceMiddleware(crawler).process_response(Request(url), redirect)
    assert failure.value.gate == "needs_https"
    assert "https://hub.example" in failure.value.fix


def test_a_bug_in_the_program_is_not_retried_as_a_broken_connection() -> None:
    pace, bug = PaceMiddleware(Crawler(HuggingFaceSpider)), KeyError("budget")
    with pytest.raises(CrawlError, match=r"^The crawl failed: KeyError: 'budget'\.$") as failure:
        pace.process_exception(Request("https://hub.example/api/models"), bug)
    assert (failure.value.gate, failure.value.is_permanent, failure.value.__cause__) == ("program", False, bug)
    with pytest.raises(CrawlStoppedError):
        pace.process_exception(Request("https://hub.example/api/models"), CrawlStoppedError("stopped"))

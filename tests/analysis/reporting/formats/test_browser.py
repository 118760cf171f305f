"""The page in a real browser: it requests nothing, never scrolls sideways, and keeps the rules of accessibility."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.reporting.formats import html
from analysis.reporting.rows import Report
from tests.analysis.reporting.figures.documents import full_report, make_base_models, make_moves, make_top
from tests.analysis.reporting.formats.test_html import hostile_report
from tests.browser import iter_pages

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
# Requests of a page, by Chromium's numbers for them. Requests of the browser itself have other numbers.
PAGE_REQUEST = r'"traffic_annotation":(?:101845102|63171670),"url":"(https?://[^"]*)"'
LONG_NAMES = ("organisation/" + "a-very-long-name-" * 8, "organisation/" + "averylongword" * 9)

Browse = Callable[..., tuple[list[str], set[str]]]


def long_report() -> Report:
    """Make a document whose names are longer than a phone is wide."""
    report = full_report()
    newest = report["snapshots"][3]
    return {
        **report,
        "top": list(make_top(newest, LONG_NAMES)),
        "movers": list(make_moves(newest, LONG_NAMES)),
        "base_models": list(make_base_models(newest, LONG_NAMES)),
    }


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """Return a function that opens a page in a real browser and returns its console lines and requested URLs."""
    if not CHROMIUM:
        pytest.skip("no Chromium: apt-get install chromium")

    def run_browser(text: str, *words: str) -> tuple[list[str], set[str]]:
        path, log = tmp_path / "page.html", tmp_path / "net.json"
        path.write_text(text, "utf-8")
        command = [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                   "--disable-component-update", "--disable-sync", "--no-first-run", "--enable-logging=stderr",
                   "--virtual-time-budget=4000", f"--user-data-dir={tmp_path}/profile", f"--log-net-log={log}",
                   "--host-resolver-rules=MAP * ~NOTFOUND", *words, path.as_uri()]  # fmt: skip
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=90, check=True)
        console = [line for line in result.stderr.split("\n") if "CONSOLE" in line]
        return console, set(re.findall(PAGE_REQUEST, log.read_text("utf-8")))

    return run_browser


@pytest.mark.browser
def test_a_browser_shows_and_prints_the_page_and_requests_nothing(browse: Browse, tmp_path: Path) -> None:
    page = html.render(full_report())
    assert browse(page, "--screenshot=page.png", "--window-size=320,900") == ([], set())
    assert browse(page, "--print-to-pdf=page.pdf") == ([], set())
    assert (tmp_path / "page.png").stat().st_size > 10_000
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.browser
def test_a_browser_draws_the_interactive_page_and_requests_nothing(browse: Browse) -> None:
    text = html.render(full_report(), interactive=True)
    assert browse(text, "--screenshot=page.png", "--window-size=1000,900") == ([], set())


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.fault("E4")
def test_a_browser_finds_nothing_to_run_in_a_hostile_page(browse: Browse) -> None:
    assert browse(html.render(hostile_report()), "--screenshot=page.png") == ([], set())


@pytest.mark.browser
def test_a_request_would_be_seen(browse: Browse) -> None:
    _, requested = browse("<!DOCTYPE html><img src='http://leak.example/x.png'>", "--screenshot=page.png")
    assert requested == {"http://leak.example/x.png"}


@pytest.mark.ci
@pytest.mark.browser
def test_a_page_of_long_names_never_scrolls_sideways_and_keeps_the_rules_of_axe(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(html.render(long_report()), "utf-8")
    for name, view in iter_pages(page):
        assert view.overflow() <= 0, name
        assert view.list_violations() == [], name
        assert view.list_empty_figures() == [], name

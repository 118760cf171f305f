"""The page in a real browser: it requests nothing, never scrolls sideways, and keeps the rules of accessibility."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from html import escape
from pathlib import Path

import pytest

from analysis.reporting.formats import html
from analysis.reporting.rows import Report
from tests.analysis.reporting.figures.documents import full_report, make_base_models, make_moves, make_top
from tests.analysis.reporting.formats.test_html import hostile_report

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
AXE = Path(__file__).resolve().parents[4] / "node_modules" / "axe-core" / "axe.min.js"
DARK = ("--force-dark-mode", "--blink-settings=preferredColorScheme=0")
# Requests of a page, by Chromium's numbers for them. Requests of the browser itself have other numbers.
PAGE_REQUEST = r'"traffic_annotation":(?:101845102|63171670),"url":"(https?://[^"]*)"'
LONG_NAMES = ("organisation/" + "a-very-long-name-" * 8, "organisation/" + "averylongword" * 9)
MEASURE_WIDTH = "console.log(`${document.documentElement.scrollWidth} of ${innerWidth}`)"
RUN_AXE = """
for (const folded of document.querySelectorAll("details")) folded.open = true;
axe.run(document).then(({violations}) => console.log(`axe: ${violations.map(({id, nodes}) =>
  `${id} ${nodes.map(({html}) => html.slice(0, 90))}`).join("; ") || "no violation"}`));
"""

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


def add_script(page: str, script: str) -> str:
    """Return a page that runs a script, which its own policy would refuse."""
    return re.sub("<meta http-equiv[^>]*>", "", page).replace("</body>", f"<script>{script}</script></body>")


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


def show_framed(page: str, *widths: int) -> str:
    """Return a page that shows a page as wide as each of these. No window of the browser is as narrow as a phone."""
    frames = (f'<iframe width="{width}" height="900" srcdoc="{escape(page)}"></iframe>' for width in widths)
    return f"<!DOCTYPE html>{''.join(frames)}"


@pytest.fixture(scope="module")
def long_page() -> str:
    return html.render(long_report())


@pytest.mark.browser
def test_the_page_never_scrolls_sideways(browse: Browse, long_page: str) -> None:
    page = show_framed(add_script(long_page, MEASURE_WIDTH), 390, 1280)
    lines, _ = browse(page, "--window-size=1400,1000", "--hide-scrollbars", "--screenshot=page.png")
    measured = sorted(tuple(map(int, match)) for match in re.findall(r"(\d+) of (\d+)", "\n".join(lines)))
    assert measured == [(390, 390), (1280, 1280)]


@pytest.mark.browser
@pytest.mark.parametrize("words", [(), DARK], ids=["light", "dark"])
def test_the_page_keeps_the_rules_of_axe(browse: Browse, long_page: str, words: tuple[str, ...]) -> None:
    if not AXE.exists():
        pytest.skip("no axe-core: npm install --no-save axe-core")
    axe = AXE.read_text("utf-8").replace("</script", "<\\/script")
    page = show_framed(add_script(long_page, f"{axe};{RUN_AXE}"), 390, 1280)
    lines, _ = browse(page, "--window-size=1400,1000", "--screenshot=page.png", *words)
    assert sum("axe: no violation" in line for line in lines) == 2, lines

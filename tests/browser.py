"""Open a page in a real Chromium at several widths, light and dark, and measure what a person would see."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
WIDTHS, SCHEMES = (390, 1280), ("light", "dark")
# A drawing is empty if no mark of its data has an extent. Axes and legends are no data.
EMPTY_FIGURES = """() => [...document.querySelectorAll('figure')].filter(figure => {
    const shown = [...figure.querySelectorAll('svg')].filter(svg => svg.getBoundingClientRect().width > 0);
    const marks = shown.flatMap(svg => [...svg.querySelectorAll('.role-mark path, .role-mark line, .role-mark text')]);
    return !marks.some(mark => mark.getBoundingClientRect().width + mark.getBoundingClientRect().height > 1);
}).map(figure => figure.id || figure.innerText.slice(0, 60))"""


class BrowserPage:
    """A page in Chromium."""

    def __init__(self, page: Any) -> None:
        self._page = page

    def list_violations(self) -> list[str]:
        """Return each rule of axe-core that the page breaks, with an element that breaks it."""
        from axe_playwright_python.sync_playwright import Axe

        violations = Axe().run(self._page).response["violations"]
        return [f"{rule['id']}: {rule['nodes'][0]['html'][:200]}" for rule in violations]

    def overflow(self) -> int:
        """Return how many pixels the page is wider than its window."""
        return int(self._page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth"))

    def list_empty_figures(self) -> list[str]:
        """Return the figures without a visible mark."""
        return [str(name) for name in self._page.evaluate(EMPTY_FIGURES)]

    def count_figures(self) -> int:
        """Return the number of figures."""
        return int(self._page.evaluate("() => document.querySelectorAll('figure').length"))


def iter_pages(file: Path) -> Iterator[tuple[str, BrowserPage]]:
    """Yield the page of a file at each width and in each colour scheme, with the name of both. Every fold is open."""
    if not CHROMIUM:
        pytest.skip("no Chromium: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser and is not installed")
    with playwright.sync_playwright() as drivers:
        browser = drivers.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for width, scheme in product(WIDTHS, SCHEMES):
            context = browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
            )
            page = context.new_page()
            page.goto(file.as_uri())
            page.evaluate("() => document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
            yield f"{width} px, {scheme}", BrowserPage(page)
            context.close()
        browser.close()

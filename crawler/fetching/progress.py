"""Show a person how a crawl is coming along: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from crawler.response import Page, Progress

MIN_LINE_INTERVAL = 5.0  # seconds between two lines about a census
ProgressCallback = Callable[[Page, Progress, str], None]


@contextmanager
def show_progress(registry: str, expected: int | None, is_quiet: bool) -> Iterator[ProgressCallback]:
    """A function to call after each page with what is left of the quota; it shows that, the rate and the time to go."""
    if is_quiet:
        yield lambda page, progress, quota: None
    elif sys.stderr.isatty():
        with _live_bar(registry, expected) as show:
            yield show
    else:
        yield _plain_lines(registry, expected)


def _plain_lines(registry: str, expected: int | None) -> ProgressCallback:
    began, held = time.monotonic(), [0.0, 0]

    def show(page: Page, progress: Progress, quota: str) -> None:
        now = time.monotonic()
        census = page.as_census
        if page.role == "probe" or (census and page.next_url and now - held[0] < MIN_LINE_INTERVAL):
            return
        held[0], held[1] = now, held[1] or progress.depth
        total = expected or (census.population if census else None)
        line = f"{registry}: page {progress.pages}, {progress.depth} of {total or '?'} places"
        if census:
            line += format_eta(total, progress.depth, (progress.depth - held[1]) / max(0.001, now - began))
        if progress.with_counters:
            line += f", {progress.with_counters} with counters"
        print(f"{line}, {quota}", file=sys.stderr, flush=True)

    return show


def format_eta(expected: int | None, depth: int, rate: float) -> str:
    """The rate, and the time to go where it can be told.

    >>> format_eta(3000, 1000, 100.0), format_eta(None, 1000, 100.0)
    (', 100/s, about 20 s to go', ', 100/s')
    """
    told = f", {rate:,.0f}/s" if rate else ""
    return told + (f", about {max(0, expected - depth) / rate:,.0f} s to go" if expected and rate else "")


@contextmanager
def _live_bar(registry: str, expected: int | None) -> Iterator[ProgressCallback]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.fields[registry]}", markup=False), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[said]}", markup=False), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    began = time.monotonic()
    with Bar(*columns, console=Console(stderr=True)) as bar:
        line = bar.add_task("", total=expected, registry=registry, said="asking")

        def show(page: Page, progress: Progress, quota: str) -> None:
            rate = progress.depth / max(0.001, time.monotonic() - began)
            total = expected or (page.as_census.population if page.as_census else None) or None
            bar.update(line, total=total, completed=min(total or progress.depth, progress.depth),
                       said=f"{rate:,.0f}/s  {quota}")  # fmt: skip

        yield show

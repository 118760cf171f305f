"""Progress of a crawl on stderr: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from crawler.response import Page, Progress
from db.cli import escape_control_characters

MAX_LINE_CHARACTERS = 79  # of a line that is replaced on a terminal
MIN_LINE_INTERVAL = 5.0  # seconds between two lines about a census or about files
ProgressCallback = Callable[[Page, Progress, str], None]


@contextmanager
def show_progress(registry: str, expected: int | None, is_quiet: bool) -> Iterator[ProgressCallback]:
    """Yield a function to call after each page with the remaining quota. It prints progress, rate and time left."""
    if is_quiet:
        yield lambda page, progress, quota: None
    elif sys.stderr.isatty():
        with _live_bar(registry, expected) as show:
            yield show
    else:
        yield _plain_lines(registry, expected)


@contextmanager
def show_file_progress(file_count: int, is_quiet: bool) -> Iterator[Callable[[str, int], None]]:
    """Yield a function to call after each imported file with its rows. A run of one file shows nothing."""
    started, last_line, file_number, row_count = time.monotonic(), time.monotonic(), 0, 0
    is_terminal = sys.stderr.isatty()

    def show(file: str, rows: int) -> None:
        nonlocal last_line, file_number, row_count
        now = time.monotonic()
        file_number, row_count = file_number + 1, row_count + rows
        if is_quiet or file_count == 1 or not (is_terminal or now - last_line >= MIN_LINE_INTERVAL):
            return
        last_line = now
        line = f"file {file_number} of {file_count}, {row_count / max(0.001, now - started):,.0f} rows/s: {file}"
        start, end = ("\r\x1b[2K", "") if is_terminal else ("", "\n")
        print(start + escape_control_characters(line)[:MAX_LINE_CHARACTERS], end=end, file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        if is_terminal and last_line > started:
            print(file=sys.stderr)


def _plain_lines(registry: str, expected: int | None) -> ProgressCallback:
    started = time.monotonic()
    last_line, first_depth = 0.0, 0

    def show(page: Page, progress: Progress, quota: str) -> None:
        nonlocal last_line, first_depth
        now = time.monotonic()
        census = page.as_census
        if page.role == "probe" or (census and page.next_url and now - last_line < MIN_LINE_INTERVAL):
            return
        last_line, first_depth = now, first_depth or progress.depth
        total = expected or population_of(page)
        line = f"{registry}: page {progress.pages}, {progress.depth} of {total or '?'} packages"
        if census:
            line += format_eta(total, progress.depth, (progress.depth - first_depth) / max(0.001, now - started))
        if progress.with_counters:
            line += f", {progress.with_counters} with counters"
        print(f"{line}, {quota}", file=sys.stderr, flush=True)

    return show


def population_of(page: Page) -> int | None:
    """Return how many packages the registry states on a page of a census, None if it does not."""
    return page.as_census.population or None if page.as_census else None


def format_eta(expected: int | None, depth: int, rate: float) -> str:
    """Return the rate and, if the total is known, the time left.

    >>> format_eta(3000, 1000, 100.0), format_eta(None, 1000, 100.0)
    (', 100/s, about 20 s left', ', 100/s')
    """
    text = f", {rate:,.0f}/s" if rate else ""
    return text + (f", about {max(0, expected - depth) / rate:,.0f} s left" if expected and rate else "")


@contextmanager
def _live_bar(registry: str, expected: int | None) -> Iterator[ProgressCallback]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.fields[registry]}", markup=False), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[status]}", markup=False), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    started = time.monotonic()
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=expected, registry=registry, status="requesting")

        def show(page: Page, progress: Progress, quota: str) -> None:
            rate = progress.depth / max(0.001, time.monotonic() - started)
            total = expected or population_of(page)
            completed = min(total or progress.depth, progress.depth)
            bar.update(task, total=total, completed=completed, status=f"{rate:,.0f}/s  {quota}")

        yield show

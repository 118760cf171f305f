"""Show a person how a crawl is coming along: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from crawler.items import Page, Progress

Show = Callable[[Page, Progress, str], None]


@contextmanager
def shown(registry: str, k: int, quiet: bool) -> Iterator[Show]:
    """A function to call after each page with what is left of the quota; it shows that, the rate and the time to go."""
    if quiet:
        yield lambda page, progress, quota: None
    elif sys.stderr.isatty():
        with _live(registry, k) as show:
            yield show
    else:
        yield _plain(registry, k)


def _plain(registry: str, k: int) -> Show:
    def show(page: Page, progress: Progress, quota: str) -> None:
        if page.role == "probe":
            return
        line = f"{registry}: page {progress.pages}, {progress.depth} of {k} places"
        if progress.with_counters:
            line += f", {progress.with_counters} with counters"
        print(f"{line}, {quota}", file=sys.stderr, flush=True)

    return show


@contextmanager
def _live(registry: str, k: int) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.fields[registry]}", markup=False), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[said]}", markup=False), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    began = time.monotonic()
    with Bar(*columns, console=Console(stderr=True)) as bar:
        line = bar.add_task("", total=k, registry=registry, said="asking")

        def show(page: Page, progress: Progress, quota: str) -> None:
            rate = progress.depth / max(0.001, time.monotonic() - began)
            bar.update(line, completed=min(k, progress.depth), said=f"{rate:,.0f}/s  {quota}")

        yield show

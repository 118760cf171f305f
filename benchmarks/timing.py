"""Measure in turns (A B C A B C …), in CPU seconds of this process, and print a table."""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence


def make_parser(description: str | None, **sizes: int) -> argparse.ArgumentParser:
    """Return a command line with an option for each size."""
    parser = argparse.ArgumentParser(description=description)
    for name, default in sizes.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default, help=f"default: {default}")
    return parser


def measure_in_turns(ways: Mapping[str, Callable[[], object]], turns: int) -> dict[str, list[float]]:
    """Run every way in every turn, and return the CPU seconds of each way."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    gc.freeze()  # exclude imported objects from garbage collection, whose cost would fall on any way
    for _ in range(turns):
        for name, way in ways.items():
            start = time.process_time()
            way()
            times[name].append(time.process_time() - start)
    return times


def format_spread(values: Sequence[float], unit: float = 1.0) -> tuple[str, str, str]:
    """Return the minimum, median and maximum, in a unit."""
    low, median, high = (f"{value / unit:,.3f}" for value in (min(values), statistics.median(values), max(values)))
    return low, median, high


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows in columns, the first of them aligned to the left."""
    texts = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[index]) for row in texts) for index in range(len(head))]
    print(f"\n{title}\n")
    for row in texts:
        first, *rest = zip(row, widths, strict=True)
        print(first[0].ljust(first[1]) + "".join("  " + text.rjust(width) for text, width in rest))

"""Measure in turns (A B C A B C …), in CPU seconds of this process, and print a table."""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence


def make_parser(does: str | None, **sizes: int) -> argparse.ArgumentParser:
    """A command line with sizes."""
    made = argparse.ArgumentParser(description=does)
    for name, usual in sizes.items():
        made.add_argument(f"--{name.replace('_', '-')}", type=int, default=usual, help=f"default: {usual}")
    return made


def measure_in_turns(ways: Mapping[str, Callable[[], object]], turns: int) -> dict[str, list[float]]:
    """The CPU seconds of each way in each turn."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    gc.freeze()  # what was imported is not looked through again and again, at whoever's turn it happens to be
    for _ in range(turns):
        for name, way in ways.items():
            began = time.process_time()
            way()
            took[name].append(time.process_time() - began)
    return took


def format_spread(values: Sequence[float], unit: float = 1.0) -> tuple[str, str, str]:
    """Least, median and most, in a unit."""
    return tuple(f"{value / unit:,.3f}" for value in (min(values), statistics.median(values), max(values)))


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows in columns, the first to the left."""
    texts = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[place]) for row in texts) for place in range(len(head))]
    print(f"\n{title}\n")
    for row in texts:
        first, *others = zip(row, widths, strict=True)
        print(first[0].ljust(first[1]) + "".join("  " + text.rjust(width) for text, width in others))

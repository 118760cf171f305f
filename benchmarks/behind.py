"""The cost of computing one more census, after few and after many censuses: seconds, CPU and memory of the command.

The first census is stored from its pages. In later censuses only newborn packages come as pages, and the counters of
the others are staged as a crawl stages them. Every census ends as in a crawl. The results of the censuses between the
two measured ones are copies, because computing them is not measured.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.ingest import FIRST_DAY, MAX_ID, ROWS, store_census
from benchmarks.population import Day, encode_page, generate_days
from benchmarks.timing import make_parser, print_table
from crawler.parsing.census_rows import make_census_page, read_census_rows
from crawler.parsing.huggingface_rows import HuggingFaceRow
from crawler.plan import CrawlPlan
from crawler.response import HttpResponse, Registry
from crawler.spiders.huggingface_census import HuggingFaceCensusSpider
from db.census.history import load_counters
from db.census.staging import encode_page as encode_staged_page
from db.census.writer import CensusStore
from db.connection import open_for_writing
from db.rows import GateResult, SnapshotSpec

# A small process starts the measured one, because the peak memory of a child includes the memory of its parent.
MEASURE_CHILD = """
import resource, subprocess, sys, time
began = time.perf_counter()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""
HUB = Registry("huggingface/models", "huggingface")
COPY_RESULTS = (
    "INSERT INTO result SELECT s.snapshot_id, r.metric, r.version, r.name, r.k, r.previous_snapshot_id, r.value, r.low,"
    " r.high, r.n, r.note, r.computed_at FROM snapshot s, result r WHERE r.snapshot_id = 2 AND NOT EXISTS"
    " (SELECT 1 FROM result o WHERE o.snapshot_id = s.snapshot_id) AND s.snapshot_id < ?"
)


def main() -> None:
    """Print the table."""
    parser = make_parser(__doc__, packages=300_000)
    parser.add_argument("--behind", type=int, nargs="+", default=[2, 52], help="earlier censuses (default: 2 52)")
    options = parser.parse_args()
    rows, seconds = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "behind.db"
        for number in add_censuses(path, options.packages, max(options.behind) + 1):
            if number == 2:
                run_compute(path)
            elif number - 1 in options.behind:
                with open_for_writing(path) as database:
                    database.conn.execute(COPY_RESULTS, (number,))
                wall, cpu, peak = run_compute(path)
                seconds.append(cpu)
                rows.append((f"{number - 1} earlier", f"{wall:.1f}", f"{cpu:.1f}", f"{peak:.0f}"))
    rows.append(("the most earlier to the fewest", "", f"{seconds[-1] / seconds[0]:.2f}", ""))
    print_table(f"Computing one more census of {options.packages:,}", ("", "wall s", "CPU s", "peak MB"), rows)


def add_censuses(path: Path, packages: int, count: int) -> Iterator[int]:
    """Add censuses to a store, and yield the number of each when the store is closed."""
    before: Day | None = None
    for number, day in enumerate(generate_days(packages, count), 1):
        with open_for_writing(path) as database:
            store = CensusStore(database)
            if before is None:
                store_census(
                    store, (encode_page(day, start, start + ROWS) for start in range(0, len(day.packages), ROWS))
                )
            else:
                add_later_census(store, number, before, day)
            counters = load_counters(database.conn, number)
            assert np.array_equal(counters["package"], day.packages + 1), "packages are numbered in order of birth"
            assert np.array_equal(counters["downloads"], day.downloads)
        before = day
        yield number


def add_later_census(store: CensusStore, number: int, before: Day, day: Day) -> None:
    """Add a later census: newborn packages as pages, the counters of the others as staged pages."""
    at = FIRST_DAY + number * 86_400
    snapshot = store.begin_snapshot(SnapshotSpec(HUB, "downloads", "census:x", None, "x", "x", at, at))
    survivors = int(np.searchsorted(day.packages, before.packages[-1], side="right"))
    spider = HuggingFaceCensusSpider(CrawlPlan(HUB.name, None, endpoint="https://hub.example"))
    content = encode_page(day, survivors, len(day.packages))
    response = HttpResponse("https://hub.example/api/models", 200, {}, content, at)
    store.save_page(
        snapshot,
        make_census_page(
            response, read_census_rows(content, HuggingFaceRow), "", MAX_ID, spider._make_observation, None
        ),
    )
    with store.transaction():
        store.connection.executemany(
            "INSERT INTO census_page (snapshot_id, number, last_id, fields, content) VALUES (?, ?, '', '{}', ?)",
            (
                (snapshot, 1 + start // ROWS, encode_staged(day, slice(start, min(start + ROWS, survivors))))
                for start in range(0, survivors, ROWS)
            ),
        )
    store.end_snapshot(snapshot, "complete", [GateResult("all", "pass", "", "")], None, at)


def encode_staged(day: Day, part: slice) -> bytes:
    """Return the counters of some packages of a day, as a crawl stages them."""
    numbers, downloads, likes = (column[part].tolist() for column in (day.packages + 1, day.downloads, day.likes))
    return encode_staged_page(numbers, (downloads, likes, [None] * len(numbers)))


def run_compute(path: Path) -> tuple[float, float, float]:
    """Run `observatory compute`, and return its wall seconds, its CPU seconds and its peak memory in MB."""
    line = [sys.executable, "-c", MEASURE_CHILD, sys.executable, "-m", "analysis", "--db", str(path)]
    wall, cpu, peak = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return float(wall), float(cpu), float(peak)


if __name__ == "__main__":
    main()

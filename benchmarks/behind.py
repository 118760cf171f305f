"""What computing costs after one more census, with few and with many behind it: seconds, CPU and memory of the command.

The first census is taken from its pages. Of those after it only the packages that are born come as pages; the counters
of all are staged as a crawl stages them, and every census ends as a crawl ends it. The results of the censuses between
the two that are measured are copies, for computing them is not what is measured.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.ingest import CUT, FIRST_DAY, ROWS, store_census
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

# A process of little memory that starts another: what that one held at most is told with what its parent held.
WATCHED = """
import resource, subprocess, sys, time
began = time.perf_counter()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""
HUB = Registry("huggingface/models", "huggingface")
COPIED = (
    "INSERT INTO result SELECT s.snapshot_id, r.metric, r.version, r.name, r.k, r.previous_snapshot_id, r.value, r.low,"
    " r.high, r.n, r.note, r.computed_at FROM snapshot s, result r WHERE r.snapshot_id = 2 AND NOT EXISTS"
    " (SELECT 1 FROM result o WHERE o.snapshot_id = s.snapshot_id) AND s.snapshot_id < ?"
)


def main() -> None:
    """Print the table."""
    made = make_parser(__doc__, packages=300_000)
    made.add_argument("--behind", type=int, nargs="+", default=[2, 52], help="censuses behind (default: 2 52)")
    options = made.parse_args()
    rows, seconds = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "behind.db"
        for number in censuses(path, options.packages, max(options.behind) + 1):
            if number == 2:
                computed(path)
            elif number - 1 in options.behind:
                with open_for_writing(path) as database:
                    database.conn.execute(COPIED, (number,))
                wall, cpu, peak = computed(path)
                seconds.append(cpu)
                rows.append((f"{number - 1} behind", f"{wall:.1f}", f"{cpu:.1f}", f"{peak:.0f}"))
    rows.append(("the most behind to the fewest", "", f"{seconds[-1] / seconds[0]:.2f}", ""))
    print_table(f"Computing one more census of {options.packages:,}", ("", "wall s", "CPU s", "peak MB"), rows)


def censuses(path: Path, packages: int, count: int) -> Iterator[int]:
    """Take one census after another into a store; the number of each, when nobody has the store open."""
    before: Day | None = None
    for number, day in enumerate(generate_days(packages, count), 1):
        with open_for_writing(path) as database:
            store = CensusStore(database)
            if before is None:
                store_census(
                    store, (encode_page(day, start, start + ROWS) for start in range(0, len(day.packages), ROWS))
                )
            else:
                follow(store, number, before, day)
            found = load_counters(database.conn, number)
            assert np.array_equal(found["package"], day.packages + 1), "packages are numbered as they are born"
            assert np.array_equal(found["downloads"], day.downloads)
        before = day
        yield number


def follow(store: CensusStore, number: int, before: Day, day: Day) -> None:
    """One census after another: who is born as pages, the counters of the others as they are staged."""
    at = FIRST_DAY + number * 86_400
    snapshot = store.begin_snapshot(SnapshotSpec(HUB, "downloads", "census:x", None, "x", "x", at, at))
    born = int(np.searchsorted(day.packages, before.packages[-1], side="right"))
    spider = HuggingFaceCensusSpider(CrawlPlan(HUB.name, None, endpoint="https://hub.example"))
    content = encode_page(day, born, len(day.packages))
    answer = HttpResponse("https://hub.example/api/models", 200, {}, content, at)
    store.save_page(
        snapshot,
        make_census_page(answer, read_census_rows(content, HuggingFaceRow), "", CUT, spider._make_observation, None),
    )
    with store.transaction():
        store.connection.executemany(
            "INSERT INTO census_page (snapshot_id, number, last_id, fields, content) VALUES (?, ?, '', '{}', ?)",
            (
                (snapshot, 1 + start // ROWS, staged(day, slice(start, min(start + ROWS, born))))
                for start in range(0, born, ROWS)
            ),
        )
    store.end_snapshot(snapshot, "complete", [GateResult("all", "pass", "", "")], None, at)


def staged(day: Day, part: slice) -> bytes:
    """The counters of some of a day's packages, as a page of a crawl leaves them."""
    numbers, downloads, likes = (column[part].tolist() for column in (day.packages + 1, day.downloads, day.likes))
    return encode_staged_page(numbers, (downloads, likes, [None] * len(numbers)))


def computed(path: Path) -> tuple[float, float, float]:
    """Run `observatory compute`: wall seconds, CPU seconds, and the most memory it held, in MB."""
    line = [sys.executable, "-c", WATCHED, sys.executable, "-m", "analysis", "--db", str(path)]
    wall, cpu, peak = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return float(wall), float(cpu), float(peak)


if __name__ == "__main__":
    main()

"""A census by the command, against the simulated Hub on loopback, compared with what a user would run otherwise.

    python -m benchmarks.census                              all three tables, 300,000 models: about twelve minutes
    python -m benchmarks.census --only speed --models 30000

quota    the quota rules of the Hub in shorter windows: the time compared with the minimum in these windows, requests
         over quota, packages missed and doubled
speed    no quota: the first census and later ones a day apart (1 % births, deaths and edits, a quarter of the counters
         changed), compared with `HfApi.list_models` and `sqlite_utils` `insert_all`, in separate processes, in turns
refresh  `observatory compute` after one more census, after few and after many censuses

The pages are generated before the requests. The simulation has a separate core if there are two.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.simulated import Simulation

HUB = "huggingface/models"
PAGE = 1000
PEER = """
import sys
from huggingface_hub import HfApi
from db.database import Database
models = HfApi(endpoint=sys.argv[1]).list_models(sort="createdAt", expand=sys.argv[3:])
SCALARS = (int, float, str, type(None))
rows = (
    {key: value if isinstance(value, SCALARS) else str(value) for key, value in vars(model).items()} for model in models
)
Database(sys.argv[2])["models"].insert_all(rows, pk="id", alter=True, replace=True)
"""
EXPAND = (
    "baseModels", "createdAt", "disabled", "downloads", "downloadsAllTime", "gated", "lastModified", "library_name",
    "likes", "pipeline_tag", "safetensors", "sha", "tags", "trendingScore",
)  # fmt: skip


@dataclass(frozen=True)
class ProcessUsage:
    """The cost of a process: wall seconds, CPU seconds, and peak memory in MB."""

    wall: float
    cpu: float
    peak: float


def run_measured(line: Sequence[str], env: dict[str, str]) -> ProcessUsage:
    """Run a process on the last core, and return its cost."""
    cores = sorted(os.sched_getaffinity(0))
    start = time.perf_counter()
    child = subprocess.Popen(
        line, env=env, stdout=subprocess.PIPE, preexec_fn=lambda: os.sched_setaffinity(0, cores[-1:])
    )
    assert child.stdout is not None
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(line[:6])} … ended with {child.returncode}: {output.decode()[-500:]}")
    return ProcessUsage(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def make_environment(simulation: Simulation) -> dict[str, str]:
    """Return an environment in which the simulation is the Hub."""
    return {**os.environ, "HF_ENDPOINT": simulation.huggingface, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}


def take_census(simulation: Simulation, store: Path) -> ProcessUsage:
    """Take one census by the command."""
    line = [sys.executable, "-m", "crawler", "snapshot", HUB, "--full", "--quiet", "--clock", "registry"]
    return run_measured([*line, "--db", str(store), "--format", "json"], make_environment(simulation))


def list_with_peer(simulation: Simulation, store: Path) -> ProcessUsage:
    """Store the same list by `list_models` and `insert_all`."""
    store.unlink(missing_ok=True)
    return run_measured(
        [sys.executable, "-c", PEER, simulation.huggingface, str(store), *EXPAND], make_environment(simulation)
    )


def describe_census(store: Path) -> tuple[int, str, int]:
    """Return the number of packages of the newest census, the SHA-256 of their ids, and the number of duplicates."""
    from db.census.history import load_counters
    from db.connection import open_for_reading

    with open_for_reading(store) as connection:
        (snapshot,) = connection.execute("SELECT max(snapshot_id) FROM snapshot WHERE status = 'complete'").fetchone()
        members = set(load_counters(connection, snapshot)["package"].tolist())
        names = connection.execute("SELECT package_id, stable_id FROM package ORDER BY stable_id")
        ids = [row[1] for row in names if row[0] in members]
        (duplicates,) = connection.execute(
            "SELECT sum(duplicates) FROM page WHERE snapshot_id = ?", (snapshot,)
        ).fetchone()
    return len(ids), hashlib.sha256("\n".join(ids).encode()).hexdigest(), duplicates


def measure_quota(folder: Path, models: int, windows: int, seconds: float) -> list[list[str]]:
    """Take a census under the quota rules of the Hub, in this number of windows."""
    expected_requests = math.ceil(models / PAGE) + 1
    allowed = math.ceil(expected_requests / windows)
    min_seconds = (math.ceil(expected_requests / allowed) - 1) * seconds
    with Simulation(models=models, datasets=5, spaces=5, packages=5, quota=allowed, window=seconds) as simulation:
        prepare_pages(simulation, folder)
        simulation.reset()
        time.sleep(seconds)  # until the windows of the probes are over
        usage = take_census(simulation, folder / "quota.db")
        requests = simulation.requests("huggingface")
        count, digest, duplicates = describe_census(folder / "quota.db")
        truth = simulation.census(HUB)
    over_quota = sum(bool(request["over_quota"]) for request in requests)
    is_exact = digest == truth["sha256"]
    return [
        ["requests, of which over quota", f"{len(requests):,}", f"{over_quota}"],
        ["seconds, and the minimum in these windows", f"{usage.wall:.1f}", f"{min_seconds:.1f}"],
        ["ratio (bar: 1.05)", f"{usage.wall / min_seconds:.3f}", ""],
        ["packages, and in the simulation", f"{count:,}", f"{truth['packages']:,}"],
        ["missed, doubled", "0" if is_exact else str(truth["packages"] - count), str(duplicates)],
        ["the ids are those of the simulation", str(is_exact), ""],
    ]


def prepare_pages(simulation: Simulation, folder: Path) -> None:
    """Generate the pages that both ways will request, from the first request of each way."""
    for name, way in (("learn.db", _request_our_first_page), ("learn2.db", _request_first_page_of_peer)):
        simulation.reset()
        way(simulation, folder / name)
        queries = [
            (request["path"], str(request["query"]))
            for request in simulation.requests("huggingface")
            if "sort=createdAt" in str(request["query"])
        ]
        path, query = next(
            (path, query) for path, query in queries if "limit=1&" not in f"{query}&" and "cursor" not in query
        )
        simulation.prepare(f"{simulation.huggingface}{path}?{query}")
    simulation.reset()


def _request_our_first_page(simulation: Simulation, store: Path) -> None:
    simulation.faults([{"api": "huggingface", "kind": "status", "code": 404, "request": 3, "times": -1}])
    line = [sys.executable, "-m", "crawler", "snapshot", HUB, "--full", "--quiet", "--db", str(store)]
    subprocess.run(line, env=make_environment(simulation), capture_output=True, check=False)


def _request_first_page_of_peer(simulation: Simulation, store: Path) -> None:
    simulation.faults([{"api": "huggingface", "kind": "status", "code": 404, "request": 2, "times": -1}])
    line = [sys.executable, "-c", PEER, simulation.huggingface, str(store), *EXPAND]
    subprocess.run(line, env=make_environment(simulation), capture_output=True, check=False)


def measure_speed(folder: Path, models: int, turns: int) -> list[list[str]]:
    """Measure the first and the second census, and the peer."""
    pages = math.ceil(models / PAGE)
    usages: dict[str, list[ProcessUsage]] = {"first census": [], "second census": [], "list_models + insert_all": []}
    options = {"models": models, "datasets": 5, "spaces": 5, "packages": 5, "quota": 10**9, "lively": 0.01}
    with Simulation(**options, moving=0.25) as simulation:
        for turn in range(turns):
            prepare_pages(simulation, folder)
            usages["first census"].append(take_census(simulation, folder / f"first{turn}.db"))
            simulation.advance(1)
            prepare_pages(simulation, folder)
            usages["second census"].append(take_census(simulation, folder / f"first{turn}.db"))
            usages["list_models + insert_all"].append(list_with_peer(simulation, folder / "peer.db"))
            assert describe_census(folder / f"first{turn}.db")[1] == simulation.census(HUB)["sha256"]
            (folder / f"first{turn}.db").unlink()
    rows = []
    for name, runs in usages.items():
        rows += [
            [f"{name}: models/s", *format_spread([models / run.wall for run in runs], 0)],
            [f"{name}: ms of CPU a page", *format_spread([run.cpu / pages * 1000 for run in runs], 1)],
            [f"{name}: MB at most", *format_spread([run.peak for run in runs], 0)],
        ]
    pairs = zip(usages["second census"], usages["list_models + insert_all"], strict=True)
    ratios = [peer.cpu / own.cpu for own, peer in pairs]
    return [*rows, ["less CPU than the peer, second census (bar: 5)", *format_spread(ratios, 1)]]


def measure_refresh(folder: Path, models: int, behind: Sequence[int]) -> list[list[str]]:
    """Measure `observatory compute` after one more census."""
    store, rows, seconds = folder / "refresh.db", list[list[str]](), []
    options = {"models": models, "datasets": 5, "spaces": 5, "packages": 5, "quota": 10**9, "lively": 0.01}
    with Simulation(**options, moving=0.25) as simulation:
        for number in range(1, max(behind) + 2):
            take_census(simulation, store)
            line = [sys.executable, "-m", "analysis", "--db", str(store)]
            usage = run_measured(line, make_environment(simulation))
            simulation.advance(1)
            if number - 1 in behind:
                seconds.append(usage.cpu)
                rows.append([f"{number - 1} earlier censuses: s, s of CPU, MB", f"{usage.wall:.2f}", f"{usage.cpu:.2f}",
                             f"{usage.peak:.0f}"])  # fmt: skip
    rows.append(["most earlier to fewest, CPU (bar: 1.2)", f"{seconds[-1] / seconds[0]:.2f}"])
    with sqlite3.connect(store) as connection:
        results = connection.execute("SELECT count(*) FROM result WHERE snapshot_id = 1").fetchone()[0]
    return [*rows, ["results of one census", str(results)]]


def format_spread(values: Sequence[float], digits: int) -> list[str]:
    """Return the minimum, median and maximum."""
    return [f"{value:,.{digits}f}" for value in (min(values), statistics.median(values), max(values))]


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns."""
    print(f"\n{title}\n")
    for first, *rest in ([head[0], *head[1:]], *rows):
        print(f"  {first:<52}" + "".join(f"{cell:>12}" for cell in rest), flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", type=int, default=300_000, help="default: 300000")
    parser.add_argument("--only", choices=("quota", "speed", "refresh"), help="one of the tables (default: all)")
    parser.add_argument("--turns", type=int, default=3, help="turns of the speed table (default: 3)")
    parser.add_argument("--windows", type=int, default=3, help="quota windows for a census (default: 3)")
    parser.add_argument("--window", type=int, default=60, help="seconds of a window (default: 60; on the Hub: 300)")
    parser.add_argument("--behind", type=int, nargs="+", default=[2, 52], help="earlier censuses (default: 2 52)")
    parser.add_argument("--refreshed", type=int, default=30_000, help="models of the refresh table (default: 30000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.only in (None, "quota"):
            rows = measure_quota(folder, options.models, options.windows, options.window)
            print_table(f"A census of {options.models:,} under quota", ["", "", ""], rows)
        if options.only in (None, "speed"):
            rows = measure_speed(folder, options.models, options.turns)
            print_table(f"A census of {options.models:,} without quota", ["", "min", "median", "max"], rows)
        if options.only in (None, "refresh"):
            rows = measure_refresh(folder, options.refreshed, options.behind)
            print_table(f"Computing one more census of {options.refreshed:,}", ["", "", "", ""], rows)


if __name__ == "__main__":
    main()

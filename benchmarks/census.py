"""A census as it is really taken: the command against the simulated Hub on loopback, beside what a person would use.

    python -m benchmarks.census                              all three tables, 300,000 models: some twelve minutes
    python -m benchmarks.census --only speed --models 30000

quota    the Hub's own arithmetic in shorter windows: time against the least those windows allow, requests over quota,
         packages missed and doubled
speed    no quota: the first census and those after a day each (1 % births, deaths and edits, a quarter of the counters
         moved), beside `HfApi.list_models` with `sqlite_utils` `insert_all`, in processes of their own, in turns
refresh  `observatory compute` after one more census, with few and with many behind it

The pages are made before they are asked for, and the simulation has a core of its own where there are two.
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
from sqlite_utils import Database
listed = HfApi(endpoint=sys.argv[1]).list_models(sort="createdAt", expand=sys.argv[3:])
kept = (
    {key: value if isinstance(value, (int, float, str, type(None))) else str(value) for key, value in vars(one).items()}
    for one in listed
)
Database(sys.argv[2])["models"].insert_all(kept, pk="id", alter=True, replace=True)
"""
EXPAND = (
    "baseModels", "createdAt", "disabled", "downloads", "downloadsAllTime", "gated", "lastModified", "library_name",
    "likes", "pipeline_tag", "safetensors", "sha", "tags", "trendingScore",
)  # fmt: skip


@dataclass(frozen=True)
class Ran:
    """What a process took."""

    wall: float
    cpu: float
    peak: float


def ran(line: Sequence[str], env: dict[str, str]) -> Ran:
    """Run a process on the last core; what it took, with its peak of memory in MB."""
    cores = sorted(os.sched_getaffinity(0))
    began = time.perf_counter()
    child = subprocess.Popen(
        line, env=env, stdout=subprocess.PIPE, preexec_fn=lambda: os.sched_setaffinity(0, cores[-1:])
    )
    assert child.stdout is not None
    told = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(line[:6])} … ended with {child.returncode}: {told.decode()[-500:]}")
    return Ran(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def environment(pretend: Simulation) -> dict[str, str]:
    """Where the processes find the Hub."""
    return {**os.environ, "HF_ENDPOINT": pretend.huggingface, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}


def ours(pretend: Simulation, store: Path) -> Ran:
    """One census by the command."""
    line = [sys.executable, "-m", "crawler", "snapshot", HUB, "--full", "--quiet", "--clock", "registry"]
    return ran([*line, "--db", str(store), "--format", "json"], environment(pretend))


def theirs(pretend: Simulation, store: Path) -> Ran:
    """The same list by `list_models` into `insert_all`."""
    store.unlink(missing_ok=True)
    return ran([sys.executable, "-c", PEER, pretend.huggingface, str(store), *EXPAND], environment(pretend))


def held(store: Path) -> tuple[int, str, int]:
    """How many packages the newest census holds, the sha256 of their ids, and how many rows came twice."""
    from db.census.history import load_counters
    from db.connection import open_for_reading

    with open_for_reading(store) as connection:
        (snapshot,) = connection.execute("SELECT max(snapshot_id) FROM snapshot WHERE status = 'complete'").fetchone()
        there = set(load_counters(connection, snapshot)["package"].tolist())
        names = connection.execute("SELECT package_id, stable_id FROM package ORDER BY stable_id")
        ids = [row[1] for row in names if row[0] in there]
        twice = connection.execute("SELECT sum(duplicates) FROM page WHERE snapshot_id = ?", (snapshot,)).fetchone()
    return len(ids), hashlib.sha256("\n".join(ids).encode()).hexdigest(), twice[0]


def quota(folder: Path, models: int, windows: int, seconds: float) -> list[list[str]]:
    """A census under the Hub's arithmetic, in as many windows as are asked for."""
    requests = math.ceil(models / PAGE) + 1
    allowed = math.ceil(requests / windows)
    least = (math.ceil(requests / allowed) - 1) * seconds
    with Simulation(models=models, datasets=5, spaces=5, packages=5, quota=allowed, window=seconds) as pretend:
        prepare(pretend, folder)
        pretend.reset()
        time.sleep(seconds)  # the windows of the learning requests are over
        took = ours(pretend, folder / "quota.db")
        asked = pretend.requests("huggingface")
        count, digest, twice = held(folder / "quota.db")
        truth = pretend.census(HUB)
    over = sum(bool(one["over_quota"]) for one in asked)
    right = digest == truth["sha256"]
    return [
        ["requests, of which over quota", f"{len(asked):,}", f"{over}"],
        ["seconds, and the least the windows allow", f"{took.wall:.1f}", f"{least:.1f}"],
        ["ratio (bar: 1.05)", f"{took.wall / least:.3f}", ""],
        ["packages, and in truth", f"{count:,}", f"{truth['packages']:,}"],
        ["missed, doubled", "0" if right else str(truth["packages"] - count), str(twice)],
        ["the ids are those of the truth", str(right), ""],
    ]


def prepare(pretend: Simulation, folder: Path) -> None:
    """Make the pages that both ways will ask for: each is let ask for its first, and the rest are made from there."""
    for name, way in (("learn.db", _first_page_of_ours), ("learn2.db", _first_page_of_theirs)):
        pretend.reset()
        way(pretend, folder / name)
        asked = [one for one in pretend.requests("huggingface") if "sort=createdAt" in str(one["query"])]
        first = next(one for one in asked if "limit=1&" not in f"{one['query']}&" and "cursor" not in str(one["query"]))
        pretend.prepare(f"{pretend.huggingface}{first['path']}?{first['query']}")
    pretend.reset()


def _first_page_of_ours(pretend: Simulation, store: Path) -> None:
    pretend.faults([{"api": "huggingface", "kind": "status", "code": 404, "request": 3, "times": -1}])
    line = [sys.executable, "-m", "crawler", "snapshot", HUB, "--full", "--quiet", "--db", str(store)]
    subprocess.run(line, env=environment(pretend), capture_output=True, check=False)


def _first_page_of_theirs(pretend: Simulation, store: Path) -> None:
    pretend.faults([{"api": "huggingface", "kind": "status", "code": 404, "request": 2, "times": -1}])
    line = [sys.executable, "-c", PEER, pretend.huggingface, str(store), *EXPAND]
    subprocess.run(line, env=environment(pretend), capture_output=True, check=False)


def speed(folder: Path, models: int, turns: int) -> list[list[str]]:
    """The first census and the second ones, beside the peer."""
    pages = math.ceil(models / PAGE)
    took: dict[str, list[Ran]] = {"first census": [], "second census": [], "list_models + insert_all": []}
    options = {"models": models, "datasets": 5, "spaces": 5, "packages": 5, "quota": 10**9, "lively": 0.01}
    with Simulation(**options, moving=0.25) as pretend:
        for turn in range(turns):
            prepare(pretend, folder)
            took["first census"].append(ours(pretend, folder / f"first{turn}.db"))
            pretend.advance(1)
            prepare(pretend, folder)
            took["second census"].append(ours(pretend, folder / f"first{turn}.db"))
            took["list_models + insert_all"].append(theirs(pretend, folder / "peer.db"))
            assert held(folder / f"first{turn}.db")[1] == pretend.census(HUB)["sha256"]
            (folder / f"first{turn}.db").unlink()
    rows = []
    for name, runs in took.items():
        rows += [
            [f"{name}: models/s", *spread([models / run.wall for run in runs], 0)],
            [f"{name}: ms of CPU a page", *spread([run.cpu / pages * 1000 for run in runs], 1)],
            [f"{name}: MB at most", *spread([run.peak for run in runs], 0)],
        ]
    ours_cpu, peers = took["second census"], took["list_models + insert_all"]
    ratios = [peer.cpu / own.cpu for own, peer in zip(ours_cpu, peers, strict=True)]
    return [*rows, ["less CPU than the peer, second census (bar: 5)", *spread(ratios, 1)]]


def refresh(folder: Path, models: int, behind: Sequence[int]) -> list[list[str]]:
    """`observatory compute` after one more census."""
    store, rows, seconds = folder / "refresh.db", [], []
    options = {"models": models, "datasets": 5, "spaces": 5, "packages": 5, "quota": 10**9, "lively": 0.01}
    with Simulation(**options, moving=0.25) as pretend:
        for number in range(1, max(behind) + 2):
            ours(pretend, store)
            line = [sys.executable, "-m", "analysis", "--db", str(store)]
            took = ran(line, environment(pretend))
            pretend.advance(1)
            if number - 1 in behind:
                seconds.append(took.cpu)
                rows.append([f"{number - 1} censuses behind: s, s of CPU, MB", f"{took.wall:.2f}", f"{took.cpu:.2f}",
                             f"{took.peak:.0f}"])  # fmt: skip
    rows.append(["most behind to fewest, CPU (bar: 1.2)", f"{seconds[-1] / seconds[0]:.2f}"])
    with sqlite3.connect(store) as connection:
        results = connection.execute("SELECT count(*) FROM result WHERE snapshot_id = 1").fetchone()[0]
    return [*rows, ["results of one census", str(results)]]


def spread(values: Sequence[float], digits: int) -> list[str]:
    """Least, median and most."""
    return [f"{value:,.{digits}f}" for value in (min(values), statistics.median(values), max(values))]


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns."""
    print(f"\n{title}\n")
    for first, *rest in ([head[0], *head[1:]], *rows):
        print(f"  {first:<52}" + "".join(f"{cell:>12}" for cell in rest), flush=True)


def main() -> None:
    """Print the tables."""
    made = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    made.add_argument("--models", type=int, default=300_000, help="default: 300000")
    made.add_argument("--only", choices=("quota", "speed", "refresh"), help="one of the tables (default: all)")
    made.add_argument("--turns", type=int, default=3, help="of the speed table (default: 3)")
    made.add_argument("--windows", type=int, default=3, help="of quota that a census takes (default: 3)")
    made.add_argument("--window", type=int, default=60, help="seconds of a window (default: 60; the Hub's: 300)")
    made.add_argument("--behind", type=int, nargs="+", default=[2, 52], help="censuses behind (default: 2 52)")
    made.add_argument("--refreshed", type=int, default=30_000, help="models of the refresh table (default: 30000)")
    options = made.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.only in (None, "quota"):
            rows = quota(folder, options.models, options.windows, options.window)
            table(f"A census of {options.models:,} under quota", ["", "", ""], rows)
        if options.only in (None, "speed"):
            rows = speed(folder, options.models, options.turns)
            table(f"A census of {options.models:,} without quota", ["", "min", "median", "max"], rows)
        if options.only in (None, "refresh"):
            rows = refresh(folder, options.refreshed, options.behind)
            table(f"Computing one more census of {options.refreshed:,}", ["", "", "", ""], rows)


if __name__ == "__main__":
    main()

"""`python -m analysis`: compute the results that are missing, and store them."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import astuple
from typing import TYPE_CHECKING

from analysis.compute.engines import EngineLocation, list_engines, open_engine
from db import UsageError
from db.cli import DONE, create_parser, escape_control_characters, run_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from analysis.compute.engines import Engine
    from analysis.compute.metric import Metric
    from analysis.compute.pending import PendingResults
    from db.rows import StoredResult

COMPLETE_DIGESTS = "SELECT snapshot_id, digest FROM snapshot WHERE status = 'complete'"


def make_parser() -> argparse.ArgumentParser:
    """The words of the command."""
    made = create_parser(
        "observatory compute", "Compute the results that are missing, snapshot by snapshot, oldest first."
    )
    made.add_argument("--metric", metavar="NAME", help="only this metric (default: all of them)")
    made.add_argument("--engine", choices=list_engines(), default="sqlite", help="what is asked (default: sqlite)")
    made.add_argument("--lake", metavar="URL", help="the export that duckdb and spark read: a folder, or its address")
    made.add_argument("--master", metavar="URL", help="spark: the cluster (default: local[*], this machine)")
    made.add_argument("--results", metavar="URL", help="duckdb, spark: also add the results there, as Parquet")
    made.add_argument("--format", choices=("text", "json"), default="text", help="of the summary (default: text)")
    made.set_defaults(do=compute)
    return made


def compute(options: argparse.Namespace) -> int:
    """Store what is missing. Each snapshot is a transaction of its own, so an interrupted run goes on where it was."""
    from analysis.compute.metric import select_metrics

    wanted = select_metrics(options.metric)
    with open_engine(options.engine, EngineLocation(options.db, options.lake, options.master)) as engine:
        lacking = select_pending(options, engine, wanted)
        stored = options.db.exists()
        kept = [
            row
            for rows in compute_and_store(options.db if stored else None, engine, lacking, options.results)
            for row in rows
        ]
    if kept and stored:
        record_verdict_changes(options.db, min(str(row["date"]) for row in kept))
    print(format_json(kept) if options.format == "json" else format_text(kept))
    return DONE


def select_pending(options: argparse.Namespace, engine: Engine, metrics: Sequence[Metric]) -> list[PendingResults]:
    """What is missing in the store; of it, what a lake has the snapshots for. Without a store, what the lake lacks.

    Raises:
        UsageError: the results would go nowhere.
    """
    from analysis.compute.pending import find_pending, select_in_lake
    from db.connection import open_for_reading

    if options.engine == "sqlite":
        if options.results:
            raise UsageError("--results is of --engine duckdb and spark.", fix="Use `observatory export`.")
        return find_pending(engine, metrics)
    if not options.db.exists():
        if not options.results:
            raise UsageError(
                f"There is no store at {options.db} to keep the results in.",
                fix="Name it with --db, or say with --results where to write them as Parquet.",
                more="docs/engines.md",
            )
        return find_pending(engine, metrics)
    with open_for_reading(options.db) as connection:
        lacking = find_pending(connection, metrics)
        there = {row["snapshot_id"]: row["digest"] for row in connection.execute(COMPLETE_DIGESTS, {})}
    found = select_in_lake(lacking, there, dict(tuple(row) for row in engine.execute(COMPLETE_DIGESTS, {})))
    if len(found) < len(lacking):
        left = f"{len(lacking) - len(found):,} of {len(lacking):,} snapshots are not in the lake"
        print(f"{left}: export again, then compute again", file=sys.stderr)
    return found


def compute_and_store(
    path: Path | None, engine: Engine, pending: Sequence[PendingResults], results_url: str | None = None
) -> Iterator[list[dict[str, object]]]:
    """Compute and store, one snapshot at a time; what was kept of each."""
    from analysis.compute.pending import compute_pending
    from db.connection import open_for_writing
    from db.store import Store

    with open_for_writing(path) if path and pending else nullcontext() as database:
        store = Store(database) if database else None
        for number, one in enumerate(pending, 1):
            found, now = compute_pending(engine, one), int(time.time())
            if results_url:
                engine.write_results(results_url, to_lake_rows(found, one, now))
            if store:
                store.save_results(found, now)
            place = f"[{number}/{len(pending)}] {escape_control_characters(one.registry)} {one.date}"
            print(f"{place}: {len(found)} results", file=sys.stderr)
            yield summarize_results(one, found)


def to_lake_rows(results: Sequence[StoredResult], pending: PendingResults, now: int) -> list[tuple[object, ...]]:
    """Rows as the lake's table `result` has them, with what its files are split by."""
    return [(*astuple(result), now, pending.registry, pending.snapshot) for result in results]


def record_verdict_changes(path: Path, first_day: str) -> None:
    """Keep it as a quality event, once, when a claim's verdict became another one on a day or later."""
    from analysis.claims.changes import find_changes_since
    from analysis.claims.rules import HUB
    from analysis.compute.relations import fetch_rows
    from db.connection import open_for_reading, open_for_writing
    from db.rows import Event, Registry
    from db.store import Store

    with open_for_reading(path) as connection:
        changed = find_changes_since(connection, first_day)
        known = {tuple(row.values()) for row in fetch_rows(connection, "verdict_changes")} if changed else set()
    events = [
        Event("verdict_changed", "warning", f"{claim}, {day}", before, after)
        for claim, day, before, after in changed
        if (f"{claim}, {day}", before, after) not in known
    ]
    if events:
        with open_for_writing(path) as database:
            Store(database).add_quality_events(Registry(HUB, "huggingface", "models"), events, int(time.time()))


def summarize_results(pending: PendingResults, results: Sequence[StoredResult]) -> list[dict[str, object]]:
    """How many results each metric gave for one snapshot."""
    counts = Counter((result.metric, result.version) for result in results)
    return [
        {"registry": pending.registry, "snapshot": pending.snapshot, "date": pending.date,
         "metric": metric, "version": version, "results": count}
        for (metric, version), count in counts.items()
    ]  # fmt: skip


def format_json(summaries: Sequence[dict[str, object]]) -> str:
    """What was kept: `{"schema": 1, "computed": [{registry, snapshot, date, metric, version, results}]}`."""
    return json.dumps({"schema": 1, "computed": list(summaries)}, indent=2)


def format_text(summaries: Sequence[dict[str, object]]) -> str:
    """What was kept, in a sentence."""
    if not summaries:
        return "Nothing is missing: every complete snapshot has its results."
    results, snapshots = sum(row["results"] for row in summaries), len({row["snapshot"] for row in summaries})
    return f"Computed {results:,} results for {snapshots:,} snapshot{'' if snapshots == 1 else 's'}."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    return run_command(make_parser, argv)


if __name__ == "__main__":
    sys.exit(main())

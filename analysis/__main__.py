"""`python -m analysis`: compute the pending results, and store them."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from analysis.compute.engines import Engine, EngineLocation, LakeEngine, list_engines, open_engine
from db import UsageError
from db.cli import DONE, create_parser, escape_control_characters, run_command

if TYPE_CHECKING:
    from analysis.compute.metric import Metric
    from analysis.compute.pending import PendingResults
    from db.rows import StoredResult

COMPLETE_DIGESTS = "SELECT snapshot_id, digest FROM snapshot WHERE status = 'complete'"


class Summary(TypedDict):
    """How many results one metric gave for one snapshot."""

    registry: str
    snapshot: int
    date: str
    metric: str
    version: int
    results: int


def make_parser() -> argparse.ArgumentParser:
    """Create the parser of the command line."""
    parser = create_parser("observatory compute", "Compute the pending results, snapshot by snapshot, oldest first.")
    parser.add_argument("--metric", metavar="NAME", help="compute only this metric (default: all metrics)")
    parser.add_argument(
        "--engine", choices=list_engines(), default="sqlite", help="the engine that runs the queries (default: sqlite)"
    )
    parser.add_argument("--lake", metavar="URL", help="the export that duckdb and spark read: a folder or its URL")
    parser.add_argument("--master", metavar="URL", help="spark: the cluster (default: local[*], this machine)")
    parser.add_argument("--results", metavar="URL", help="duckdb, spark: also add the results there, as Parquet")
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="format of the summary (default: text)"
    )
    parser.set_defaults(do=compute)
    return parser


def compute(options: argparse.Namespace) -> int:
    """Compute and store the pending results.

    Each snapshot is a transaction of its own, so an interrupted run resumes at the snapshot it was interrupted at.
    """
    from analysis.compute.metric import select_metrics

    metrics = select_metrics(options.metric)
    with open_engine(options.engine, EngineLocation(options.db, options.lake, options.master)) as engine:
        pending = select_pending(options, engine, metrics)
        has_store = options.db.exists()
        by_snapshot = compute_and_store(options.db if has_store else None, engine, pending, options.results)
        summaries = [summary for summaries in by_snapshot for summary in summaries]
    if summaries and has_store:
        record_verdict_changes(options.db, min(summary["date"] for summary in summaries))
    print(format_json(summaries) if options.format == "json" else format_text(summaries))
    return DONE


def select_pending(options: argparse.Namespace, engine: Engine, metrics: Sequence[Metric]) -> list[PendingResults]:
    """Return the pending results that the engine can compute.

    They are pending in the store, and for an engine over a lake the lake has the snapshots. Without a store, they are
    pending in the lake.

    Raises:
        UsageError: the results would not be stored anywhere.
    """
    from analysis.compute.pending import find_pending

    if options.engine == "sqlite":
        if options.results:
            raise UsageError("--results needs --engine duckdb or spark.", fix="Use `observatory export`.")
        return find_pending(engine, metrics)
    if not options.db.exists():
        if not options.results:
            raise _missing_store_error(options.db)
        return find_pending(engine, metrics)
    return _select_in_lake(options.db, engine, metrics)


def _missing_store_error(path: Path) -> UsageError:
    return UsageError(
        f"There is no store at {path} to store the results in.",
        fix="Name the store with --db, or name with --results where to write the results as Parquet.",
        more="docs/engines.md",
    )


def _select_in_lake(path: Path, engine: Engine, metrics: Sequence[Metric]) -> list[PendingResults]:
    """Return what is pending in the store and has its snapshot in the lake. Print how many have not."""
    from analysis.compute.pending import find_pending, select_in_lake
    from db.connection import open_for_reading

    with open_for_reading(path) as connection:
        pending = find_pending(connection, metrics)
        store_digests = dict(tuple(row) for row in connection.execute(COMPLETE_DIGESTS))
    lake_digests = dict(tuple(row) for row in engine.execute(COMPLETE_DIGESTS, {}))
    selected = select_in_lake(pending, store_digests, lake_digests)
    if len(selected) < len(pending):
        missing = f"{len(pending) - len(selected):,} of {len(pending):,} snapshots are not in the lake"
        print(f"{missing}: export again, then compute again", file=sys.stderr)
    return selected


def compute_and_store(
    path: Path | None, engine: Engine, pending: Sequence[PendingResults], results_url: str | None = None
) -> Iterator[list[Summary]]:
    """Compute and store the results, one snapshot at a time. Yield the summaries of each snapshot."""
    from analysis.compute.pending import compute_pending
    from db.connection import open_for_writing
    from db.store import Store

    with open_for_writing(path) if path and pending else nullcontext() as database:
        store = Store(database) if database else None
        for number, snapshot in enumerate(pending, 1):
            results, now = compute_pending(engine, snapshot), int(time.time())
            if results_url and isinstance(engine, LakeEngine):
                engine.write_results(results_url, to_lake_rows(results, snapshot, now))
            if store:
                store.save_results(results, now)
            name = f"{escape_control_characters(snapshot.registry)} {snapshot.date}"
            print(f"[{number}/{len(pending)}] {name}: {len(results)} results", file=sys.stderr)
            yield summarize_results(snapshot, results)


def to_lake_rows(results: Sequence[StoredResult], pending: PendingResults, now: int) -> list[tuple[object, ...]]:
    """Return results as rows of the lake's table `result`, with the values its files are partitioned by."""
    return [(*astuple(result), now, pending.registry, pending.snapshot) for result in results]


def record_verdict_changes(path: Path, first_day: str) -> None:
    """Add a quality event to the list that changed the verdict on a claim, for each change since `first_day`.

    A change that is recorded already is skipped.
    """
    from analysis.claims.changes import find_changes_since
    from analysis.claims.results import HUB
    from analysis.compute.relations import fetch_rows
    from db.connection import open_for_reading, open_for_writing
    from db.rows import Event, Registry
    from db.store import Store

    with open_for_reading(path) as connection:
        changes = find_changes_since(connection, first_day)
        rows = fetch_rows(connection, "verdict_changes") if changes else []
    recorded = {(row["evidence"], row["before"], row["after"]) for row in rows}
    events = [
        (change.snapshot, Event("verdict_changed", "warning", evidence, change.before, change.after))
        for change in changes
        if ((evidence := f"{change.claim}, {change.date}"), change.before, change.after) not in recorded
    ]
    if events:
        with open_for_writing(path) as database:
            store, hub, now = Store(database), Registry(HUB, "huggingface", "models"), int(time.time())
            for snapshot, event in events:
                store.add_quality_events(hub, [event], now, snapshot)


def summarize_results(pending: PendingResults, results: Sequence[StoredResult]) -> list[Summary]:
    """Count the results of each metric for one snapshot."""
    counts = Counter((result.metric, result.version) for result in results)
    return [
        {"registry": pending.registry, "snapshot": pending.snapshot, "date": pending.date,
         "metric": metric, "version": version, "results": count}
        for (metric, version), count in counts.items()
    ]  # fmt: skip


def format_json(summaries: Sequence[Summary]) -> str:
    """Format the summaries as `{"schema": 1, "computed": [{registry, snapshot, date, metric, version, results}]}`."""
    return json.dumps({"schema": 1, "computed": list(summaries)}, indent=2)


def format_text(summaries: Sequence[Summary]) -> str:
    """Format the summaries as one sentence."""
    if not summaries:
        return "No results are pending: every complete snapshot has its results."
    results = sum(summary["results"] for summary in summaries)
    snapshots = len({summary["snapshot"] for summary in summaries})
    return f"Computed {results:,} results for {snapshots:,} snapshot{'' if snapshots == 1 else 's'}."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_command(make_parser, argv)


if __name__ == "__main__":
    sys.exit(main())

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

from analysis.compute.engines import Place, engines, opened
from db import UsageError
from db.cli import DONE, parser, plain, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from analysis.compute.engines import Engine
    from analysis.compute.metric import Metric
    from analysis.compute.pending import Missing
    from db.rows import StoredResult

DIGESTS = "SELECT snapshot_id, digest FROM snapshot WHERE status = 'complete'"


def make_parser() -> argparse.ArgumentParser:
    """The words of the command."""
    made = parser("observatory compute", "Compute the results that are missing, snapshot by snapshot, oldest first.")
    made.add_argument("--metric", metavar="NAME", help="only this metric (default: all of them)")
    made.add_argument("--engine", choices=engines(), default="sqlite", help="what is asked (default: sqlite)")
    made.add_argument("--lake", metavar="URL", help="the export that duckdb and spark read: a folder, or its address")
    made.add_argument("--master", metavar="URL", help="spark: the cluster (default: local[*], this machine)")
    made.add_argument("--results", metavar="URL", help="duckdb, spark: also add the results there, as Parquet")
    made.add_argument("--format", choices=("text", "json"), default="text", help="of the summary (default: text)")
    made.set_defaults(do=compute)
    return made


def compute(options: argparse.Namespace) -> int:
    """Store what is missing. Each snapshot is a transaction of its own, so an interrupted run goes on where it was."""
    from analysis.compute.metric import chosen

    wanted = chosen(options.metric)
    with opened(options.engine, Place(options.db, options.lake, options.master)) as engine:
        lacking = lacking_of(options, engine, wanted)
        stored = options.db.exists()
        kept = [row for rows in keep(options.db if stored else None, engine, lacking, options.results) for row in rows]
    if kept and stored:
        note_verdicts(options.db, min(str(row["date"]) for row in kept))
    print(as_json(kept) if options.format == "json" else as_text(kept))
    return DONE


def lacking_of(options: argparse.Namespace, engine: Engine, wanted: Sequence[Metric]) -> list[Missing]:
    """What is missing in the store; of it, what a lake has the snapshots for. Without a store, what the lake lacks.

    Raises:
        UsageError: the results would go nowhere.
    """
    from analysis.compute.pending import both, missing
    from db.connection import reading

    if options.engine == "sqlite":
        if options.results:
            raise UsageError("--results is of --engine duckdb and spark.", fix="Use `observatory export`.")
        return missing(engine, wanted)
    if not options.db.exists():
        if not options.results:
            raise UsageError(
                f"There is no store at {options.db} to keep the results in.",
                fix="Name it with --db, or say with --results where to write them as Parquet.",
                more="docs/engines.md",
            )
        return missing(engine, wanted)
    with reading(options.db) as connection:
        lacking = missing(connection, wanted)
        there = {row["snapshot_id"]: row["digest"] for row in connection.execute(DIGESTS, {})}
    found = both(lacking, there, dict(tuple(row) for row in engine.execute(DIGESTS, {})))
    if len(found) < len(lacking):
        left = f"{len(lacking) - len(found):,} of {len(lacking):,} snapshots are not in the lake"
        print(f"{left}: export again, then compute again", file=sys.stderr)
    return found


def keep(
    path: Path | None, engine: Engine, lacking: Sequence[Missing], results: str | None = None
) -> Iterator[list[dict[str, object]]]:
    """Compute and store, one snapshot at a time; what was kept of each."""
    from analysis.compute.pending import computed
    from db.connection import writing
    from db.store import Store

    with writing(path) if path and lacking else nullcontext() as database:
        store = Store(database) if database else None
        for number, one in enumerate(lacking, 1):
            found, now = computed(engine, one), int(time.time())
            if results:
                engine.write(results, as_lake(found, one, now))
            if store:
                store.put_results(found, now)
            place = f"[{number}/{len(lacking)}] {plain(one.registry)} {one.date}"
            print(f"{place}: {len(found)} results", file=sys.stderr)
            yield summary(one, found)


def as_lake(results: Sequence[StoredResult], one: Missing, now: int) -> list[tuple[object, ...]]:
    """Rows as the lake's table `result` has them, with what its files are split by."""
    return [(*astuple(result), now, one.registry, one.snapshot) for result in results]


def note_verdicts(path: Path, first: str) -> None:
    """Keep it as a quality event, once, when a claim's verdict became another one on a day or later."""
    from analysis.claims.changes import changes_since
    from analysis.claims.rules import HUB
    from analysis.compute.relations import rows
    from db.connection import reading, writing
    from db.rows import Event, Registry
    from db.store import Store

    with reading(path) as connection:
        changed = changes_since(connection, first)
        known = {tuple(row.values()) for row in rows(connection, "verdict_changes")} if changed else set()
    events = [
        Event("verdict_changed", "warning", f"{claim}, {day}", before, after)
        for claim, day, before, after in changed
        if (f"{claim}, {day}", before, after) not in known
    ]
    if events:
        with writing(path) as database:
            Store(database).note(Registry(HUB, "huggingface", "models"), events, int(time.time()))


def summary(one: Missing, results: Sequence[StoredResult]) -> list[dict[str, object]]:
    """How many results each metric gave for one snapshot."""
    counts = Counter((result.metric, result.version) for result in results)
    return [
        {"registry": one.registry, "snapshot": one.snapshot, "date": one.date,
         "metric": metric, "version": version, "results": count}
        for (metric, version), count in counts.items()
    ]  # fmt: skip


def as_json(kept: Sequence[dict[str, object]]) -> str:
    """What was kept: `{"schema": 1, "computed": [{registry, snapshot, date, metric, version, results}]}`."""
    return json.dumps({"schema": 1, "computed": list(kept)}, indent=2)


def as_text(kept: Sequence[dict[str, object]]) -> str:
    """What was kept, in a sentence."""
    if not kept:
        return "Nothing is missing: every complete snapshot has its results."
    results, snapshots = sum(row["results"] for row in kept), len({row["snapshot"] for row in kept})
    return f"Computed {results:,} results for {snapshots:,} snapshot{'' if snapshots == 1 else 's'}."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    return run(make_parser, argv)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m analysis`: compute the results that are missing, and store them."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from db.command import DONE, parser, plain, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from analysis.missing import Missing
    from db.rows import StoredResult


def make_parser() -> argparse.ArgumentParser:
    """The words of the command."""
    made = parser("observatory compute", "Compute the results that are missing, snapshot by snapshot, oldest first.")
    made.add_argument("--metric", metavar="NAME", help="only this metric (default: all of them)")
    made.add_argument("--format", choices=("text", "json"), default="text", help="of the summary (default: text)")
    made.set_defaults(do=compute)
    return made


def compute(options: argparse.Namespace) -> int:
    """Store what is missing. Each snapshot is a transaction of its own, so an interrupted run goes on where it was."""
    from analysis.metric import chosen
    from analysis.missing import missing
    from db.connect import reading

    wanted = chosen(options.metric)
    with reading(options.db) as connection:
        lacking = missing(connection, wanted)
        kept = [row for rows in keep(options.db, connection, lacking) for row in rows] if lacking else []
    if kept:
        note_verdicts(options.db, min(str(row["date"]) for row in kept))
    print(as_json(kept) if options.format == "json" else as_text(kept))
    return DONE


def keep(path: Path, connection: sqlite3.Connection, lacking: Sequence[Missing]) -> Iterator[list[dict[str, object]]]:
    """Compute and store, one snapshot at a time; what was kept of each."""
    from analysis.missing import computed
    from db.connect import writing
    from db.store import Store

    with writing(path) as database:
        store = Store(database)
        for number, one in enumerate(lacking, 1):
            results = computed(connection, one)
            store.put_results(results, int(time.time()))
            place = f"[{number}/{len(lacking)}] {plain(one.registry)} {one.date}"
            print(f"{place}: {len(results)} results", file=sys.stderr)
            yield summary(one, results)


def note_verdicts(path: Path, first: str) -> None:
    """Keep it as a quality event, once, when a claim's verdict became another one on a day or later."""
    from analysis.claims import HUB
    from analysis.relations import rows
    from analysis.verdicts import changes_since
    from db.connect import reading, writing
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

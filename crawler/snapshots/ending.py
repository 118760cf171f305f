"""Judge and end one snapshot."""

from __future__ import annotations

import time
from typing import Any

from crawler.quality.gate import decide_status
from crawler.snapshots.kinds import Judgement, SnapshotKind
from db.store import Store
from db.store.package_events import add_package_events


def end_snapshot(
    kind: SnapshotKind[Any], writer: Store, snapshot: int, reason: str | None = None
) -> tuple[str, str | None]:
    """Judge and end an open snapshot; return its status and the reason for it.

    A crawl that was broken off gives a `reason`. Its snapshot is not complete, whatever the gate says.
    """
    judgement = kind.judge(writer, snapshot)
    status, explanation = _final_status(judgement, reason)
    now = int(time.time())
    with writer.transaction():
        writer.end_snapshot(snapshot, status, judgement.gate_results, explanation, now, judgement.field_coverage)
        if status == "complete":
            add_package_events(writer, snapshot, kind.find_events(writer, snapshot), now)
    return status, explanation


def _final_status(judgement: Judgement, reason: str | None) -> tuple[str, str | None]:
    status, explanation = decide_status(judgement.gate_results)
    if reason:
        status, explanation = "partial", f"{reason}; {explanation}" if explanation else reason
    return (status if judgement.package_count else "failed"), explanation

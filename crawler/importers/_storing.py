"""Store a past list as a snapshot of its day, judged by the gate and dated by its content."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.importers._counters import counter_value
from crawler.importers._dating import DatingResult, date_content, first_day_of, load_reference_points, summarize_content
from crawler.importers._files import FileIdentity, ImportFailedError
from crawler.importers._outcomes import ListImportOutcome
from crawler.importers._repeats import same_content_events
from crawler.importers._spec import ImportSpec, ParsedList, resolve_counter
from crawler.response import Event, Page, Registry, Reject
from db import __version__
from db.cli import isoformat_utc, pluralize
from db.rows import SnapshotSpec

if TYPE_CHECKING:
    from db.store import Store


def find_list(store: Store, spec: ImportSpec) -> int | None:
    """Return the snapshot that is already stored for the registry, order and day, or None."""
    rows = store.query("find_ranking", registry=spec.registry, by=spec.ordered_by, at=spec.taken_at)
    return int(rows[0][0]) if rows else None


def store_list(
    store: Store, file: str, identity: FileIdentity, parsed: ParsedList, spec: ImportSpec, format_name: str
) -> ListImportOutcome:
    """Store a past list as a snapshot of its day, judged by the gate."""
    from crawler.parsing.redact import redact_spec
    from crawler.snapshots.ending import end_snapshot
    from crawler.snapshots.kinds import load_kind

    now = int(time.time())
    dating = date_parsed_list(parsed, spec)
    events = (*parsed.events, *dating.events)
    description = _describe_snapshot(file, identity, parsed, spec, format_name, dating.summary, now)
    snapshot = store.begin_snapshot(redact_spec(description))
    page = _make_page(file, identity, parsed, spec, events, now)
    progress = store.save_page(snapshot, page)
    status, reason = end_snapshot(load_kind("ranking"), store, snapshot, parsed.fault)
    repeats = same_content_events(store, snapshot)
    store.add_quality_events(_registry_of(spec), repeats, now, snapshot)
    warnings = (*format_warnings((*events, *repeats), spec), *_format_rejects(page.rejects),
                *_format_repeats(progress.duplicates), *_format_hidden(parsed.hidden))  # fmt: skip
    return ListImportOutcome(file, spec.registry, snapshot, status, progress.depth, reason=reason, warnings=warnings)


def _describe_snapshot(
    file: str, identity: FileIdentity, parsed: ParsedList, spec: ImportSpec, format_name: str, evidence: str, now: int
) -> SnapshotSpec:
    name = Path(file).name
    settings = {
        "file": name, "format": format_name, "columns": dict(spec.columns), "version": __version__,
        "population": len(parsed.observations), "top": spec.top,
    }  # fmt: skip
    return SnapshotSpec(
        _registry_of(spec), spec.ordered_by, resolve_counter(spec), len(parsed.observations) + len(parsed.rejects),
        spec.source or name, f"stated at the import as {isoformat_utc(spec.taken_at)[:10]}; {evidence}", spec.taken_at,
        now, "import", settings, identity.sha256,
    )  # fmt: skip


def _registry_of(spec: ImportSpec) -> Registry:
    return Registry(spec.registry, "huggingface" if spec.registry.startswith("huggingface/") else "ecosystems")


def _make_page(
    file: str, identity: FileIdentity, parsed: ParsedList, spec: ImportSpec, events: tuple[Event, ...], now: int
) -> Page:
    """Return the file as a page, without personal addresses."""
    from crawler.parsing.redact import redact_page
    from crawler.parsing.rows import count_inversions

    inversions = count_inversions(counter_value(row, spec.ordered_by) for row in parsed.observations)
    page = Page(
        "file", Path(file).name, now, 200, identity.size, identity.sha256, {},
        parsed.received + parsed.hidden,
        observations=parsed.observations, rejects=parsed.rejects, events=events, inversions=inversions,
        hidden=parsed.hidden,
    )  # fmt: skip
    return redact_page(page, keep_body=False)


def date_parsed_list(parsed: ParsedList, spec: ImportSpec) -> DatingResult:
    """Compare the content of a list with its stated day."""
    content = summarize_content(parsed.observations, spec.ordered_by, parsed.population, parsed.newest)
    return date_content(content, _utc_day(spec.taken_at), load_reference_points(spec.registry))


def refuse_impossible_day(spec: ImportSpec, newest: int | None) -> None:
    """Refuse a day before the registry existed, unless the newest row of the file is as old.

    Raises:
        ImportFailedError: the registry did not exist on the stated day.
    """
    first = first_day_of(spec.registry)
    stated_day = _utc_day(spec.taken_at)
    if first is None or stated_day >= first or (newest is not None and _utc_day(newest) <= stated_day):
        return
    raise ImportFailedError(
        f"There was no list of {spec.registry} on {stated_day}.",
        why=f"No list of it is older than {first}, and no row of the file shows that this one is.",
        fix="Give the day of the list.",
    )


def format_warnings(events: Iterable[Event], spec: ImportSpec) -> tuple[str, ...]:
    """Return the warnings and notes of an import, one line each."""
    lines = [f"warning: {event.evidence}{_format_change(event)}" for event in events if event.severity != "note"]
    if resolve_counter(spec) == "unstated":
        lines.append(
            "note: no --counter states what the numbers count, so this list is compared only with lists like it"
        )
    return tuple(lines)


def _format_rejects(rejects: Sequence[Reject]) -> tuple[str, ...]:
    if not rejects:
        return ()
    first = f"the first is row {rejects[0].position + 1:,}: {rejects[0].reason}"
    return (f"note: {pluralize(len(rejects), 'row')} could not be read; {first}",)


def _format_repeats(repeats: int) -> tuple[str, ...]:
    return (f"note: {pluralize(repeats, 'row')} left out: an earlier row has the same package",) if repeats else ()


def _format_hidden(hidden: int) -> tuple[str, ...]:
    return (f"note: {pluralize(hidden, 'row')} of private repositories dropped",) if hidden else ()


def _format_change(event: Event) -> str:
    return "" if event.before is None and event.after is None else f" ({event.before} → {event.after})"


def _utc_day(at: int) -> date:
    return datetime.fromtimestamp(at, UTC).date()

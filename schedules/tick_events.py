"""Ticks as events, as the log and the `--on-event` command show them (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from db.cli import isoformat_utc
from db.ticks import Tick, to_json
from schedules.hook import join_events

UNREPORTED_OUTCOMES = ("known", "queued", "started")


def list_tick_events(ticks: Sequence[Tick]) -> Iterator[dict[str, object]]:
    """Yield the event of each tick that has ended. The gaps of one schedule for one reason are one event."""
    gaps: dict[tuple[str, str | None], dict[str, object]] = {}
    for tick in ticks:
        if tick.outcome == "gap":
            key, event = (tick.schedule, tick.reason), _tick_event(tick)
            gaps[key] = join_events(gaps[key], event) if key in gaps else event
    yield from gaps.values()
    yield from (_tick_event(tick) for tick in ticks if tick.outcome not in (*UNREPORTED_OUTCOMES, "gap"))


def _tick_event(tick: Tick) -> dict[str, object]:
    """Return the fields of a tick that have a value, with instants as text."""
    fields = {name: value for name, value in to_json(tick).items() if value is not None}
    instants = {"due_at": tick.due_at, "started_at": tick.started_at, "ended_at": tick.ended_at}
    return fields | {name: isoformat_utc(instant) for name, instant in instants.items() if instant is not None}

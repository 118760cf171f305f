"""Events that were noted while no daemon ran are reported when a daemon starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from db.connection import open_for_writing
from db.rows import Event, Registry
from db.store import Store
from db.ticks import Tick, save_ticks
from schedules.quality_events import last_reported_event, list_new_events

NOW = 1_767_225_600
NPM = Registry("npm", "ecosystems")


def new_evidence(path: Path) -> list[str]:
    return [event["evidence"] for event in list_new_events(path, last_reported_event(path, NOW))]


@pytest.mark.fault("A17")
def test_events_since_the_last_command_of_a_daemon_are_new(tmp_path: Path) -> None:
    path = tmp_path / "observatory.db"
    assert new_evidence(path) == []
    with open_for_writing(path) as database:
        store = Store(database)
        for at, evidence in ((NOW - 900, "old"), (NOW - 500, "absent"), (NOW - 9000, "past list"), (NOW + 9, "ahead")):
            store.add_quality_events(NPM, [Event("counter_reset", "warning", evidence)], at)
        assert new_evidence(path) == [], "no daemon has run: all of it is history"
        ended_at = {"time": NOW - 600, "person": NOW - 10, "clock": NOW + 10**8}
        save_ticks(
            database, [Tick("top", at - 5, cause, "done", ended_at=at, attempts=1) for cause, at in ended_at.items()]
        )
    assert new_evidence(path) == ["absent", "past list", "ahead"]

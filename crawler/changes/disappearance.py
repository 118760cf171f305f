"""What became of a package that a census no longer lists: decided over several days, from single answers (pure).

Without a token the Hub answers 401 to a name that is missing and to one that is private, and does not say which. So
nothing is called deleted before it was not there three times in at least seven days. An answer that shows a repository
decides at once: by its `_id` it is the same one (renamed, gated, disabled, or only missed), or another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

DAY = 86400
NEEDED = 3
OVER = 7 * DAY
SECOND_AFTER = 3 * DAY
GONE = {401, 404, 410}


@dataclass(frozen=True, slots=True)
class Case:
    """One absent package: who it was, and what is known by now. `probes` counts the times it was not there."""

    package: int
    stable_id: str
    name: str
    missed_at: int
    state: str = "unknown"
    probes: int = 0
    first: int | None = None
    last: int | None = None
    successor: str | None = None
    decided_at: int | None = None

    def due(self, now: int) -> bool:
        """Whether it is time to ask: at once, after three days, and when the seven days are over."""
        if self.state != "unknown":
            return False
        if self.first is None or self.last is None:
            return True
        wait = SECOND_AFTER if self.probes < NEEDED - 1 else OVER
        return now - self.first >= wait and now - self.last >= DAY


@dataclass(frozen=True, slots=True)
class Probe:
    """What one question for one name has shown. `id` is the `_id` found there, None where there was nothing."""

    at: int
    status: int
    id: str | None = None
    name: str | None = None
    gated: bool = False
    disabled: bool = False


def probe_of(status: int, shown: Mapping[str, object], at: int) -> Probe:
    """An answer of `/api/models/{id}` as a probe.

    >>> probe_of(200, {"_id": "7", "id": "a/b", "gated": "auto"}, 0)
    Probe(at=0, status=200, id='7', name='a/b', gated=True, disabled=False)
    >>> probe_of(401, {"error": "Invalid username or password."}, 0).id is None
    True
    """
    if status != 200 or not isinstance(shown.get("_id"), str):
        return Probe(at, status)
    return Probe(
        at, 200, str(shown["_id"]), str(shown.get("id") or ""), bool(shown.get("gated")), shown.get("disabled") is True
    )


def step(case: Case, probe: Probe) -> Case:
    """What is known after one more answer. A decision is final; an answer that says nothing changes nothing.

    >>> case = Case(1, "7", "a/b", missed_at=0)
    >>> step(case, Probe(DAY, 200, "7", "a/c")).state, step(case, Probe(DAY, 200, "8", "a/b")).state
    ('renamed', 'recreated')
    >>> step(case, Probe(DAY, 401)).state
    'unknown'
    """
    if case.state != "unknown":
        return case
    if probe.id is not None:
        state, successor = shown_state(case, probe)
        return replace(case, state=state, successor=successor, decided_at=probe.at)
    if probe.status not in GONE or (case.last is not None and probe.at - case.last < DAY):
        return case
    first = probe.at if case.first is None else case.first
    gone = replace(case, probes=case.probes + 1, first=first, last=probe.at)
    enough = gone.probes >= NEEDED and probe.at - first >= OVER
    return replace(gone, state="deleted", decided_at=probe.at) if enough else gone


def shown_state(case: Case, probe: Probe) -> tuple[str, str | None]:
    """What a repository that is there says of the absent one, and what has its place."""
    if probe.id != case.stable_id:
        return ("recreated" if probe.name == case.name else "replaced"), probe.id
    if probe.name != case.name:
        return "renamed", probe.name
    return ("disabled" if probe.disabled else "gated" if probe.gated else "unlisted"), None

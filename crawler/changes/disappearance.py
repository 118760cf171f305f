"""What became of a package that a census no longer lists: decided over several days, from single answers (pure).

Without a token the Hub answers 401 to a name that is missing and to one that is private, and does not say which. So
nothing is called deleted before it was not there three times in at least seven days. An answer that shows a repository
decides at once: by its `_id` it is the same one (renamed, gated, disabled, or only missed), or another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

SECONDS_PER_DAY = 86400
MIN_PROBES = 3
MIN_PROBE_SPAN = 7 * SECONDS_PER_DAY
SECOND_PROBE_DELAY = 3 * SECONDS_PER_DAY
GONE_STATUSES = {401, 404, 410}


@dataclass(frozen=True, slots=True)
class MissingPackage:
    """One absent package: who it was, and what is known by now. `probes` counts the times it was not there."""

    package: int
    stable_id: str
    name: str
    missing_since: int
    state: str = "unknown"
    probes: int = 0
    first_probe: int | None = None
    last_probe: int | None = None
    successor: str | None = None
    decided_at: int | None = None

    def is_due(self, now: int) -> bool:
        """Whether it is time to ask: at once, after three days, and when the seven days are over."""
        if self.state != "unknown":
            return False
        if self.first_probe is None or self.last_probe is None:
            return True
        wait = SECOND_PROBE_DELAY if self.probes < MIN_PROBES - 1 else MIN_PROBE_SPAN
        return now - self.first_probe >= wait and now - self.last_probe >= SECONDS_PER_DAY


@dataclass(frozen=True, slots=True)
class Probe:
    """What one question for one name has shown. `id` is the `_id` found there, None where there was nothing."""

    at: int
    status: int
    id: str | None = None
    name: str | None = None
    gated: bool = False
    disabled: bool = False


def parse_probe(status: int, repository: Mapping[str, object], at: int) -> Probe:
    """An answer of `/api/models/{id}` as a probe.

    >>> parse_probe(200, {"_id": "7", "id": "a/b", "gated": "auto"}, 0)
    Probe(at=0, status=200, id='7', name='a/b', gated=True, disabled=False)
    >>> parse_probe(401, {"error": "Invalid username or password."}, 0).id is None
    True
    """
    if status != 200 or not isinstance(repository.get("_id"), str):
        return Probe(at, status)
    return Probe(
        at,
        200,
        str(repository["_id"]),
        str(repository.get("id") or ""),
        bool(repository.get("gated")),
        repository.get("disabled") is True,
    )


def apply_probe(package: MissingPackage, probe: Probe) -> MissingPackage:
    """What is known after one more answer. A decision is final; an answer that says nothing changes nothing.

    >>> case = MissingPackage(1, "7", "a/b", missing_since=0)
    >>> probes = Probe(SECONDS_PER_DAY, 200, "7", "a/c"), Probe(SECONDS_PER_DAY, 200, "8", "a/b")
    >>> [apply_probe(case, probe).state for probe in probes]
    ['renamed', 'recreated']
    >>> apply_probe(case, Probe(SECONDS_PER_DAY, 401)).state
    'unknown'
    """
    if package.state != "unknown":
        return package
    if probe.id is not None:
        state, successor = classify_repository(package, probe)
        return replace(package, state=state, successor=successor, decided_at=probe.at)
    if probe.status not in GONE_STATUSES or (
        package.last_probe is not None and probe.at - package.last_probe < SECONDS_PER_DAY
    ):
        return package
    first = probe.at if package.first_probe is None else package.first_probe
    gone = replace(package, probes=package.probes + 1, first_probe=first, last_probe=probe.at)
    enough = gone.probes >= MIN_PROBES and probe.at - first >= MIN_PROBE_SPAN
    return replace(gone, state="deleted", decided_at=probe.at) if enough else gone


def classify_repository(package: MissingPackage, probe: Probe) -> tuple[str, str | None]:
    """What a repository that is there says of the absent one, and what has its place."""
    if probe.id != package.stable_id:
        return ("recreated" if probe.name == package.name else "replaced"), probe.id
    if probe.name != package.name:
        return "renamed", probe.name
    return ("disabled" if probe.disabled else "gated" if probe.gated else "unlisted"), None

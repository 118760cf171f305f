"""Decide what became of a package that a census no longer lists, over several days and from single responses (pure).

Without a token the Hub answers 401 for a missing name and for a private one. The two responses look the same.
So a package is called deleted only after three failed probes over at least seven days. A response that shows a
repository decides at once by its `_id`: either the same repository (renamed, gated, disabled, or only unlisted), or
another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus

from db import SECONDS_PER_DAY

MIN_PROBES = 3
MIN_PROBE_SPAN = 7 * SECONDS_PER_DAY
SECOND_PROBE_DELAY = 3 * SECONDS_PER_DAY
GONE_STATUSES = {401, 404, 410}


@dataclass(frozen=True, slots=True)
class MissingPackage:
    """A package that disappeared from the census, and the results of its probes. `probes` counts the failed ones."""

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
        """Return whether a probe is due: at once, after three days, and after seven days."""
        if self.state != "unknown":
            return False
        if self.first_probe is None or self.last_probe is None:
            return True
        wait = SECOND_PROBE_DELAY if self.probes < MIN_PROBES - 1 else MIN_PROBE_SPAN
        return now - self.first_probe >= wait and now - self.last_probe >= SECONDS_PER_DAY


@dataclass(frozen=True, slots=True)
class Probe:
    """Result of one request for one name. `id` is the `_id` in the response, None where no repository was shown."""

    at: int
    status: int
    id: str | None = None
    name: str | None = None
    gated: bool = False
    disabled: bool = False


def parse_probe(status: int, repository: Mapping[str, object], at: int) -> Probe:
    """Return the probe that a response of `/api/models/{id}` gives.

    The Hub explains each refusal. A refusal without a word is by something in between, and tells nothing.

    >>> parse_probe(200, {"_id": "7", "id": "a/b", "gated": "auto"}, 0)
    Probe(at=0, status=200, id='7', name='a/b', gated=True, disabled=False)
    >>> parse_probe(401, {"error": "Invalid username or password."}, 0).id is None
    True
    >>> parse_probe(200, {"_id": "7", "id": "a/b", "private": True}, 0).id is None
    True
    """
    if repository.get("private"):  # a registry may send a token of its own
        return Probe(at, HTTPStatus.NOT_FOUND)
    if status in GONE_STATUSES and "error" not in repository:
        return Probe(at, 0)
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
    """Return a missing package after one more probe.

    A decision is final. A response that shows nothing of the package changes nothing.

    >>> package = MissingPackage(1, "7", "a/b", missing_since=0)
    >>> probes = Probe(SECONDS_PER_DAY, 200, "7", "a/c"), Probe(SECONDS_PER_DAY, 200, "8", "a/b")
    >>> [apply_probe(package, probe).state for probe in probes]
    ['renamed', 'recreated']
    >>> apply_probe(package, Probe(SECONDS_PER_DAY, 401)).state
    'unknown'
    """
    if package.state != "unknown":
        return package
    if probe.id is not None:
        state, successor = classify_repository(package, probe)
        return replace(package, state=state, successor=successor, decided_at=probe.at)
    is_too_soon = package.last_probe is not None and probe.at - package.last_probe < SECONDS_PER_DAY
    if probe.status not in GONE_STATUSES or is_too_soon:
        return package
    first_probe = probe.at if package.first_probe is None else package.first_probe
    probed = replace(package, probes=package.probes + 1, first_probe=first_probe, last_probe=probe.at)
    if probed.probes >= MIN_PROBES and probe.at - first_probe >= MIN_PROBE_SPAN:
        return replace(probed, state="deleted", decided_at=probe.at)
    return probed


def classify_repository(package: MissingPackage, probe: Probe) -> tuple[str, str | None]:
    """Return the state of a package whose name shows a repository, and the id or name of its successor."""
    if probe.id != package.stable_id:
        return ("recreated" if probe.name == package.name else "replaced"), probe.id
    if probe.name != package.name:
        return "renamed", probe.name
    return ("disabled" if probe.disabled else "gated" if probe.gated else "unlisted"), None

"""Rows of Ecosyste.ms: registries, packages and names (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from crawler.parsing.rows import (
    MAX_ROW_BYTES,
    Count,
    Name,
    Text,
    Texts,
    UnreadableRowError,
    check_storable,
    epoch_seconds,
    split_json_rows,
    truncate_raw,
)
from crawler.response import Observation, Reject
from db.identity import derive_stable_id, name_to_show
from db.private_text import find_private_text

STORED_FIELDS = (
    "id", "name", "downloads", "downloads_period", "dependent_packages_count", "dependent_repos_count", "status",
    "last_synced_at", "updated_at", "first_release_published_at", "latest_release_published_at", "normalized_licenses",
)  # fmt: skip
PERIOD = re.compile("[a-z][a-z0-9 _-]{0,38}", re.ASCII | re.IGNORECASE)


class EcosystemsRow(msgspec.Struct, gc=False):
    """One package. All other fields of the row, people among them, are ignored."""

    name: Name
    downloads: Count | None = None
    period: Text | None = msgspec.field(name="downloads_period", default=None)
    dependents: Count | None = msgspec.field(name="dependent_packages_count", default=None)
    dependent_repos: Count | None = msgspec.field(name="dependent_repos_count", default=None)
    status: Text | msgspec.UnsetType | None = msgspec.UNSET
    synced_at: datetime | None = msgspec.field(name="last_synced_at", default=None)
    released_at: datetime | None = msgspec.field(name="first_release_published_at", default=None)
    modified_at: datetime | None = msgspec.field(name="latest_release_published_at", default=None)
    licences: Texts | msgspec.UnsetType = msgspec.field(name="normalized_licenses", default=msgspec.UNSET)


class CounterPeriod(msgspec.Struct, gc=False):
    """The period of a row's downloads, without the rest of the row."""

    period: Text | None = msgspec.field(name="downloads_period", default=None)


class EcosystemsRegistryRow(msgspec.Struct, gc=False):
    """One registry of `/registries`."""

    name: Name
    ecosystem: Text | None = None
    default: bool | None = False
    packages_count: int | None = None


def make_observation(row: EcosystemsRow, registry: str) -> Observation:
    """Return the observation of one row."""
    attributes: dict[str, str | None] = {}  # a field that is missing or unreadable is unknown, and ends nothing
    if row.status is not msgspec.UNSET:
        attributes["status"] = row.status
    if row.licences is not msgspec.UNSET:
        attributes["licence"] = "|".join(sorted(row.licences)) or None
    return Observation(
        derive_stable_id(registry, row.name),
        name_to_show(registry, row.name),
        row.downloads,
        dependents=row.dependents,
        dependent_repos=row.dependent_repos,
        created_at=epoch_seconds(row.released_at),
        modified_at=epoch_seconds(row.modified_at),
        synced_at=epoch_seconds(row.synced_at),
        attributes=attributes,
    )


def read_period(body: bytes, downloads: int | None) -> str:
    """Return the period that the downloads of the first row cover.

    'none' if the row has no downloads, 'unstated' if the row has no period, or a text that is none.

    >>> read_period(b'[{"name": "six", "downloads": 5, "downloads_period": "last-month"}]', 5)
    'last-month'
    """
    if downloads is None:
        return "none"
    try:
        period = msgspec.json.decode(split_json_rows(body)[0], type=CounterPeriod).period
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "unstated"
    return period if period and PERIOD.fullmatch(period) else "unstated"


def choose_registry(name: str, registries: Iterable[EcosystemsRegistryRow]) -> EcosystemsRegistryRow | None:
    """Return the registry of that name, else the ecosystem's default registry, else its only registry."""
    rows = list(registries)
    with_name = [row for row in rows if row.name == name]
    of_ecosystem = [row for row in rows if row.ecosystem == name]
    default = [row for row in of_ecosystem if row.default]
    only = of_ecosystem if len(of_ecosystem) == 1 else []
    return next(iter(with_name or default or only), None)


def reduce_body(body: bytes) -> bytes:
    """Return a body with the stored fields only: no people, no repository metadata.

    >>> reduce_body(b'[{"name": "a", "maintainers": [{"login": "b"}], "downloads": 3}, 7]')
    b'[{"name":"a","downloads":3},null]'
    """
    is_single_row = body.lstrip()[:1] == b"{"
    rows = [body] if is_single_row else split_json_rows(body or b"[]")
    return b"[%b]" % b",".join(map(_reduce_row, rows))


def _reduce_row(raw: bytes) -> bytes:
    """Return a row with the stored fields only, or null. No other field is decoded: it may have any size or depth."""
    try:
        row: Mapping[str, object] = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        return msgspec.json.encode({key: row[key] for key in STORED_FIELDS if key in row})
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _reduce_row_tolerantly(raw) if len(raw) <= MAX_ROW_BYTES else b"null"


def _reduce_row_tolerantly(raw: bytes) -> bytes:
    """Return a row with the stored fields, read by Python's reader, which accepts lone surrogates and NaN."""
    try:
        row = json.loads(raw, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return b"null"
    stored = {key: row[key] for key in STORED_FIELDS if key in row} if isinstance(row, Mapping) else None
    return json.dumps(stored, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def read_names(registry: str, rows: Iterable[bytes]) -> tuple[list[str], list[Reject]]:
    """Return the names of a list as they are shown, and the rows that hold no name."""
    names, rejects = [], []
    for position, raw in enumerate(rows):
        try:
            name = name_to_show(registry, msgspec.json.decode(raw, type=Name))
            check_storable(name)
            names.append(name)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, UnreadableRowError) as error:
            rejects.append(Reject(position, str(error)[:200], truncate_raw(raw)))
    return names, rejects


def find_registry_fault(raw: bytes) -> str:
    """Return why a registry of the list cannot be read, '' if it can.

    >>> find_registry_fault(b'{"ecosystem": "npm"}'), find_registry_fault(b'{"name": "a"}')
    ('Object missing required field `name`', '')
    """
    try:
        row = msgspec.json.decode(raw, type=EcosystemsRegistryRow)
        return "" if (kind := find_private_text(row.name)) is None else f"the name holds {kind}"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return str(error)[:200]


def read_registry(raw: bytes) -> EcosystemsRegistryRow | None:
    """Return one registry of the list, or None if the row cannot be read or its name cannot be stored."""
    try:
        row = msgspec.json.decode(raw, type=EcosystemsRegistryRow)
        return None if find_private_text(row.name) else row
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None

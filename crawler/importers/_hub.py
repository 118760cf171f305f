"""Rows of other people's collections of the Hub, read like the Hub's own rows.

A field that a collection lacks counts as not requested, because every era lacks other fields.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import replace
from itertools import islice

from crawler.importers import ImportFailedError, ImportSpec, ParsedList, sort_by_counter
from crawler.importers._hub_row import MISSING_ID, clean_row
from crawler.parsing.huggingface_rows import EXPAND_FIELDS, SORT_FIELDS, HuggingFaceRow, make_observation
from crawler.parsing.redact import excerpt
from crawler.parsing.rows import MAX_RAW_LENGTH, describe_error, read_rows
from crawler.parsing.visibility import is_public_record
from crawler.response import Event, Observation, Reject
from db.identity import derive_stable_id

BATCH_ROWS = 10_000


def parse_rows(
    rows: Iterable[object], spec: ImportSpec, fields: Collection[str], population: int | None = None,
    events: tuple[Event, ...] = (), lineage: bool = True, required: Collection[str] = (), fault: str | None = None,
) -> ParsedList:  # fmt: skip
    """Parse rows whose fields have the Hub's names.

    `fields` are the fields of the collection. A row without a `required` field, or whose counter is no number, is
    rejected. A row without `_id` is identified by its name. Without `lineage`, tags tell nothing about parents,
    because the collection is older than lineage tags.
    """
    requested = set(fields) & {*EXPAND_FIELDS[hub_kind(spec)], "cardData"}

    def observe(row: HuggingFaceRow, dropped: Set[str]) -> Observation:
        observation = make_observation(row, requested, dropped)
        if not lineage:
            observation = replace(observation, parents=None)
        if row.key == MISSING_ID:
            observation = replace(observation, stable_id=derive_stable_id(spec.registry, row.id))
        return observation

    observations: list[Observation] = []
    rejects: list[Reject] = []
    all_events = list(events)
    received = hidden = 0
    for batch in _batches(rows):
        public = [row for row in batch if not isinstance(row, Mapping) or is_public_record(row)]
        positions, cleaned = _clean_rows(public, received, spec, required, rejects)
        parsed = read_rows(json.dumps(cleaned).encode("ascii"), HuggingFaceRow, frozenset({"id", "_id"}), observe)
        observations += parsed.observations
        rejects += [replace(reject, position=positions[reject.position]) for reject in parsed.rejects]
        all_events += parsed.events
        received += len(public)
        hidden += len(batch) - len(public)
    ordered = sort_by_counter(observations, spec.ordered_by)
    return ParsedList(
        received, ordered, tuple(sorted(rejects, key=lambda reject: reject.position)), tuple(all_events),
        newest_instant(observations), population, fault, hidden=hidden,
    )  # fmt: skip


def newest_instant(observations: Iterable[Observation]) -> int | None:
    """Return the newest creation or modification of any observation."""
    instants = (instant for row in observations for instant in (row.created_at, row.modified_at))
    return max((instant for instant in instants if instant is not None), default=None)


def hub_kind(spec: ImportSpec) -> str:
    """Return the kind of repositories in a registry of the Hub.

    Raises:
        ImportFailedError: the registry is not of the Hub, or cannot be ordered so.
    """
    kind = spec.registry.removeprefix("huggingface/")
    if kind not in EXPAND_FIELDS or spec.ordered_by not in SORT_FIELDS:
        raise ImportFailedError(
            f"A file of the Hub is not a list of {spec.registry} by {spec.ordered_by}.",
            fix="Use --registry huggingface/models, huggingface/datasets or huggingface/spaces.",
        )
    return kind


def _batches(rows: Iterable[object]) -> Iterator[list[object]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH_ROWS)):
        yield batch


def _clean_rows(
    rows: Iterable[object], first: int, spec: ImportSpec, required: Collection[str], rejects: list[Reject]
) -> tuple[list[int], list[Mapping[str, object]]]:
    """Return the rows that can be read, with their positions. The others are added to `rejects`."""
    cleaned_rows = []
    for position, row in enumerate(rows, first):
        try:
            cleaned_rows.append((position, clean_row(row, SORT_FIELDS[spec.ordered_by], required)))
        except (ValueError, RecursionError) as error:
            rejects.append(Reject(position, describe_error(error), _format_raw(row)))
    return [position for position, _ in cleaned_rows], [row for _, row in cleaned_rows]


def _format_raw(row: object) -> str:
    try:
        return excerpt(json.dumps(row, default=str), MAX_RAW_LENGTH)
    except (ValueError, TypeError, RecursionError):
        return ""

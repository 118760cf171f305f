"""Rows of other people's collections of the Hub, read like the Hub's own rows.

A field that a collection lacks counts as not requested, because every era lacks other fields.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from itertools import islice

from crawler.importers import ImportFailedError, ImportSpec, ParsedList, sort_by_counter
from crawler.parsing.huggingface_rows import EXPAND_FIELDS, SORT_FIELDS, HuggingFaceRow, make_observation
from crawler.parsing.rows import read_rows
from crawler.parsing.visibility import is_public_record
from crawler.response import Event, Observation, Reject
from db.identity import derive_stable_id

BATCH_ROWS = 10_000
MISSING_ID = "0" * 24  # for collections that have only names
NESTED_FIELDS = ("baseModels", "safetensors")


def parse_rows(
    rows: Iterable[Mapping[str, object]], spec: ImportSpec, fields: Collection[str], population: int | None = None,
    events: tuple[Event, ...] = (), lineage: bool = True,
) -> ParsedList:  # fmt: skip
    """Parse rows whose fields have the Hub's names.

    `fields` are the fields of the collection. A row without `_id` is identified by its name. Without `lineage`, tags
    tell nothing about parents, because the collection is older than lineage tags.
    """
    requested = set(fields) & set(EXPAND_FIELDS[hub_kind(spec)])

    def observe(row: HuggingFaceRow) -> Observation:
        observation = make_observation(row, requested)
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
        hidden += len(batch)
        batch = list(filter(is_public_record, batch))
        hidden -= len(batch)
        parsed = read_rows(json.dumps(batch).encode("ascii"), HuggingFaceRow, frozenset({"id", "_id"}), observe)
        observations += parsed.observations
        rejects += [replace(reject, position=received + reject.position) for reject in parsed.rejects]
        all_events += parsed.events
        received += parsed.received
    ordered = sort_by_counter(observations, spec.ordered_by)
    return ParsedList(received, ordered, tuple(rejects), tuple(all_events), newest_instant(observations), population,
                      hidden=hidden)  # fmt: skip


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


def _batches(rows: Iterable[Mapping[str, object]]) -> Iterator[list[dict[str, object]]]:
    iterator = iter(rows)
    while batch := [_clean_row(row) for row in islice(iterator, BATCH_ROWS)]:
        yield batch


def _clean_row(row: Mapping[str, object]) -> dict[str, object]:
    """Return a row as the Hub would have sent it: without empty fields, and with objects instead of JSON text."""
    fields = dict(_present_fields(row))
    for name in NESTED_FIELDS:
        text = fields.get(name)
        if isinstance(text, str):
            fields[name] = _parse_json_text(text)
    return {**fields, "_id": fields.get("_id") or MISSING_ID, "id": fields.get("id") or fields.get("modelId")}


def _parse_json_text(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text  # the reader of rows drops a field of the wrong type, and counts the drop


def _present_fields(row: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in row.items():
        json_value = _as_json_value(name, value)
        if json_value is not None and json_value != {}:
            yield name, json_value


def _as_json_value(name: str, value: object) -> object:
    if isinstance(value, Mapping):
        return dict(_present_fields(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list):
        return [dict(_present_fields(item)) if isinstance(item, Mapping) else item for item in value]
    if isinstance(value, float) and value == int(value) and name != "trendingScore":
        return int(value)
    return value

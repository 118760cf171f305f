"""Rows of other people's collections of the Hub, read as the Hub's own: whatever an era lacks was not asked."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from itertools import islice

from crawler.importers import ImportFailedError, ImportSpec, ParsedList, sort_by_counter
from crawler.parsing.huggingface_rows import EXPAND_FIELDS, SORT_FIELDS, HuggingFaceRow, make_observation
from crawler.parsing.rows import read_rows
from crawler.response import Event, Observation, Reject
from db.identity import derive_stable_id

BATCH_ROWS = 10_000
MISSING_ID = "0" * 24  # where a collection has names only
NESTED_FIELDS = ("baseModels", "safetensors")


def parse_rows(
    rows: Iterable[Mapping[str, object]], spec: ImportSpec, fields: Collection[str], population: int | None = None,
    events: tuple[Event, ...] = (), lineage: bool = True,
) -> ParsedList:  # fmt: skip
    """What rows with the Hub's names of fields hold.

    `fields` are those the collection has; a row without `_id` is known by its name. Without `lineage` its tags say
    nothing of parents, for they are from before such tags were.
    """
    asked = set(fields) & set(EXPAND_FIELDS[hub_kind(spec)])

    def observe(row: HuggingFaceRow) -> Observation:
        seen = make_observation(row, asked)
        seen = seen if lineage else replace(seen, parents=None)
        return replace(seen, stable_id=derive_stable_id(spec.registry, row.id)) if row.key == MISSING_ID else seen

    seen: list[Observation] = []
    rejects: list[Reject] = []
    noted, received = list(events), 0
    walk = iter(rows)
    while batch := list(islice(walk, BATCH_ROWS)):
        found = read_rows(json.dumps([_clean_row(row) for row in batch]).encode("ascii"), HuggingFaceRow, frozenset({"id", "_id"}),
                          observe)  # fmt: skip
        seen += found.observations
        rejects += [replace(reject, position=received + reject.position) for reject in found.rejects]
        noted += found.events
        received += found.received
    moments = [at for one in seen for at in (one.created_at, one.modified_at) if at is not None]
    return ParsedList(received, sort_by_counter(seen, spec.ordered_by), tuple(rejects), tuple(noted),
                max(moments, default=None), population)  # fmt: skip


def hub_kind(spec: ImportSpec) -> str:
    """The kind of repositories a registry of the Hub has.

    Raises:
        ImportFailed: the registry is not of the Hub, or has no such order.
    """
    kind = spec.registry.removeprefix("huggingface/")
    if kind not in EXPAND_FIELDS or spec.ordered_by not in SORT_FIELDS:
        raise ImportFailedError(
            f"This is a collection of the Hub, and not a list of {spec.registry} by {spec.ordered_by}.",
            fix="Use --registry huggingface/models, huggingface/datasets or huggingface/spaces.",
        )
    return kind


def _clean_row(row: Mapping[str, object]) -> dict[str, object]:
    """A row as the Hub would have sent it: nothing where there is nothing, and no text in the place of an object."""
    made = dict(_iter_present_fields(row))
    for name in NESTED_FIELDS:
        if isinstance(made.get(name), str):
            made[name] = _parse_json_text(str(made[name]))
    return {**made, "_id": made.get("_id") or MISSING_ID, "id": made.get("id") or made.get("modelId")}


def _parse_json_text(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text  # it will be dropped for its type, and counted


def _iter_present_fields(row: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            value = dict(_iter_present_fields(value))
        elif isinstance(value, datetime | date):
            value = value.isoformat()
        elif isinstance(value, list):
            value = [dict(_iter_present_fields(one)) if isinstance(one, Mapping) else one for one in value]
        elif isinstance(value, float) and value == int(value) and name not in ("trendingScore",):
            value = int(value)
        if value is not None and value != {}:
            yield name, value

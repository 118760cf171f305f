"""The three list endpoints: filters, orders, and cursors that are predicates on live values."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from simulation.clock import format_iso
from simulation.http.messages import Request, Response
from simulation.population.hub import HubRegistry
from simulation.population.repositories import Repository
from simulation.sites.hub_properties import DEFAULT_PROPERTIES, EXPANDABLE_PROPERTIES, FULL_PROPERTIES
from simulation.sites.hub_rows import PROPERTIES, build_row, build_tags

MAX_PAGE_SIZE = 1000
SORTS = {"downloads": "downloads", "likes": "likes", "trendingScore": "trending", "lastModified": "modified"}
PROPERTY_BY_FLAG = {"config": "config", "cardData": "cardData"}


class BadRequestError(Exception):
    """A request to which the Hub responds with 400 and this text."""


def make_list_page(hub: HubRegistry, request: Request, refused_properties: tuple[str, ...]) -> Response:
    """Return one page of a registry."""
    try:
        properties = select_properties(hub.kind, request, refused_properties)
        limit = parse_page_size(request.parameter("limit"), request.max_page_size or MAX_PAGE_SIZE)
        order = order_repositories(hub, request)
        indices = filter_rows(hub, request, rows_after_cursor(hub, order, request.parameter("cursor")))
    except BadRequestError as problem:
        return Response(400, {"error": str(problem)}, {"X-Error-Message": str(problem)})
    page = indices[: limit + 1].tolist()
    response = Response(200, [build_row(hub, index, properties) for index in page[:limit]])
    if len(page) > limit:
        cursor = make_cursor(hub, request, page[limit - 1])
        response.headers["Link"] = f'<{request.url_with(cursor=cursor)}>; rel="next"'
    return response


def select_properties(kind: str, request: Request, refused_properties: tuple[str, ...]) -> list[str]:
    """Return the properties that a row shows."""
    expand = [name for value in request.parameter_values("expand", "expand[]") for name in value.split(",")]
    valid = [name for name in EXPANDABLE_PROPERTIES[kind] if name not in refused_properties]
    for property_name in expand:
        if property_name not in valid:
            named = " | ".join(f'"{name}"' for name in valid)
            raise BadRequestError(
                f'✖ Invalid option: expected one of {named}\n  → at expand, received "{property_name}"'
            )
    if expand:
        return [name for name in PROPERTIES if name in expand]
    properties = FULL_PROPERTIES[kind] if is_true(request.parameter("full")) else DEFAULT_PROPERTIES[kind]
    return properties + [
        name for flag, name in PROPERTY_BY_FLAG.items() if is_true(request.parameter(flag)) and name not in properties
    ]


def is_true(text: str) -> bool:
    """Return whether a flag of a query is set."""
    return text.lower() in ("true", "1", "full")


def parse_page_size(text: str, largest: int) -> int:
    """Return the requested page size, or the largest."""
    return min(largest, int(text)) if text.isdigit() and int(text) else largest


def order_repositories(hub: HubRegistry, request: Request) -> np.ndarray:
    """Return the visible rows in the requested order. An unknown sort is the default order."""
    if request.parameter("sort") == "createdAt":
        oldest_first = hub.order_rows("identity")
        return oldest_first if request.parameter("direction") == "1" else oldest_first[::-1]
    return hub.order_rows(resolve_sort(hub, request)[1])


def resolve_sort(hub: HubRegistry, request: Request) -> tuple[str, str]:
    """Return the name of the effective sort, as in cursors, and its column."""
    sort = request.parameter("sort")
    if sort not in SORTS or (sort == "downloads" and not hub.has_downloads):
        sort = "trendingScore"
    return sort, SORTS[sort]


def rows_after_cursor(hub: HubRegistry, order: np.ndarray, cursor: str) -> np.ndarray:
    """Return the rows of an order for which the predicate of a cursor is true now."""
    if not cursor:
        return order
    try:
        predicate = json.loads(base64.b64decode(cursor, validate=True))
        rows: np.ndarray = order[evaluate_predicate(hub, order, predicate)]
        return rows
    except (ValueError, KeyError, TypeError, StopIteration) as problem:
        raise BadRequestError("Invalid cursor") from problem


def evaluate_predicate(hub: HubRegistry, order: np.ndarray, predicate: Mapping[str, Any]) -> np.ndarray:
    """Return where a Mongo predicate is true. It has one of the few forms in use."""
    if "_id" in predicate:
        return compare_ids(hub, order, predicate["_id"])
    equal, below = predicate["$or"][:2]
    field = next(name for name in below if name != "_id")
    values = hub.columns[SORTS[field]][order]
    bound = equal[field] if field != "lastModified" else parse_instant(equal[field])
    is_after: np.ndarray = ((values == bound) & compare_ids(hub, order, equal["_id"])) | (values < bound)
    return is_after


def compare_ids(hub: HubRegistry, order: np.ndarray, condition: Mapping[str, str]) -> np.ndarray:
    """Return where `_id` is beyond a bound. No repository needs to have that `_id`."""
    ((operator, identity),) = condition.items()
    index = hub.count_smaller_ids(identity)
    is_beyond: np.ndarray = order >= index + (identity in hub.indices) if operator == "$gt" else order < index
    return is_beyond


def parse_instant(text: str) -> float:
    """Return the epoch seconds of an instant as the Hub writes it."""
    return float(np.datetime64(text.rstrip("Z"), "s").astype(np.int64))


def make_cursor(hub: HubRegistry, request: Request, index: int) -> str:
    """Return the cursor of the page after a row."""
    identity = hub.repositories[index].identity
    if request.parameter("sort") == "createdAt":
        predicate: dict[str, object] = {"_id": {"$gt" if request.parameter("direction") == "1" else "$lt": identity}}
    else:
        predicate = make_value_predicate(hub, request, index, identity)
    if request.parameter("search"):
        predicate["searchSequenceToken"] = base64.b64encode(request.parameter("search").encode()).decode()
    return base64.b64encode(json.dumps(predicate, separators=(",", ":")).encode()).decode()


def make_value_predicate(hub: HubRegistry, request: Request, index: int, identity: str) -> dict[str, object]:
    """Return the predicate: the same value and a later `_id`, or a smaller value, or no value."""
    sort, column = resolve_sort(hub, request)
    value = hub.columns[column][index].item()
    bound = format_iso(value) if sort == "lastModified" else int(value) if float(value).is_integer() else value
    return {"$or": [{sort: bound, "_id": {"$gt": identity}}, {sort: {"$lt": bound}}, {sort: None}]}


def filter_rows(hub: HubRegistry, request: Request, indices: np.ndarray) -> np.ndarray:
    """Return the rows that pass every filter of the query."""
    filters = request.parameter_values("filter", "filter[]") + request.parameter_values("library")
    conditions = {
        name: request.parameter(name)
        for name in ("author", "pipeline_tag", "gated", "search")
        if request.parameter(name)
    }
    if not filters and not conditions:
        return indices
    passing = [index for index in indices.tolist() if passes_filters(hub, index, filters, conditions)]
    return np.array(passing, np.int64)


def passes_filters(hub: HubRegistry, index: int, filters: list[str], conditions: Mapping[str, str]) -> bool:
    """Return whether a row passes. Filters are tags, and the row must have all of them."""
    repository = hub.repositories[index]
    if not all(test(repository, conditions[name]) for name, test in FILTERS.items() if name in conditions):
        return False
    return not filters or set(filters) <= set(build_tags(hub, index, repository))


def matches_gate(repository: Repository, value: str) -> bool:
    """Return whether the gate is as requested."""
    return bool(repository.gated) == is_true(value)


FILTERS = {
    "author": lambda repository, value: repository.author == value,
    "pipeline_tag": lambda repository, value: repository.traits.purpose == value,
    "search": lambda repository, value: value.lower() in repository.name.lower(),
    "gated": matches_gate,
}

"""The three list endpoints: filters, orders, and cursors that are predicates on live values."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

import numpy as np

from simulation.clock import format_iso
from simulation.http.messages import Request, Response
from simulation.population.hub import HubRegistry
from simulation.population.repositories import Repository
from simulation.sites.hub_rows import (
    DEFAULT_PROPERTIES,
    EXPANDABLE_PROPERTIES,
    FULL_PROPERTIES,
    PROPERTIES,
    build_row,
    build_tags,
)

MAX_PAGE_SIZE = 1000
SORTS = {"downloads": "downloads", "likes": "likes", "trendingScore": "trending", "lastModified": "modified"}
PROPERTY_BY_FLAG = {"config": "config", "cardData": "cardData"}


class BadRequestError(Exception):
    """A request the Hub answers with 400 and this text."""


def make_list_page(hub: HubRegistry, ask: Request, refused_properties: tuple[str, ...]) -> Response:
    """Answer one page of a registry."""
    try:
        wanted = select_properties(hub.kind, ask, refused_properties)
        limit = parse_page_size(ask.parameter("limit"), ask.max_page_size or MAX_PAGE_SIZE)
        order = order_repositories(hub, ask)
        places = filter_rows(hub, ask, rows_after_cursor(hub, order, ask.parameter("cursor")))
    except BadRequestError as problem:
        return Response(400, {"error": str(problem)}, {"X-Error-Message": str(problem)})
    page = places[: limit + 1].tolist()
    reply = Response(200, [build_row(hub, place, wanted) for place in page[:limit]])
    if len(page) > limit:
        cursor = make_cursor(hub, ask, page[limit - 1])
        reply.headers["Link"] = f'<{ask.url_with(cursor=cursor)}>; rel="next"'
    return reply


def select_properties(kind: str, ask: Request, refused_properties: tuple[str, ...]) -> list[str]:
    """Return which properties a row shows."""
    expand = [one for value in ask.parameter_values("expand", "expand[]") for one in value.split(",")]
    valid = [one for one in EXPANDABLE_PROPERTIES[kind] if one not in refused_properties]
    for one in expand:
        if one not in valid:
            named = " | ".join(f'"{name}"' for name in valid)
            raise BadRequestError(f'✖ Invalid option: expected one of {named}\n  → at expand, received "{one}"')
    if expand:
        return [one for one in PROPERTIES if one in expand]
    chosen = FULL_PROPERTIES[kind] if is_true(ask.parameter("full")) else DEFAULT_PROPERTIES[kind]
    return chosen + [
        name for flag, name in PROPERTY_BY_FLAG.items() if is_true(ask.parameter(flag)) and name not in chosen
    ]


def is_true(text: str) -> bool:
    """Return what a flag in a query means."""
    return text.lower() in ("true", "1", "full")


def parse_page_size(text: str, largest: int) -> int:
    """Return the page size: as many as there may be, unless fewer are asked for."""
    return min(largest, int(text)) if text.isdigit() and int(text) else largest


def order_repositories(hub: HubRegistry, ask: Request) -> np.ndarray:
    """Return the visible rows in the order asked for; an unknown sort is silently the default."""
    if ask.parameter("sort") == "createdAt":
        oldest_first = hub.order_rows("identity")
        return oldest_first if ask.parameter("direction") == "1" else oldest_first[::-1]
    return hub.order_rows(resolve_sort(hub, ask)[1])


def resolve_sort(hub: HubRegistry, ask: Request) -> tuple[str, str]:
    """Return the sort that is really used: its name in cursors, and its column."""
    sort = ask.parameter("sort")
    if sort not in SORTS or (sort == "downloads" and not hub.has_downloads):
        sort = "trendingScore"
    return sort, SORTS[sort]


def rows_after_cursor(hub: HubRegistry, order: np.ndarray, cursor: str) -> np.ndarray:
    """Return the rows of an order that the cursor's predicate is true of now."""
    if not cursor:
        return order
    try:
        predicate = json.loads(base64.b64decode(cursor, validate=True))
        return order[evaluate_predicate(hub, order, predicate)]
    except (ValueError, KeyError, TypeError, StopIteration) as problem:
        raise BadRequestError("Invalid cursor") from problem


def evaluate_predicate(hub: HubRegistry, order: np.ndarray, predicate: Mapping[str, object]) -> np.ndarray:
    """Return where a Mongo predicate of the few shapes in use is true."""
    if "_id" in predicate:
        return compare_ids(hub, order, predicate["_id"])
    equal, below = predicate["$or"][:2]
    field = next(name for name in below if name != "_id")
    values = hub.columns[SORTS[field]][order]
    bound = equal[field] if field != "lastModified" else parse_moment(equal[field])
    return ((values == bound) & compare_ids(hub, order, equal["_id"])) | (values < bound)


def compare_ids(hub: HubRegistry, order: np.ndarray, condition: Mapping[str, str]) -> np.ndarray:
    """Return where `_id` is beyond a bound, whether or not a repository with that `_id` exists."""
    ((operator, identity),) = condition.items()
    place = hub.count_smaller_ids(identity)
    exact = identity in hub.indices
    return order >= place + exact if operator == "$gt" else order < place


def parse_moment(text: str) -> float:
    """Return epoch seconds of a moment as the Hub writes it."""
    return float(np.datetime64(text.rstrip("Z"), "s").astype(np.int64))


def make_cursor(hub: HubRegistry, ask: Request, place: int) -> str:
    """Return the cursor that continues after a row."""
    identity = hub.repositories[place].identity
    if ask.parameter("sort") == "createdAt":
        predicate: dict[str, object] = {"_id": {"$gt" if ask.parameter("direction") == "1" else "$lt": identity}}
    else:
        predicate = make_value_predicate(hub, ask, place, identity)
    if ask.parameter("search"):
        predicate["searchSequenceToken"] = base64.b64encode(ask.parameter("search").encode()).decode()
    return base64.b64encode(json.dumps(predicate, separators=(",", ":")).encode()).decode()


def make_value_predicate(hub: HubRegistry, ask: Request, place: int, identity: str) -> dict[str, object]:
    """Return: the same value and a later `_id`, or a smaller value, or none at all."""
    sort, column = resolve_sort(hub, ask)
    value = hub.columns[column][place].item()
    shown = format_iso(value) if sort == "lastModified" else int(value) if float(value).is_integer() else value
    return {"$or": [{sort: shown, "_id": {"$gt": identity}}, {sort: {"$lt": shown}}, {sort: None}]}


def filter_rows(hub: HubRegistry, ask: Request, places: np.ndarray) -> np.ndarray:
    """Return the rows that pass every filter of the query."""
    filters = ask.parameter_values("filter", "filter[]") + ask.parameter_values("library")
    wanted = {
        name: ask.parameter(name) for name in ("author", "pipeline_tag", "gated", "search") if ask.parameter(name)
    }
    if not filters and not wanted:
        return places
    kept = [place for place in places.tolist() if passes_filters(hub, place, filters, wanted)]
    return np.array(kept, np.int64)


def passes_filters(hub: HubRegistry, place: int, filters: list[str], wanted: Mapping[str, str]) -> bool:
    """Say whether one row passes: filters are tags, and all of them must be there."""
    repository = hub.repositories[place]
    if not all(test(repository, wanted[name]) for name, test in FILTERS.items() if name in wanted):
        return False
    return not filters or set(filters) <= set(build_tags(hub, place, repository))


def matches_gate(repository: Repository, value: str) -> bool:
    """Say whether the gate is as asked for."""
    return bool(repository.gated) == is_true(value)


FILTERS = {
    "author": lambda repository, value: repository.author == value,
    "pipeline_tag": lambda repository, value: repository.traits.purpose == value,
    "search": lambda repository, value: value.lower() in repository.name.lower(),
    "gated": matches_gate,
}

"""The three list endpoints: filters, orders, and cursors that are predicates on live values."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

import numpy as np

from simulation.clock import iso
from simulation.http.messages import Ask, Reply
from simulation.population.hub import HubRegistry
from simulation.population.repositories import Repository
from simulation.sites.hub_rows import DEFAULTS, EXPAND, FULL, PROPERTIES, row, tags

LARGEST_PAGE = 1000
SORTS = {"downloads": "downloads", "likes": "likes", "trendingScore": "trending", "lastModified": "modified"}
FLAGS = {"config": "config", "cardData": "cardData"}


class BadRequest(Exception):
    """A request the Hub answers with 400 and this text."""


def list_page(hub: HubRegistry, ask: Ask, refused: tuple[str, ...]) -> Reply:
    """Answer one page of a registry."""
    try:
        wanted = wanted_properties(hub.kind, ask, refused)
        limit = page_size(ask.one("limit"), ask.largest or LARGEST_PAGE)
        order = ordered(hub, ask)
        places = matching(hub, ask, after_cursor(hub, order, ask.one("cursor")))
    except BadRequest as problem:
        return Reply(400, {"error": str(problem)}, {"X-Error-Message": str(problem)})
    page = places[: limit + 1].tolist()
    reply = Reply(200, [row(hub, place, wanted) for place in page[:limit]])
    if len(page) > limit:
        cursor = cursor_after(hub, ask, page[limit - 1])
        reply.headers["Link"] = f'<{ask.link(cursor=cursor)}>; rel="next"'
    return reply


def wanted_properties(kind: str, ask: Ask, refused: tuple[str, ...]) -> list[str]:
    """Return which properties a row shows."""
    expand = [one for value in ask.every("expand", "expand[]") for one in value.split(",")]
    valid = [one for one in EXPAND[kind] if one not in refused]
    for one in expand:
        if one not in valid:
            named = " | ".join(f'"{name}"' for name in valid)
            raise BadRequest(f'✖ Invalid option: expected one of {named}\n  → at expand, received "{one}"')
    if expand:
        return [one for one in PROPERTIES if one in expand]
    chosen = FULL[kind] if truthy(ask.one("full")) else DEFAULTS[kind]
    return chosen + [name for flag, name in FLAGS.items() if truthy(ask.one(flag)) and name not in chosen]


def truthy(text: str) -> bool:
    """Return what a flag in a query means."""
    return text.lower() in ("true", "1", "full")


def page_size(text: str, largest: int) -> int:
    """Return the page size: as many as there may be, unless fewer are asked for."""
    return min(largest, int(text)) if text.isdigit() and int(text) else largest


def ordered(hub: HubRegistry, ask: Ask) -> np.ndarray:
    """Return the visible rows in the order asked for; an unknown sort is silently the default."""
    if ask.one("sort") == "createdAt":
        oldest_first = hub.order("identity")
        return oldest_first if ask.one("direction") == "1" else oldest_first[::-1]
    return hub.order(sort_column(hub, ask)[1])


def sort_column(hub: HubRegistry, ask: Ask) -> tuple[str, str]:
    """Return the sort that is really used: its name in cursors, and its column."""
    sort = ask.one("sort")
    if sort not in SORTS or (sort == "downloads" and not hub.has_downloads):
        sort = "trendingScore"
    return sort, SORTS[sort]


def after_cursor(hub: HubRegistry, order: np.ndarray, cursor: str) -> np.ndarray:
    """Return the rows of an order that the cursor's predicate is true of now."""
    if not cursor:
        return order
    try:
        predicate = json.loads(base64.b64decode(cursor, validate=True))
        return order[holds(hub, order, predicate)]
    except (ValueError, KeyError, TypeError, StopIteration) as problem:
        raise BadRequest("Invalid cursor") from problem


def holds(hub: HubRegistry, order: np.ndarray, predicate: Mapping[str, object]) -> np.ndarray:
    """Return where a Mongo predicate of the few shapes in use is true."""
    if "_id" in predicate:
        return compare_identity(hub, order, predicate["_id"])
    equal, below = predicate["$or"][:2]
    field = next(name for name in below if name != "_id")
    values = hub.columns[SORTS[field]][order]
    bound = equal[field] if field != "lastModified" else moment_of(equal[field])
    return ((values == bound) & compare_identity(hub, order, equal["_id"])) | (values < bound)


def compare_identity(hub: HubRegistry, order: np.ndarray, condition: Mapping[str, str]) -> np.ndarray:
    """Return where `_id` is beyond a bound, whether or not a repository with that `_id` exists."""
    ((operator, identity),) = condition.items()
    place = hub.rank_of(identity)
    exact = identity in hub.places
    return order >= place + exact if operator == "$gt" else order < place


def moment_of(text: str) -> float:
    """Return epoch seconds of a moment as the Hub writes it."""
    return float(np.datetime64(text.rstrip("Z"), "s").astype(np.int64))


def cursor_after(hub: HubRegistry, ask: Ask, place: int) -> str:
    """Return the cursor that continues after a row."""
    identity = hub.repositories[place].identity
    if ask.one("sort") == "createdAt":
        predicate: dict[str, object] = {"_id": {"$gt" if ask.one("direction") == "1" else "$lt": identity}}
    else:
        predicate = value_predicate(hub, ask, place, identity)
    if ask.one("search"):
        predicate["searchSequenceToken"] = base64.b64encode(ask.one("search").encode()).decode()
    return base64.b64encode(json.dumps(predicate, separators=(",", ":")).encode()).decode()


def value_predicate(hub: HubRegistry, ask: Ask, place: int, identity: str) -> dict[str, object]:
    """Return: the same value and a later `_id`, or a smaller value, or none at all."""
    sort, column = sort_column(hub, ask)
    value = hub.columns[column][place].item()
    shown = iso(value) if sort == "lastModified" else int(value) if float(value).is_integer() else value
    return {"$or": [{sort: shown, "_id": {"$gt": identity}}, {sort: {"$lt": shown}}, {sort: None}]}


def matching(hub: HubRegistry, ask: Ask, places: np.ndarray) -> np.ndarray:
    """Return the rows that pass every filter of the query."""
    filters = ask.every("filter", "filter[]") + ask.every("library")
    wanted = {name: ask.one(name) for name in ("author", "pipeline_tag", "gated", "search") if ask.one(name)}
    if not filters and not wanted:
        return places
    kept = [place for place in places.tolist() if passes(hub, place, filters, wanted)]
    return np.array(kept, np.int64)


def passes(hub: HubRegistry, place: int, filters: list[str], wanted: Mapping[str, str]) -> bool:
    """Say whether one row passes: filters are tags, and all of them must be there."""
    repository = hub.repositories[place]
    if not all(test(repository, wanted[name]) for name, test in TESTS.items() if name in wanted):
        return False
    return not filters or set(filters) <= set(tags(hub, place, repository))


def is_gated(repository: Repository, value: str) -> bool:
    """Say whether the gate is as asked for."""
    return bool(repository.gated) == truthy(value)


TESTS = {
    "author": lambda repository, value: repository.author == value,
    "pipeline_tag": lambda repository, value: repository.traits.purpose == value,
    "search": lambda repository, value: value.lower() in repository.name.lower(),
    "gated": is_gated,
}

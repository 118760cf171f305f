"""Faults of meaning: a whole answer arrives, and it is wrong.

Each function that begins with `(reply, ask, …)` is a fault kind of its own name and changes the reply;
one that begins with `(ask, …)` and returns an Ask changes the question. Nothing else is needed to add one.
"""

from __future__ import annotations

import re
from dataclasses import replace
from email.utils import formatdate, parsedate_to_datetime

from simulation.http.messages import Request, Response

LOGIN_PAGE = "<!doctype html><html><head><title>Sign in</title></head><body><form>Please sign in.</form></body></html>"
COUNTER_FIELDS = ("downloads", "likes", "dependent_packages_count")


def status(
    reply: Response,
    ask: Request,
    code: int = 500,
    headers: dict[str, str] | None = None,
    body: object = "",
    content_type: str = "",
) -> None:
    """Answer with another status, body and headers."""
    reply.status, reply.content = code, body
    drop_headers(reply, "link", "content-type", "location")
    reply.headers |= {"Content-Type": content_type} if content_type else {}
    reply.headers |= headers or {}


def drop_headers(reply: Response, *names: str) -> None:
    """Remove headers whatever their case."""
    reply.headers = {name: value for name, value in reply.headers.items() if name.lower() not in names}


def set_next_link(reply: Response, address: str) -> None:
    """Say that the next page is at that address."""
    drop_headers(reply, "link")
    reply.headers["Link"] = f'<{address}>; rel="next"'


def html(reply: Response, ask: Request) -> None:
    """Answer 200 with a login page."""
    status(reply, ask, 200, body=LOGIN_PAGE, content_type="text/html; charset=utf-8")


def error_json(
    reply: Response, ask: Request, text: str = "Internal Error - We're working hard to fix this as soon as possible!"
) -> None:
    """Answer 200 with an error in JSON."""
    status(reply, ask, 200, body={"error": text})


def not_list(reply: Response, ask: Request) -> None:
    """Answer 200 with an object where a list should be."""
    status(reply, ask, 200, body={})


def empty_page_with_next(reply: Response, ask: Request) -> None:
    """Send no rows, but keep the link to the next page."""
    reply.content = []


def cursor_loop(reply: Response, ask: Request, period: int = 1, visited_urls: list[str] | None = None) -> None:
    """After `period` pages, send the client back to the first of them; `seen` is the fault's own memory."""
    visited = [] if visited_urls is None else visited_urls
    visited.append(ask.url_with())
    if len(visited) % period == 0:
        set_next_link(reply, visited[-period])


def next_other_host(reply: Response, ask: Request, host: str = "http://attacker.invalid") -> None:
    """Send the client to another host for the next page."""
    set_next_link(reply, f"{host}{ask.path}?{ask.query}")


def redirect(reply: Response, ask: Request, location: str = "http://169.254.169.254/latest/", code: int = 307) -> None:
    """Redirect somewhere else."""
    status(reply, ask, code, {"Location": location}, f"Temporary Redirect. Redirecting to {location}")


def change_type(
    reply: Response, ask: Request, field: str = "downloads", value: object = "many", row: int | None = None
) -> None:
    """Give a field another value in every row, or in one."""
    for one in reply.rows if row is None else reply.rows[row : row + 1]:
        if field in one:
            one[field] = value


def drop_field(reply: Response, ask: Request, field: str = "downloads") -> None:
    """Leave a field out of every row."""
    for one in reply.rows:
        one.pop(field, None)


def rename_field(reply: Response, ask: Request, field: str = "downloads", to: str = "downloadCount") -> None:
    """Call a field something else in every row."""
    for one in reply.rows:
        if field in one:
            one[to] = one.pop(field)


def null_field(reply: Response, ask: Request, field: str = "downloads") -> None:
    """Make a field null in every row."""
    change_type(reply, ask, field, None)


def duplicate_rows(reply: Response, ask: Request, n: int = 5) -> None:
    """Repeat the first rows at the end."""
    reply.content = [*response_list(reply), *response_list(reply)[:n]]


def response_list(reply: Response) -> list[object]:
    """Return the list that was to be sent; empty when it was none."""
    return reply.content if isinstance(reply.content, list) else []


def set_counters(reply: Response, row: int, value: object) -> None:
    """Give every counter of one row a value."""
    for one in reply.rows[row : row + 1]:
        one.update({name: value for name in COUNTER_FIELDS if name in one})


def huge_int(reply: Response, ask: Request, row: int = 0) -> None:
    """Let the counters of one row leave 64 bits."""
    set_counters(reply, row, 2**70)


def negative(reply: Response, ask: Request, row: int = 0) -> None:
    """Let the counters of one row be negative."""
    set_counters(reply, row, -1)


def nan(reply: Response, ask: Request, row: int = 0) -> None:
    """Let the counters of one row be NaN, which JSON does not have."""
    set_counters(reply, row, float("nan"))


def lone_surrogate(reply: Response, ask: Request, row: int = 0) -> None:
    """Put half a character into the name of one row."""
    for one in reply.rows[row : row + 1]:
        name = "name" if "name" in one else "id"
        one[name] = f"{one[name]}\ud800"


def deep_nesting(reply: Response, ask: Request, depth: int = 100000) -> None:
    """Answer with lists in lists in lists."""
    status(reply, ask, 200, body=b"[" * depth + b"]" * depth, content_type="application/json; charset=utf-8")


def short_page(reply: Response, ask: Request, n: int = 5) -> None:
    """Lose the last rows, and keep the link to the next page."""
    reply.content = response_list(reply)[:-n]


def clamp(ask: Request, size: int = 10) -> Request:
    """Let pages have at most so many rows, without a word."""
    return replace(ask, max_page_size=size)


def missing_link(reply: Response, ask: Request) -> None:
    """Say nothing about the next page although there is one."""
    drop_headers(reply, "link")


def wrong_date(reply: Response, ask: Request, seconds: float = -86400.0) -> None:
    """Shift the Date header."""
    moment = parsedate_to_datetime(reply.headers["Date"]).timestamp()
    reply.headers["Date"] = formatdate(moment + seconds, usegmt=True)


def stale(reply: Response, ask: Request, age: int = 7200) -> None:
    """Say that the page comes out of a cache and is that old."""
    reply.headers |= {"age": str(age), "cf-cache-status": "HIT"}


def ratelimit_headers(reply: Response, ask: Request, headers: dict[str, str] | None = None) -> None:
    """Say something else about the quota."""
    drop_headers(reply, *(name.lower() for name in headers or {}))
    reply.headers |= headers or {}


def no_ratelimit_headers(reply: Response, ask: Request) -> None:
    """Say nothing about the quota."""
    reply.headers = {name: value for name, value in reply.headers.items() if not re.match(r"(?i)(x-)?ratelimit", name)}


def wrong_content_type(reply: Response, ask: Request, content_type: str = "text/html") -> None:
    """Send the right body under the wrong type."""
    reply.headers["Content-Type"] = content_type

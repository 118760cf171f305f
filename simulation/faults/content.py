"""Faults of content: a whole response arrives, and it is wrong.

Each function that begins with `(response, request, …)` is a fault kind of its own name and changes the response.
A function that begins with `(request, …)` and returns a Request changes the request. Nothing else registers a fault.
"""

from __future__ import annotations

import re
from dataclasses import replace
from email.utils import formatdate, parsedate_to_datetime

from simulation.http.messages import Request, Response

LOGIN_PAGE = "<!doctype html><html><head><title>Sign in</title></head><body><form>Please sign in.</form></body></html>"
COUNTER_FIELDS = ("downloads", "likes", "dependent_packages_count")


def status(
    response: Response,
    request: Request,
    code: int = 500,
    headers: dict[str, str] | None = None,
    body: object = "",
    content_type: str = "",
) -> None:
    """Replace status, body and headers."""
    response.status, response.content = code, body
    drop_headers(response, "link", "content-type", "location")
    response.headers |= {"Content-Type": content_type} if content_type else {}
    response.headers |= headers or {}


def drop_headers(response: Response, *names: str) -> None:
    """Remove headers, whatever their case."""
    response.headers = {name: value for name, value in response.headers.items() if name.lower() not in names}


def set_next_link(response: Response, address: str) -> None:
    """Set the URL of the next page."""
    drop_headers(response, "link")
    response.headers["Link"] = f'<{address}>; rel="next"'


def html(response: Response, request: Request) -> None:
    """Replace the response by a login page with status 200."""
    status(response, request, 200, body=LOGIN_PAGE, content_type="text/html; charset=utf-8")


def error_json(
    response: Response,
    request: Request,
    text: str = "Internal Error - We're working hard to fix this as soon as possible!",
) -> None:
    """Replace the response by an error in JSON with status 200."""
    status(response, request, 200, body={"error": text})


def not_list(response: Response, request: Request) -> None:
    """Replace the list by an object."""
    status(response, request, 200, body={})


def empty_page_with_next(response: Response, request: Request) -> None:
    """Remove all rows, and keep the link to the next page."""
    response.content = []


def cursor_loop(response: Response, request: Request, period: int = 1, visited_urls: list[str] | None = None) -> None:
    """Link back to the first page after every `period` pages. `visited_urls` is the memory of the fault."""
    visited = [] if visited_urls is None else visited_urls
    visited.append(request.url_with())
    if len(visited) % period == 0:
        set_next_link(response, visited[-period])


def next_other_host(response: Response, request: Request, host: str = "http://attacker.invalid") -> None:
    """Link to another host for the next page."""
    set_next_link(response, f"{host}{request.path}?{request.query}")


def redirect(
    response: Response, request: Request, location: str = "http://169.254.169.254/latest/", code: int = 307
) -> None:
    """Redirect to another location."""
    status(response, request, code, {"Location": location}, f"Temporary Redirect. Redirecting to {location}")


def change_type(
    response: Response, request: Request, field: str = "downloads", value: object = "many", row: int | None = None
) -> None:
    """Replace the value of a field in every row, or in one row."""
    for item in response.rows if row is None else response.rows[row : row + 1]:
        if field in item:
            item[field] = value


def drop_field(response: Response, request: Request, field: str = "downloads") -> None:
    """Remove a field from every row."""
    for item in response.rows:
        item.pop(field, None)


def rename_field(response: Response, request: Request, field: str = "downloads", to: str = "downloadCount") -> None:
    """Rename a field in every row."""
    for item in response.rows:
        if field in item:
            item[to] = item.pop(field)


def null_field(response: Response, request: Request, field: str = "downloads") -> None:
    """Set a field to null in every row."""
    change_type(response, request, field, None)


def duplicate_rows(response: Response, request: Request, n: int = 5) -> None:
    """Repeat the first rows at the end."""
    response.content = [*response_list(response), *response_list(response)[:n]]


def response_list(response: Response) -> list[object]:
    """Return the content if it is a list, or else an empty list."""
    return response.content if isinstance(response.content, list) else []


def set_counters(response: Response, row: int, value: object) -> None:
    """Set every counter of one row to a value."""
    for item in response.rows[row : row + 1]:
        item.update({name: value for name in COUNTER_FIELDS if name in item})


def huge_int(response: Response, request: Request, row: int = 0) -> None:
    """Set the counters of one row to a number of more than 64 bits."""
    set_counters(response, row, 2**70)


def negative(response: Response, request: Request, row: int = 0) -> None:
    """Set the counters of one row to -1."""
    set_counters(response, row, -1)


def nan(response: Response, request: Request, row: int = 0) -> None:
    """Set the counters of one row to NaN, which is not JSON."""
    set_counters(response, row, float("nan"))


def lone_surrogate(response: Response, request: Request, row: int = 0) -> None:
    """Append a lone surrogate to the name of one row."""
    for item in response.rows[row : row + 1]:
        name = "name" if "name" in item else "id"
        item[name] = f"{item[name]}\ud800"


def deep_nesting(response: Response, request: Request, depth: int = 100000) -> None:
    """Replace the body by deeply nested lists."""
    status(response, request, 200, body=b"[" * depth + b"]" * depth, content_type="application/json; charset=utf-8")


def short_page(response: Response, request: Request, n: int = 5) -> None:
    """Remove the last rows, and keep the link to the next page."""
    response.content = response_list(response)[:-n]


def clamp(request: Request, size: int = 10) -> Request:
    """Limit the rows of a page silently."""
    return replace(request, max_page_size=size)


def missing_link(response: Response, request: Request) -> None:
    """Remove the link to the next page."""
    drop_headers(response, "link")


def link_form(response: Response, request: Request, form: str = "<{url}>; rel=next") -> None:
    """Name the next page in another form of the header."""
    found = re.search('<([^>]*)>; rel="next"', response.headers.get("Link", response.headers.get("link", "")))
    if found:
        drop_headers(response, "link")
        response.headers["Link"] = form.format(url=found[1], path=found[1].partition("//")[2].partition("/")[2])


def heavy_page(response: Response, request: Request, size: int = 100) -> None:
    """Fail for more than some rows."""
    if len(response_list(response)) > size:
        status(response, request, 504)


def poison_row(response: Response, request: Request, row: str = "") -> None:
    """Fail for each page of several rows, one of which has this id or name."""
    if len(response.rows) > 1 and any(row in (item.get("_id"), item.get("name")) for item in response.rows):
        status(response, request, 500)


def wrong_encoding(response: Response, request: Request, coding: str = "gzip") -> None:
    """State an encoding that the body does not have."""
    response.headers["Content-Encoding"], response.compress = coding, False


def wrong_date(response: Response, request: Request, seconds: float = -86400.0) -> None:
    """Shift the Date header."""
    instant = parsedate_to_datetime(response.headers["Date"]).timestamp()
    response.headers["Date"] = formatdate(instant + seconds, usegmt=True)


def stale(response: Response, request: Request, age: int = 7200) -> None:
    """Mark the page as a cached page of some age."""
    response.headers |= {"age": str(age), "cf-cache-status": "HIT"}


def ratelimit_headers(response: Response, request: Request, headers: dict[str, str] | None = None) -> None:
    """Replace headers of the quota."""
    drop_headers(response, *(name.lower() for name in headers or {}))
    response.headers |= headers or {}


def no_ratelimit_headers(response: Response, request: Request) -> None:
    """Remove the headers of the quota."""
    response.headers = {
        name: value for name, value in response.headers.items() if not re.match(r"(?i)(x-)?ratelimit", name)
    }


def wrong_content_type(response: Response, request: Request, content_type: str = "text/html") -> None:
    """Replace the content type of a right body."""
    response.headers["Content-Type"] = content_type

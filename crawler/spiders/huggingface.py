"""The models, datasets and spaces of the Hugging Face Hub.

Pages
    `GET /api/models?sort=downloads&limit=1000&expand=…` gives up to 1,000 rows, largest first, and a `Link` to the next
    page. For K up to 1,000 a request is one query, hence one consistent list. Beyond that the cursor holds the very
    value that moves: a package that rises past the cursor between two pages is missed, a package that falls is seen
    twice. Duplicates are counted; about as many packages are missed. The first request asks for one row, to find out
    which fields (`expand`) the Hub accepts today. A refused field is noted, and lineage then comes from the
    `base_model:` tags.

Counters
    `downloads` counts requests of certain files in the last 30 days. It rolls, freezes, catches up and falls.
    `downloadsAllTime` is meant to grow only, and has fallen. `likes` come from people. `trendingScore` is the Hub's
    own. Spaces have no downloads. `config.json` is never requested, because that would count as a download.

Private rows
    A token also lists what only its owner sees. Each row says whether it is private, and private rows are dropped.
    Where that leaves a doubt, the page and all later ones are requested without the token (`crawler.hub_access`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from urllib.parse import urlencode, urlsplit

from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.errors import CrawlError, CrawlStoppedError, UnknownRegistryError, not_a_list_error
from crawler.hub_access import EVERYONE, OWNER_PATH, REFUSED_STATUSES, HubAccess
from crawler.parsing.cursors import (
    ListPosition,
    cursor_keys,
    cursor_position,
    last_row_position,
    list_position,
    lost_row_events,
)
from crawler.parsing.huggingface_rows import EXPAND_FIELDS, SORT_FIELDS, HuggingFaceRow, make_observation
from crawler.parsing.pages import make_page, next_link
from crawler.parsing.rows import NotAListError, ParsedRows, count_inversions, read_rows
from crawler.parsing.urls import url_parameter, url_parameters
from crawler.parsing.visibility import keep_public_rows, read_owned_namespaces, read_shown_rows
from crawler.plan import CrawlPlan, ListedRegistry, PageRecorder
from crawler.response import Event, HttpResponse, Observation, Page, Progress, Registry
from crawler.spiders import RegistrySpider

MAX_ROWS_PER_PAGE = 1000
RECENT_FIELDS = ("baseModels", "resourceGroup", "private")  # those that an older Hub may lack, the likeliest first
COUNTERS = {"downloads": "last-30-days", "likes": "likes", "trending": "trending-score"}
COUNTER_MEANINGS = {
    "models": "downloads: requests of certain files in the last 30 days; likes; trending score",
    "datasets": "downloads: requests of any file in the last 30 days, once per address and 5 minutes; likes; trending",
    "spaces": "likes; trending score (the Hub counts no downloads of spaces)",
}


class HuggingFaceSpider(RegistrySpider):
    """Lists of the Hub by downloads, likes or trending score."""

    name = "huggingface"
    service = "huggingface"
    endpoint_variable = "HF_ENDPOINT"
    public_endpoint = "https://huggingface.co"

    def __init__(self, plan: CrawlPlan, resume_url: str | None = None, recorder: PageRecorder | None = None) -> None:
        super().__init__(plan, resume_url, recorder)
        self.repo_type = plan.registry.removeprefix("huggingface/")
        is_space = self.repo_type == "spaces"
        by = plan.ordered_by or ("likes" if is_space else "downloads")
        if by not in SORT_FIELDS or (is_space and by == "downloads"):
            raise UnknownRegistryError(
                f"{plan.registry} cannot be ranked by {by}.",
                why="The Hub counts no downloads of spaces." if is_space else "The Hub has no such order.",
                fix="Use --by likes or --by trending" + ("." if is_space else " or --by downloads."),
            )
        self.ordered_by = by
        self.probe_results.setdefault("expand", list(EXPAND_FIELDS[self.repo_type]))
        self.access = HubAccess()
        self._max_rows_returned = 0
        self._ends_hidden = False

    @classmethod
    def list_registries(cls) -> Iterator[ListedRegistry]:
        """Yield the three types of repositories."""
        for repo_type in EXPAND_FIELDS:
            orders = ("likes", "trending") if repo_type == "spaces" else ("downloads", "likes", "trending")
            yield ListedRegistry(f"huggingface/{repo_type}", orders, COUNTER_MEANINGS[repo_type])

    @property
    def counter(self) -> str:
        """What the ordering number counts."""
        return COUNTERS[self.ordered_by]

    @property
    def expand_fields(self) -> list[str]:
        """The fields to request, without those that the Hub refused."""
        return list(self.probe_results["expand"])

    def accepts_status(self, status: int, url: str) -> bool:
        """Accept 400 for the first request: its body names the fields that the Hub knows.

        A refusal is accepted if it may be due to the missing token, and every response about the owner of the token.
        """
        if status == 400:
            return url_parameter(url, "limit") == "1"
        is_expected = status in REFUSED_STATUSES and self.access.is_unproved
        return status == 200 or is_expected or urlsplit(url).path.endswith(OWNER_PATH)

    def read_owner(self, response: Response, url: str) -> Iterator[Request]:
        """Note the namespaces of the owner of the token, and yield the request of a page again."""
        self.access.owned = read_owned_namespaces(response.meta["answer"].body)
        yield self.make_request(url)

    def on_owner_unknown(self, failure: Failure, url: str) -> Iterator[Request]:
        """Yield the request of a page again. Without the owner, each base of a model may be private."""
        if not isinstance(failure.value, CrawlStoppedError):
            yield self.make_request(url)

    def make_request(self, url: str) -> Request:
        """Return a request with the token, unless the public view is needed. The token only goes to the endpoint.

        A Hub that does not state which rows are private gets no token.
        """
        request = super().make_request(url)
        return request.replace(headers=self.access.headers) if "private" in self.expand_fields else request

    def parse(self, response: Response) -> Iterator[Page | Request]:
        """Yield the page of a response, or a request to fetch the page again (called by Scrapy)."""
        request = self.request_other_view(response)
        yield from super().parse(response) if request is None else [request]

    def request_other_view(self, response: Response) -> Request | None:
        """Return the request of a page without the token if the token leaves a doubt, with it if the Hub insists."""
        answer: HttpResponse = response.meta["answer"]
        if answer.status in REFUSED_STATUSES and self.access.is_unproved:
            self.access.become_member()
            return self.make_request(answer.url)
        if self.access.view == EVERYONE or answer.status != 200 or "private" not in self.expand_fields:
            return None
        rows = read_shown_rows(answer.body)
        if self.access.needs_owner(rows):
            return self._request_owner(answer.url)
        names_last_row = url_parameter(answer.url, "limit") != "1" and cursor_position(next_link(answer)) is not None
        is_movable = not url_parameter(answer.url, "cursor") or cursor_position(answer.url) is not None
        return self.make_request(answer.url) if self.access.leaves_doubt(rows, names_last_row, is_movable) else None

    def _request_owner(self, url: str) -> Request:
        callback, errback = partial(self.read_owner, url=url), partial(self.on_owner_unknown, url=url)
        return self.make_request(self.plan.endpoint + OWNER_PATH).replace(callback=callback, errback=errback)

    def public_view(self, response: HttpResponse) -> HttpResponse:
        """Return a response with the rows that everyone sees."""
        public = keep_public_rows(response, self.access.owned, self.access.is_member)
        self._ends_hidden = public.ends_hidden
        return replace(public, notes=self.access.explain_doubt(lambda: read_shown_rows(public.body)))

    def describe_registry(self) -> Registry:
        """Return the registry, with the Hub's name of the repository type."""
        return Registry(self.plan.registry, self.service, self.repo_type)

    def first_url(self) -> str:
        """Return the URL of one row, which shows which fields the Hub accepts."""
        return self._list_url(self.expand_fields, 1)

    def read_page(self, response: HttpResponse) -> Page:
        """Return a page of the list, or the page of the first row."""
        if response.status == 400:
            return self._drop_refused_fields(response)
        response = self.public_view(response)
        rows = self._read_rows(response)
        following = self.next_page_url(response)
        if url_parameter(response.url, "limit") == "1":
            return self._make_first_page(response, rows, cursor_keys(following))
        disorder = count_inversions(_order_value(row, self.ordered_by) for row in rows.observations)
        events = [*rows.events, *lost_row_events(following, self._last_position(rows, rows.received))]
        return make_page(
            "ranking", response, rows.received, rows.observations, rows.rejects, events, disorder, following,
            response.body,
        )  # fmt: skip

    def _make_first_page(self, response: HttpResponse, rows: ParsedRows, cursor: str) -> Page:
        self.probe_results["cursor"] = cursor
        events = [*rows.events, *assumption_events(response, cursor, SORT_FIELDS[self.ordered_by])]
        url = self._list_url(self.expand_fields, min(MAX_ROWS_PER_PAGE, self.plan.top + 1))
        return make_page("probe", response, rows.received, events=events, next_url=url, body=response.body)

    def refetch_url(self, page: Page, tries: int) -> str | None:
        """Return the same URL for a page whose next cursor does not match its last row.

        If the cursor cannot be read, a page shorter than requested is refetched once. A second page of that length
        shows how many rows the server returns at most.
        """
        if page.role != "ranking" or page.next_url is None or not page.received:  # empty pages were retried already
            return None
        last = self._last_position(page, page.received - page.hidden)
        if last is not None and cursor_position(page.next_url) is not None:
            if any(lost_row_events(page.next_url, last)):
                return None if tries else page.url
            self._max_rows_returned = page.received
            return None
        if page.received >= int(url_parameter(page.url, "limit") or 0) or page.received == self._max_rows_returned:
            return None
        self._max_rows_returned = page.received
        return None if tries else page.url

    def next_url(self, page: Page, progress: Progress) -> str | None:
        """Return the next page until K places are filled."""
        if page.role == "ranking" and progress.depth >= self.plan.top:
            return None
        return page.next_url

    def _last_position(self, page: Page | ParsedRows, received: int) -> ListPosition | None:
        if self._ends_hidden:
            return None
        positions = (list_position(_order_value(row, self.ordered_by), row.stable_id) for row in page.observations[-1:])
        return last_row_position(received, positions, page.rejects)

    def _read_rows(self, response: HttpResponse) -> ParsedRows:
        fields = _expanded_fields(response.url) or set(self.expand_fields)
        required = frozenset({"id", "_id", SORT_FIELDS[self.ordered_by]})
        try:
            return read_rows(response.body, HuggingFaceRow, required, lambda row: make_observation(row, fields))
        except NotAListError as error:
            raise not_a_list_error(self.plan.registry, error, self.has_resume_option) from error

    def _drop_refused_fields(self, response: HttpResponse) -> Page:
        """Return a page whose next URL omits the fields that the Hub refused. The refusal names those it knows."""
        message = response.body[:20000].decode("utf-8", "replace")
        requested = self.expand_fields
        accepted = accepted_fields(requested, message)
        if accepted == requested or SORT_FIELDS[self.ordered_by] not in accepted:
            raise CrawlError(
                f"{self.plan.registry} refused the request (400).",
                why=message[:300],
                fix=f"The Hub's API has changed: run `observatory crawl check {self.plan.registry}` and report it.",
            )
        self.probe_results["expand"] = accepted
        refused = ", ".join(name for name in requested if name not in accepted)
        event = Event("schema_missing_field", "warning", message[:300], before=refused)
        return make_page("probe", response, 0, events=[event], next_url=self._list_url(accepted, 1), body=response.body)

    def _list_url(self, expand: Iterable[str], limit: int) -> str:
        parameters = [("sort", SORT_FIELDS[self.ordered_by]), ("direction", "-1"), ("limit", str(limit))]
        return self.api_url([*parameters, *(("expand", name) for name in expand)])

    def api_url(self, parameters: Iterable[tuple[str, str]]) -> str:
        """Return the URL of a list of the repository type."""
        return f"{self.plan.endpoint}/api/{self.repo_type}?{urlencode(list(parameters))}"


def accepted_fields(requested: list[str], message: str) -> list[str]:
    """Return the requested fields that the text of a refusal names as known.

    A text that names all of them, or none, is inconclusive. Then one field is dropped that older Hubs may lack.

    >>> accepted_fields(["baseModels", "likes"], 'expected one of "author"|"likes", received "baseModels"')
    ['likes']
    >>> accepted_fields(["likes", "private", "resourceGroup"], "no")
    ['likes', 'private']
    """
    words = set(re.findall(r"[A-Za-z_-]{2,40}", message.partition("received")[0]))
    accepted = [name for name in requested if name in words]
    if 0 < len(accepted) < len(requested):
        return accepted
    dropped = next((name for name in RECENT_FIELDS if name in requested), None)
    return [name for name in requested if name != dropped]


def assumption_events(response: HttpResponse, cursor: str, sort: str) -> Iterator[Event]:
    """Yield how the API differs from what the crawl assumes: other keys of the cursor, or no stated quota."""
    expected = sort if sort == "_id" else f"{sort}, _id"
    if cursor and cursor != expected:
        yield Event("assumption_differs", "warning", "the keys of the cursor", expected, cursor)
    if "ratelimit" not in response.headers:
        yield Event("assumption_differs", "warning", "the quota is no longer stated", "RateLimit", None)


def _expanded_fields(url: str) -> set[str]:
    return {value for name, value in url_parameters(url) if name in ("expand", "expand[]")}


def _order_value(observation: Observation, ordered_by: str) -> float | None:
    values = {"downloads": observation.downloads, "likes": observation.likes, "trending": observation.trending}
    return values[ordered_by]

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
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urlencode, urlsplit

from w3lib.url import add_or_replace_parameter

from crawler.errors import CrawlError, UnknownRegistryError, not_a_list_error
from crawler.hub_access import OWNER_PATH, REFUSED_STATUSES
from crawler.parsing.cursors import (
    ListPosition,
    cursor_after,
    cursor_keys,
    cursor_position,
    last_row_position,
    list_position,
    lost_row_events,
)
from crawler.parsing.huggingface_rows import EXPAND_FIELDS, SORT_FIELDS, HuggingFaceRow, make_observation
from crawler.parsing.page_size import PageSize
from crawler.parsing.pages import is_full_page, make_page
from crawler.parsing.redact import excerpt
from crawler.parsing.rows import NotAListError, ParsedRows, count_inversions, count_rows, read_rows
from crawler.parsing.urls import int_parameter, url_parameter, url_parameters
from crawler.plan import CrawlPlan, ListedRegistry, PageRecorder
from crawler.response import Event, HttpResponse, Observation, Page, Progress, Registry
from crawler.spiders._hub_view import HubViewSpider

MAX_ROWS_PER_PAGE = 1000
RECENT_FIELDS = ("baseModels", "resourceGroup", "private")  # those that an older Hub may lack, the likeliest first
ROUND_SIZE = 100
COUNTERS = {"downloads": "last-30-days", "likes": "likes", "trending": "trending-score"}
COUNTER_MEANINGS = {
    "models": "downloads: requests of certain files in the last 30 days; likes; trending score",
    "datasets": "downloads: requests of any file in the last 30 days, once per address and 5 minutes; likes; trending",
    "spaces": "likes; trending score (the Hub counts no downloads of spaces)",
}


class HuggingFaceSpider(HubViewSpider):
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
        self._max_rows_returned = 0
        self.page_size = PageSize(self._max_page_rows(), int_parameter(resume_url or "", "limit"))
        self._counted_url = self._confirming_url = ""

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
            return self.is_first_url(url)
        is_expected = status in REFUSED_STATUSES and self.access.is_unproved
        return status == 200 or is_expected or urlsplit(url).path.endswith(OWNER_PATH)

    def describe_registry(self) -> Registry:
        """Return the registry, with the Hub's name of the repository type."""
        return Registry(self.plan.registry, self.service, self.repo_type)

    def first_url(self) -> str:
        """Return the URL of one row, which shows which fields the Hub accepts."""
        return self._list_url(self.expand_fields, 1)

    def is_first_url(self, url: str) -> bool:
        """Return whether a URL is that of the first row. A page that keeps failing may shrink to one row, too."""
        return "cursor" not in self.probe_results and int_parameter(url, "limit") == 1

    def smaller_page_url(self, url: str) -> str | None:
        """Return the URL of the first half of a page. A cursor holds for any number of rows."""
        rows = self.page_size.shrink(int_parameter(url, "limit"))
        return add_or_replace_parameter(url, "limit", str(rows)) if rows else None

    def next_page_url(self, response: HttpResponse) -> str | None:
        """Return the URL of the next page, for more rows again after pages that came."""
        url = super().next_page_url(response)
        if response.url != self._counted_url:
            self._counted_url = response.url
            self.page_size.count_page()
        if url is None or int_parameter(url, "limit") in (0, self.page_size.rows) or self.is_first_url(response.url):
            return url
        return add_or_replace_parameter(url, "limit", str(self.page_size.rows))

    def confirming_url(self, response: HttpResponse) -> str | None:
        """Return the URL of a full page without its last row, if the page names no next page.

        A page that leaves a row must name the next page. So this answer shows whether the server names next pages.
        """
        limit, is_confirmed = int_parameter(response.url, "limit"), response.url == self._confirming_url
        if response.status != 200 or limit < 2 or is_confirmed or self.next_page_url(response):
            return None
        try:
            received = count_rows(response.body)
        except NotAListError:  # `read_page` reports it
            return None
        if (
            received < 2
            or self._has_every_place(response.url, received)
            or not is_full_page(received, limit, ROUND_SIZE)
        ):
            return None
        self._confirming_url = add_or_replace_parameter(response.url, "limit", str(received - 1))
        return self._confirming_url

    def _has_every_place(self, url: str, received: int) -> bool:
        """Return whether a first page fills the list."""
        return self.plan.k is not None and received >= self.plan.k and url_parameter(url, "cursor") is None

    def url_after(self, url: str, received: int, positions: Sequence[ListPosition]) -> str | None:
        """Return the URL after a full page that names no next page, or None for any other page.

        `positions` has the position of the last readable row. Only an empty page shows that the list has ended.
        """
        if not positions or not is_full_page(received, int_parameter(url, "limit"), ROUND_SIZE):
            return None
        return add_or_replace_parameter(url, "cursor", cursor_after(self._cursor_field(), positions[0]))

    def _cursor_field(self) -> str:
        """Return the field that a cursor holds besides `_id`, '' if there is none."""
        return SORT_FIELDS[self.ordered_by]

    def _max_page_rows(self) -> int:
        return min(MAX_ROWS_PER_PAGE, (self.plan.k or MAX_ROWS_PER_PAGE) + 1)

    def read_page(self, response: HttpResponse) -> Page:
        """Return a page of the list, or the page of the first row."""
        if response.status == 400:
            return self._drop_refused_fields(response)
        response = self.public_view(response)
        rows = self._read_rows(response)
        following = self.next_page_url(response)
        if self.is_first_url(response.url):
            return self._make_first_page(response, rows, cursor_keys(following))
        following = following or self.url_after(response.url, rows.received + response.hidden, self._positions(rows))
        disorder = count_inversions(_order_value(row, self.ordered_by) for row in rows.observations)
        events = [*rows.events, *lost_row_events(following, self._last_position(rows, rows.received))]
        return make_page(
            "ranking", response, rows.received, rows.observations, rows.rejects, events, disorder, following,
            response.body,
        )  # fmt: skip

    def _make_first_page(self, response: HttpResponse, rows: ParsedRows, cursor: str) -> Page:
        self.probe_results["cursor"] = cursor
        events = [*rows.events, *assumption_events(response, cursor, SORT_FIELDS[self.ordered_by])]
        url = self._list_url(self.expand_fields, self.page_size.rows)
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
        if page.received >= int_parameter(page.url, "limit") or page.received == self._max_rows_returned:
            return None
        self._max_rows_returned = page.received
        return None if tries else page.url

    def next_url(self, page: Page, progress: Progress) -> str | None:
        """Return the next page until K places are filled."""
        if page.role == "ranking" and progress.depth >= self.plan.top:
            return None
        return page.next_url

    def _last_position(self, page: Page | ParsedRows, received: int) -> ListPosition | None:
        return None if self._ends_hidden else last_row_position(received, self._positions(page), page.rejects)

    def _positions(self, page: Page | ParsedRows) -> list[ListPosition]:
        """Return the position of the last readable row, if there is one."""
        return [list_position(_order_value(row, self.ordered_by), row.stable_id) for row in page.observations[-1:]]

    def _read_rows(self, response: HttpResponse) -> ParsedRows:
        fields = _expanded_fields(response.url) or set(self.expand_fields)
        required = frozenset({"id", "_id", SORT_FIELDS[self.ordered_by]})
        try:
            return read_rows(
                response.body, HuggingFaceRow, required, lambda row, dropped: make_observation(row, fields, dropped)
            )
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
                why=excerpt(message, 300),
                fix=f"The Hub's API has changed: run `observatory crawl check {self.plan.registry}` and report it.",
            )
        self.probe_results["expand"] = accepted
        refused = ", ".join(name for name in requested if name not in accepted)
        event = Event("schema_missing_field", "warning", excerpt(message, 300), before=refused)
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

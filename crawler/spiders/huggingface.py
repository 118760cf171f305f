"""The models, datasets and spaces of the Hugging Face Hub.

Pages
    `GET /api/models?sort=downloads&limit=1000&expand=…` gives up to 1,000 rows, largest first, and a `Link` to the next
    page. For K up to 1,000 one request is one query, hence one consistent list. Beyond that the cursor stands on the
    very value that moves: a package that rises past it between two pages is missed, one that falls is seen twice. Those
    seen twice are counted; as many are probably missed. The first request asks for one row, to learn which fields
    (`expand`) the Hub accepts today; what it refuses is noted, and lineage falls back to the `base_model:` tags.

Counters
    `downloads` counts requests of certain files in the last 30 days; it rolls, freezes, catches up and falls.
    `downloadsAllTime` is meant to grow only, and has fallen. `likes` are people's. `trendingScore` is the Hub's own.
    Spaces have no downloads. `config.json` is never asked for: it would count as a download.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlencode

from huggingface_hub import constants, get_token
from scrapy import Request

from crawler.errors import CrawlError, UnknownRegistryError, not_a_list_error
from crawler.parsing.cursors import (
    ListPosition,
    cursor_keys,
    cursor_position,
    last_row_position,
    list_position,
    lost_row_events,
)
from crawler.parsing.huggingface_rows import EXPAND_FIELDS, SORT_FIELDS, HuggingFaceRow, make_observation
from crawler.parsing.pages import make_page
from crawler.parsing.rows import NotAListError, ParsedRows, count_inversions, read_rows
from crawler.parsing.urls import url_parameter, url_parameters
from crawler.plan import CrawlPlan, PageRecorder
from crawler.response import Event, HttpResponse, Observation, Page, Progress, Registry
from crawler.spiders import RegistrySpider

MAX_ROWS_PER_PAGE = 1000
COUNTERS = {"downloads": "last-30-days", "likes": "likes", "trending": "trending-score"}


class HuggingFaceSpider(RegistrySpider):
    """Lists of the Hub by downloads, likes or trending score."""

    name = "huggingface"
    endpoint_variable = "HF_ENDPOINT"
    public_endpoint = "https://huggingface.co"

    def __init__(self, plan: CrawlPlan, resume_url: str | None = None, recorder: PageRecorder | None = None) -> None:
        super().__init__(plan, resume_url, recorder)
        self.kind = plan.registry.removeprefix("huggingface/")
        by = plan.ordered_by or ("likes" if self.kind == "spaces" else "downloads")
        if by not in SORT_FIELDS or (self.kind == "spaces" and by == "downloads"):
            raise UnknownRegistryError(
                f"{plan.registry} cannot be ranked by {by}.",
                why="The Hub counts no downloads of spaces." if self.kind == "spaces" else "The Hub has no such order.",
                fix="Use --by likes or --by trending" + ("." if self.kind == "spaces" else " or --by downloads."),
            )
        self.ordered_by, self.counter = by, COUNTERS[by]
        self.probe_results.setdefault("expand", list(EXPAND_FIELDS[self.kind]))
        self._max_rows_returned = 0

    @classmethod
    def accepts_registry(cls, registry: str) -> bool:
        """The three kinds of repositories."""
        return registry in {f"huggingface/{kind}" for kind in EXPAND_FIELDS}

    def accepts_status(self, status: int, url: str) -> bool:
        """400 to the first question tells which fields are known."""
        return status == 200 or (status == 400 and url_parameter(url, "limit") == "1")

    def make_request(self, url: str) -> Request:
        """With the token huggingface_hub would send, if there is one. Requests only ever go to our own endpoint."""
        token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
        asked = super().make_request(url)
        return asked.replace(headers={"Authorization": f"Bearer {token}"}) if token else asked

    def describe_registry(self) -> Registry:
        """The kind is the Hub's own word for it."""
        return Registry(self.plan.registry, "huggingface", self.kind)

    def first_url(self) -> str:
        """One row, to learn which fields are accepted."""
        return self._list_url(self.probe_results["expand"], 1)

    def read_page(self, response: HttpResponse) -> Page:
        """One page of the list, or what the first row teaches."""
        if response.status == 400:
            return self._drop_refused_fields(response)
        rows = self._read_rows(response)
        following = self.next_page_url(response)
        if url_parameter(response.url, "limit") == "1":
            self.probe_results["cursor"] = cursor_keys(following)
            events = [
                *rows.events,
                *assumption_events(response, self.probe_results["cursor"], SORT_FIELDS[self.ordered_by]),
            ]
            following = self._list_url(self.probe_results["expand"], min(MAX_ROWS_PER_PAGE, self.plan.k + 1))
            return make_page("probe", response, rows.received, events=events, next_url=following, body=response.body)
        disorder = count_inversions(_order_value(row, self.ordered_by) for row in rows.observations)
        events = [*rows.events, *lost_row_events(following, self._last_position(rows))]
        return make_page("ranking", response, rows.received, rows.observations, rows.rejects, events, disorder,
                       following, response.body)  # fmt: skip

    def refetch_url(self, page: Page, tries: int) -> str | None:
        """The same page: the list goes on after another row than its last one. Where that cannot be told: it has fewer
        rows than were asked for, a loss or the most the server gives, which is believed when it comes again."""
        if page.role != "ranking" or page.next_url is None or not page.received:  # an empty one was asked for again
            return None
        last = self._last_position(page)
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
        """The next page, until K places are taken."""
        if page.role == "ranking" and progress.depth >= self.plan.k:
            return None
        return page.next_url

    def _last_position(self, page: Page | ParsedRows) -> ListPosition | None:
        places = (list_position(_order_value(row, self.ordered_by), row.stable_id) for row in page.observations[-1:])
        return last_row_position(page.received, places, page.rejects)

    def _read_rows(self, response: HttpResponse) -> ParsedRows:
        asked = _expanded_fields(response.url) or set(self.probe_results["expand"])
        required = frozenset({"id", "_id", SORT_FIELDS[self.ordered_by]})
        try:
            return read_rows(response.body, HuggingFaceRow, required, lambda row: make_observation(row, asked))
        except NotAListError as error:
            raise not_a_list_error(self.plan.registry, error) from error

    def _drop_refused_fields(self, response: HttpResponse) -> Page:
        """The Hub has refused a field and names those it knows: ask again for what is left of ours."""
        message = response.body[:20000].decode("utf-8", "replace")
        wanted = list(self.probe_results["expand"])
        kept = accepted_fields(wanted, message)
        if kept == wanted or SORT_FIELDS[self.ordered_by] not in kept:
            raise CrawlError(
                f"{self.plan.registry} refused our question (400).",
                why=message[:300],
                fix=f"The Hub's API has changed: run `observatory crawl check {self.plan.registry}` and tell us.",
            )
        self.probe_results["expand"] = kept
        gone = ", ".join(name for name in wanted if name not in kept)
        event = Event("schema_missing_field", "warning", message[:300], before=gone)
        return make_page("probe", response, 0, events=[event], next_url=self._list_url(kept, 1), body=response.body)

    def _list_url(self, expand: Iterable[str], limit: int) -> str:
        words = [("sort", SORT_FIELDS[self.ordered_by]), ("direction", "-1"), ("limit", str(limit))]
        return f"{self.plan.endpoint}/api/{self.kind}?{urlencode(words + [('expand', name) for name in expand])}"


def accepted_fields(requested: list[str], message: str) -> list[str]:
    """The fields of ours that a refusal names among those it knows.

    A message that names them all, or none, does not tell: then it is `baseModels`, which came last and may go first.

    >>> accepted_fields(["baseModels", "likes"], 'expected one of "author"|"likes"')
    ['likes']
    """
    known = set(re.findall(r"[A-Za-z_-]{2,40}", message))
    kept = [name for name in requested if name in known]
    return kept if 0 < len(kept) < len(requested) else [name for name in requested if name != "baseModels"]


def assumption_events(response: HttpResponse, cursor: str, sort: str) -> Iterable[Event]:
    """What the first row shows of an API that is not as it was: another cursor, no statement of the quota."""
    wanted = sort if sort == "_id" else f"{sort}, _id"
    if cursor and cursor != wanted:
        yield Event("assumption_differs", "warning", "the keys of the cursor", wanted, cursor)
    if "ratelimit" not in response.headers:
        yield Event("assumption_differs", "warning", "the quota is not stated any more", "RateLimit", None)


def _expanded_fields(url: str) -> set[str]:
    return {value for name, value in url_parameters(url) if name in ("expand", "expand[]")}


def _order_value(observation: Observation, ordered_by: str) -> float | None:
    return {"downloads": observation.downloads, "likes": observation.likes, "trending": observation.trending}[
        ordered_by
    ]

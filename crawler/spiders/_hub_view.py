"""Spider of a Hub whose responses depend on the token: pages are stored as everyone sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.errors import CrawlStoppedError
from crawler.hub_access import EVERYONE, OWNER_PATH, REFUSED_STATUSES, HubAccess
from crawler.parsing.cursors import cursor_position
from crawler.parsing.pages import next_link
from crawler.parsing.urls import url_parameter
from crawler.parsing.visibility import keep_public_rows, read_owned_namespaces, read_shown_rows
from crawler.plan import CrawlPlan, PageRecorder
from crawler.response import HttpResponse, Page
from crawler.spiders import RegistrySpider


class HubViewSpider(RegistrySpider):
    """Base of the spiders of the Hub. A subclass says which fields it requests, and which URL is its first."""

    def __init__(self, plan: CrawlPlan, resume_url: str | None = None, recorder: PageRecorder | None = None) -> None:
        super().__init__(plan, resume_url, recorder)
        self.access = HubAccess()
        self._ends_hidden = False

    @property
    def expand_fields(self) -> list[str]:
        """The fields to request, without those that the Hub refused."""
        raise NotImplementedError

    def is_first_url(self, url: str) -> bool:
        """Return whether a URL is that of the first row."""
        raise NotImplementedError

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
        names_last_row = not self.is_first_url(answer.url) and cursor_position(next_link(answer)) is not None
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

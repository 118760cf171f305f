"""The way of a look at the Hub: down two orders to where they are known, then one question for each absent package.

Descending orders are safe to walk for what has changed: a row that moves while we page moves to the front, where the
next look begins. So a mark rises only when a walk has come down to it; a walk that was broken off is gone on with at
the same place before another begins at the top, and nothing between the two is lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode, urljoin, urlsplit

from crawler.changes.disappearance import Case, Probe, probe_of
from crawler.errors import not_a_list
from crawler.parsing.huggingface_rows import Row, observation
from crawler.parsing.pages import page_of
from crawler.parsing.rows import NotAList, read_rows
from crawler.plan import PageRecorder, Plan
from crawler.response import Answer, Observation, Page, Progress
from crawler.spiders.huggingface import PAGE, HuggingFaceSpider

MARGIN = 900  # seconds below the mark: what the Hub's lists may show late, or in another order than it happened
ORDERS = {"modified": "lastModified", "created": "createdAt"}
SHOWN = {"models": ("gated", "disabled"), "datasets": ("gated", "disabled"), "spaces": ("disabled",)}
MOST_HOPS = 5
AGAIN = "#again"  # never sent; a second walk may rightly come to an address of the first
ABSENT = {200, 301, 302, 307, 308, 401, 403, 404, 410}


@dataclass(frozen=True, slots=True)
class Feed:
    """How far one order is known: all up to `mark`. `ceiling` and `continue_at` are of a walk not yet there."""

    order: str
    mark: int | None = None
    ceiling: int | None = None
    continue_at: str | None = None

    def after(self, page: Page) -> Feed:
        """What is known when a page has been stored. Without a mark one page sets it.

        >>> page = Page("created", "", 500, 200, 0, "", {}, 0, next_url="more", observations=())
        >>> Feed("created", 100, 400, "here").after(page)
        Feed(order='created', mark=100, ceiling=400, continue_at='more')
        """
        moments = [moment for moment in (instant(one, self.order) for one in page.observations) if moment is not None]
        ceiling = self.ceiling
        if ceiling is None:
            ceiling = min(max(moments, default=self.mark or 0), page.fetched_at)
            ceiling = max(ceiling, self.mark or 0) or None
        arrived = self.mark is None or bool(moments and min(moments) < self.mark - MARGIN)
        if arrived or page.next_url is None or ceiling is None:
            return Feed(self.order, ceiling)
        return Feed(self.order, self.mark, ceiling, page.next_url)


def instant(seen: Observation, order: str) -> int | None:
    """The moment by which an order puts a row."""
    return seen.modified_at if order == "modified" else seen.created_at


class FeedSpider(HuggingFaceSpider):
    """A look at what changed. `plan.settings` holds the feeds and the absent packages; `plan.k` pages an order."""

    resumes = False

    def __init__(self, plan: Plan, resume_at: str | None = None, recording: PageRecorder | None = None) -> None:
        super().__init__(plan, resume_at, recording)
        given = {feed.order: feed for feed in plan.settings.get("feeds", ())}  # type: ignore[attr-defined]
        self.feeds = {order: given.get(order, Feed(order)) for order in ORDERS}
        self.cases: dict[int, Case] = {case.package: case for case in plan.settings.get("absent", ())}  # type: ignore
        self.probes: dict[int, Probe] = {}
        self.left = dict.fromkeys(ORDERS, plan.k)
        self.bounded = False
        self._walks = [order for order in ORDERS for _ in range(1 + bool(self.feeds[order].continue_at))]
        self._waiting = list(self.cases)
        self._resumed = {order for order in ORDERS if self.feeds[order].continue_at}
        self._again: set[str] = set()
        self._hops = 0

    def takes(self, status: int, url: str) -> bool:
        """What answers to the name of an absent package is a finding, whatever it is."""
        if absent_package(url) is None:
            return super().takes(status, url)
        return status in ABSENT

    def read(self, answer: Answer) -> Page:
        """A page of one of the orders, an answer about one absent package, or what the first row teaches."""
        if absent_package(answer.url) is not None:
            return self._read_absent(answer)
        order = next((order for order, sort in ORDERS.items() if f"sort={sort}&" in answer.url), None)
        if order is None:
            page = super().read(answer)
            return page if answer.status == 400 else replace(page, next_url=None)
        asked = set(self.learned["expand"])  # type: ignore[call-overload]
        required = frozenset({"id", "_id", ORDERS[order]})
        try:
            rows = read_rows(answer.body, Row, required, lambda row: observation(row, asked))
        except NotAList as error:
            raise not_a_list(self.plan.registry, error) from error
        bare = replace(answer, url=answer.url.removesuffix(AGAIN))
        return page_of(order, bare, rows.received, rows.observations, rows.rejects, rows.events,
                       next_url=self.following(answer))  # fmt: skip

    def next_url(self, page: Page, progress: Progress) -> str | None:
        """On down the order, then the other one, then the absent ones."""
        if page.role in ORDERS:
            self.feeds[page.role] = self.feeds[page.role].after(page)
            self.left[page.role] -= 1
            if self.feeds[page.role].continue_at is None:
                self._walks.remove(page.role)
                self._again |= {page.role} & self._resumed
        elif page.next_url is not None:  # a field was refused, or a name leads on to another
            return page.next_url
        within = [order for order in self._walks if self.left[order] > 0]
        self.bounded = self.bounded or len(within) < len(self._walks)
        self._walks = within
        if self._walks:
            feed = self.feeds[self._walks[0]]
            following = feed.continue_at or self._order_url(feed.order)
            return following + AGAIN if feed.order in self._again else following
        if self._waiting:
            self._hops = 0
            return self._absent_url(self.cases[self._waiting.pop(0)])
        return None

    def _order_url(self, order: str) -> str:
        words = [("sort", ORDERS[order]), ("direction", "-1"), ("limit", str(PAGE))]
        fields: Iterable[str] = self.learned["expand"]  # type: ignore[assignment]
        return f"{self.plan.endpoint}/api/{self.kind}?{urlencode(words + [('expand', name) for name in fields])}"

    def _absent_url(self, case: Case) -> str:
        shown = urlencode([("expand", name) for name in SHOWN[self.kind]])
        return f"{self.plan.endpoint}/api/{self.kind}/{quote(case.name, safe='/')}?{shown}#{case.package}"

    def _read_absent(self, answer: Answer) -> Page:
        package = absent_package(answer.url) or 0
        target = answer.headers.get("location", "")
        bare = replace(answer, url=answer.url.partition("#")[0])
        self._hops += 1
        if 300 <= answer.status < 400 and target and self._hops <= MOST_HOPS:
            following = f"{self.own(urljoin(bare.url, target)).partition('#')[0]}#{package}"
            return page_of("absent", bare, 0, next_url=following)
        probe = probe_of(answer.status, shown(answer), answer.fetched_at)
        self.probes[package] = probe
        case = self.cases[package]
        same = probe.id == case.stable_id and probe.name
        found = [Observation(case.stable_id, probe.name)] if same and probe.name else []
        return page_of("absent", bare, len(found), found)


def absent_package(url: str) -> int | None:
    """The package an address asks about: our own number for it stands after the #, which is never sent.

    >>> absent_package("https://hub.example.org/api/models/a/b?expand=gated#17")
    17
    """
    fragment = urlsplit(url).fragment
    return int(fragment) if fragment.isascii() and fragment.isdigit() else None


def shown(answer: Answer) -> Mapping[str, object]:
    """The object of an answer; empty if it is none."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

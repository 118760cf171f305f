"""Fetch README.md of the Hub's repositories, each at the commit that the ranking names.

`GET /{id}/resolve/{sha}/README.md` answers 307 to the same host. The second response is the file, with its git blob
hash as ETag. So a card costs two requests of the quota named `resolvers`. A file that git does not hold itself is
redirected to another host, which is never contacted. A 404 gives its reason in a header: no such file, or no such
commit or repository. A README of a model does not count as a download. A README of a dataset would.
The list (`expand=siblings`) is requested first. Repositories without a README in the list are not requested.

No request carries a token, because a token opens private and gated repositories. So a card is stored only if everyone
can read it. If the registry answers nobody without a token, only cards of repositories are requested that the list
shows as public and not gated.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import partial
from urllib.parse import quote

from scrapy import Request
from scrapy.exceptions import DownloadCancelledError, IgnoreRequest
from scrapy.http import Response
from twisted.python.failure import Failure
from w3lib.url import add_or_replace_parameter

from crawler.cards.content import parse_card
from crawler.cards.listing import find_open_repositories, find_repositories_without_readme, first_list_url, is_list_url
from crawler.cards.recorder import CardRecorder
from crawler.errors import CrawlError, CrawlStoppedError, unexpected_error
from crawler.fetching.middlewares import PaceMiddleware
from crawler.hub_access import REFUSED_STATUSES, read_token
from crawler.parsing.pages import next_link
from crawler.parsing.redact import excerpt
from crawler.parsing.urls import int_parameter
from crawler.plan import CrawlPlan
from crawler.response import HttpResponse
from crawler.spiders import PacedSpider
from crawler.spiders.huggingface import HuggingFaceSpider
from db.reasons import FailureReason
from db.store.cards import CardObservation, PendingCard, blob_hash

MAX_DOWNLOAD_BYTES = 16 * 1024 * 1024
MAX_CONSECUTIVE_FAILURES = 3  # after these the cause is not a single card
NOT_OPEN = "only a token shows it, and the list does not show it as public and not gated"
URL_PREFIXES = {"huggingface/models": "", "huggingface/spaces": "spaces/"}


class CardSpider(PacedSpider):
    """Spider that requests each due card once."""

    name = "cards"
    public_endpoint = HuggingFaceSpider.public_endpoint
    max_page_bytes = MAX_DOWNLOAD_BYTES
    has_resume_option = False

    def __init__(self, plan: CrawlPlan, due_cards: Sequence[PendingCard], recorder: CardRecorder) -> None:
        """Create the spider. The pipeline writes observations to `recorder`."""
        super().__init__(plan)
        self.due_cards, self.recorder = due_cards, recorder
        self.failure_count = self._consecutive_failures = 0
        self._listed_rows = 0
        self._without_readme: set[tuple[str, str | None]] = set()
        self._open_repositories: set[str] | None = None  # None: no request carries a token
        self._listed_at = 0

    def accepts_status(self, status: int, url: str) -> bool:
        """Accept responses that return the card, or state that it is missing or private."""
        return status in (200, 401, 403, 404)

    async def start(self) -> AsyncIterator[Request]:
        """Request the list, which says which repositories have a README (called by Scrapy)."""
        yield self._request_list(first_list_url(self.plan))

    def smaller_page_url(self, url: str) -> str | None:
        """Return the URL of the first half of a page of the list."""
        limit = int_parameter(url, "limit") if is_list_url(url) else 0
        return add_or_replace_parameter(url, "limit", str(limit // 2)) if limit > 1 else None

    def parse_list(self, response: Response) -> Iterator[Request | CardObservation]:
        """Note the repositories without a README, and request the other cards after the last page."""
        list_page: HttpResponse = response.meta["answer"]
        if list_page.status in REFUSED_STATUSES and self._open_repositories is None and read_token():
            self._open_repositories = set()
            yield self._request_list(first_list_url(self.plan, with_access=True))
            return
        if self._open_repositories is not None:
            self._open_repositories |= find_open_repositories(list_page.body)
        self._listed_at = list_page.fetched_at
        self._without_readme |= find_repositories_without_readme(list_page.body)
        self._listed_rows += int_parameter(list_page.url, "limit")
        is_last = list_page.status != 200 or self._listed_rows >= (self.plan.k or 0)
        next_url = None if is_last else next_link(list_page)
        try:
            following = self.same_host_url(next_url, list_page.url) if next_url else None
        except CrawlError:  # another host is not asked, and the cards are asked for one by one
            following = None
        if following:
            yield self._request_list(following)
        else:
            self.recorder.date_collection(self._listed_at)
            yield from self._request_cards()

    def on_list_failed(self, failure: Failure) -> Iterator[Request | CardObservation]:
        """Request every card, because no list says which repositories have none."""
        if not isinstance(failure.value, CrawlStoppedError):
            yield from self._request_cards()

    def _request_list(self, url: str) -> Request:
        return self._make_request(url, self.parse_list, self.on_list_failed)

    def _request_cards(self) -> Iterator[Request | CardObservation]:
        for card in self.due_cards:
            if (card.name, card.sha) in self._without_readme:
                yield CardObservation(card.package, card.at, "none", sha=card.sha, fetched_at=self._listed_at)
            elif self._open_repositories is not None and card.name not in self._open_repositories:
                yield CardObservation(
                    card.package, card.at, "gated", sha=card.sha, fetched_at=self._listed_at, note=NOT_OPEN
                )
            else:
                callback, errback = partial(self.read_card, card=card), partial(self.on_card_failed, card=card)
                yield self._make_request(card_url(self.plan, card), callback, errback)

    def _make_request(self, url: str, callback: Callable[..., object], errback: Callable[..., object]) -> Request:
        token = None if self._open_repositories is None else read_token()
        headers = {"Accept": "text/plain, */*", **({"Authorization": f"Bearer {token}"} if token else {})}
        return Request(url, callback, errback=errback, headers=headers, dont_filter=True)

    def read_card(self, response: Response, card: PendingCard) -> Iterator[CardObservation]:
        """Turn the response for one card into an observation."""
        try:
            observation = observe_card(card, response.meta["answer"])
        except CrawlError as error:
            self._stop(error)
        except Exception as error:  # Scrapy would log the error and continue
            self._stop(unexpected_error(error, self.has_resume_option))
        else:
            if observation.state:
                self._consecutive_failures = 0
                yield observation
            else:
                self._count_failure(unexplained_error(self.plan.registry, response.meta["answer"].status))

    def on_card_failed(self, failure: Failure, card: PendingCard) -> Iterator[CardObservation]:
        """Record a permanent failure, and leave a temporary one for the next run.

        Three failures in a row, or no network, are not specific to a card and stop the crawl.
        """
        error = failure.value or RuntimeError("no error was given")
        if isinstance(error, CrawlStoppedError):
            return
        state = classify_failure(error)
        if state:
            yield CardObservation(card.package, card.at, state, sha=card.sha)
            return
        self._count_failure(error if isinstance(error, CrawlError) else unexpected_error(error, self.has_resume_option))

    def _count_failure(self, crawl_error: CrawlError) -> None:
        self.failure_count += 1
        self._consecutive_failures += 1
        if self._consecutive_failures >= MAX_CONSECUTIVE_FAILURES or crawl_error.gate == "offline":
            self._stop(crawl_error)
        self.crawl_error = self.crawl_error or crawl_error

    def _stop(self, error: CrawlError) -> None:
        self.crawl_error = error
        self.is_stopping = True


class CardPaceMiddleware(PaceMiddleware):
    """Pace middleware that also compares the content of each card with its ETag."""

    def invalid_reason(self, response: HttpResponse) -> str:
        """Return why a response cannot be the card or the list, or '' if it can."""
        if is_list_url(response.url):
            return super().invalid_reason(response)
        etag = response.headers.get("etag", "").removeprefix("W/").strip('"')
        hash_content = {40: blob_hash, 64: _sha256}.get(len(etag))
        if hash_content is not None and hash_content(response.body) != etag:
            return "the content does not match its ETag"
        return ""

    def process_exception(self, request: Request, exception: Exception) -> Request:
        """Retry a failed request, except for a file that is too large and will be so again.

        Raises:
            IgnoreRequest: the file is larger than 16 MiB.
        """
        if isinstance(exception, DownloadCancelledError):
            raise IgnoreRequest("too large") from exception
        return super().process_exception(request, exception)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def card_url(plan: CrawlPlan, card: PendingCard) -> str:
    """Return the URL of a card. The slash of the name stays unescaped: an escaped one would count as a page.

    >>> card_url(CrawlPlan("huggingface/models", 1, endpoint="https://hub.example"), PendingCard(1, "a/b", "0f", 0))
    'https://hub.example/a/b/resolve/0f/README.md'
    """
    return f"{plan.endpoint}/{URL_PREFIXES[plan.registry]}{quote(card.name)}/resolve/{quote(card.sha)}/README.md"


def observe_card(card: PendingCard, response: HttpResponse) -> CardObservation:
    """Return what the response for a card shows (pure).

    Raises:
        CrawlError: the Hub refuses the token, which is not specific to the card.
    """
    state = classify_response(response.status, response.headers, card.sha)
    text = parse_card(response.body) if state == "card" else None
    note = "" if state in ("card", "none") else excerpt(response.headers.get("x-error-message", ""), 200)
    return CardObservation(card.package, card.at, state, text, card.sha, response.fetched_at, note)


def classify_response(status: int, headers: Mapping[str, str], sha: str) -> str:
    """Return the state of a card that a response shows: card, none, missing or gated.

    The Hub explains each refusal. A refusal without a word is by something in between, and its state is ''.

    Raises:
        CrawlError: the Hub does not accept the token.

    >>> codes = ("EntryNotFound", "RepoNotFound", "")
    >>> [classify_response(404, {"x-error-code": code}, "0f") for code in codes]
    ['none', 'missing', '']
    >>> classify_response(200, {"x-repo-commit": "0f"}, "0f"), classify_response(200, {"x-repo-commit": "1e"}, "0f")
    ('card', 'missing')
    """
    if status == 200:
        return "card" if headers.get("x-repo-commit", sha) == sha else "missing"
    if "Invalid credentials" in headers.get("x-error-message", ""):
        raise CrawlError(
            "The Hub does not accept the token.",
            why="The Hub answers: Invalid credentials in Authorization header.",
            fix="Renew HF_TOKEN, log in again with `hf auth login`, or unset HF_TOKEN.",
            is_permanent=False,
        )
    code = headers.get("x-error-code", "")
    if not code and "x-error-message" not in headers:
        return ""
    if status == 404:
        return "none" if code == "EntryNotFound" else "missing"
    return "gated" if code == "GatedRepo" or status == 403 else "missing"


def unexplained_error(registry: str, status: int) -> CrawlError:
    """Return the error for a refusal that is not the Hub's own."""
    return CrawlError(
        f"{registry} answered {status} for a card without saying why.",
        why="The Hub explains each refusal in a header. A proxy or a firewall may have answered.",
        fix="Run the same command again later.",
        is_permanent=False,
        reason=FailureReason.SERVER_FAILING,
    )


def classify_failure(error: BaseException) -> str:
    """Return the state of a card whose request failed permanently, or '' for a temporary failure."""
    if isinstance(error, CrawlError):
        return "elsewhere" if error.gate == "next_other_host" else ""
    return "huge" if isinstance(error, IgnoreRequest) else ""

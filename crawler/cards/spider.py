"""README.md of the Hub's repositories, each at the commit a list has named.

`GET /{id}/resolve/{sha}/README.md` answers 307 to the same host, and there the file, with its git blob hash as ETag:
two requests of the quota named `resolvers`. A file that git does not hold itself is sent on to another host, which is
not asked. 404 says why in a header: there is no such file, or no such commit or repository. A README does not count as
a download of a model; it would of a dataset. Which repositories have none the list says (`expand=siblings`), which is
asked first; they are not asked.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from urllib.parse import quote

from huggingface_hub import constants, get_token
from scrapy import Request
from scrapy.exceptions import DownloadCancelledError, IgnoreRequest
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.cards.content import parse_card
from crawler.cards.listing import PAGE_SIZE, find_repositories_without_readme, first_list_url, is_list_url
from crawler.cards.recorder import CardRecorder
from crawler.errors import CrawlError, CrawlStoppedError, unexpected_error
from crawler.fetching.middlewares import PaceMiddleware
from crawler.parsing.pages import next_link
from crawler.parsing.redact import redact_bytes
from crawler.plan import CrawlPlan
from crawler.response import HttpResponse
from crawler.spiders import PacedSpider
from crawler.spiders.huggingface import HuggingFaceSpider
from db.store.cards import CardObservation, PendingCard, blob_hash

MAX_DOWNLOAD_BYTES = 16 * 1024 * 1024
MAX_CONSECUTIVE_FAILURES = 3  # in a row; then it is not the cards
URL_PREFIXES = {"huggingface/models": "", "huggingface/spaces": "spaces/"}


class CardSpider(PacedSpider):
    """Ask for each wanted card once."""

    name = "cards"
    public_endpoint = HuggingFaceSpider.public_endpoint
    max_page_bytes = MAX_DOWNLOAD_BYTES
    has_resume_option = False

    def __init__(self, plan: CrawlPlan, due_cards: Sequence[PendingCard], recorder: CardRecorder) -> None:
        """`recording` is where the pipeline writes what was found."""
        super().__init__(plan)
        self.due_cards, self.recorder = due_cards, recorder
        self.failure_count = 0
        self._consecutive_failures = 0
        self._without_readme: set[tuple[str, str | None]] = set()

    def accepts_status(self, status: int, url: str) -> bool:
        """Answers that say what there is, or that there is nothing for us."""
        return status in (200, 401, 403, 404)

    async def start(self) -> AsyncIterator[Request]:
        """Scrapy's entry: the list, which says who has a card."""
        yield self._make_request(first_list_url(self.plan), self.parse_list, self.on_list_failed, page=1)

    def parse_list(self, response: Response) -> Iterator[Request | CardObservation]:
        """Note who has no card; after the last page, ask for those of the others."""
        answer, page = response.meta["answer"], response.meta["page"]
        self._without_readme |= find_repositories_without_readme(answer.body)
        following = next_link(answer) if answer.status == 200 and page * PAGE_SIZE < (self.plan.k or 0) else None
        if following:
            yield self._make_request(self.same_host_url(following), self.parse_list, self.on_list_failed, page=page + 1)
        else:
            yield from self._request_cards()

    def on_list_failed(self, failure: Failure) -> Iterator[Request | CardObservation]:
        """Without the list every card is asked for."""
        if not isinstance(failure.value, CrawlStoppedError):
            yield from self._request_cards()

    def _request_cards(self) -> Iterator[Request | CardObservation]:
        for one in self.due_cards:
            if (one.name, one.sha) in self._without_readme:
                yield CardObservation(one.package, one.at, "none", sha=one.sha, fetched_at=int(time.time()))
            else:
                yield self._make_request(card_url(self.plan, one), self.parse, self.on_request_failed, wanted=one)

    def _make_request(self, url: str, callback: Callable, errback: Callable, **meta: object) -> Request:
        token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
        headers = {"Accept": "text/plain, */*", **({"Authorization": f"Bearer {token}"} if token else {})}
        return Request(url, callback, errback=errback, headers=headers, dont_filter=True, meta=meta)

    def parse(self, response: Response) -> Iterator[CardObservation]:
        """Read one answer."""
        try:
            look = observe_card(response.meta["wanted"], response.meta["answer"])
        except CrawlError as error:
            self._stop(error)
        except Exception as error:  # Scrapy would log it and go on
            self._stop(unexpected_error(error))
        else:
            self._consecutive_failures = 0
            yield look

    def on_request_failed(self, failure: Failure) -> Iterator[CardObservation]:
        """What cannot be had is noted; what may be had later is left for later; what is no fault of a card ends it."""
        error, wanted = failure.value, failure.request.meta["wanted"]  # type: ignore[attr-defined]
        if isinstance(error, CrawlStoppedError):
            return
        state = classify_failure(error)
        if state:
            yield CardObservation(wanted.package, wanted.at, state, sha=wanted.sha)
            return
        self.failure_count += 1
        self._consecutive_failures += 1
        trouble = error if isinstance(error, CrawlError) else unexpected_error(error)
        if self._consecutive_failures >= MAX_CONSECUTIVE_FAILURES or trouble.gate == "offline":
            self._stop(trouble)
        self.crawl_error = self.crawl_error or trouble

    def _stop(self, error: CrawlError) -> None:
        self.crawl_error = error
        self.stopping = True


class CardPaceMiddleware(PaceMiddleware):
    """The pace of lists; an answer is right if its content is what its ETag says."""

    def invalid_reason(self, response: HttpResponse) -> str:
        """Why this cannot be the card, or the list."""
        if is_list_url(response.url):
            return super().invalid_reason(response)
        etag = response.headers.get("etag", "").removeprefix("W/").strip('"')
        hashes = {40: blob_hash, 64: lambda content: hashlib.sha256(content).hexdigest()}
        if len(etag) in hashes and hashes[len(etag)](response.body) != etag:
            return "it answered with something else than its ETag says"
        return ""

    def process_exception(self, request: Request, exception: Exception) -> Request:
        """A file that is too large will be so the next time."""
        if isinstance(exception, DownloadCancelledError):
            raise IgnoreRequest("too large") from exception
        return super().process_exception(request, exception)


def card_url(plan: CrawlPlan, card: PendingCard) -> str:
    """Where a card is, with the slash of its name as it is: encoded it would count as a page.

    >>> card_url(CrawlPlan("huggingface/models", 1, endpoint="https://hub.example"), PendingCard(1, "a/b", "0f", 0))
    'https://hub.example/a/b/resolve/0f/README.md'
    """
    return f"{plan.endpoint}/{URL_PREFIXES[plan.registry]}{quote(card.name)}/resolve/{quote(card.sha)}/README.md"


def observe_card(card: PendingCard, response: HttpResponse) -> CardObservation:
    """What an answer says of a card (pure).

    Raises:
        CrawlError: it says nothing of the card, but of us.
    """
    state = classify_response(response.status, response.headers, card.sha)
    said = redact_bytes(response.headers.get("x-error-message", "").encode("utf-8", "replace"))[:200]
    text = parse_card(response.body) if state == "card" else None
    note = "" if state in ("card", "none") else said.decode("utf-8", "replace")
    return CardObservation(card.package, card.at, state, text, card.sha, response.fetched_at, note)


def classify_response(status: int, headers: Mapping[str, str], sha: str) -> str:
    """What stands where the card should be.

    Raises:
        CrawlError: our token is not accepted.

    >>> classify_response(404, {"x-error-code": "EntryNotFound"}, "0f"), classify_response(401, {}, "0f")
    ('none', 'missing')
    >>> classify_response(200, {"x-repo-commit": "0f"}, "0f"), classify_response(200, {"x-repo-commit": "1e"}, "0f")
    ('card', 'missing')
    """
    if status == 200:
        return "card" if headers.get("x-repo-commit", sha) == sha else "missing"
    if "Invalid credentials" in headers.get("x-error-message", ""):
        raise CrawlError(
            "The Hub does not accept our token.",
            why="It says: Invalid credentials in Authorization header.",
            fix="Renew HF_TOKEN, log in again with `hf auth login`, or unset it.",
            is_permanent=False,
        )
    code = headers.get("x-error-code", "")
    if status == 404:
        return "none" if code == "EntryNotFound" else "missing"
    return "gated" if code == "GatedRepo" or status == 403 else "missing"


def classify_failure(error: BaseException) -> str:
    """The state of a card that could not be had and will not be next time; '' if it may."""
    if isinstance(error, CrawlError):
        return "elsewhere" if error.gate == "next_other_host" else ""
    return "huge" if isinstance(error, IgnoreRequest) else ""

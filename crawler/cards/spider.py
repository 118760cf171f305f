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

from crawler.cards.content import card_text
from crawler.cards.listing import PAGE, is_listing, listing, without_readme
from crawler.cards.recorder import CardRecording
from crawler.errors import CrawlError, Stopped, unforeseen
from crawler.fetching.middlewares import PaceMiddleware
from crawler.parsing.pages import next_link
from crawler.parsing.redact import without_addresses
from crawler.plan import Plan
from crawler.response import Answer
from crawler.spiders import PacedSpider
from crawler.spiders.huggingface import HuggingFaceSpider
from db.store.cards import Look, WantedCard, blob_hash

LARGEST_FETCHED = 16 * 1024 * 1024
MOST_FAILURES = 3  # in a row; then it is not the cards
PREFIXES = {"huggingface/models": "", "huggingface/spaces": "spaces/"}


class CardSpider(PacedSpider):
    """Ask for each wanted card once."""

    name = "cards"
    public_endpoint = HuggingFaceSpider.public_endpoint
    page_bytes = LARGEST_FETCHED
    resumes = False

    def __init__(self, plan: Plan, wanted: Sequence[WantedCard], recording: CardRecording) -> None:
        """`recording` is where the pipeline writes what was found."""
        super().__init__(plan)
        self.wanted, self.recording = wanted, recording
        self.failures = 0
        self._failed_in_a_row = 0
        self._bare: set[tuple[str, str | None]] = set()

    def takes(self, status: int, url: str) -> bool:
        """Answers that say what there is, or that there is nothing for us."""
        return status in (200, 401, 403, 404)

    async def start(self) -> AsyncIterator[Request]:
        """Scrapy's entry: the list, which says who has a card."""
        yield self._request(listing(self.plan), self.listed, self.unlisted, page=1)

    def listed(self, response: Response) -> Iterator[Request | Look]:
        """Note who has no card; after the last page, ask for those of the others."""
        answer, page = response.meta["answer"], response.meta["page"]
        self._bare |= without_readme(answer.body)
        following = next_link(answer) if answer.status == 200 and page * PAGE < (self.plan.k or 0) else None
        if following:
            yield self._request(self.own(following), self.listed, self.unlisted, page=page + 1)
        else:
            yield from self._cards()

    def unlisted(self, failure: Failure) -> Iterator[Request | Look]:
        """Without the list every card is asked for."""
        if not isinstance(failure.value, Stopped):
            yield from self._cards()

    def _cards(self) -> Iterator[Request | Look]:
        for one in self.wanted:
            if (one.name, one.sha) in self._bare:
                yield Look(one.package, one.at, "none", sha=one.sha, fetched_at=int(time.time()))
            else:
                yield self._request(address(self.plan, one), self.parse, self.failed, wanted=one)

    def _request(self, url: str, callback: Callable, errback: Callable, **meta: object) -> Request:
        token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
        headers = {"Accept": "text/plain, */*", **({"Authorization": f"Bearer {token}"} if token else {})}
        return Request(url, callback, errback=errback, headers=headers, dont_filter=True, meta=meta)

    def parse(self, response: Response) -> Iterator[Look]:
        """Read one answer."""
        try:
            look = look_of(response.meta["wanted"], response.meta["answer"])
        except CrawlError as error:
            self._stop(error)
        except Exception as error:  # Scrapy would log it and go on
            self._stop(unforeseen(error))
        else:
            self._failed_in_a_row = 0
            yield look

    def failed(self, failure: Failure) -> Iterator[Look]:
        """What cannot be had is noted; what may be had later is left for later; what is no fault of a card ends it."""
        error, wanted = failure.value, failure.request.meta["wanted"]  # type: ignore[attr-defined]
        if isinstance(error, Stopped):
            return
        state = lasting_state(error)
        if state:
            yield Look(wanted.package, wanted.at, state, sha=wanted.sha)
            return
        self.failures += 1
        self._failed_in_a_row += 1
        trouble = error if isinstance(error, CrawlError) else unforeseen(error)
        if self._failed_in_a_row >= MOST_FAILURES or trouble.gate == "offline":
            self._stop(trouble)
        self.trouble = self.trouble or trouble

    def _stop(self, trouble: CrawlError) -> None:
        self.trouble = trouble
        self.stopping = True


class CardPace(PaceMiddleware):
    """The pace of lists; an answer is right if its content is what its ETag says."""

    def fault(self, answer: Answer) -> str:
        """Why this cannot be the card, or the list."""
        if is_listing(answer.url):
            return super().fault(answer)
        etag = answer.headers.get("etag", "").removeprefix("W/").strip('"')
        hashes = {40: blob_hash, 64: lambda content: hashlib.sha256(content).hexdigest()}
        if len(etag) in hashes and hashes[len(etag)](answer.body) != etag:
            return "it answered with something else than its ETag says"
        return ""

    def process_exception(self, request: Request, exception: Exception) -> Request:
        """A file that is too large will be so the next time."""
        if isinstance(exception, DownloadCancelledError):
            raise IgnoreRequest("too large") from exception
        return super().process_exception(request, exception)


def address(plan: Plan, wanted: WantedCard) -> str:
    """Where a card is, with the slash of its name as it is: encoded it would count as a page.

    >>> address(Plan("huggingface/models", 1, endpoint="https://hub.example"), WantedCard(1, "a/b", "0f", 0))
    'https://hub.example/a/b/resolve/0f/README.md'
    """
    return f"{plan.endpoint}/{PREFIXES[plan.registry]}{quote(wanted.name)}/resolve/{quote(wanted.sha)}/README.md"


def look_of(wanted: WantedCard, answer: Answer) -> Look:
    """What an answer says of a card (pure).

    Raises:
        CrawlError: it says nothing of the card, but of us.
    """
    state = state_of(answer.status, answer.headers, wanted.sha)
    said = without_addresses(answer.headers.get("x-error-message", "").encode("utf-8", "replace"))[:200]
    text = card_text(answer.body) if state == "card" else None
    note = "" if state in ("card", "none") else said.decode("utf-8", "replace")
    return Look(wanted.package, wanted.at, state, text, wanted.sha, answer.fetched_at, note)


def state_of(status: int, headers: Mapping[str, str], sha: str) -> str:
    """What stands where the card should be.

    Raises:
        CrawlError: our token is not accepted.

    >>> state_of(404, {"x-error-code": "EntryNotFound"}, "0f"), state_of(401, {}, "0f")
    ('none', 'missing')
    >>> state_of(200, {"x-repo-commit": "0f"}, "0f"), state_of(200, {"x-repo-commit": "1e"}, "0f")
    ('card', 'missing')
    """
    if status == 200:
        return "card" if headers.get("x-repo-commit", sha) == sha else "missing"
    if "Invalid credentials" in headers.get("x-error-message", ""):
        raise CrawlError(
            "The Hub does not accept our token.",
            why="It says: Invalid credentials in Authorization header.",
            fix="Renew HF_TOKEN, log in again with `hf auth login`, or unset it.",
            lasting=False,
        )
    code = headers.get("x-error-code", "")
    if status == 404:
        return "none" if code == "EntryNotFound" else "missing"
    return "gated" if code == "GatedRepo" or status == 403 else "missing"


def lasting_state(error: BaseException) -> str:
    """The state of a card that could not be had and will not be next time; '' if it may."""
    if isinstance(error, CrawlError):
        return "elsewhere" if error.gate == "next_other_host" else ""
    return "huge" if isinstance(error, IgnoreRequest) else ""

"""The page loop, once: a registry's spider says where to start, what a page says, and where to go on."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scrapy import Request, Spider
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.parsing.redact import in_text
from crawler.response import Answer, Event, Observation, Page, Progress, Registry, Reject
from db import ObservatoryError
from db.cli import USAGE

if TYPE_CHECKING:
    from crawler.snapshots.recorder import Recording

KEPT_HEADERS = (
    "age", "cf-cache-status", "current-page", "date", "etag", "last-modified", "page-items", "ratelimit",
    "ratelimit-policy", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-tier",
    "x-request-id",
)  # fmt: skip


class CrawlError(ObservatoryError):
    """A registry did not answer as it should. `lasting` says that trying again later would not help."""

    def __init__(self, what: str, why: str = "", fix: str = "", lasting: bool = True, gate: str = "protocol") -> None:
        super().__init__(in_text(what), in_text(why), fix)  # a registry's own words may be in it
        self.lasting, self.gate = lasting, gate


class Stopped(IgnoreRequest):
    """The crawl is being stopped: this request was not sent, and nothing is wrong."""


class NotThere(CrawlError):
    """What was asked for does not exist: nothing is recorded of it."""

    exit_code = USAGE


class UnexpectedPage(CrawlError):
    """A page that is not what was asked for."""


@dataclass(frozen=True)
class Plan:
    """What a crawl is to look at: one list of one registry (all of it if `k` is None), where and how to ask for it, and
    how many seconds it may take, or lie open until it is gone on with."""

    registry: str
    k: int | None
    ordered_by: str | None = None
    endpoint: str = ""
    with_counters: bool = True
    keep_bodies: bool = True
    settings: Mapping[str, object] = field(default_factory=dict)
    longest: int = 6 * 3600


def how_to_go_on(spider: Spider) -> str:
    """What to do after a crawl that was stopped: some commands have a --resume, others take up the rest anyway."""
    return f"run the same command {'with --resume' if getattr(spider, 'resumes', False) else 'again'}"


class RegistrySpider(Spider):
    """What every registry's spider shares. To fill in: `serves`, `first_url`, `read` and `next_url`.

    What the first answers teach (which fields are accepted, what the counter means) is kept in `learned`, which is
    stored with the snapshot and given back when it is gone on with.
    """

    endpoint_variable = ""
    public_endpoint = ""
    pause = 0.0
    of_everything = False
    in_order_of_ids = True  # whether the pages of a census come in the order of the stable ids
    resumes = True  # whether its command has a --resume
    asked_ahead: str | None = None
    idle_pages = 2  # that may bring nothing new, one after the other, before the list is said to go round in circles
    page_bytes = 128 * 1024 * 1024

    def __init__(self, plan: Plan, resume_at: str | None = None, recording: Recording | None = None) -> None:
        """`recording` is not the spider's own business: it is carried to the pipeline."""
        super().__init__(self.name)
        self.plan = plan
        self.resume_at = resume_at
        self.recording = recording
        self.learned: dict[str, object] = dict(plan.settings)
        self.trouble: CrawlError | None = None
        self.walked = False
        self.broken: BaseException | None = None

    @classmethod
    def serves(cls, registry: str) -> bool:
        """Whether this spider is the one for a registry of that name."""
        raise NotImplementedError

    def first_url(self) -> str:
        """The first question of a new crawl."""
        raise NotImplementedError

    def read(self, answer: Answer) -> Page:
        """What an answer says. It may add to `learned`; otherwise pure.

        Raises:
            CrawlError: the answer is not what was asked for.
        """
        raise NotImplementedError

    def next_url(self, page: Page, progress: Progress) -> str | None:
        """Where to go on after a page was stored; None at the end."""
        raise NotImplementedError

    def registry(self) -> Registry:
        """The registry as the store knows it."""
        raise NotImplementedError

    def takes(self, status: int, url: str) -> bool:
        """Whether an answer with this status is for `read`; any other is retried or is the end."""
        return status == 200

    def smaller(self, url: str) -> str | None:
        """The same rows in smaller pages, for a server that finds this one too heavy; None if there is no smaller."""
        return None

    def instead(self, page: Page, tries: int) -> str | None:
        """What to ask for instead of storing a page that may have lost rows, after so many tries; None to store it."""
        return None

    async def start(self) -> AsyncIterator[Request]:
        """Scrapy's entry: the first question, or the one a killed crawl had come to."""
        yield self.request(self.own(self.resume_at) if self.resume_at else self.first_url())

    def request(self, url: str) -> Request:
        """A request for one page of this registry's own host."""
        return Request(url, callback=self.parse, errback=self.failed, dont_filter=True)

    def parse(self, response: Response) -> Iterator[Page | Request]:
        """Read one answer; where to go on is decided after the page is stored (crawler.fetching.pipelines)."""
        try:
            page = self.read(response.meta["answer"])
            tries = response.meta.get("tries", 0)
            other = self.instead(page, tries)
            yield self.request(other).replace(meta={"tries": tries + 1}) if other else page
        except CrawlError as error:
            self.trouble = error
        except Exception as error:  # Scrapy would log it and go on as if nothing had been
            self.trouble = unforeseen(error)

    def failed(self, failure: Failure) -> None:
        """Keep the reason why no answer came; without another request the crawl then ends."""
        error = failure.value
        if isinstance(error, Stopped):
            return
        self.trouble = error if isinstance(error, CrawlError) else unforeseen(error)

    def stored(self) -> None:
        """Called when the page in hand is written."""

    def following(self, answer: Answer) -> str | None:
        """The address of the page after this one, on our own host; None at the end."""
        found = next_link(answer)
        return self.own(found) if found else None

    def own(self, url: str) -> str:
        """The address a registry gives for its next page, on the host we were told to ask.

        A mirror answers with addresses of the public host: those are taken to the mirror. Any other host is refused.

        Raises:
            UnexpectedPage: the address is elsewhere.
        """
        asked, public = urlsplit(self.plan.endpoint), urlsplit(self.public_endpoint)
        try:
            found = urlsplit(url)
        except ValueError:
            found = urlsplit("")
        if (found.scheme, found.netloc) not in {(asked.scheme, asked.netloc), (public.scheme, public.netloc)}:
            raise UnexpectedPage(
                f"{self.plan.registry} sent us on to another host: {url[:200]}",
                why="The rest of a list lies on the host that was asked; anything else may be a trap.",
                fix="Look at the address; if the registry has moved, tell us.",
                gate="next_other_host",
            )
        return found._replace(scheme=asked.scheme, netloc=asked.netloc).geturl()


def page_of(
    role: str, answer: Answer, received: int, observations: Iterable[Observation] = (), rejects: Iterable[Reject] = (),
    events: Iterable[Event] = (), disorder: int = 0, next_url: str | None = None, body: bytes | None = None,
) -> Page:  # fmt: skip
    """A page with the provenance of its answer."""
    kept = {name: in_text(answer.headers[name]) for name in KEPT_HEADERS if name in answer.headers}
    age = answer.headers.get("age", "")
    return Page(
        role, answer.url, answer.fetched_at, answer.status, len(answer.body), answer.sha256, kept, received,
        int(age) if age.isascii() and age.isdigit() and len(age) < 10 else None, answer.skew, tuple(observations),
        tuple(rejects), tuple(events), disorder, next_url, body, "redacted" if body is answer.body else "reduced",
    )  # fmt: skip


def next_link(answer: Answer) -> str | None:
    """The address of the next page, as the answer's Link header gives it."""
    found = re.search(r'<([^<>]{1,4000})>\s{0,9};\s{0,9}rel="next"', answer.headers.get("link", "")[:20000])
    return found[1] if found else None


def not_a_list(registry: str, error: Exception) -> UnexpectedPage:
    """An answer that cannot be what was asked for."""
    return UnexpectedPage(
        f"{registry} answered with something that is not a list.",
        why=str(error)[:300],
        fix="Try again later with --resume; a proxy or a login page may stand in between.",
        lasting=False,
    )


def unforeseen(error: BaseException) -> CrawlError:
    """Any other failure of one request, as a CrawlError that may be tried again."""
    return CrawlError(
        f"A page could not be fetched: {type(error).__name__}: {str(error)[:200]}",
        why="The answer was refused before it could be read.",
        fix="Run the same command with --resume.",
        lasting=False,
    )

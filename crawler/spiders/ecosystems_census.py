"""Every package of a registry of Ecosyste.ms, by name.

Pages
    `/package_names?sort=name&order=asc`: nothing but names, 10,000 to an answer (1,000 where the service cuts it:
    `page-items` tells). A name is there once, so the order has no ties; it is the database's, not that of the bytes.
    Pages are offsets into a living table: each begins with rows that the one before ended with, and one that does not
    is asked for again, further back (`crawler.parsing.offsets`). In the end twenty pages are asked for once more, from
    the other end (`order=desc`), and of the names in each that no page had up to two are asked for alone: `created_at`
    tells whether they were missed, or have appeared since. Answers may be an hour old. Packages that their registry
    has removed are listed too.

Counters
    None: with the counters a row weighs up to 160 kB. Nor does a list of names say when a package was made or changed.
    Data: ecosyste.ms, CC BY-SA 4.0.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from crawler.errors import NotThere
from crawler.parsing.offsets import before, compared, out_of_order, shared
from crawler.parsing.pages import page_of
from crawler.parsing.redact import redacted_reject
from crawler.parsing.rows import brief, seconds
from crawler.parsing.urls import number_of
from crawler.plan import PageRecorder, Plan
from crawler.response import Answer, CensusPage, Event, Observation, Page, Progress, Reject
from crawler.spiders.ecosystems import NAMES_PAGE, EcosystemsSpider, read_names, split_or_complain
from db.rows import NAMES_ALONE

SAME = 1  # the fingerprint of every row: a name is all it says
SMALLEST_PAGE = 100
TRIES = 5
APART = "names_apart"


class Made(msgspec.Struct, gc=False):
    """When a package was first listed here."""

    created_at: datetime | None = None


class EcosystemsCensusSpider(EcosystemsSpider):
    """The whole of one registry."""

    name = "ecosystems-census"
    of_everything = True
    in_order_of_ids = False
    idle_pages = 2**TRIES  # after a leap back that was too long

    def __init__(self, plan: Plan, resume_at: str | None = None, recording: PageRecorder | None = None) -> None:
        super().__init__(plan, resume_at, recording)
        if plan.ordered_by:
            raise NotThere(
                f"A census of {plan.registry} has no order to choose.",
                why="It is a list of names alone.",
                fix="Leave --by away, or use --top K.",
            )
        self._size = number_of(resume_at or "", "per_page") or NAMES_PAGE
        self._newest = recording.newest_ids if recording else frozenset[str]()
        self._in_hand: frozenset[str] | None = None
        self._unseen: list[str] = []
        self._chosen: set[str] = set()

    @property
    def counter(self) -> str:
        """None: names alone."""
        return NAMES_ALONE

    def second_url(self) -> str:
        """The first names."""
        return self._page_url(NAMES_PAGE, 1)

    def read(self, answer: Answer) -> Page:
        """A page of names, or what the service calls this registry."""
        if urlsplit(answer.url).path.endswith("/registries"):
            return super().read(answer)
        if not urlsplit(answer.url).path.endswith("/package_names"):
            return self._read_single(answer)
        self.learned.setdefault("began", answer.fetched_at)
        rows = split_or_complain(self.plan.registry, answer)
        names, rejects = read_names(self.plan.registry, rows)
        again = "order=desc" in answer.url
        plain = page_of(
            "probe" if again else "ranking", answer, len(rows), rejects=map(redacted_reject, rejects),
            events=() if again else self._apart(answer, names), disorder=out_of_order(names[:: -1 if again else 1]),
            next_url=None if again else self._following(answer, len(rows)),
        )  # fmt: skip
        self._in_hand = None if again else frozenset(names)
        return of_names(plain, names, int(str(self.learned.get("population") or 0)))

    def instead(self, page: Page, tries: int) -> str | None:
        """The page half a page further back, then one, two, four, …: this one does not lie against what was read."""
        if tries >= TRIES or not any(event.kind == APART for event in page.events):
            return None
        begins = (number_of(page.url, "page") - 1) * number_of(page.url, "per_page")
        return self._page_from(begins - self._size * 2**tries // 2, self._size)

    def stored(self) -> None:
        """The page in hand is written; the next one has to lie against it."""
        self._newest = self._newest if self._in_hand is None else self._in_hand

    def next_url(self, page: Page, progress: Progress) -> str | None:
        """Page after page; then some of them once more, from the other end; then a few packages alone."""
        self._unseen += progress.missing
        if page.next_url:
            return page.next_url
        if "/packages/" in page.url:
            return self._next_alone()
        done, size = number_of(page.url, "page") if "order=desc" in page.url else 0, number_of(page.url, "per_page")
        left = (number for number in compared(progress.depth, size) if number > done)
        return next((self._page_url(size, number, "desc") for number in left), None) or self._next_alone()

    def smaller(self, url: str) -> str | None:
        """Half as many rows, from the same one or a few before it."""
        size, number = number_of(url, "per_page"), number_of(url, "page")
        if not urlsplit(url).path.endswith("/package_names") or size // 2 < SMALLEST_PAGE:
            return None
        order = "desc" if "order=desc" in url else "asc"
        return self._page_url(*before((number - 1) * size, size // 2), order)

    def _next_alone(self) -> str | None:
        left = [name for name in self._unseen if name not in self._asked_singly]
        self._asked_singly |= {*left[:1]}
        return f"{self.base()}/packages/{quote(left[0], safe='')}" if left else None

    def _read_single(self, answer: Answer) -> Page:
        """Whether one package was made after the census began; it may be gone again."""
        self._in_hand = None
        if answer.status == 404:
            return of_names(page_of("probe", answer, 0), ())
        try:
            row = msgspec.json.decode(answer.body, type=Made)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return of_names(page_of("probe", answer, 0, rejects=[redacted_reject(Reject(0, brief(error), ""))]), ())
        made = seconds(row.created_at)
        since = made is not None and made >= int(str(self.learned["began"]))
        return dataclasses.replace(of_names(page_of("probe", answer, 1), ()), beyond=int(since))

    def _apart(self, answer: Answer, names: Sequence[str]) -> Sequence[Event]:
        if number_of(answer.url, "page") <= 1 or not self._newest or not self._newest.isdisjoint(names):
            return ()
        return (Event(APART, "warning", "a page that shares no name with the one before it"),)

    def _following(self, answer: Answer, received: int) -> str | None:
        """The address of the next page. How many rows one may have is what the service says, or what it gave."""
        if self.following(answer) is None:
            return None
        asked, number = number_of(answer.url, "per_page"), number_of(answer.url, "page")
        said = answer.headers.get("page-items", "")
        given = int(said) if said.isascii() and said.isdigit() and int(said) > 0 else received
        self._size = given if given < asked else asked if asked <= self._size // 2 else self._size
        return self._page_from(shared((number - 1) * given + received, self._size), self._size)

    def _page_from(self, row: int, size: int) -> str:
        """The address of a page that begins at a row or before: a new one, for old answers may lie in a cache."""
        url = ""
        while size and (not url or url in self._chosen):
            size, number = before(row, size)
            url, size = self._page_url(size, number), size - 1
        self._chosen.add(url)
        return url

    def _page_url(self, size: int, number: int, order: str = "asc") -> str:
        words = {"sort": "name", "order": order, "per_page": size, "page": number}
        return f"{self.base()}/package_names?{urlencode(words)}"


def of_names(page: Page, names: Sequence[str], population: int = 0) -> CensusPage:
    """A page of a census of which no more is known than names."""
    rising = sorted(set(names))
    unknown = [None] * len(rising)
    common = {field.name: getattr(page, field.name) for field in dataclasses.fields(Page)}
    return CensusPage(
        **common, stable_ids=rising, fingerprints=[SAME] * len(rising), downloads=unknown, likes=unknown,
        downloads_all_time=unknown, trending=unknown, observe=lambda place: Observation(rising[place], rising[place]),
        repeated=len(names) - len(rising), population=population,
    )  # fmt: skip

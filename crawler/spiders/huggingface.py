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

from crawler.errors import CrawlError, NotThere, not_a_list
from crawler.parsing.cursors import Place, cursor_form, goes_on_after, last_place, losses, place
from crawler.parsing.huggingface_rows import EXPAND, SORTS, Row, observation
from crawler.parsing.pages import page_of
from crawler.parsing.rows import NotAList, Rows, inversions, read_rows
from crawler.parsing.urls import parameter, parameters
from crawler.plan import PageRecorder, Plan
from crawler.response import Answer, Event, Observation, Page, Progress, Registry
from crawler.spiders import RegistrySpider

PAGE = 1000
COUNTERS = {"downloads": "last-30-days", "likes": "likes", "trending": "trending-score"}


class HuggingFaceSpider(RegistrySpider):
    """Lists of the Hub by downloads, likes or trending score."""

    name = "huggingface"
    endpoint_variable = "HF_ENDPOINT"
    public_endpoint = "https://huggingface.co"

    def __init__(self, plan: Plan, resume_at: str | None = None, recording: PageRecorder | None = None) -> None:
        super().__init__(plan, resume_at, recording)
        self.kind = plan.registry.removeprefix("huggingface/")
        by = plan.ordered_by or ("likes" if self.kind == "spaces" else "downloads")
        if by not in SORTS or (self.kind == "spaces" and by == "downloads"):
            raise NotThere(
                f"{plan.registry} cannot be ranked by {by}.",
                why="The Hub counts no downloads of spaces." if self.kind == "spaces" else "The Hub has no such order.",
                fix="Use --by likes or --by trending" + ("." if self.kind == "spaces" else " or --by downloads."),
            )
        self.ordered_by, self.counter = by, COUNTERS[by]
        self.learned.setdefault("expand", list(EXPAND[self.kind]))
        self._most = 0

    @classmethod
    def serves(cls, registry: str) -> bool:
        """The three kinds of repositories."""
        return registry in {f"huggingface/{kind}" for kind in EXPAND}

    def takes(self, status: int, url: str) -> bool:
        """400 to the first question tells which fields are known."""
        return status == 200 or (status == 400 and parameter(url, "limit") == "1")

    def request(self, url: str) -> Request:
        """With the token huggingface_hub would send, if there is one. Requests only ever go to our own endpoint."""
        token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
        asked = super().request(url)
        return asked.replace(headers={"Authorization": f"Bearer {token}"}) if token else asked

    def registry(self) -> Registry:
        """The kind is the Hub's own word for it."""
        return Registry(self.plan.registry, "huggingface", self.kind)

    def first_url(self) -> str:
        """One row, to learn which fields are accepted."""
        return self._list_url(self.learned["expand"], 1)

    def read(self, answer: Answer) -> Page:
        """One page of the list, or what the first row teaches."""
        if answer.status == 400:
            return self._after_refusal(answer)
        rows = self._rows(answer)
        following = self.following(answer)
        if parameter(answer.url, "limit") == "1":
            self.learned["cursor"] = cursor_form(following)
            events = [*rows.events, *surprises(answer, self.learned["cursor"], SORTS[self.ordered_by])]
            following = self._list_url(self.learned["expand"], min(PAGE, self.plan.k + 1))
            return page_of("probe", answer, rows.received, events=events, next_url=following, body=answer.body)
        disorder = inversions(_value(row, self.ordered_by) for row in rows.observations)
        events = [*rows.events, *losses(following, self._last_place(rows))]
        return page_of("ranking", answer, rows.received, rows.observations, rows.rejects, events, disorder,
                       following, answer.body)  # fmt: skip

    def instead(self, page: Page, tries: int) -> str | None:
        """The same page: the list goes on after another row than its last one. Where that cannot be told: it has fewer
        rows than were asked for, a loss or the most the server gives, which is believed when it comes again."""
        if page.role != "ranking" or page.next_url is None or not page.received:  # an empty one was asked for again
            return None
        last = self._last_place(page)
        if last is not None and goes_on_after(page.next_url) is not None:
            if any(losses(page.next_url, last)):
                return None if tries else page.url
            self._most = page.received
            return None
        if page.received >= int(parameter(page.url, "limit") or 0) or page.received == self._most:
            return None
        self._most = page.received
        return None if tries else page.url

    def next_url(self, page: Page, progress: Progress) -> str | None:
        """The next page, until K places are taken."""
        if page.role == "ranking" and progress.depth >= self.plan.k:
            return None
        return page.next_url

    def _last_place(self, page: Page | Rows) -> Place | None:
        places = (place(_value(row, self.ordered_by), row.stable_id) for row in page.observations[-1:])
        return last_place(page.received, places, page.rejects)

    def _rows(self, answer: Answer) -> Rows:
        asked = _asked(answer.url) or set(self.learned["expand"])
        required = frozenset({"id", "_id", SORTS[self.ordered_by]})
        try:
            return read_rows(answer.body, Row, required, lambda row: observation(row, asked))
        except NotAList as error:
            raise not_a_list(self.plan.registry, error) from error

    def _after_refusal(self, answer: Answer) -> Page:
        """The Hub has refused a field and names those it knows: ask again for what is left of ours."""
        message = answer.body[:20000].decode("utf-8", "replace")
        wanted = list(self.learned["expand"])
        kept = accepted(wanted, message)
        if kept == wanted or SORTS[self.ordered_by] not in kept:
            raise CrawlError(
                f"{self.plan.registry} refused our question (400).",
                why=message[:300],
                fix=f"The Hub's API has changed: run `observatory crawl check {self.plan.registry}` and tell us.",
            )
        self.learned["expand"] = kept
        gone = ", ".join(name for name in wanted if name not in kept)
        event = Event("schema_missing_field", "warning", message[:300], before=gone)
        return page_of("probe", answer, 0, events=[event], next_url=self._list_url(kept, 1), body=answer.body)

    def _list_url(self, expand: Iterable[str], limit: int) -> str:
        words = [("sort", SORTS[self.ordered_by]), ("direction", "-1"), ("limit", str(limit))]
        return f"{self.plan.endpoint}/api/{self.kind}?{urlencode(words + [('expand', name) for name in expand])}"


def accepted(wanted: list[str], message: str) -> list[str]:
    """The fields of ours that a refusal names among those it knows.

    A message that names them all, or none, does not tell: then it is `baseModels`, which came last and may go first.

    >>> accepted(["baseModels", "likes"], 'expected one of "author"|"likes"')
    ['likes']
    """
    known = set(re.findall(r"[A-Za-z_-]{2,40}", message))
    kept = [name for name in wanted if name in known]
    return kept if 0 < len(kept) < len(wanted) else [name for name in wanted if name != "baseModels"]


def surprises(answer: Answer, cursor: str, sort: str) -> Iterable[Event]:
    """What the first row shows of an API that is not as it was: another cursor, no statement of the quota."""
    wanted = sort if sort == "_id" else f"{sort}, _id"
    if cursor and cursor != wanted:
        yield Event("assumption_differs", "warning", "the keys of the cursor", wanted, cursor)
    if "ratelimit" not in answer.headers:
        yield Event("assumption_differs", "warning", "the quota is not stated any more", "RateLimit", None)


def _asked(url: str) -> set[str]:
    return {value for name, value in parameters(url) if name in ("expand", "expand[]")}


def _value(seen: Observation, ordered_by: str) -> float | None:
    return {"downloads": seen.downloads, "likes": seen.likes, "trending": seen.trending}[ordered_by]

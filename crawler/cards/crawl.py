"""Look at the cards that are new or changed: choose them, ask for them, store each as it comes."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scrapy.crawler import AsyncCrawlerProcess, Crawler

from crawler.cards.spider import LARGEST_FETCHED, PREFIXES, CardSpider
from crawler.fetching.settings import Manner, be_quiet, scrapy_settings
from crawler.response import Registry
from crawler.snapshots.take import endpoint_of, four_parts
from crawler.spiders import NotThere, Plan, unforeseen
from crawler.spiders.huggingface import HuggingFaceSpider
from db.cli import DONE, FAILED, PARTIAL, plain
from db.connection import writing
from db.store import Store
from db.store.cards import Cards, Collection, Look, listed, wanted

AT_ONCE = 8  # requests in flight; the quota is kept to whatever their number
SAY_EVERY = 100


@dataclass(frozen=True)
class Looked:
    """How a look at cards went; `unchanged` were not asked for."""

    registry: str
    status: str
    exit_code: int
    wanted: int
    unchanged: int
    found: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    error: dict[str, str] | None = None

    def as_json(self) -> dict[str, object]:
        """The documented shape, version 1."""
        return asdict(self)

    def line(self) -> str:
        """In one line."""
        found = ", ".join(f"{count:,} {state}" for state, count in sorted(self.found.items()))
        said = [f"{self.unchanged:,} unchanged, not asked for", found, f"{self.failed:,} failed" if self.failed else ""]
        return f"{self.status:<9}{self.registry}  " + "; ".join(part for part in said if part)


class CardRecording:
    """Where a look at cards writes: a collection, begun with its first card."""

    def __init__(self, cards: Cards, asked: Collection, wanted: int, quiet: bool) -> None:
        self._cards, self._asked, self._wanted, self._quiet = cards, asked, wanted, quiet
        self._collection = 0
        self.found: Counter[str] = Counter()

    def take(self, look: Look, quota: str) -> None:
        """Store what was found of one package, and say now and then how far we are."""
        if not self._collection:
            self._collection, _ = self._cards.begin(self._asked)
        self._cards.put(self._collection, look)
        self.found[look.state] += 1
        done = self.found.total()
        if not self._quiet and (done % SAY_EVERY == 0 or done == self._wanted):
            said = f"{self._asked.registry.name}: {done} of {self._wanted} cards, {quota}"
            print(plain(said), file=sys.stderr, flush=True)


class CardPipeline:
    """One card in, one transaction out."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> CardPipeline:
        """Scrapy's way to make one."""
        return cls(crawler)

    def process_item(self, look: Look) -> Look:
        """Store one look."""
        try:
            self.crawler.spider.recording.take(look, str(self.crawler.pace.budget))
        except Exception as error:  # Scrapy would log it and go on
            self.crawler.spider.broken = error
            self.crawler.pace.stopping = True
        return look


def look(path: Path, registry: str, k: int, manner: Manner) -> Looked:
    """Ask for the cards of a registry's top K that are new or changed, and store them.

    Raises:
        NotThere: the registry has no cards we may ask for, or there is no list of it yet.
        ObservatoryError: the store cannot be used.
    """
    if registry not in PREFIXES:
        raise NotThere(
            f"The cards of {registry!r} cannot be looked at.",
            why="Only the Hub has cards; and of a dataset a look at its card would count as a download.",
            fix=f"Use {' or '.join(PREFIXES)}.",
        )
    plan = Plan(registry, k, endpoint=endpoint_of(HuggingFaceSpider))
    with writing(path) as database:
        store, now = Store(database), int(time.time())
        places = listed(store, registry, k)
        if not places:
            raise NotThere(
                f"There is no complete list of {registry} yet.",
                why="It says which packages there are, and at which commit.",
                fix=f"Take one with `observatory crawl snapshot {registry}`.",
            )
        todo = wanted(store, registry, k)
        asked = Collection(Registry(registry, "huggingface", registry.split("/")[1]), "crawl", plan.endpoint, now, now)
        cards = Cards(store, database.conn)
        recording = CardRecording(cards, asked, len(todo), manner.quiet)
        spider = _run(CardSpider, manner, plan=plan, wanted=todo, recording=recording) if todo else None
        cards.finish()
    return _looked(registry, len(todo), places - len(todo), recording, spider)


def _run(kind: type[CardSpider], manner: Manner, **given: object) -> CardSpider:
    settings = scrapy_settings(manner, 0.0, LARGEST_FETCHED) | {
        "CONCURRENT_REQUESTS": AT_ONCE,
        "CONCURRENT_REQUESTS_PER_DOMAIN": AT_ONCE,
        "DOWNLOADER_MIDDLEWARES": {"crawler.cards.spider.CardPace": 550},
        "ITEM_PIPELINES": {"crawler.cards.crawl.CardPipeline": 300},
    }
    process = AsyncCrawlerProcess(settings)
    be_quiet(manner)
    crawler = process.create_crawler(kind)
    process.crawl(crawler, **given)
    process.start(install_signal_handlers=False)
    if not isinstance(crawler.spider, CardSpider):
        raise unforeseen(RuntimeError("the crawl did not start"))
    if crawler.spider.broken is not None:
        raise crawler.spider.broken
    return crawler.spider


def _looked(registry: str, todo: int, unchanged: int, recording: CardRecording, spider: CardSpider | None) -> Looked:
    done = recording.found.total()
    status, code = ("complete", DONE) if done == todo else ("partial", PARTIAL) if done else ("failed", FAILED)
    trouble = spider.trouble if spider else None
    return Looked(
        registry, status, code, todo, unchanged, dict(recording.found), spider.failures if spider else 0,
        four_parts(trouble) if trouble else None,
    )  # fmt: skip

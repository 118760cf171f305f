"""Look at the cards that are new or changed: choose them, ask for them, store each as it comes."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from crawler.cards.recorder import CardRecorder
from crawler.cards.spider import URL_PREFIXES, CardSpider
from crawler.errors import UnknownRegistryError, error_as_json
from crawler.fetching.runner import endpoint_url, run_spider
from crawler.fetching.settings import CrawlOptions
from crawler.plan import CrawlPlan
from crawler.response import Registry
from crawler.spiders.huggingface import HuggingFaceSpider
from db.cli import DONE, FAILED, PARTIAL
from db.connection import open_for_writing
from db.store import Store
from db.store.cards import CardCollection, CardStore, count_listed_packages, pending_cards

MAX_CONCURRENT_REQUESTS = 8  # requests in flight; the quota is kept to whatever their number
SETTINGS = {
    "CONCURRENT_REQUESTS": MAX_CONCURRENT_REQUESTS,
    "CONCURRENT_REQUESTS_PER_DOMAIN": MAX_CONCURRENT_REQUESTS,
    "DOWNLOADER_MIDDLEWARES": {"crawler.cards.spider.CardPaceMiddleware": 550},
    "ITEM_PIPELINES": {"crawler.cards.pipeline.CardPipeline": 300},
}


@dataclass(frozen=True)
class CardCrawlOutcome:
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

    def as_text(self) -> str:
        """In one line."""
        found = ", ".join(f"{count:,} {state}" for state, count in sorted(self.found.items()))
        said = [f"{self.unchanged:,} unchanged, not asked for", found, f"{self.failed:,} failed" if self.failed else ""]
        return f"{self.status:<9}{self.registry}  " + "; ".join(part for part in said if part)


def crawl_cards(path: Path, registry: str, k: int, options: CrawlOptions) -> CardCrawlOutcome:
    """Ask for the cards of a registry's top K that are new or changed, and store them.

    Raises:
        NotThere: the registry has no cards we may ask for, or there is no list of it yet.
        ObservatoryError: the store cannot be used.
    """
    if registry not in URL_PREFIXES:
        raise UnknownRegistryError(
            f"The cards of {registry!r} cannot be looked at.",
            why="Only the Hub has cards; and of a dataset a look at its card would count as a download.",
            fix=f"Use {' or '.join(URL_PREFIXES)}.",
        )
    plan = CrawlPlan(registry, k, endpoint=endpoint_url(HuggingFaceSpider))
    with open_for_writing(path) as database:
        store, now = Store(database), int(time.time())
        places = count_listed_packages(store, registry, k)
        if not places:
            raise UnknownRegistryError(
                f"There is no complete list of {registry} yet.",
                why="It says which packages there are, and at which commit.",
                fix=f"Take one with `observatory crawl snapshot {registry}`.",
            )
        todo = pending_cards(store, registry, k)
        asked = CardCollection(
            Registry(registry, "huggingface", registry.split("/")[1]), "crawl", plan.endpoint, now, now
        )
        cards = CardStore(store)
        recording = CardRecorder(cards, asked, len(todo), options.quiet)
        arguments = {"plan": plan, "due_cards": todo, "recorder": recording}
        spider = run_spider(CardSpider, options, arguments, SETTINGS) if todo else None
        cards.finish_collection()
    return _make_outcome(registry, len(todo), places - len(todo), recording, spider)


def _make_outcome(
    registry: str, todo: int, unchanged: int, recorder: CardRecorder, spider: CardSpider | None
) -> CardCrawlOutcome:
    done = recorder.state_counts.total()
    status, code = ("complete", DONE) if done == todo else ("partial", PARTIAL) if done else ("failed", FAILED)
    trouble = spider.crawl_error if spider else None
    return CardCrawlOutcome(
        registry, status, code, todo, unchanged, dict(recorder.state_counts), spider.failure_count if spider else 0,
        error_as_json(trouble) if trouble else None,
    )  # fmt: skip

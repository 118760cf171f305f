"""Crawl the cards that are new or changed: choose them, request them, and store each as it arrives."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from crawler.cards.recorder import CardRecorder
from crawler.cards.spider import URL_PREFIXES, CardSpider
from crawler.endpoints import endpoint_url
from crawler.errors import UnknownRegistryError, error_as_json
from crawler.fetching.runner import run_spider
from crawler.fetching.settings import OWN_MIDDLEWARES, CrawlOptions
from crawler.plan import CrawlPlan
from crawler.response import Registry
from crawler.spiders.huggingface import HuggingFaceSpider
from db.cli import DONE, FAILED, PARTIAL
from db.connection import open_for_writing
from db.store import Store
from db.store.cards import CardCollection, CardStore, count_listed_packages, pending_cards

MAX_CONCURRENT_REQUESTS = 8  # the quota holds at any number of concurrent requests
SETTINGS = {
    "CONCURRENT_REQUESTS": MAX_CONCURRENT_REQUESTS,
    "CONCURRENT_REQUESTS_PER_DOMAIN": MAX_CONCURRENT_REQUESTS,
    "DOWNLOADER_MIDDLEWARES": {"crawler.cards.spider.CardPaceMiddleware": 550, **OWN_MIDDLEWARES},
    "ITEM_PIPELINES": {"crawler.cards.pipeline.CardPipeline": 300},
}


@dataclass(frozen=True)
class CardCrawlOutcome:
    """The result of one crawl of cards. The `unchanged_count` cards were not requested."""

    registry: str
    status: str
    exit_code: int
    due_count: int
    unchanged_count: int
    state_counts: dict[str, int] = field(default_factory=dict)
    failure_count: int = 0
    error: dict[str, str] | None = None

    def as_json(self) -> dict[str, object]:
        """Return the documented JSON object, version 1."""
        return {
            "registry": self.registry,
            "status": self.status,
            "exit_code": self.exit_code,
            "wanted": self.due_count,
            "unchanged": self.unchanged_count,
            "found": self.state_counts,
            "failed": self.failure_count,
            "error": self.error,
        }

    def as_text(self) -> str:
        """Return the outcome as one line of text."""
        parts = [f"{self.unchanged_count:,} unchanged, not requested"]
        if self.state_counts:
            parts.append(", ".join(f"{count:,} {state}" for state, count in sorted(self.state_counts.items())))
        if self.failure_count:
            parts.append(f"{self.failure_count:,} failed")
        return f"{self.status:<9}{self.registry}  " + "; ".join(parts)


def crawl_cards(path: Path, registry: str, k: int, options: CrawlOptions) -> CardCrawlOutcome:
    """Fetch and store the new and changed cards of a registry's top K packages.

    Raises:
        UnknownRegistryError: the registry has no cards that may be fetched, or the store has no ranking of it yet.
        ObservatoryError: the store cannot be used.
    """
    if registry not in URL_PREFIXES:
        raise UnknownRegistryError(
            f"The cards of {registry!r} cannot be crawled.",
            why="Only the Hub has cards, and a request for the card of a dataset would count as a download.",
            fix=f"Use {' or '.join(URL_PREFIXES)}.",
        )
    plan = CrawlPlan(registry, k, endpoint=endpoint_url(HuggingFaceSpider))
    with open_for_writing(path) as database:
        store, now = Store(database), int(time.time())
        listed_count = count_listed_packages(store, registry, k)
        if not listed_count:
            raise UnknownRegistryError(
                f"The store has no complete ranking of {registry} yet.",
                why="The ranking names the packages and their commits.",
                fix=f"Take one with `observatory crawl snapshot {registry}`.",
            )
        due_cards = pending_cards(store, registry, k)
        hub_registry = Registry(registry, "huggingface", registry.split("/")[1])
        collection = CardCollection(hub_registry, "crawl", plan.endpoint, now, now)
        cards = CardStore(store)
        recorder = CardRecorder(cards, collection, len(due_cards), options.quiet)
        arguments = {"plan": plan, "due_cards": due_cards, "recorder": recorder}
        spider = run_spider(CardSpider, options, arguments, SETTINGS) if due_cards else None
        cards.finish_collection()
    return _make_outcome(registry, len(due_cards), listed_count - len(due_cards), recorder, spider)


def _make_outcome(
    registry: str, due_count: int, unchanged_count: int, recorder: CardRecorder, spider: CardSpider | None
) -> CardCrawlOutcome:
    stored_count = recorder.state_counts.total()
    if stored_count == due_count:
        status, exit_code = "complete", DONE
    else:
        status, exit_code = ("partial", PARTIAL) if stored_count else ("failed", FAILED)
    error = spider.crawl_error if spider else None
    return CardCrawlOutcome(
        registry, status, exit_code, due_count, unchanged_count, dict(recorder.state_counts),
        spider.failure_count if spider else 0, error_as_json(error) if error else None,
    )  # fmt: skip

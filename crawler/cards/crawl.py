"""Look at the cards that are new or changed: choose them, ask for them, store each as it comes."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from crawler.cards.recorder import CardRecording
from crawler.cards.spider import PREFIXES, CardSpider
from crawler.errors import NotThere, four_parts
from crawler.fetching.runner import endpoint_of, run_spider
from crawler.fetching.settings import Manner
from crawler.plan import Plan
from crawler.response import Registry
from crawler.spiders.huggingface import HuggingFaceSpider
from db.cli import DONE, FAILED, PARTIAL
from db.connection import writing
from db.store import Store
from db.store.cards import Cards, Collection, listed, wanted

AT_ONCE = 8  # requests in flight; the quota is kept to whatever their number
SETTINGS = {
    "CONCURRENT_REQUESTS": AT_ONCE,
    "CONCURRENT_REQUESTS_PER_DOMAIN": AT_ONCE,
    "DOWNLOADER_MIDDLEWARES": {"crawler.cards.spider.CardPace": 550},
    "ITEM_PIPELINES": {"crawler.cards.pipeline.CardPipeline": 300},
}


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
        arguments = {"plan": plan, "wanted": todo, "recording": recording}
        spider = run_spider(CardSpider, manner, arguments, SETTINGS) if todo else None
        cards.finish()
    return _looked(registry, len(todo), places - len(todo), recording, spider)


def _looked(registry: str, todo: int, unchanged: int, recording: CardRecording, spider: CardSpider | None) -> Looked:
    done = recording.found.total()
    status, code = ("complete", DONE) if done == todo else ("partial", PARTIAL) if done else ("failed", FAILED)
    trouble = spider.trouble if spider else None
    return Looked(
        registry, status, code, todo, unchanged, dict(recording.found), spider.failures if spider else 0,
        four_parts(trouble) if trouble else None,
    )  # fmt: skip

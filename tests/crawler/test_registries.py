"""Which spider takes which registry, and `observatory crawl registries`, which lists them without a request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler import registries
from crawler.errors import UnknownRegistryError
from crawler.plan import ListedRegistry
from crawler.registries import find_spider, format_table, list_registries, load_spiders
from crawler.spiders import RegistrySpider
from crawler.spiders.ecosystems import EcosystemsSpider
from crawler.spiders.ecosystems_census import EcosystemsCensusSpider
from crawler.spiders.huggingface import HuggingFaceSpider
from crawler.spiders.huggingface_census import HuggingFaceCensusSpider
from db.connection import open_for_writing
from db.rows import Registry
from db.store import Store
from tests.crawler.conftest import Crawl
from tests.db.builders import begin_snapshot, take_snapshot

DAY = 86400


class ShelfSpider(RegistrySpider):
    """Spider of a made-up service that has rankings only."""

    name = service = "shelf"

    @classmethod
    def list_registries(cls) -> Iterator[ListedRegistry]:
        """Yield two registries."""
        yield ListedRegistry("shelf/books", ("loans",), "loans of the last year")
        yield ListedRegistry("shelf/maps", ("loans",), "loans of the last year")


def test_the_fallback_spiders_come_last_and_each_group_is_sorted_by_name() -> None:
    names = [spider.name for spider in load_spiders()]
    assert names == ["huggingface", "huggingface-census", "ecosystems", "ecosystems-census"]


@pytest.mark.parametrize(
    ("registry", "ranking", "census"),
    [
        ("huggingface/models", HuggingFaceSpider, HuggingFaceCensusSpider),
        ("huggingface/spaces", HuggingFaceSpider, HuggingFaceCensusSpider),
        ("npm", EcosystemsSpider, EcosystemsCensusSpider),
        ("a registry nobody lists", EcosystemsSpider, EcosystemsCensusSpider),
        ("gitlab/models", EcosystemsSpider, EcosystemsCensusSpider),
    ],
)
def test_a_registry_has_a_spider_for_rankings_and_one_for_censuses(
    registry: str, ranking: type[RegistrySpider], census: type[RegistrySpider]
) -> None:
    assert (find_spider(registry), find_spider(registry, is_census=True)) == (ranking, census)


@pytest.mark.parametrize("registry", ["huggingface", "huggingface/papers", "huggingface/models/gpt2"])
def test_an_unknown_name_with_the_prefix_of_a_service_never_reaches_the_fallback(registry: str) -> None:
    with pytest.raises(UnknownRegistryError) as unknown:
        find_spider(registry)
    assert unknown.value.message == f"There is no registry {registry!r}."
    assert unknown.value.why == "The services have huggingface/models, huggingface/datasets, huggingface/spaces."
    assert unknown.value.exit_code == 2


def test_a_registry_without_a_name_is_unknown() -> None:
    with pytest.raises(UnknownRegistryError, match=r"^There is no registry ''\.$"):
        find_spider("")


def test_a_service_without_censuses_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registries, "load_spiders", lambda: [ShelfSpider, EcosystemsSpider, EcosystemsCensusSpider])
    assert find_spider("shelf/maps") is ShelfSpider
    with pytest.raises(UnknownRegistryError) as refusal:
        find_spider("shelf/maps", is_census=True)
    assert (refusal.value.message, refusal.value.fix) == ("shelf/maps has no census.", "Omit --full.")
    with pytest.raises(UnknownRegistryError, match=r"^There is no registry 'shelf/films'\.$") as unknown:
        find_spider("shelf/films")
    assert unknown.value.why == "The services have shelf/books, shelf/maps."


def test_a_service_without_rankings_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registries, "load_spiders", lambda: [HuggingFaceCensusSpider, EcosystemsSpider])
    with pytest.raises(UnknownRegistryError) as refusal:
        find_spider("huggingface/models")
    assert (refusal.value.message, refusal.value.fix) == ("huggingface/models has no ranking.", "Use --full.")


def test_the_hub_and_the_ecosystems_are_listed_with_the_meaning_of_their_counters(tmp_path: Path) -> None:
    rows = {row["registry"]: row for row in list_registries(tmp_path / "none.db")}
    assert rows["huggingface/spaces"]["by"] == ["likes", "trending"]
    assert str(rows["npm"]["counts"]).startswith("downloads of the last month")
    assert str(rows["cargo"]["counts"]).startswith("downloads since the beginning")
    assert rows["go"]["by"] == ["dependents"]
    assert "Any other registry" in format_table(rows.values())


def test_a_registry_that_is_only_in_the_store_is_listed_with_the_date_of_its_last_complete_snapshot(
    tmp_path: Path,
) -> None:
    path = tmp_path / "store.db"
    with open_for_writing(path) as database:
        store = Store(database)
        mirror = Registry("mirror.example", "ecosystems")
        for day in (3, 5, 4):
            take_snapshot(store, ["a"], day * DAY, registry=mirror)
        take_snapshot(store, ["a"], 2 * DAY, registry=Registry("npm", "ecosystems"))
        begin_snapshot(store, 9 * DAY, registry=Registry("open.example", "ecosystems"))
    rows = {row["registry"]: row for row in list_registries(path)}
    assert rows["mirror.example"] == {
        "registry": "mirror.example",
        "service": "ecosystems",
        "by": ["downloads", "dependents"],
        "counts": "downloads, if any (its rows state the period); dependent packages",
        "last_complete": "1970-01-06",
    }
    assert (rows["npm"]["last_complete"], rows["pypi"]["last_complete"]) == ("1970-01-03", None)
    assert "open.example" not in rows
    names = [str(name) for name, row in rows.items() if row["service"] == "ecosystems"]
    assert names == sorted(names)
    assert list(rows)[:3] == ["huggingface/models", "huggingface/datasets", "huggingface/spaces"]


def test_the_table_has_a_line_for_each_registry_and_names_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOSYSTEMS_ENDPOINT", "https://mirror.example/api")
    rows: list[dict[str, object]] = [
        {"registry": "npm", "last_complete": "2026-02-01", "counts": "downloads"},
        {"registry": "go", "last_complete": None, "counts": "dependents"},
    ]
    lines = format_table(rows).splitlines()
    assert lines[:4] == [
        "REGISTRY                LAST COMPLETE  WHAT ITS NUMBERS COUNT",
        "npm                     2026-02-01     downloads",
        "go                      -              dependents",
        "",
    ]
    assert lines[-1].endswith("Names are looked up at https://mirror.example/api/registries.")
    assert len(lines) == 6


def test_a_registry_with_a_complete_snapshot_has_its_date(crawl: Crawl) -> None:
    crawl("snapshot", "coop.example", "--top", "5", "--delay", "0", "--quiet")
    done = crawl("registries")
    dated = {row["registry"]: row["last_complete"] for row in done.outcome["registries"] if row["last_complete"]}  # type: ignore[attr-defined]
    assert list(dated) == ["coop.example"]

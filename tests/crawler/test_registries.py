"""`observatory crawl registries` lists what can be observed, without a request."""

from __future__ import annotations

from pathlib import Path

from crawler.registries import format_table, list_registries
from tests.crawler.conftest import Crawl


def test_the_hub_and_the_ecosystems_are_listed_with_the_meaning_of_their_counters(tmp_path: Path) -> None:
    rows = {row["registry"]: row for row in list_registries(tmp_path / "none.db")}
    assert rows["huggingface/spaces"]["by"] == ["likes", "trending"]
    assert rows["npm"]["counts"].startswith("downloads of the last month")
    assert rows["cargo"]["counts"].startswith("downloads since the beginning")
    assert rows["go"]["by"] == ["dependents"]
    assert "Any other registry" in format_table(rows.values())


def test_a_registry_with_a_complete_snapshot_has_its_date(crawl: Crawl) -> None:
    crawl("snapshot", "coop.example", "--top", "5", "--delay", "0", "--quiet")
    done = crawl("registries")
    dated = {row["registry"]: row["last_complete"] for row in done.outcome["registries"] if row["last_complete"]}  # type: ignore[attr-defined]
    assert list(dated) == ["coop.example"]

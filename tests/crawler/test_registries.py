"""What can be observed is listed without asking anybody."""

from __future__ import annotations

from pathlib import Path

from crawler.registries import format_table, list_registries
from tests.crawler.conftest import Crawl


def test_the_hub_and_the_ecosystems_are_listed_with_what_their_numbers_count(tmp_path: Path) -> None:
    rows = {row["registry"]: row for row in list_registries(tmp_path / "none.db")}
    assert rows["huggingface/spaces"]["by"] == ["likes", "trending"]
    assert rows["npm"]["counts"].startswith("downloads of the last month")
    assert rows["cargo"]["counts"].startswith("downloads since the beginning")
    assert rows["go"]["by"] == ["dependents"]
    assert "Any other registry" in format_table(rows.values())


def test_what_was_snapshot_completely_is_dated(crawl: Crawl) -> None:
    crawl("snapshot", "coop.example", "--top", "5", "--pause", "0", "--quiet")
    done = crawl("registries")
    dated = {row["registry"]: row["last_complete"] for row in done.outcome["registries"] if row["last_complete"]}  # type: ignore[attr-defined]
    assert list(dated) == ["coop.example"]

"""What can be observed, and what its counter means."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from crawler.parsing.huggingface_rows import EXPAND_FIELDS
from crawler.spiders.ecosystems import ECOSYSTEMS_BY_PERIOD, WITHOUT_DOWNLOADS, EcosystemsSpider
from db.connection import open_for_reading

HUB_COUNTERS = {
    "models": "downloads: requests of certain files in the last 30 days; likes; trending score",
    "datasets": "downloads: requests of any file in the last 30 days, once per address and 5 minutes; likes; trending",
    "spaces": "likes; trending score (the Hub counts no downloads of spaces)",
}
COUNTER_MEANINGS = {
    "last-month": "downloads: of the last month, refreshed a day to months apart; dependent packages",
    "total": "downloads: all since the beginning (not to be compared with a month's); dependent packages",
    "unknown": "downloads, if it has any: its rows tell of what time; dependent packages",
    "none": "dependent packages (no downloads are published)",
}


def list_registries(path: Path) -> list[dict[str, object]]:
    """Every registry we know how to rank: its name, service, orders, meaning, and the date of its last snapshot."""
    seen = _last_complete_dates(path)
    hub = [
        _registry_row(f"huggingface/{kind}", "huggingface", _hub_orders(kind), HUB_COUNTERS[kind], seen)
        for kind in EXPAND_FIELDS
    ]
    known = {name: period for period, names in ECOSYSTEMS_BY_PERIOD.items() for name in names} | dict.fromkeys(
        WITHOUT_DOWNLOADS, "none"
    )
    others = {name: "unknown" for name in seen if not name.startswith("huggingface/")} | known
    return hub + [
        _registry_row(
            name,
            "ecosystems",
            ("dependents",) if period == "none" else ("downloads", "dependents"),
            COUNTER_MEANINGS[period],
            seen,
        )
        for name, period in sorted(others.items())
    ]


def format_table(rows: Iterable[dict[str, object]]) -> str:
    """The list for a person."""
    lines = [f"{'REGISTRY':<24}{'LAST COMPLETE':<15}WHAT ITS NUMBERS COUNT"]
    lines += [f"{row['registry']:<24}{row['last_complete'] or '-':<15}{row['counts']}" for row in rows]
    endpoint = os.environ.get(EcosystemsSpider.endpoint_variable) or EcosystemsSpider.public_endpoint
    lines += [
        "",
        "Any other registry of Ecosyste.ms can be named by its ecosystem (swift, nix, …) or, where an ecosystem",
        f"has several, by the service's own name; they are looked up at {endpoint}/registries.",
    ]
    return "\n".join(lines)


def _hub_orders(kind: str) -> tuple[str, ...]:
    return ("likes", "trending") if kind == "spaces" else ("downloads", "likes", "trending")


def _registry_row(
    name: str, service: str, orders: tuple[str, ...], counts: str, last_complete: dict[str, str]
) -> dict[str, object]:
    return {
        "registry": name,
        "service": service,
        "by": list(orders),
        "counts": counts,
        "last_complete": last_complete.get(name),
    }


def _last_complete_dates(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    with open_for_reading(path) as connection:
        rows = connection.execute(
            "SELECT registry, max(date) FROM v1_snapshot WHERE status = 'complete' GROUP BY registry"
        ).fetchall()
    return {row[0]: row[1] for row in rows}

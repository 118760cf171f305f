"""The document about one package as plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from analysis.lookup.package_rows import (
    CensusDay,
    ListedDay,
    PackageCard,
    PackageChildren,
    PackageDocument,
    PackageName,
    PackageParent,
    PackageQualityEvent,
    PackageSummary,
    RankSeries,
)
from analysis.lookup.plain_table import UNKNOWN, format_number, format_table, wrap_text
from analysis.lookup.rank_chart import draw_ranks
from analysis.reporting.names import counter_words
from db.cli import parse_day

MAX_ROWS = 30
MAX_EVENTS = 10
LABEL_WIDTH = 11
COUNTERS = ("downloads", "likes", "dependents", "trending", "downloads_all_time", "dependent_repos")
COUNTER_WIDTH, OTHER_WIDTH = 20, 30


def render_package(document: PackageDocument, width: int) -> str:
    """Return the whole document for a terminal of a width."""
    return "\n".join(_iter_lines(document, width))


def render_summaries(summaries: Sequence[PackageSummary]) -> str:
    """Return a short text about the packages of several registries that have one name."""
    lines = [f"{len(summaries):,} registries have a package of this name. Choose one of them with --registry."]
    rows = [
        (row["registry"], row["name"], row["package"], f"{row['first_seen']} to {row['last_seen']}")
        for row in summaries
    ]
    return "\n".join([*lines, "", *format_table("REGISTRY NAME ID OBSERVED", rows, width=200)])


def _iter_lines(document: PackageDocument, width: int) -> Iterator[str]:
    until = f" up to {document['as_of']}" if document["as_of"] else ""
    yield from wrap_text(f"{document['name']} · {document['registry']}{until}", width, "")
    if document["warning"]:
        yield from wrap_text(document["warning"], width)
    for label, text in iter_facts(document):
        yield from wrap_text(f"{label:<{LABEL_WIDTH}}{text}", width, hanging=LABEL_WIDTH)
    if document["url"]:
        yield f"  {document['url']}"  # never broken, even if it is longer than a line
    for series in document["series"]:
        yield from render_series(series, width)
    if not document["series"]:
        yield from ("", "No complete list of this registry has this order (--by).")
    sections = (
        render_censuses(document["censuses"], width),
        render_children(document["children"], width),
        render_cards(document["cards"], width),
        render_events(document["events"], width),
    )
    for section in sections:
        yield from section


def iter_facts(document: PackageDocument) -> Iterator[tuple[str, str]]:
    """Yield a label and a text for each fact that is not a series."""
    is_name = document["package"].startswith("name:")
    yield "id", "unknown: the lists of this package have names only" if is_name else document["package"]
    if document["created"]:
        yield "created", document["created"]
    yield "observed", f"from {document['first_seen']} to {document['last_seen']}"
    if len(document["names"]) > 1:
        yield "names", "; ".join(describe_name(name, is_name) for name in document["names"])
    if document["other_packages"]:
        yield "others", "; ".join(map(describe_other, document["other_packages"]))
    for trait, rows in groupby(document["traits"], itemgetter("trait")):
        yield trait, ", ".join(f"{row['value']} (since {row['since']})" for row in rows)
    if document["parents"]:
        yield "parents", "; ".join(map(describe_parent, document["parents"]))
    for absence in document["absences"]:
        successor = f", now {absence['successor']}" if absence["successor"] else ""
        yield "missing", f"in the census of {absence['missing_since']}: {absence['state']}{successor}"


def describe_name(name: PackageName, is_known_by_name: bool) -> str:
    """Return a name with its days. If names alone are known, lists may lie years apart: the last list with it counts.

    >>> name = {"name": "gpt2", "since": "2021-06-19", "until": "2026-08-07", "last_listed": "2022-07-02"}
    >>> describe_name(name, False), describe_name(name, True)
    ('gpt2 since 2021-06-19 until 2026-08-07', 'gpt2 since 2021-06-19, last seen 2022-07-02')
    """
    if not name["until"]:
        return f"{name['name']} since {name['since']}"
    end = f", last seen {name['last_listed']}" if is_known_by_name else f" until {name['until']}"
    return f"{name['name']} since {name['since']}{end}"


def describe_other(row: PackageSummary) -> str:
    """Return another package that has or had the name, with the days between which it was observed."""
    return f"{row['package']} had this name too (now {row['name']}, observed {row['first_seen']} to {row['last_seen']})"


def describe_parent(parent: PackageParent) -> str:
    """Return the relation to a parent, with the day of its first observation."""
    known = "" if parent["package"] else ", which is not in the store"
    return f"{parent['relation']} of {parent['name']}{known} (since {parent['since']})"


def render_series(series: RankSeries, width: int) -> Iterator[str]:
    """Yield the chart and the table of one series of lists."""
    days = series["days"]
    listed = [day for day in days if day["rank"] is not None]
    yield ""
    yield from wrap_text(
        f"Rank by {counter_words(series['by'], series['counter'])}: listed on {len(listed):,} of the"
        f" {len(days):,} days with a list, from {days[0]['date']} to {days[-1]['date']}",
        width,
        "",
    )
    if not listed:
        return
    points = [(parse_day(day["date"]), day["rank"]) for day in days]
    chart = draw_ranks(points, width)
    yield from (*chart, "") if chart else ()
    yield from render_days(days[-MAX_ROWS:], series["by"], width)
    if len(days) > MAX_ROWS:
        yield f"  {len(days) - MAX_ROWS:,} earlier days are in --format json."


def render_days(days: Sequence[ListedDay], by: str, width: int) -> list[str]:
    """Return a table with a line for each day: rank, depth of the list, and the counters that have a value."""
    counters = select_counters(days, by, width)
    rows = [
        (day["date"], format_number(day["rank"]), format_number(day["depth"]), *_format_counters(day, counters))
        for day in days
    ]
    return format_table(" ".join(("DATE", "rank", "depth", *counters)), rows, width)


def select_counters(days: Sequence[ListedDay], by: str, width: int) -> list[str]:
    """Return the counters that have a value, the ordering counter first, as many as fit in a width."""
    names = sorted(COUNTERS, key=lambda name: (name != by, COUNTERS.index(name)))
    known = [name for name in names if any(_counter(day, name) is not None for day in days)]
    return known[: max(1, (width - OTHER_WIDTH) // COUNTER_WIDTH + 1)]


def _format_counters(day: ListedDay, counters: Sequence[str]) -> list[str]:
    return [format_number(_counter(day, name)) for name in counters]


def _counter(day: ListedDay, name: str) -> float | None:
    value: float | None = dict(day)[name]  # type: ignore[assignment]
    return value


def render_censuses(censuses: Sequence[CensusDay], width: int) -> Iterator[str]:
    """Yield a table with the counters of the newest censuses."""
    if not censuses:
        return
    yield from ("", f"In {sum(day['present'] for day in censuses):,} of {len(censuses):,} complete censuses")
    rows = [
        (day["date"], *map(format_number, (day["downloads"], day["likes"], day["downloads_all_time"])))
        if day["present"]
        else (day["date"], "not listed", UNKNOWN, UNKNOWN)
        for day in censuses[-MAX_ROWS:]
    ]
    yield from format_table("DATE downloads likes downloads_all_time", rows, width)


def render_children(children: PackageChildren, width: int) -> Iterator[str]:
    """Yield the number of children by relation, and a table of those with the most downloads."""
    if not children["by_relation"]:
        return
    counts = ", ".join(f"{count:,} {relation}" for relation, count in children["by_relation"].items())
    yield ""
    yield from wrap_text(f"Packages that name it as a parent: {counts}. Those with the most downloads:", width, "")
    rows = [
        (row["name"], row["relation"], format_number(row["downloads"]), row["downloads_date"] or UNKNOWN)
        for row in children["leading"]
    ]
    yield from format_table("NAME RELATION downloads ON", rows, width, stretch=0)


def render_cards(cards: Sequence[PackageCard], width: int) -> Iterator[str]:
    """Yield a line for each card."""
    if cards:
        yield from ("", "Cards")
    for card in cards:
        yield from wrap_text(describe_card(card), width)


def describe_card(card: PackageCard) -> str:
    """Return the days, the state and the size of a card, and what the rules find in it."""
    days = f"since {card['since']}" + (f" until {card['until']}" if card["until"] else "")
    if card["state"] != "card":
        return f"{days}: no card ({card['state']})"
    answered = card["answered"]
    score = "not scored by rules" if answered is None else f"answers {len(answered)} of 5 questions"
    names = f": {', '.join(item.replace('_', ' ') for item in answered)}" if answered else ""
    return f"{days}: {card['size'] or 0:,} bytes, {score}{names}"


def render_events(events: Sequence[PackageQualityEvent], width: int) -> Iterator[str]:
    """Yield a line for each of the newest quality events."""
    if events:
        yield from ("", f"Quality events: the newest {min(len(events), MAX_EVENTS):,} of {len(events):,}")
    for event in events[-MAX_EVENTS:]:
        values = (event["before"], event["after"])
        change = f": {values[0] or UNKNOWN} → {values[1] or UNKNOWN}" if any(values) else ""
        yield from wrap_text(f"{event['date']}  {event['kind']}{change} ({event['evidence']})", width)

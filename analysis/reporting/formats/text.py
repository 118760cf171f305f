"""The report for a person at a terminal: plain, aligned, at most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

Row = Mapping[str, object]
WIDTH = 100
NEWEST = 12
TOP = 10
NONE = "–"
WAYS = """Two ways to get one:

  observatory crawl snapshot huggingface/models --top 1000
      takes a first one now
  observatory crawl import csv FILE --registry R --date D --id COLUMN --value COLUMN
      brings in a list from the past

Without a network, `observatory demo` shows a whole run."""
MOVES = {
    "entered": "Entered the top {k:,} for the first time",
    "returned": "Returned to the top {k:,}",
    "left": "Left the top {k:,}",
    "renamed": "Renamed in the top {k:,}, which is not counted as leaving it",
}
GAP = ("top K", "gap", "against", "days", "turnover", "over ties")
REGISTRY = {
    "packages": "population", "births a week": "births", "deaths a week": "deaths", "edits a week": "edits",
    "share without downloads": "concentration.downloads.zero",
    "share of downloads of the largest 1 %": "concentration.downloads.top_1pct",
    "Gini of downloads": "concentration.downloads.gini",
    "Gini of downloads without zeros": "concentration.downloads.gini_without_zeros",
    "share made from another": "kinship.made_from", "share of edges whose parent is not there": "kinship.dangling",
    "most descendants, at any distance": "kinship.descendants.transitive.max",
}  # fmt: skip
CHANGE = ("previous", "days", "remained", "newcomers", "returning", "ever", "turnover", "over ties")


def render(report: Mapping[str, object]) -> str:
    """The whole report."""
    shown = f"snapshots up to {report['as_of']}" if report["as_of"] else "all snapshots"
    parts = [f"{report['generated_by']} · report on {shown}"]
    if not report["snapshots"]:
        return "\n\n".join([*parts, *report["unknown"], WAYS])
    for series in dict.fromkeys(map(_series, report["snapshots"])):
        parts += _of_series(series, report)
    parts += _claims(report["claims"])
    parts += _events(report["events"])
    parts += _said("What cannot be said yet", report["unknown"])
    return "\n\n".join(parts)


def table(headings: Sequence[str], rows: Sequence[Sequence[object]], left: Sequence[int] = (0,)) -> str:
    """Columns that are as wide as they need to be, numbers to the right.

    >>> print(table(("name", "n"), [("a", 10), ("bc", 9)]))
      name   n
      a     10
      bc     9
    """
    cells = [[str(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    aligned = [
        [cell.ljust(width) if n in left else cell.rjust(width) for n, (cell, width) in enumerate(pairs)]
        for pairs in (zip(row, widths, strict=True) for row in cells)
    ]
    return "\n".join(("  " + "  ".join(row)).rstrip() for row in aligned)


def short(name: object, width: int) -> str:
    """A name on one line and no wider than this.

    >>> short("a-very-long\\nname", 10)
    'a-very-lo…'
    """
    line = " ".join(str(name).split())
    return line if len(line) <= width else line[: width - 1] + "…"


def _series(snapshot: Row) -> tuple[object, object, object]:
    return snapshot["registry"], snapshot["by"], snapshot["counter"]


def _of_series(series: tuple[object, object, object], report: Mapping[str, object]) -> Iterator[str]:
    snapshots = [one for one in report["snapshots"] if _series(one) == series]
    complete = [one for one in snapshots if one["status"] == "complete"]
    registry, by, counter = series
    title = f"{registry} by {by}" + (f" ({counter})" if counter != by else "")
    yield f"{title}\n{'=' * len(title)}"
    yield _snapshots(snapshots)
    if not complete:
        return
    newest = complete[-1]
    numbers = {(one["snapshot"], one["name"], one["k"]): one for one in report["results"]}
    yield from _turnover(newest, numbers)
    if len(complete) > 2 and report["k"]:
        yield from _over_time(complete, numbers, report["k"])
    moved = [one for one in report["movers"] if one["snapshot"] == newest["snapshot"]]
    for change, heading in MOVES.items():
        yield from _movers(heading, [one for one in moved if one["change"] == change])


def _snapshots(snapshots: Sequence[Row]) -> str:
    shown, older = snapshots[-NEWEST:], snapshots[:-NEWEST]
    headings = ("date", "state", "depth", "gate", "source")
    lines = ["Snapshots", table(headings, [_snapshot(one) for one in shown], left=(0, 1, 4))]
    if older:
        whole = sum(one["status"] == "complete" for one in older)
        lines.append(f"  and {len(older):,} earlier, from {older[0]['date']} on: {whole:,} complete")
    return "\n".join([*lines, *(line for one in shown for line in _bad_news(one))])


def _snapshot(one: Row) -> tuple[object, ...]:
    outcomes = [finding["outcome"] for finding in one["gate"]]
    passed, failed = outcomes.count("pass"), outcomes.count("fail")
    gate = f"{passed}/{passed + failed}" if outcomes else NONE
    return one["date"], one["status"], _whole(one["depth"]), gate, short(one["source"], 60)


def _bad_news(one: Row) -> Iterator[str]:
    if one["reason"]:
        yield _wrapped(f"{one['date']} is {one['status']}: {one['reason']}")
    for finding in one["gate"]:
        if finding["outcome"] == "fail":
            yield _wrapped(f"{one['date']}, {finding['gate']}: {finding['measured']}, where {finding['rule']}")


def _turnover(newest: Row, numbers: Mapping[tuple[object, str, int], Row]) -> Iterator[str]:
    snapshot = newest["snapshot"]
    depths = sorted({k for number, _, k in numbers if number == snapshot and k})
    rows = [(f"{k:,}", *_change(newest, numbers, k)) for k in depths]
    if rows:
        yield f"Turnover up to {newest['date']}\n" + table(("top K", *CHANGE), rows, left=(1,))
    gaps = sorted(
        (one for (number, name, _), one in numbers.items() if number == snapshot and name.startswith("turnover.")),
        key=lambda one: (one["k"], len(one["name"]), one["name"]),
    )
    matched = [_matched(one) for one in gaps if one["value"] is not None]
    if matched:
        yield f"Turnover up to {newest['date']} over matched gaps\n" + table(GAP, matched, left=(1, 2))
    whole = [(what, *_of_registry(numbers.get((snapshot, name, 0)))) for what, name in REGISTRY.items()]
    if (snapshot, "population", 0) in numbers:
        yield f"The whole registry on {newest['date']}\n" + table(("", "value", "n"), whole)
    yield from _said("To be read with these numbers", _remarks(numbers, snapshot))


def _of_registry(one: Row | None) -> tuple[str, str]:
    if one is None or one["value"] is None:
        return NONE, NONE
    value = float(str(one["value"]))
    return f"{value:,.0f}" if value >= 10 or value.is_integer() else f"{value:.4f}", _whole(one["n"])


def _remarks(numbers: Mapping[tuple[object, str, int], Row], snapshot: object) -> list[str]:
    """What the notes of defined results say beyond the gap and the hazard over it, each after the result it is of."""
    said: dict[str, dict[str, None]] = {}
    for (number, name, _), one in numbers.items():
        if number == snapshot and one["value"] is not None:
            for part in str(one["note"]).split("; "):
                said.setdefault(part, {})[name] = None
    kept = [part for part in said if part and not part.startswith(("gap ", "monthly hazard ", "no earlier "))]
    return [f"{_named(list(said[part]))}: {part}" for part in kept]


def _named(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _change(snapshot: Row, numbers: Mapping[tuple[object, str, int], Row], k: int) -> tuple[str, ...]:
    """The cells of CHANGE for one snapshot at one depth."""
    share = numbers.get((snapshot["snapshot"], "turnover", k))
    counts = [numbers.get((snapshot["snapshot"], name, k)) for name in ("remained", "newcomers", "returning", "ever")]
    return (
        *(_since(share) if share else (NONE, NONE)),
        *(_whole(one["value"]) if one else NONE for one in counts),
        *(_share(share) if share else (NONE, NONE)),
    )


def _matched(one: Row) -> tuple[str, ...]:
    return f"{one['k']:,}", str(one["name"]).removeprefix("turnover."), *_since(one), *_share(one)


def _since(one: Row) -> tuple[str, str]:
    if not one["previous_date"]:
        return NONE, NONE
    days = (date.fromisoformat(one["date"]) - date.fromisoformat(one["previous_date"])).days
    return str(one["previous_date"]), f"{days:,}"


def _share(one: Row) -> tuple[str, str]:
    if one["value"] is None:
        return NONE, NONE
    if one["low"] is None:
        return f"{one['value']:.3f}", "unknown"
    return f"{one['value']:.3f}", f"[{one['low']:.3f}, {one['high']:.3f}]"


def _over_time(complete: Sequence[Row], numbers: Mapping[tuple[object, str, int], Row], k: int) -> Iterator[str]:
    rows = [(one["date"], *_change(one, numbers, k)) for one in complete[-NEWEST:] if (one["depth"] or 0) >= k]
    yield f"The top {k:,} over time\n" + table(("date", *CHANGE), rows, left=(0, 1))


def _movers(heading: str, movers: Sequence[Row]) -> Iterator[str]:
    if not movers:
        return
    place = "previous_rank" if movers[0]["change"] == "left" else "rank"
    ranked = sorted(movers, key=lambda one: one[place])
    rows = [(f"{one[place]:,}", short(one["name"], 36), short(_why(one), 52)) for one in ranked[:TOP]]
    since = f"since {movers[0]['previous_date']}: {len(movers):,}"
    headings = ("was" if place == "previous_rank" else "rank", "package", "why")
    more = f"\n  and {len(movers) - TOP:,} more" if len(movers) > TOP else ""
    yield f"{heading.format(k=movers[0]['k'])}, {since}\n" + table(headings, rows, left=(1, 2)) + more


def _why(one: Row) -> object:
    return f"was {one['previous_name']}" if one["change"] == "renamed" else one["reason"]


def _claims(claims: Sequence[Row]) -> Iterator[str]:
    testable = [claim for claim in claims if claim["verdict"] != "not testable"]
    if testable:
        headings = ("claim", "verdict", "now", "interval", "as published now")
        rows = [
            (one["claim"], one["verdict"], *_share(_as_result(one)), _three(one["as_published"])) for one in testable
        ]
        yield "Does the paper still hold?\n" + _fitted(headings, rows, left=(0, 1))
        yield "\n".join(_wrapped(f"{_numbered(one)}: {one['title']}. {one['rule']}", "- ") for one in testable)


def _numbered(claim: Row) -> str:
    return str(claim["claim"]) if claim["finding"] is None else f"{claim['claim']} (Finding {claim['finding']})"


def _as_result(claim: Row) -> Row:
    return {"value": claim["sound"], "low": claim["low"], "high": claim["high"]}


def _three(number: object) -> str:
    return "–" if number is None else f"{float(str(number)):.3f}"


def _events(events: Sequence[Row]) -> Iterator[str]:
    kinds: dict[tuple[object, ...], list[Row]] = {}
    for event in events:
        kinds.setdefault((event["registry"], event["kind"], event["severity"]), []).append(event)
    rows = [
        (registry, short(kind, 30), severity, f"{sum(one['count'] for one in these):,}",
         max(one["date"] for one in these), short(these[-1]["example"], 40))
        for (registry, kind, severity), these in kinds.items()
    ]  # fmt: skip
    if rows:
        yield "Quality events\n" + _fitted(
            ("registry", "kind", "severity", "count", "newest", "for example"), rows, left=(0, 1, 2, 4, 5)
        )


def _said(heading: str, sentences: Sequence[str]) -> Iterator[str]:
    if sentences:
        yield "\n".join([heading, *(_wrapped(sentence, "- ") for sentence in sentences)])


def _fitted(headings: Sequence[str], rows: Sequence[Sequence[object]], left: Sequence[int]) -> str:
    return "\n".join(line[:WIDTH] for line in table(headings, rows, left).split("\n"))


def _wrapped(sentence: str, bullet: str = "") -> str:
    return textwrap.fill(
        " ".join(sentence.split()), WIDTH, initial_indent=f"  {bullet}", subsequent_indent="  " + " " * len(bullet)
    )


def _whole(number: object) -> str:
    return NONE if number is None else f"{number:,.0f}"

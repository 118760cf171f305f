"""The report as Markdown, for a paper in Quarto or an issue: the same numbers as tables.

Text from outside stands in code, where nothing has a meaning, or in sentences in which every mark is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

Row = Mapping[str, object]
NONE = "–"
NEWEST = 24
TOP = 10
SHARES = r"(turnover|preservation)(?!\.lift)"
MOVES = {
    "entered": "Entered for the first time",
    "returned": "Returned",
    "left": "Left",
    "renamed": "Renamed, which is not counted as leaving",
}
COUNTS = ("remained", "newcomers", "returning", "ever")
PAPER = "The paper: Jones, Jiang, Synovic, Thiruvathukal and Davis, ESEM 2024, doi 10.1145/3674805.3686665."
SHARED = (
    "Package registries other than Hugging Face were crawled through Ecosyste.ms, whose data is licensed CC BY-SA 4.0."
)


class Code(str):
    """A name as it is: it goes into a table as code."""


def render(report: Row) -> str:
    """The whole report."""
    until = f"snapshots up to {report['as_of']}" if report["as_of"] else "all snapshots"
    parts = ["# Observatory report", said(f"{report['generated_by']}, {until}.")]
    if not report["snapshots"]:
        return "\n\n".join([*parts, *_bullets(report["unknown"])])
    series = list(dict.fromkeys(map(_series, report["snapshots"])))
    for one in series:
        parts += _of_series(one, report)
    parts += [*_events(report["events"]), *_claims(report.get("claims") or [])]
    if report["unknown"]:
        parts += ["## What cannot be said yet", *_bullets(report["unknown"])]
    for one in series:
        parts += _every_result(one, report)
    return "\n\n".join([*parts, "## Sources", *_sources(report["snapshots"]), said(PAPER)])


def said(text: object) -> str:
    r"""A sentence in which no mark has a meaning, no address becomes a link and nobody is called by an @.

    >>> said("<b>*a*</b> [x](y) https://a.example @b 0.5")
    '&lt;b&gt;\\*a\\*&lt;/b&gt; \\[x\\]\\(y\\) https\\://a\\.example @\u2060b 0.5'
    """
    line = " ".join(str(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*_{}\[\]()!|~$^#\"'=])", r"\\\1", line)
    line = re.sub(r":(?=/|\S*@)|(?<=\w)\.(?=[^\W\d])", r"\\\g<0>", line)
    line = re.sub(r"@|(?<=#)(?=\d)", "\\g<0>\u2060", line)
    return re.sub(r"^([-+]|\d+(?=[.]\s))", lambda found: f"\u2060{found[0]}", line)


def code(text: object) -> str:
    """A name as code: fenced by more backticks than it has in a row.

    >>> code("a|b`c")
    '`` a\\\\|b`c ``'
    """
    line = " ".join(str(text).split()) or " "
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    room = " " if len(fence) > 1 else ""
    return f"{fence}{room}{line.replace('|', chr(92) + '|')}{room}{fence}"


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows under headings; numbers are written by whoever calls, everything else is made harmless here."""
    lines = [headings, ["---"] * len(headings), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown(name: object, value: object) -> str:
    """A result as a person reads it; `name` decides whether it is a share.

    >>> shown("turnover.91d", 0.2894), shown("ever", 1619.0), shown("descendants.slope", 0.1479), shown("ever", None)
    ('28.9%', '1,619', '0.148', '–')
    """
    if value is None:
        return NONE
    if re.match(SHARES, str(name)):
        return f"{value:.1%}"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3f}"


def _cell(cell: object) -> str:
    if cell is None:
        return NONE
    if isinstance(cell, Code):
        return code(cell)
    return f"{cell:.6g}" if isinstance(cell, float) else said(cell)


def _whole(number: object) -> str:
    return NONE if number is None else f"{number:,.0f}"


def _range(one: Row) -> str:
    if one["low"] is None or one["high"] is None:
        return NONE
    return f"{shown(one['name'], one['low'])} to {shown(one['name'], one['high'])}"


def _bullets(sentences: Sequence[str]) -> Iterator[str]:
    if sentences:
        yield "\n".join(f"- {said(sentence)}" for sentence in sentences)


def _series(one: Row) -> tuple[object, object, object]:
    return one["registry"], one["by"], one["counter"]


def _called(series: Sequence[object]) -> str:
    return f"{code(series[0])} by {said(series[1])} ({said(series[2])})"


def _newest(series: Sequence[object], report: Row) -> Row | None:
    mine = [one for one in report["snapshots"] if _series(one) == series and one["status"] == "complete"]
    return mine[-1] if mine else None


def _of_series(series: Sequence[object], report: Row) -> Iterator[str]:
    snapshots = [one for one in report["snapshots"] if _series(one) == series]
    yield f"## {_called(series)}"
    yield from _snapshots(snapshots)
    newest = _newest(series, report)
    if newest is None:
        yield "No snapshot is complete, so nothing is computed."
        return
    numbers = {(one["snapshot"], one["name"], one["k"]): one for one in report["results"]}
    yield from _turnover(newest, numbers)
    yield from _over_time([one for one in snapshots if one["status"] == "complete"], numbers, report["k"])
    for change, heading in MOVES.items():
        yield from _movers(heading, [one for one in report["movers"]
                                     if one["snapshot"] == newest["snapshot"] and one["change"] == change])  # fmt: skip


def _snapshots(snapshots: Sequence[Row]) -> Iterator[str]:
    rows = [(one["date"], one["status"], _whole(one["depth"]), _gate(one), one["reason"] or "", Code(one["source"]))
            for one in snapshots[-NEWEST:]]  # fmt: skip
    yield "### Snapshots"
    yield table(("date", "state", "depth", "gate", "reason", "source"), rows)
    if len(snapshots) > NEWEST:
        yield f"The newest {NEWEST} of {len(snapshots):,}."


def _gate(one: Row) -> str:
    outcomes = [each["outcome"] for each in one["gate"]]
    passed, failed = outcomes.count("pass"), outcomes.count("fail")
    return f"{passed} of {passed + failed}"


def _turnover(newest: Row, numbers: Mapping[tuple[object, object, object], Row]) -> Iterator[str]:
    mine = [one for (number, _, _), one in numbers.items() if number == newest["snapshot"]]
    matched = sorted((one for one in mine if str(one["name"]).startswith("turnover.") and one["value"] is not None),
                     key=lambda one: (one["k"], len(str(one["name"])), one["name"]))  # fmt: skip
    if matched:
        yield said(f"Turnover up to {newest['date']} over matched gaps")
        yield table(("top K", "gap", "against", "turnover", "over ties", "n"),
                    [(_whole(one["k"]), str(one["name"])[9:], one["previous_date"], shown(one["name"], one["value"]),
                      _range(one), _whole(one["n"])) for one in matched])  # fmt: skip
    depths = sorted({one["k"] for one in mine if one["name"] == "turnover" and one["k"]})
    if depths:
        yield said(f"Turnover up to {newest['date']} since the snapshot before")
        yield table(("top K", "since", *COUNTS, "turnover", "over ties"),
                    [(_whole(k), *_change(newest, numbers, k)) for k in depths])  # fmt: skip


def _change(one: Row, numbers: Mapping[tuple[object, object, object], Row], k: object) -> list[object]:
    share = numbers[one["snapshot"], "turnover", k]
    counts = [numbers.get((one["snapshot"], name, k)) for name in COUNTS]
    return [share["previous_date"], *(shown(each["name"], each["value"]) if each else NONE for each in counts),
            shown("turnover", share["value"]), _range(share)]  # fmt: skip


def _over_time(
    complete: Sequence[Row], numbers: Mapping[tuple[object, object, object], Row], k: object
) -> Iterator[str]:
    there = [one for one in complete[-NEWEST:] if (one["snapshot"], "turnover", k) in numbers]
    if k and len(complete) > 1 and there:
        yield f"The top {k:,} over time"
        yield table(("date", "since", *COUNTS, "turnover", "over ties"),
                    [(one["date"], *_change(one, numbers, k)) for one in there])  # fmt: skip


def _movers(heading: str, movers: Sequence[Row]) -> Iterator[str]:
    if not movers:
        return
    place = "previous_rank" if movers[0]["change"] == "left" else "rank"
    ranked = sorted(movers, key=lambda one: one[place])
    yield f"### {heading}: {len(movers):,} in the top {movers[0]['k']:,} since {said(movers[0]['previous_date'])}"
    yield table(("rank", "package", "why"),
                [(_whole(one[place]), Code(one["name"]), one["reason"]) for one in ranked[:TOP]])  # fmt: skip
    if len(movers) > TOP:
        yield f"And {len(movers) - TOP:,} more."


def _events(events: Sequence[Row]) -> Iterator[str]:
    if events:
        keys = ("date", "registry", "kind", "severity", "count", "example")
        rows = [[Code(one[key]) if key in ("registry", "example") else one[key] for key in keys] for one in events]
        yield "## Quality events"
        yield table(keys, rows[-100:])


def _claims(claims: Sequence[Row]) -> Iterator[str]:
    if claims:
        keys = (
            "claim",
            "finding",
            "title",
            "published",
            "as_published",
            "sound",
            "low",
            "high",
            "n",
            "verdict",
            "rule",
            "note",
        )
        yield "## Does the paper still hold?"
        yield table(keys, [[one[key] for key in keys] for one in claims])


def _every_result(series: Sequence[object], report: Row) -> Iterator[str]:
    newest = _newest(series, report)
    mine = [one for one in report["results"] if newest and one["snapshot"] == newest["snapshot"]]
    if mine and newest:
        yield f"## Every result: {_called(series)}, {said(newest['date'])}"
        yield table(("metric", "result", "K", "value", "low", "high", "n", "note"),
                    [(Code(f"{one['metric']}@{one['version']}"), Code(one["name"]), one["k"], one["value"], one["low"],
                      one["high"], one["n"], one["note"]) for one in mine])  # fmt: skip


def _sources(snapshots: Sequence[Row]) -> Iterator[str]:
    found = dict.fromkeys((Code(one["registry"]), Code(one["source"]), str(one["origin"])) for one in snapshots)
    yield table(("registry", "source", "how"), list(found))
    if any(one["origin"] == "crawl" and not str(one["registry"]).startswith("huggingface/") for one in snapshots):
        yield SHARED

"""The report as one page that needs nothing else: no network, and no script unless it is asked for.

Everything that is said goes through a template that escapes it. The drawings alone are put in as they are: they are
made here, from specifications, and every element and attribute in them is one that we know.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from statistics import median
from string import Template
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis.reporting.figures import Figure, draw_figures
from analysis.reporting.figures._render import (
    MISSING_LIBRARY,
    DrawingError,
    csv_table,
    javascript_bundle,
    render_drawing,
    render_image,
    specification_json,
)
from analysis.reporting.figures.claims import describe_claims as claims_finding
from analysis.reporting.figures.snapshots import describe_snapshots as snapshots_finding
from analysis.reporting.figures.turnover import choose_turnover_depth, describe_turnover, newest_turnovers

Row = Mapping[str, object]
Made = dict[str, object]
MOST_ROWS = 60  # of a list in one table; the CSV beside a figure has them all
MOVED = 10
TILES = 3
HEAVIEST = {False: 1_000_000, True: 330_000}  # bytes drawn and to save, without and with a script: a page of 1.5 MB
TOO_HEAVY = "Drawn, this page would be too heavy; `observatory report --figures DIR` draws it. Its numbers are below."
TEMPLATES = Path(__file__).parent / "templates"
MOVES = {
    "entered": "Entered for the first time",
    "returned": "Returned",
    "left": "Left",
    "renamed": "Renamed, which is not counted as leaving",
}
SHARES = r"(turnover|preservation)(?!\.lift)"


def render(report: Row, *, interactive: bool = False) -> str:
    """The whole page; `interactive` puts the same figures in as specifications, with what draws them in the browser."""
    scripts = [Markup(_script())] if interactive else []
    return (
        _environment()
        .get_template("report.html")
        .render(
            report=report, scripts=scripts, csp=_policy(scripts), interactive=interactive, **_page(report, interactive)
        )
    )


def shown(name: object, value: object) -> str:
    """A result as a person reads it; `name` decides whether it is a share.

    >>> shown("turnover.91d", 0.2894), shown("ever", 1619.0), shown("descendants.slope", 0.1479), shown("ever", None)
    ('28.9%', '1,619', '0.148', '–')
    """
    if value is None:
        return "–"
    if re.match(SHARES, str(name)):
        return f"{value:.1%}"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3f}"


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["shown"] = lambda one: shown(one["name"], one["value"])
    made.filters["range"] = _range
    made.filters["whole"] = lambda number: "–" if number is None else f"{number:,.0f}"
    made.filters["number"] = lambda value: "–" if value is None else value if isinstance(value, str) else f"{value:.4g}"
    made.filters["cell"] = lambda value: f"{value:.6g}" if isinstance(value, float) else "–" if value is None else value
    return made


def _range(one: Row) -> str:
    if one["low"] is None or one["high"] is None:
        return "–"
    return f"{shown(one['name'], one['low'])} to {shown(one['name'], one['high'])}"


def _script() -> str:
    """What draws in the browser.

    Raises:
        CannotDraw: the library that has it is not installed.
    """
    return "\n".join((javascript_bundle(), (TEMPLATES / "embed.js").read_text("ascii")))


def _policy(scripts: Sequence[str]) -> str:
    """What a browser may do with the page: nothing but style it, show its images, and run exactly its own scripts."""
    allowed = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    ours = "".join(f"; script-src '{'sha256-' + digest}'" for digest in allowed)
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:{ours}"


def _page(report: Row, interactive: bool) -> Made:
    """Everything the template tells, decided."""
    series = _every_series(report)
    drawn = _light([_drawn(figure, interactive) for figure in draw_figures(report)], HEAVIEST[interactive])
    dates = [str(one["date"]) for one in report["snapshots"]]
    return {
        "series": series,
        "figures": drawn,
        "missing": MISSING_LIBRARY if any(one["why_not"] == MISSING_LIBRARY for one in drawn) else "",
        "period": (min(dates), max(dates)) if dates else None,
        "tiles": _tiles(report, series),
        "summary": _summary(report, series),
        "events": _events(report["events"]),
        "claims": report.get("claims") or [],
        "shown_k": report["k"] or choose_turnover_depth(report),
        "moves": MOVES,
        "moved_rows": MOVED,
        "most_rows": MOST_ROWS,
        "metrics": sorted({(one["metric"], one["version"]) for one in report["results"]}),
        "counters": sorted({str(one["counter"]) for one in report["snapshots"]}),
        "sources": _sources(report["snapshots"]),
        "here": sorted({str(one["source"]) for one in report["snapshots"] if _is_here(one["source"])}),
        "ecosystems": any(
            one["origin"] == "crawl" and not str(one["registry"]).startswith("huggingface/")
            for one in report["snapshots"]
        ),
        "command": _command(report, interactive),
        "cited": _cited(report, dates),
    }  # fmt: skip


def _every_series(report: Row) -> list[Made]:
    groups: dict[tuple[object, ...], list[Row]] = {}
    for one in report["snapshots"]:
        groups.setdefault((one["registry"], one["by"], one["counter"]), []).append(one)
    return [_series(key, snapshots, report) for key, snapshots in groups.items()]


def _series(key: tuple[object, ...], snapshots: Sequence[Row], report: Row) -> Made:
    complete = [one for one in snapshots if one["status"] == "complete"]
    newest = complete[-1] if complete else None
    numbers = {(one["snapshot"], one["name"], one["k"]): one for one in report["results"]}
    mine = [one for one in report["results"] if newest and one["snapshot"] == newest["snapshot"]]
    movers = [one for one in report["movers"] if newest and one["snapshot"] == newest["snapshot"]]
    return {
        "registry": key[0], "by": key[1], "counter": key[2], "snapshots": snapshots, "complete": complete,
        "newest": newest, "gaps": _gaps([str(one["date"]) for one in complete]),
        "depths": sorted({one["k"] for one in mine if one["name"] == "turnover" and one["k"]}),
        "matched": _matched(mine),
        "numbers": numbers, "results": mine,
        "lineage": _about(mine, "descendants"),
        "preservation": _about(mine, "preservation"),
        "movers": {change: _ranked(movers, change) for change in MOVES},
        "bad": [one for one in snapshots if one["reason"] or any(each["outcome"] == "fail" for each in one["gate"])],
    }  # fmt: skip


def _about(results: Sequence[Row], metric: str) -> list[Row]:
    """The results of a metric and of its published form, if any of them is defined."""
    found = [one for one in results if str(one["metric"]).startswith(metric)]
    return found if any(one["value"] is not None for one in found) else []


def _matched(results: Sequence[Row]) -> list[Row]:
    known = (one for one in results if str(one["name"]).startswith("turnover.") and one["value"] is not None)
    return sorted(known, key=lambda one: (one["k"], len(str(one["name"])), one["name"]))


def _ranked(movers: Sequence[Row], change: str) -> list[Row]:
    place = "previous_rank" if change == "left" else "rank"
    return sorted((one for one in movers if one["change"] == change), key=lambda one: one[place])


def _gaps(dates: Sequence[str]) -> Made | None:
    """How far apart complete snapshots are, and where much longer than usual."""
    pairs = [(before, after, (date.fromisoformat(after) - date.fromisoformat(before)).days)
             for before, after in pairwise(dates)]  # fmt: skip
    if not pairs:
        return None
    usual = median(days for _, _, days in pairs)
    longest = max(days for _, _, days in pairs)
    return {"usual": usual, "longest": longest, "long": [pair for pair in pairs if pair[2] > 1.5 * usual]}


def _tiles(report: Row, series: Sequence[Made]) -> list[Made]:
    """The numbers at the head: turnover of the first lists, the state of the snapshots, the claims."""
    first = sorted(newest_turnovers(report).items(), key=lambda pair: -pair[1]["value"])[:TILES]
    made = [_tile(label, one) for label, one in first]
    whole, every = sum(len(one["complete"]) for one in series), sum(len(one["snapshots"]) for one in series)
    if every:
        lists = f"{len(series)} list{'s' if len(series) != 1 else ''}"
        made.append({"value": f"{whole:,} of {every:,}", "data": None, "what": "snapshots are complete", "title": "",
                     "note": f"{lists}; only complete ones are computed"})  # fmt: skip
    claims = report.get("claims") or []
    if claims:
        hold = sum(one["verdict"] == "holds" for one in claims)
        made.append({"value": f"{hold} of {len(claims)}", "data": None, "what": "claims of the paper hold", "title": "",
                     "note": "by rules written down beside each claim"})  # fmt: skip
    return made


def _tile(label: str, one: Row) -> Made:
    over_ties = "no interval" if one["low"] is None else _range(one)
    return {
        "value": shown(one["name"], one["value"]), "data": one["value"],
        "what": f"of the top {one['k']:,} of {label} replaced",
        "note": f"{one['previous_date']} to {one['date']} · {over_ties} · n = {one['n'] or 0:,}",
        "title": f"{one['metric']}@{one['version']} {one['name']}, K = {one['k']} · snapshot {one['snapshot']}",
    }  # fmt: skip


def _summary(report: Row, series: Sequence[Made]) -> list[str]:
    """The report in at most five sentences."""
    said = (
        [snapshots_finding(report) + ".", describe_turnover(report) and f"{describe_turnover(report)}."]
        if series
        else []
    )
    for one in series[:1]:
        moved = {change: len(rows) for change, rows in one["movers"].items()}
        if any(moved.values()):
            said.append(
                f"In the newest list of {one['registry']}, {moved['entered']:,} packages are in the top "
                f"{report['k']:,} for the first time, {moved['returned']:,} are back and {moved['left']:,} left; "
                f"{moved['renamed']:,} changed their name only."
            )
    if report.get("claims"):
        said.append(f"{claims_finding(report['claims'])}.")
    unknown = len(report["unknown"])
    if unknown:
        said.append(
            f"{unknown:,} thing{'s' if unknown != 1 else ''} cannot be said yet; each is listed with its reason."
        )
    return [sentence for sentence in said if sentence]


def _drawn(figure: Figure, interactive: bool) -> Made:
    """A figure with its drawings and files, or the reason why there are none."""
    made: Made = {"figure": figure, "drawings": [], "files": _files(figure, {}), "why_not": "",
                  "specification": figure.standalone_spec if interactive else None}  # fmt: skip
    try:
        drawings = [] if interactive else [render_drawing(figure, narrow) for narrow in (False, True)]
        pictures = {kind: render_image(figure, kind) for kind in ("svg", "png")}
    except DrawingError as why:
        return {**made, "why_not": str(why)}
    return {**made, "drawings": [Markup(one) for one in drawings], "files": _files(figure, pictures)}


def _light(drawn: Sequence[Made], heaviest: int) -> list[Made]:
    """The same figures without as many PNGs, then drawings, as it takes to keep the page light; the last go first."""
    kept = [dict(one) for one in drawn]
    for one in reversed(kept):
        if sum(map(_weight, kept)) > heaviest:
            one["files"] = [file for file in one["files"] if file[0] != "PNG"]
    for one in reversed(kept):
        if sum(map(_weight, kept)) > heaviest:
            one.update(
                drawings=[],
                specification=None,
                why_not=TOO_HEAVY,
                files=[file for file in one["files"] if file[0] == "CSV"],
            )
    return kept


def _weight(drawn: Made) -> int:
    told = len(json.dumps(drawn["specification"])) if drawn["specification"] else 0
    return told + sum(map(len, drawn["drawings"])) + sum(len(link) for _, _, link in drawn["files"])


def _files(figure: Figure, pictures: Mapping[str, bytes]) -> list[tuple[str, str, str]]:
    """What can be saved: its word, the name of the file, and the file itself in a link."""
    kinds = {
        "SVG": ("svg", "image/svg+xml", pictures.get("svg")),
        "PNG": ("png", "image/png", pictures.get("png")),
        "CSV": ("csv", "text/csv", csv_table(figure).encode()),
        "Vega-Lite spec": ("vl.json", "application/json", specification_json(figure).encode()),
    }
    return [
        (word, f"{figure.name}.{ending}", f"data:{media};base64,{base64.b64encode(content).decode()}")
        for word, (ending, media, content) in kinds.items()
        if content is not None
    ]


def _events(events: Sequence[Row]) -> list[Made]:
    kinds: dict[tuple[object, ...], list[Row]] = {}
    for one in events:
        kinds.setdefault((one["registry"], one["kind"], one["severity"]), []).append(one)
    return [
        {"registry": registry, "kind": kind, "severity": severity, "count": sum(one["count"] for one in these),
         "newest": max(str(one["date"]) for one in these), "example": these[-1]["example"]}
        for (registry, kind, severity), these in kinds.items()
    ]  # fmt: skip


def _sources(snapshots: Sequence[Row]) -> list[tuple[object, ...]]:
    return [
        (*key, n) for key, n in Counter((one["registry"], one["source"], one["origin"]) for one in snapshots).items()
    ]


def _is_here(source: object) -> bool:
    """Whether a source is an address of this machine: a simulation or a mirror, not the public registry."""
    try:
        host = urlsplit(str(source)).hostname or ""
    except ValueError:
        return False
    return host in ("localhost", "::1") or host.startswith("127.")


def _command(report: Row, interactive: bool) -> str:
    words = ["observatory", "report", "--format", "html"]
    words += ["--as-of", str(report["as_of"])] if report["as_of"] else []
    words += ["--k", str(report["k"])] if report["k"] else []
    for registry in dict.fromkeys(str(one["registry"]) for one in report["snapshots"]):
        words += ["--registry", registry]
    return shlex.join([*words, *(["--interactive"] if interactive else []), "--out", "report.html"])


def _cited(report: Row, dates: Sequence[str]) -> Made:
    """What a citation of this report names: the program, the lists, the last day, the newest lists by their digests."""
    last: dict[object, Row] = {one["registry"]: one for one in report["snapshots"] if one["status"] == "complete"}
    lists = [f"{registry} of {one['date']} ({str(one['digest'])[:12]})" for registry, one in last.items()]
    until = report["as_of"] or max(dates, default="")
    said = {"program": str(report["generated_by"]), "until": until, "year": str(until)[:4], "lists": "; ".join(lists),
            "key": re.sub(r"[^a-z0-9]+", "-", f"hub-observatory-{until}".lower()).strip("-")}  # fmt: skip
    return {**said, "bibtex": _bibtex(said)}


def _bibtex(said: Mapping[str, str]) -> str:
    """The paper and this report for a bibliography; what has a meaning in BibTeX is escaped here."""
    escaped = {name: re.sub(r"([\\{}%&#$_^~])", r"\\\1", text) for name, text in said.items()}
    return Template((TEMPLATES / "cite.bib").read_text("utf-8")).substitute(escaped)

"""The report as one page that loads nothing, and holds no script unless it is interactive.

Everything passes through templates that escape it. Drawings alone are inserted as they are: they are made here, from
our own specifications, and only known elements and attributes are let through.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis.reporting.figures import draw_figures
from analysis.reporting.figures._figure import Figure, Spec
from analysis.reporting.figures._render import (
    MISSING_LIBRARY,
    DrawingError,
    csv_table,
    javascript_bundle,
    render_drawing,
    render_image,
    specification_json,
)
from analysis.reporting.figures.turnover import newest_turnovers
from analysis.reporting.formats._page_parts import list_sections, split_prose
from analysis.reporting.names import registry_title
from analysis.reporting.rows import Report, ReportResult
from analysis.reporting.series import newest_deepest
from analysis.reporting.tables import result_cell, result_range
from analysis.reporting.view import ReportView, build_view
from analysis.reporting.wording import UNDEFINED, format_count, format_number, join_words, pluralize

TEMPLATES = Path(__file__).parent / "templates"
LIMITS = {"rows": 60, "moves": 20, "results": 200, "sentences": 12, "problems": 5}  # the CSV and the JSON have all rows
MAX_TURNOVER_TILES = 3
# Bytes of drawings and files, without and with a script; a page stays below 1.5 MB.
MAX_WEIGHT = {False: 1_000_000, True: 330_000}
TOO_HEAVY = (
    "With this drawing the page would be too large. `observatory report --figures DIR` draws it. "
    "Its numbers are in the table below."
)


@dataclass(frozen=True)
class FigureFile:
    """One file of a figure, as a link that holds it."""

    label: str
    name: str
    link: str


@dataclass(frozen=True)
class DrawnFigure:
    """A figure with its drawings and files, or the reason why there are none."""

    figure: Figure
    files: tuple[FigureFile, ...]
    drawings: tuple[Markup, ...] = ()
    specification: Spec | None = None
    missing_reason: str = ""

    @property
    def weight(self) -> int:
        """The bytes that the figure adds to the page."""
        specification = len(json.dumps(self.specification)) if self.specification else 0
        return specification + sum(map(len, self.drawings)) + sum(len(file.link) for file in self.files)


@dataclass(frozen=True)
class HeadlineTile:
    """One headline number. `value` is the exact number, if the document has it."""

    text: str
    label: str
    note: str
    value: float | None = None
    title: str = ""


@dataclass(frozen=True)
class ReportCitation:
    """The parts of a citation: the program, the last day, and the newest lists with their digests."""

    program: str
    until: str
    lists: str
    bibtex: str


def render(report: Report, *, interactive: bool = False) -> str:
    """Return the whole page. An interactive page has specifications and the script that draws them."""
    view = build_view(report)
    scripts = [Markup(_load_script())] if interactive else []
    figures = _limit_weight([_draw(figure, interactive) for figure in draw_figures(report)], MAX_WEIGHT[interactive])
    return (
        _make_environment()
        .get_template("report.html")
        .render(
            view=view,
            figures=figures,
            missing_library=MISSING_LIBRARY
            if any(figure.missing_reason == MISSING_LIBRARY for figure in figures)
            else "",
            tiles=_build_tiles(report),
            sections=list_sections(view, {drawn.figure.section for drawn in figures}),
            registries=join_words(view.registries),
            metrics=sorted({(result["metric"], result["version"]) for result in report["results"]}),
            counters=sorted({snapshot["counter"] for snapshot in report["snapshots"]}),
            as_of=report["as_of"],
            citation=_cite(report, view),
            command=_format_command(report, interactive),
            limits=LIMITS,
            scripts=scripts,
            policy=_content_security_policy(scripts),
        )
    )


def _make_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(cell=_format_figure_cell, parts=split_prose, breakable=allow_breaks)
    return environment


def allow_breaks(name: str) -> Markup:
    """Return a name that a browser may break after `/` and `_`, as it does after `-`.

    >>> allow_breaks("org/a_<b>")
    Markup('org/<wbr>a_<wbr>&lt;b&gt;')
    """
    return Markup("<wbr>").join(re.findall(r"[^/_]*[/_]+|[^/_]+", name))


def _load_script() -> str:
    """Return the script that draws in the browser.

    Raises:
        DrawingError: the library with the script is not installed.
    """
    return "\n".join((javascript_bundle(), (TEMPLATES / "embed.js").read_text("ascii")))


def _content_security_policy(scripts: Sequence[str]) -> str:
    """Return a policy that allows styles, the images of the page, and exactly its own scripts."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    script_sources = "".join(f"; script-src '{'sha256-' + digest}'" for digest in digests)
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:{script_sources}"


def _format_figure_cell(value: object) -> str:
    if value is None:
        return UNDEFINED
    return format_number(value, 6) if isinstance(value, float) else str(value)


def _build_tiles(report: Report) -> list[HeadlineTile]:
    """Return the headline numbers: turnover, and the verdicts on the claims."""
    turnovers = sorted(newest_turnovers(report).items(), key=lambda pair: -(pair[1]["value"] or 0))
    tiles = [_build_turnover_tile(label, result) for label, result in turnovers[:MAX_TURNOVER_TILES]]
    verdicts = [claim["verdict"] for claim in report["claims"]]
    if verdicts:
        tiles.append(_build_claims_tile(verdicts, report["claims"][0]["judged_on"]))
    return tiles


def _build_claims_tile(verdicts: Sequence[str], judged_on: str | None) -> HeadlineTile:
    """Return how many of the testable claims hold. A claim that cannot be tested is no failure of the claim."""
    tested = len(verdicts) - verdicts.count("not testable")
    day = f"on {judged_on}; " if judged_on else ""
    untested = pluralize(len(verdicts) - tested, "claim")
    if not tested:
        return HeadlineTile(f"0 of {len(verdicts)}", "claims of the paper can be tested", f"{day}the reasons are below")
    caption = "claims of the paper hold, of those that can be tested"
    return HeadlineTile(f"{verdicts.count('holds')} of {tested}", caption, f"{day}{untested} cannot be tested")


def _build_turnover_tile(label: str, result: ReportResult) -> HeadlineTile:
    cell = result_cell(result)
    interval = "no interval" if result["low"] is None else f"tie range {result_range(result)}"
    return HeadlineTile(
        text=cell.text,
        label=f"of the top {result['k']:,} of {label} replaced",
        note=f"{result['previous_date']} to {result['date']} · {interval} · n = {format_count(result['n'])}",
        value=result["value"],
        title=cell.title,
    )


def _draw(figure: Figure, interactive: bool) -> DrawnFigure:
    specification = figure.standalone_spec if interactive else None
    try:
        drawings = [] if interactive else [render_drawing(figure, narrow) for narrow in (False, True)]
        images = {kind: render_image(figure, kind) for kind in ("svg", "png")}
    except DrawingError as reason:
        return DrawnFigure(figure, _list_files(figure, {}), specification=specification, missing_reason=str(reason))
    return DrawnFigure(figure, _list_files(figure, images), tuple(map(Markup, drawings)), specification)


def _limit_weight(figures: Sequence[DrawnFigure], max_weight: int) -> list[DrawnFigure]:
    """Leave out PNG files, then drawings, from the last figure on, until the page is light enough."""
    limited = list(figures)
    for reduce in (_without_png, _without_drawing):
        for position in reversed(range(len(limited))):
            if sum(figure.weight for figure in limited) > max_weight:
                limited[position] = reduce(limited[position])
    return limited


def _without_png(figure: DrawnFigure) -> DrawnFigure:
    return replace(figure, files=tuple(file for file in figure.files if file.label != "PNG"))


def _without_drawing(figure: DrawnFigure) -> DrawnFigure:
    files = tuple(file for file in figure.files if file.label == "CSV")
    return replace(figure, files=files, drawings=(), specification=None, missing_reason=TOO_HEAVY)


def _list_files(figure: Figure, images: Mapping[str, bytes]) -> tuple[FigureFile, ...]:
    contents = {
        "SVG": ("svg", "image/svg+xml", images.get("svg")),
        "PNG": ("png", "image/png", images.get("png")),
        "CSV": ("csv", "text/csv", csv_table(figure).encode()),
        "Vega-Lite spec": ("vl.json", "application/json", specification_json(figure).encode()),
    }
    return tuple(
        FigureFile(label, f"{figure.name}.{ending}", f"data:{media};base64,{base64.b64encode(content).decode()}")
        for label, (ending, media, content) in contents.items()
        if content is not None
    )


def _format_command(report: Report, interactive: bool) -> str:
    words = ["observatory", "report", "--format", "html"]
    words += ["--as-of", report["as_of"]] if report["as_of"] else []
    words += ["--top", str(report["k"])] if report["k"] else []
    for registry in dict.fromkeys(snapshot["registry"] for snapshot in report["snapshots"]):
        words += ["--registry", registry]
    return shlex.join([*words, *(["--interactive"] if interactive else []), "--out", "report.html"])


def _cite(report: Report, view: ReportView) -> ReportCitation:
    newest = {snapshot["registry"]: snapshot for snapshot in newest_deepest(report["snapshots"])}
    lists = [
        f"{registry_title(name)} of {row['date']} ({(row['digest'] or UNDEFINED)[:12]})" for name, row in newest.items()
    ]
    until = report["as_of"] or (view.period[1] if view.period else "")
    key = re.sub(r"[^a-z0-9]+", "-", f"hub-observatory-{until}".lower()).strip("-")
    description = ". ".join(part for part in ("; ".join(lists), view.warning) if part)
    citation = ReportCitation(report["generated_by"], until, description, "")
    return replace(citation, bibtex=_format_bibtex(citation, key))


def _format_bibtex(citation: ReportCitation, key: str) -> str:
    """Return BibTeX entries of the paper and of this report, with the special characters of BibTeX escaped."""
    fields = {
        "program": citation.program,
        "until": citation.until,
        "year": citation.until[:4],
        "lists": citation.lists,
        "key": key,
    }
    escaped = {name: re.sub(r"([\\{}%&#$_^~])", r"\\\1", text) for name, text in fields.items()}
    return Template((TEMPLATES / "cite.bib").read_text("utf-8")).substitute(escaped)

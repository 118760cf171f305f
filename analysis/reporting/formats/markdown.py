"""The report as Markdown, for a paper in Quarto or an issue: the same tables and sentences.

Every expression of the template passes through `escape_text`, so text from outside never becomes markup. Names stand
in code, where no character has a meaning.
"""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from analysis.reporting.rows import Report
from analysis.reporting.table import ReportCell, ReportColumn, ReportTable
from analysis.reporting.view import build_view

TEMPLATES = Path(__file__).parent / "templates"
NEWEST_ROWS = 24
FIRST_ROWS = 20
MAX_EVENTS = 100


class MarkdownText(str):
    """Text that is Markdown already, and is not escaped again."""


def render(report: Report) -> str:
    """Return the whole report."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=False,  # that would be for HTML; `finalize` escapes for Markdown
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(table=format_table, code=code_span)
    text = environment.get_template("report.md").render(
        view=build_view(report), newest_rows=NEWEST_ROWS, first_rows=FIRST_ROWS, max_events=MAX_EVENTS
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _finalize(value: object) -> str:
    return value if isinstance(value, MarkdownText) else escape_text(str(value))


def escape_text(text: str) -> str:
    r"""Return a sentence in which no character is markup, no URL becomes a link and no @ mentions anybody.

    >>> escape_text("<b>*a*</b> [x](y) https://a.example @b 0.5")
    '&lt;b&gt;\\*a\\*&lt;/b&gt; \\[x\\]\\(y\\) https\\://a\\.example @\u2060b 0.5'
    """
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*_{}\[\]()!|~$^#\"'=])", r"\\\1", line)
    line = re.sub(r":(?=/|\S*@)|(?<=\w)\.(?=[^\W\d])", r"\\\g<0>", line)
    line = re.sub(r"@|(?<=#)(?=\d)", "\\g<0>\u2060", line)
    return re.sub(r"^([-+]|\d+(?=[.]\s))", lambda mark: f"\u2060{mark[0]}", line)


def code_span(text: str) -> MarkdownText:
    """Return a name as code, fenced by more backticks than it has in a row.

    >>> code_span("a|b`c")
    '`` a\\\\|b`c ``'
    """
    line = " ".join(text.split()) or " "
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    space = " " if len(fence) > 1 else ""
    return MarkdownText(f"{fence}{space}{line.replace('|', chr(92) + '|')}{space}{fence}")


def format_table(table: ReportTable) -> MarkdownText:
    """Return a table with its note below."""
    lines = [
        [escape_text(column.heading) for column in table.columns],
        ["---:" if column.kind == "number" else "---" for column in table.columns],
        *([_format_cell(column, cell) for column, cell in zip(table.columns, row, strict=True)] for row in table.rows),
    ]
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return MarkdownText("\n\n".join(part for part in (rows, escape_text(table.note)) if part))


def _format_cell(column: ReportColumn, cell: ReportCell) -> str:
    if column.kind == "number":
        return cell.text  # made here from a number, and a minus sign must stay the first character
    if column.kind == "name":
        return f"[{code_span(cell.text)}]({cell.link})" if cell.link else code_span(cell.text)
    return escape_text(cell.text)

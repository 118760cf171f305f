"""The report as Markdown: tables that are tables, and names that are only names."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

pytest.importorskip("jinja2", reason="jinja2 renders Markdown and is not installed")

from analysis.reporting.formats import markdown
from analysis.reporting.rows import Report
from analysis.reporting.wording import UNDEFINED
from tests.analysis.reporting.figures.documents import (
    empty_report,
    full_report,
    make_claims,
    make_event,
    make_moves,
    make_result,
    make_snapshot,
    report_of,
)
from tests.analysis.reporting.figures.payloads import PAYLOADS

KNOWN_TAGS = {"h1", "h2", "h3", "h4", "a", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "code"}


class TagCollector(HTMLParser):
    """The elements of a page, with the names of their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, [name for name, _ in attrs if name != "style"]))


def read_tags(text: str) -> list[tuple[str, list[str]]]:
    """Return the elements that a reader of Markdown makes of a text."""
    parser = TagCollector()
    parser.feed(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    return parser.tags


def test_every_section_is_present() -> None:
    text = markdown.render(full_report())
    for heading in (
        "# Observatory report",
        "## Turnover",
        "## Who moved",
        "## Descendants and libraries",
        "## Can I trust this?",
        "## Does the paper still hold?",
        "## Every result",
        "## Sources",
    ):
        assert f"\n{heading}" in f"\n{text}"


def test_every_table_is_read_as_a_table() -> None:
    text = markdown.render(full_report())
    counts = Counter(tag for tag, _ in read_tags(text))
    assert counts["table"] == sum(line.startswith("| ---") for line in text.split("\n"))
    assert set(counts) <= KNOWN_TAGS


def test_a_name_leads_to_its_page() -> None:
    assert "| 1 | [`org/a`](https://huggingface.co/org/a) | 5,000,000 | up 1 |" in markdown.render(full_report())


def test_every_row_has_as_many_cells_as_its_table() -> None:
    rows = [line for line in markdown.render(full_report()).split("\n") if line.startswith("| ")]
    assert len(rows) > 100
    cells = [tag for tag, _ in read_tags(markdown.render(full_report())) if tag in ("td", "th")]
    assert len(cells) == sum(row.count(" | ") + 1 for row in rows if not row.startswith("| ---"))


def test_shares_are_percent_and_undefined_values_are_dashes() -> None:
    text = markdown.render(full_report())
    assert "| 1,000 | 30 days | 4.3% | 3.0% to 5.5% | 2025-12-06 | 120 | 1,000 |" in text.replace("\\", "")
    assert f"| {UNDEFINED} | {UNDEFINED} | {UNDEFINED} |" in text


def test_a_negative_number_can_be_copied() -> None:
    snapshot = make_snapshot(1, "npm", "2026-01-01")
    slope = make_result(snapshot, "descendants", "descendants.slope", -0.25, low=-0.5, high=0.0)
    assert "| `descendants.slope` | 0 | -0.25 | -0.5 | 0 | 100 |" in markdown.render(
        report_of(snapshot, results=[slope])
    )


@pytest.mark.parametrize(
    "report",
    [
        empty_report(),
        full_report(times=1),
        report_of(make_snapshot(1, "npm", "2026-01-01", status="partial", reason="stopped")),
    ],
    ids=["empty", "one snapshot", "partial"],
)
def test_a_small_report_is_readable(report: Report) -> None:
    assert markdown.render(report).startswith("# Observatory report")


def test_ecosystems_is_attributed_where_it_was_crawled() -> None:
    assert "CC BY-SA 4.0" in markdown.render(full_report())


def hostile_report(text: str) -> Report:
    """Make a document with this text in every kind of field that comes from outside."""
    report = full_report([text, "npm"], times=2)
    report["movers"] = list(make_moves(report["snapshots"][1], [text]))
    report["snapshots"][0] |= {"status": "partial", "reason": text, "source": text}
    report["events"] = [make_event(1, registry=text, kind=text, example=text)]
    claims = list(make_claims(report["snapshots"][:2], text))
    for claim in claims:
        claim.update({"rule": text, "note": text})
    return {**report, "claims": claims, "unknown": [text]}


@pytest.mark.parametrize("text", PAYLOADS)
@pytest.mark.fault("E4")
def test_no_payload_becomes_markup(text: str) -> None:
    assert read_tags(markdown.render(hostile_report(text))) == read_tags(markdown.render(hostile_report("a name")))


@pytest.mark.parametrize(
    "text", ["# head", "- item", "1. item", "> quote", "```", "    code", "***", "a  \nb", "| a |", "`"]
)
def test_no_mark_at_the_start_of_a_name_has_a_meaning(text: str) -> None:
    assert read_tags(markdown.render(hostile_report(text))) == read_tags(markdown.render(hostile_report("a name")))


def test_no_person_is_mentioned_and_no_url_becomes_a_link() -> None:
    text = markdown.escape_text("@torvalds https://evil.example www.evil.example me@evil.example #12")
    assert not any(live in text for live in ("@t", "@e", "s://", "www.e", "l.e", "#1"))

"""The report as Markdown: tables that are tables, and names that are only names."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from analysis.reporting.formats import markdown
from tests.analysis.reporting.figures.documents import claims, empty, full, moved, snapshot
from tests.analysis.reporting.figures.payloads import PAYLOADS

OURS = {"h1", "h2", "h3", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "code"}


def tags(text: str) -> list[tuple[str, list[str]]]:
    """The elements that a reader of Markdown makes of it, with the names of their attributes."""
    found: list[tuple[str, list[str]]] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.append((tag, [name for name, _ in attrs if name != "style"]))
    parser.feed(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    return found


def test_the_sections_are_there():
    text = markdown.render(full())
    for heading in (
        "# Observatory report",
        "### Snapshots",
        "## Does the paper still hold?",
        "## Every result",
        "## Sources",
    ):
        assert f"\n{heading}" in f"\n{text}"


def test_every_table_is_read_as_one():
    text = markdown.render(full())
    found = [tag for tag, _ in tags(text)]
    assert found.count("table") == sum(line.startswith("| ---") for line in text.split("\n"))
    assert {*found} <= OURS


def test_every_row_has_as_many_cells_as_its_table():
    rows = [line for line in markdown.render(full()).split("\n") if line.startswith("| ")]
    assert len(rows) > 100
    cells = [tag for tag, _ in tags(markdown.render(full())) if tag in ("td", "th")]
    assert len(cells) == sum(row.count(" | ") + 1 for row in rows if not row.startswith("| ---"))


def test_shares_are_percent_and_undefined_is_a_dash():
    text = markdown.render(full())
    assert "| 1,000 | 30d | 2025-12-06 | 4.3% | 3.0% to 5.5% | 1,000 |" in text.replace("\\", "")
    assert "| – | – | – |" in text


@pytest.mark.parametrize("given", [empty(), full(times=1), {**empty(), "snapshots": [
    snapshot(1, "npm", "2026-01-01", status="partial", reason="stopped")]}])  # fmt: skip
def test_it_is_readable_with_little(given):
    assert markdown.render(given).startswith("# Observatory report")


def test_ecosystems_is_attributed_where_it_was_crawled():
    assert "CC BY-SA 4.0" in markdown.render(full())


def hostile(text: str) -> dict:
    made = full([text, "npm"], times=2)
    made["movers"] = list(moved(made["snapshots"][1], [text]))
    made["snapshots"][0] |= {"status": "partial", "reason": text, "source": text}
    made["events"] = [{"registry": text, "snapshot": 1, "date": "2026-01-01", "kind": text, "severity": "note",
                       "count": 1, "example": text}]  # fmt: skip
    made["claims"] = [{**one, "rule": text, "note": text} for one in claims(made["snapshots"][:2], text)]
    return {**made, "unknown": [text]}


@pytest.mark.parametrize("text", PAYLOADS)
@pytest.mark.fault("E4")
def test_no_payload_becomes_markup(text):
    tame = tags(markdown.render(hostile("a name")))
    assert tags(markdown.render(hostile(text))) == tame


@pytest.mark.parametrize(
    "text", ["# head", "- item", "1. item", "> quote", "```", "    code", "***", "a  \nb", "| a |", "`"]
)
def test_no_mark_at_the_beginning_of_a_name_has_a_meaning(text):
    assert tags(markdown.render(hostile(text))) == tags(markdown.render(hostile("a name")))


def test_nobody_is_called_and_no_address_becomes_a_link():
    said = markdown.said("@torvalds https://evil.example www.evil.example me@evil.example #12")
    assert not any(live in said for live in ("@t", "@e", "s://", "www.e", "l.e", "#1"))

"""The report as one page: complete, harmless, and with the same numbers as the other formats."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("jinja2", reason="jinja2 renders pages and is not installed")

from analysis.reporting.figures import draw_figures
from analysis.reporting.formats import html, markdown
from analysis.reporting.formats import json as json_format
from analysis.reporting.formats import text as text_format
from analysis.reporting.rows import Report, ReportResult
from analysis.reporting.wording import UNDEFINED, format_value
from tests.analysis.reporting.figures.documents import (
    empty_report,
    full_report,
    make_base_models,
    make_claims,
    make_event,
    make_moves,
    make_snapshot,
    make_top,
    preservation_results,
    report_of,
)
from tests.analysis.reporting.figures.payloads import ATTACKS, ESCAPES, PAYLOADS
from tests.environments import hide_library

LINK = re.compile(
    r"#[\w-]+|https://huggingface\.co/[\w.-]+(/[\w.-]+)?|data:(image/svg\+xml|image/png|text/csv|application/json);base64,[A-Za-z0-9+/=]+"
)
ACTIVE_TAGS = {"script", "iframe", "object", "embed", "form", "input", "base", "link", "img", "video", "image", "use"}
SECTIONS = (
    "turnover", "movers", "descendants", "preservation", "documentation", "claims", "trust", "method", "cite",
)  # fmt: skip
FIGURES = len(draw_figures(full_report()))
RESULT_TITLE = re.compile(r"(\S+)@(\d+) (\S+), K = (\d+) · snapshot (\d+)")

Element = tuple[str, dict[str, str | None]]


class PageParser(HTMLParser):
    """The elements of a page with their attributes, its <data> elements, and the cells of its tables of results."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.data: list[tuple[dict[str, str | None], str]] = []
        self.rows: list[list[str]] = []
        self.in_results, self.current_tag = False, ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.current_tag = tag
        if tag == "table":
            self.in_results = dict(attrs).get("class") == "results"
        if tag == "data":
            self.data.append((dict(attrs), ""))
        if tag == "tr" and self.in_results:
            self.rows.append([])
        if tag == "td" and self.in_results:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.current_tag = ""

    def handle_data(self, text: str) -> None:
        if self.current_tag == "data":
            self.data[-1] = (self.data[-1][0], self.data[-1][1] + text)
        if self.current_tag == "td" and self.in_results:
            self.rows[-1][-1] += text

    @property
    def tags(self) -> list[str]:
        """The tags of the page in order."""
        return [tag for tag, _ in self.elements]

    def values_of(self, attribute: str) -> list[str]:
        """Return the values of one attribute."""
        return [attributes[attribute] or "" for _, attributes in self.elements if attribute in attributes]


@pytest.fixture(scope="module")
def report() -> Report:
    return full_report()


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return html.render(report)


@pytest.fixture(scope="module")
def parsed_page(page: str) -> PageParser:
    return PageParser(page)


def hostile_report() -> Report:
    """Make a document with every payload in every kind of field from outside, except the registry."""
    report = full_report(times=3)
    newest = report["snapshots"][2]
    report["snapshots"] += [
        make_snapshot(
            100 + number,
            "npm",
            "2025-01-01",
            status="partial",
            reason=text,
            source=text,
            evidence=text,
            gate=[{"gate": text, "outcome": "fail", "measured": text, "rule": text}],
        )
        for number, text in enumerate(PAYLOADS)
    ]
    report["top"] = list(make_top(newest, PAYLOADS))
    report["movers"] = list(make_moves(newest, PAYLOADS))
    report["base_models"] = list(make_base_models(newest, PAYLOADS))
    report["events"] = [make_event(None, text, text, text, example=text) for text in PAYLOADS]
    report["claims"] = []
    for text in PAYLOADS:
        claim, *_ = make_claims(report["snapshots"][:2], text)
        claim.update({"claim": text, "published": text, "rule": text, "note": text})
        report["claims"].append(claim)
        result, *_ = preservation_results(newest)
        result.update({"name": f"preservation.{text}", "note": text})
        report["results"].append(result)
    report["unknown"] = list(PAYLOADS)
    return report


def active_parts(elements: Sequence[Element]) -> Iterator[str]:
    """Yield everything in these elements that could act or load."""
    for tag, attributes in elements:
        if tag in ACTIVE_TAGS:
            yield tag
        for name, value in attributes.items():
            if name.startswith("on") or name in ("src", "srcset", "srcdoc", "action", "style", "data", "xlink:href"):
                yield f"{tag} {name}"
            if name == "href" and not LINK.fullmatch(value or ""):
                yield f"{tag} href={value}"


@pytest.mark.fault("E4")
def test_the_report_is_one_page_without_script(page: str, parsed_page: PageParser) -> None:
    assert page.startswith("<!DOCTYPE html>") and ("html", {"lang": "en"}) in parsed_page.elements
    assert not list(active_parts(parsed_page.elements))
    assert 'default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;; img-src data:"' in page


def test_every_section_is_present_in_order_and_in_the_navigation(parsed_page: PageParser) -> None:
    assert [name for name in parsed_page.values_of("id") if name in SECTIONS] == list(SECTIONS)
    assert [link[1:] for link in parsed_page.values_of("href") if link[1:] in SECTIONS] == list(SECTIONS)
    assert parsed_page.tags.count("figure") == FIGURES
    assert parsed_page.tags.count("svg") == 2 * FIGURES


def test_headings_go_down_one_step_at_a_time(parsed_page: PageParser) -> None:
    levels = [int(tag[1]) for tag in parsed_page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_text_stands_out_in_light_and_dark_and_on_paper(page: str) -> None:
    blocks = re.findall(r":root \{(.*?)\}", page, re.DOTALL)
    palettes = [dict(re.findall(r"--(\w+): (#\w{6})", block)) for block in blocks]
    assert len(palettes) == 3
    pairs = [
        (colours[text], colours[ground])
        for colours in palettes
        for text in ("ink", "grey", "link", "bad")
        for ground in ("paper", "tint")
    ]
    assert min(contrast(*pair) for pair in pairs) >= 4.5


def test_no_id_appears_twice(parsed_page: PageParser) -> None:
    ids = parsed_page.values_of("id")
    assert len(ids) == len(set(ids))


def test_each_figure_can_be_saved_in_four_forms(parsed_page: PageParser) -> None:
    names = parsed_page.values_of("download")
    assert len(names) == 4 * FIGURES
    assert {"turnover.svg", "turnover.png", "turnover.csv", "turnover.vl.json"} <= set(names)


def test_every_number_is_the_same_in_all_three_forms(report: Report, parsed_page: PageParser) -> None:
    results = {
        (row["metric"], str(row["version"]), row["name"], str(row["k"]), str(row["snapshot"])): row
        for row in json.loads(json_format.render(report))["results"]
    }
    text = markdown.render(report)
    compared = 0
    for attributes, shown_text in parsed_page.data:
        title = RESULT_TITLE.fullmatch(attributes.get("title") or "")
        if title:
            result, compared = results[title.groups()], compared + 1
            assert attributes["value"] == ("" if result["value"] is None else str(result["value"]))
            assert shown_text == format_value(result["name"], result["value"])
            assert f"| {shown_text} |" in text or result["metric"] not in ("turnover", "turnover_as_published")
    assert compared > 100


def test_the_tables_of_every_result_are_the_same_in_all_three_forms(report: Report, parsed_page: PageParser) -> None:
    newest = {row["registry"]: row["snapshot"] for row in report["snapshots"] if row["status"] == "complete"}
    expected = [
        format_cells(result)
        for result in json.loads(json_format.render(report))["results"]
        if newest[result["registry"]] == result["snapshot"]
    ]
    tables = markdown.render(report).split("## Every result")[1:]
    lines = [line.replace("`", "").split(" | ") for table in tables for line in table.split("\n") if "@1" in line]
    assert sorted(row for row in parsed_page.rows if row) == sorted(expected)
    assert sorted([cell.strip("| ").replace("\\", "") for cell in line] for line in lines) == sorted(expected)


def format_cells(result: ReportResult) -> list[str]:
    numbers = [
        UNDEFINED if number is None else f"{number:.6g}"
        for number in (result["value"], result["low"], result["high"], result["n"])
    ]
    return [f"{result['metric']}@{result['version']}", result["name"], str(result["k"]), *numbers, result["note"]]


@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_page_of_few_snapshots_is_readable(times: int) -> None:
    assert "Can I trust this?" in html.render(full_report(times=times))


def test_an_empty_document_says_how_to_begin() -> None:
    text = html.render(empty_report())
    assert "observatory crawl snapshot" in text and "<svg" not in text


def test_a_page_of_partial_snapshots_says_that_nothing_is_computed() -> None:
    snapshot = make_snapshot(1, "npm", "2026-01-01", status="partial", reason="stopped")
    assert "No complete snapshot" in html.render(report_of(snapshot))


@pytest.mark.slow
def test_a_page_of_two_hundred_snapshots_of_six_lists_stays_light() -> None:
    registries = ("huggingface/models", "npm", "pypi", "cargo", "hex", "nuget")
    assert len(html.render(full_report(registries, times=200, step=7)).encode()) < 1_500_000


def test_a_section_without_numbers_is_left_out_and_named_in_one_line() -> None:
    parser = PageParser(text := html.render({**full_report(), "points": [], "claims": [], "results": []}))
    assert not {"turnover", "preservation", "documentation", "claims"} & set(parser.values_of("id"))
    assert (
        "Not shown: turnover, because no list has two complete snapshots that can be compared; library preservation, "
        "because no listed package states what it was made from; documentation, because no card has been scored; "
        "claims of the paper, because Hugging Face is not in this report."
    ) in text


def test_a_name_leads_to_its_page_unless_the_list_is_simulated_or_the_name_is_none() -> None:
    public, local = make_snapshot(1, "huggingface/models", "2026-01-05"), "http://127.0.0.1:4711"
    for snapshot, links in (
        (public, ["https://huggingface.co/org/a"]),
        ({**public, "source": local}, []),
        ({**public, "registry": "npm"}, []),
    ):
        page = html.render({**report_of(snapshot), "top": list(make_top(snapshot, ("org/a", "../b?c", "a b")))})
        assert [link for link in PageParser(page).values_of("href") if link.startswith("http")] == links


def test_a_date_is_never_broken_and_code_is_code() -> None:
    page = html.render({**report_of(make_snapshot(1, "npm", "2026-01-05")), "unknown": ["run `a b` after 2026-01-05"]})
    assert 'run <code>a b</code> after <span class="d">2026-01-05</span>' in page


def test_a_reason_that_all_rows_share_stands_in_the_caption_of_their_table(page: str) -> None:
    assert ", each listed for the first time</span></caption>" in page


def test_without_the_library_that_draws_the_page_has_tables_and_a_sentence(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_library(monkeypatch, "vl_convert")
    text = html.render(report)
    assert "<svg" not in text and text.count("<details open>") == FIGURES
    assert "pip install vl-convert-python" in text


def test_a_simulation_is_named_in_every_format() -> None:
    report = report_of(make_snapshot(1, "npm", "2026-01-01", source="http://127.0.0.1:4711"))
    report["not_public"] = [{"registry": "npm", "source": "http://127.0.0.1:4711", "local": True, "snapshots": 1}]
    notice = "Simulated or local, not a public registry"
    page = html.render(report)
    assert page.count(notice) == 4, "at the top, under the sources, and in both citations"
    assert notice in markdown.render(report).split("## ")[0]
    before, heading, _ = text_format.render(report).partition("CAN I TRUST THIS?")
    assert heading and notice in " ".join(before.split())
    assert "CC BY-SA" not in page, "no licence of Ecosyste.ms applies to a simulation"


def test_ecosystems_is_attributed_where_it_was_crawled(page: str) -> None:
    assert "CC BY-SA 4.0" in page
    assert "CC BY-SA 4.0" not in html.render(report_of(make_snapshot(1, "npm", "2026-01-01", origin="import")))


def test_the_page_holds_the_command_that_makes_it_again(page: str) -> None:
    command = "observatory report --format html --top 1000 --registry huggingface/models --registry npm --registry pypi"
    assert command in page


def test_the_same_document_gives_the_same_page(report: Report, page: str) -> None:
    assert html.render(report) == page


@pytest.mark.slow
@pytest.mark.fault("E4")
def test_no_payload_becomes_an_element_a_handler_or_a_url() -> None:
    tame = {*PageParser(html.render(full_report())).tags, "br"}
    parser = PageParser(html.render(hostile_report()))
    assert len(PAYLOADS) == len(ATTACKS) * len(ESCAPES)
    assert not list(active_parts(parser.elements))
    assert set(parser.tags) <= tame


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.fault("E4")
def test_no_payload_escapes_as_the_name_of_a_registry() -> None:
    tame = set(PageParser(html.render(full_report())).tags)
    for start in range(0, len(PAYLOADS), 30):
        parser = PageParser(html.render(full_report(PAYLOADS[start : start + 30], times=2)))
        assert not list(active_parts(parser.elements))
        assert set(parser.tags) <= tame


@pytest.mark.fault("E4")
def test_no_template_trusts_and_no_html_is_made_in_python() -> None:
    folder = Path(html.__file__).parent
    for path in (folder / "templates").glob("*.html"):
        assert not re.search(r"\|\s*safe|autoescape", path.read_text("utf-8"))
    assert not re.search(r"f[\"'].*<\w", (folder / "html.py").read_text("utf-8"))


@pytest.mark.fault("E4")
def test_an_interactive_page_may_run_exactly_its_own_script(report: Report) -> None:
    text = html.render(report, interactive=True)
    assert len(text.encode()) < 1_500_000
    policy = re.search(r'Policy" content="([^"]*)"', text)
    assert policy and "unsafe-eval" not in policy[1] and policy[1].count("sha256-") == 1
    assert text.count('<script type="application/json">') == FIGURES


def test_an_interactive_page_takes_no_script_from_a_name() -> None:
    text = html.render(full_report(["</script><script>alert(1)</script>", "npm"]), interactive=True)
    scripts = [attributes for tag, attributes in PageParser(text).elements if tag == "script"]
    assert [script.get("type") for script in scripts].count(None) == 1

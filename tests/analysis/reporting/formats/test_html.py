"""The report as one page: complete, harmless, and the same numbers as everywhere."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("jinja2", reason="pages are made by jinja2, which is not installed")

from analysis.reporting.formats import html, markdown
from analysis.reporting.formats import json as as_json
from tests.analysis.reporting.figures.documents import claims, empty, full, moved, preserved, snapshot
from tests.analysis.reporting.figures.payloads import PAYLOADS

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
LINK = re.compile(r"#[\w-]+|data:(image/svg\+xml|image/png|text/csv|application/json);base64,[A-Za-z0-9+/=]+")
ACTIVE = {"script", "iframe", "object", "embed", "form", "input", "base", "link", "img", "video", "image", "use"}
SECTIONS = ("trust", "turnover", "movers", "descendants", "preservation", "lineage", "claims", "method", "cite")
# What a page loads or goes to, by Chromium's own numbers for it; what the browser asks for itself has others.
ASKED = r'"traffic_annotation":(?:101845102|63171670),"url":"(https?://[^"]*)"'
WORD = re.compile(r"(\S+)@(\d+) (\S+), K = (\d+) · snapshot (\d+)")


class Dom(HTMLParser):
    """The elements of a page with their attributes, its <data> and the cells of its tables of results."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.data: list[tuple[dict[str, str | None], str]] = []
        self.rows: list[list[str]] = []
        self.in_results, self.open = False, ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open = tag
        if tag == "table":
            self.in_results = dict(attrs).get("class") == "results"
        if tag == "data":
            self.data.append((dict(attrs), ""))
        if tag == "tr" and self.in_results:
            self.rows.append([])
        if tag == "td" and self.in_results:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.open = ""

    def handle_data(self, text: str) -> None:
        if self.open == "data":
            self.data[-1] = (self.data[-1][0], self.data[-1][1] + text)
        if self.open == "td" and self.in_results:
            self.rows[-1][-1] += text


@pytest.fixture(scope="module")
def report() -> dict:
    return full()


@pytest.fixture(scope="module")
def page(report: dict) -> str:
    return html.render(report)


@pytest.fixture(scope="module")
def dom(page: str) -> Dom:
    return Dom(page)


def hostile() -> dict:
    """Every payload in every kind of field that comes from outside, except the registry: that is `full`'s."""
    made = full(times=3)
    last = made["snapshots"][2]
    made["snapshots"] += [
        snapshot(100 + n, "npm", "2025-01-01", status="partial", reason=text, source=text, evidence=text,
                 gate=[{"gate": text, "outcome": "fail", "measured": text, "rule": text}])
        for n, text in enumerate(PAYLOADS)
    ]  # fmt: skip
    made["movers"] = list(moved(last, PAYLOADS))
    made["events"] = [{"registry": text, "snapshot": None, "date": "2026-01-01", "kind": text, "severity": text,
                       "count": 1, "example": text} for text in PAYLOADS]  # fmt: skip
    made["claims"] = [{**one, "claim": text, "published": text, "rule": text, "note": text}
                      for text in PAYLOADS for one in list(claims(made["snapshots"][:2], text))[:1]]  # fmt: skip
    made["results"] += [{**one, "name": f"preservation.{text}", "note": text}
                        for text in PAYLOADS for one in list(preserved(last))[:1]]  # fmt: skip
    made["unknown"] = list(PAYLOADS)
    return made


def act(elements: list[tuple[str, dict[str, str | None]]]) -> Iterator[str]:
    """What in these elements could act or load."""
    for tag, attributes in elements:
        if tag in ACTIVE:
            yield tag
        for name, value in attributes.items():
            if name.startswith("on") or name in ("src", "srcset", "srcdoc", "action", "style", "data", "xlink:href"):
                yield f"{tag} {name}"
            if name == "href" and not LINK.fullmatch(value or ""):
                yield f"{tag} href={value}"


@pytest.mark.fault("E4")
def test_it_is_one_page_without_script(page, dom):
    assert page.startswith("<!DOCTYPE html>") and ("html", {"lang": "en"}) in dom.elements
    assert not list(act(dom.elements))
    assert 'default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;; img-src data:"' in page


def test_every_section_is_there_with_its_figures(dom):
    ids = [attributes.get("id") for _, attributes in dom.elements]
    assert set(SECTIONS) <= set(ids)
    assert sum(tag == "figure" for tag, _ in dom.elements) == 9
    assert sum(tag == "svg" for tag, _ in dom.elements) == 18


def test_headings_go_down_one_step_at_a_time(dom):
    levels = [int(tag[1]) for tag, _ in dom.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_text_stands_out_in_light_in_dark_and_on_paper(page):
    blocks = re.findall(r":root \{(.*?)\}", page, re.DOTALL)
    palettes = [dict(re.findall(r"--(\w+): (#\w{6})", block)) for block in blocks]
    assert len(palettes) == 3
    pairs = [(colours[text], colours[ground]) for colours in palettes
             for text in ("ink", "grey", "link", "bad") for ground in ("paper", "tint")]  # fmt: skip
    assert min(contrast(*pair) for pair in pairs) >= 4.5


def test_no_id_stands_twice(dom):
    ids = [attributes["id"] for _, attributes in dom.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_each_figure_can_be_saved_in_four_forms(dom):
    names = [attributes["download"] for _, attributes in dom.elements if "download" in attributes]
    assert len(names) == 36
    assert {"turnover.svg", "turnover.png", "turnover.csv", "turnover.vl.json"} <= set(names)


def test_every_number_is_the_documents_in_all_three_forms(report, dom):
    known = {
        (one["metric"], str(one["version"]), one["name"], str(one["k"]), str(one["snapshot"])): one
        for one in json.loads(as_json.render(report))["results"]
    }
    text = markdown.render(report)
    told = 0
    for attributes, shown in dom.data:
        found = WORD.fullmatch(attributes.get("title") or "")
        if found:
            one, told = known[found.groups()], told + 1
            assert attributes["value"] == ("" if one["value"] is None else str(one["value"]))
            assert shown == html.shown(one["name"], one["value"]) == markdown.shown(one["name"], one["value"])
            assert f"| {shown} |" in text or one["metric"] not in ("turnover", "turnover_as_published")
    assert told > 100


def test_the_tables_of_every_result_are_the_same_in_all_three_forms(report, dom):
    newest = {one["registry"]: one["snapshot"] for one in report["snapshots"] if one["status"] == "complete"}
    wanted = [cells(one) for one in json.loads(as_json.render(report))["results"]
              if newest[one["registry"]] == one["snapshot"]]  # fmt: skip
    tables = markdown.render(report).split("## Every result")[1:]
    lines = [line.replace("`", "").split(" | ") for table in tables for line in table.split("\n") if "@1" in line]
    assert sorted([row for row in dom.rows if row]) == sorted(wanted)
    assert sorted([cell.strip("| ").replace("\\", "") for cell in line] for line in lines) == sorted(wanted)


def cells(one: dict) -> list[str]:
    numbers = ["–" if one[key] is None else f"{one[key]:.6g}" for key in ("value", "low", "high", "n")]
    return [f"{one['metric']}@{one['version']}", one["name"], str(one["k"]), *numbers, one["note"]]


@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_it_is_readable_with_few_snapshots(times):
    assert "Can I trust this?" in html.render(full(times=times))


def test_an_empty_document_says_how_to_begin():
    text = html.render(empty())
    assert "observatory crawl snapshot" in text and "<svg" not in text


def test_only_partial_snapshots():
    rows = [snapshot(1, "npm", "2026-01-01", status="partial", reason="stopped")]
    assert "No complete snapshot" in html.render({**empty(), "snapshots": rows})


@pytest.mark.slow
def test_two_hundred_snapshots_of_six_lists_stay_a_light_page():
    registries = (*full()["snapshots"][0]["registry"].split(), "npm", "pypi", "cargo", "hex", "nuget")
    assert len(html.render(full(registries, times=200, step=7)).encode()) < 1_500_000


def test_a_section_without_numbers_says_so():
    made = full()
    made = {**made, "points": [], "claims": [], "results": []}
    text = html.render(made)
    for sentence in ("No preservation has been computed", "No links between packages", "No claim was looked at"):
        assert sentence in text


def test_without_the_library_that_draws_there_are_tables_and_a_sentence(report, monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    text = html.render(report)
    assert "<svg" not in text and text.count("<details open>") == 9
    assert "pip install &#39;hub-observatory[report]&#39;" in text


def test_a_simulation_is_named_as_what_it_is():
    rows = [snapshot(1, "npm", "2026-01-01", source="http://127.0.0.1:4711")]
    assert "Not a public registry" in html.render({**empty(), "snapshots": rows})


def test_ecosystems_is_attributed_where_it_was_crawled(page):
    assert "CC BY-SA 4.0" in page
    rows = [snapshot(1, "npm", "2026-01-01", origin="import")]
    assert "CC BY-SA 4.0" not in html.render({**empty(), "snapshots": rows})


def test_the_command_that_makes_it_again_is_in_it(page):
    command = "observatory report --format html --k 1000 --registry huggingface/models --registry npm --registry pypi"
    assert command in page


def test_it_is_the_same_twice(report, page):
    assert html.render(report) == page


@pytest.mark.slow
@pytest.mark.fault("E4")
def test_no_payload_becomes_an_element_a_handler_or_an_address():
    tame = {tag for tag, _ in Dom(html.render(full())).elements} | {"br"}
    hit = Dom(html.render(hostile()))
    assert len(PAYLOADS) == 120
    assert not list(act(hit.elements))
    assert {tag for tag, _ in hit.elements} <= tame


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.fault("E4")
def test_no_payload_gets_out_as_the_name_of_a_registry():
    tame = {tag for tag, _ in Dom(html.render(full())).elements}
    for at in range(0, 120, 30):
        hit = Dom(html.render(full(PAYLOADS[at : at + 30], times=2)))
        assert not list(act(hit.elements))
        assert {tag for tag, _ in hit.elements} <= tame


@pytest.mark.fault("E4")
def test_no_template_trusts_and_no_html_is_made_in_python():
    folder = Path(html.__file__).parent
    for path in (folder / "templates").glob("*.html"):
        assert not re.search(r"\|\s*safe|autoescape", path.read_text("utf-8"))
    assert not re.search(r"f[\"'].*<\w", (folder / "html.py").read_text("utf-8"))


@pytest.mark.fault("E4")
def test_an_interactive_page_may_run_exactly_its_own_script(report):
    text = html.render(report, interactive=True)
    assert len(text.encode()) < 1_500_000
    policy = re.search(r'Policy" content="([^"]*)"', text)[1]
    assert "unsafe-eval" not in policy and policy.count("sha256-") == 1
    assert text.count('<script type="application/json">') == 9


def test_an_interactive_page_takes_no_script_from_a_name():
    text = html.render(full(["</script><script>alert(1)</script>", "npm"]), interactive=True)
    scripts = [attributes for tag, attributes in Dom(text).elements if tag == "script"]
    assert [one.get("type") for one in scripts].count(None) == 1


@pytest.fixture
def browse(tmp_path):
    """Open a page in a real browser; what it wrote on its console, and every address it asked for."""
    if not CHROMIUM:
        pytest.skip("no Chromium: apt-get install chromium")

    def run(text: str, *words: str) -> tuple[list[str], set[str]]:
        path, log = tmp_path / "page.html", tmp_path / "net.json"
        path.write_text(text, "utf-8")
        line = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                "--disable-component-update", "--disable-sync", "--no-first-run", "--enable-logging=stderr",
                "--virtual-time-budget=4000", f"--user-data-dir={tmp_path}/profile", f"--log-net-log={log}",
                "--host-resolver-rules=MAP * ~NOTFOUND", *words, path.as_uri()]  # fmt: skip
        done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=90, check=True)
        console = [one for one in done.stderr.split("\n") if "CONSOLE" in one]
        return console, set(re.findall(ASKED, log.read_text("utf-8")))

    return run


@pytest.mark.browser
def test_a_browser_shows_and_prints_it_and_asks_for_nothing(browse, page, tmp_path):
    assert browse(page, "--screenshot=page.png", "--window-size=320,900") == ([], set())
    assert browse(page, "--print-to-pdf=page.pdf") == ([], set())
    assert (tmp_path / "page.png").stat().st_size > 10_000
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.browser
def test_a_browser_draws_the_interactive_page_and_asks_for_nothing(browse, report):
    text = html.render(report, interactive=True)
    assert browse(text, "--screenshot=page.png", "--window-size=1000,900") == ([], set())


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.fault("E4")
def test_a_browser_finds_nothing_to_run_in_a_hostile_page(browse):
    assert browse(html.render(hostile()), "--screenshot=page.png") == ([], set())


@pytest.mark.browser
def test_a_request_would_have_been_seen(browse):
    _, asked = browse("<!DOCTYPE html><img src='http://leak.example/x.png'>", "--screenshot=page.png")
    assert asked == {"http://leak.example/x.png"}

"""A page can be read without eyes, mouse or colours: the rules of WCAG that a program can check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

from analysis.reporting.figures._figure import COLOURS, GREY, INK, PAPER
from analysis.reporting.formats import html
from tests.analysis.reporting.figures.documents import empty_report, full_report
from tests.analysis.reporting.formats.test_html import contrast

VOID_TAGS = {"meta", "link", "br", "hr", "img", "input", "wbr", "col"}
LANDMARKS = ("header", "nav", "main", "footer")


@dataclass
class PageElement:
    """One element of a page, with the elements in it."""

    tag: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    children: list[PageElement] = field(default_factory=list)
    own_text: str = ""

    def iter(self, *tags: str) -> Iterator[PageElement]:
        """Yield the element and its descendants with these tags, or all of them, in the order of the page."""
        if not tags or self.tag in tags:
            yield self
        for child in self.children:
            yield from child.iter(*tags)

    @property
    def text(self) -> str:
        """The words of the element."""
        return " ".join((self.own_text + " " + " ".join(child.text for child in self.children)).split())

    def __getitem__(self, name: str) -> str:
        return self.attributes.get(name) or ""


class TreeParser(HTMLParser):
    """A page as a tree of elements; an end tag that ends nothing is a fault of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = PageElement("page")
        self.open_elements = [self.root]
        self.feed(text)
        assert self.open_elements == [self.root], "an element is never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = PageElement(tag, dict(attrs))
        self.open_elements[-1].children.append(element)
        if tag not in VOID_TAGS:
            self.open_elements.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open_elements[-1].children.append(PageElement(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open_elements.pop().tag == tag, f"</{tag}> ends another element"

    def handle_data(self, data: str) -> None:
        self.open_elements[-1].own_text += data


@pytest.fixture(scope="module", params=["full", "interactive", "empty"])
def page(request: pytest.FixtureRequest) -> PageElement:
    report = empty_report() if request.param == "empty" else full_report()
    return TreeParser(html.render(report, interactive=request.param == "interactive")).root


def test_the_page_has_its_language_and_title(page: PageElement) -> None:
    (root,) = page.iter("html")
    assert root["lang"] == "en"
    (title,) = (title for head in page.iter("head") for title in head.iter("title"))
    assert len(title.text) > 10


def test_the_page_can_be_enlarged(page: PageElement) -> None:
    (viewport,) = (element["content"] for element in page.iter("meta") if element["name"] == "viewport")
    assert "user-scalable" not in viewport and "maximum-scale" not in viewport


def test_each_landmark_is_unique_and_each_section_is_named_by_its_heading(page: PageElement) -> None:
    landmarks = [element.tag for element in page.iter(*LANDMARKS)]
    assert set(landmarks) >= {"header", "main", "footer"}
    assert len(landmarks) == len(set(landmarks))
    ids = {element["id"]: element for element in page.iter() if element["id"]}
    for section in page.iter("section"):
        assert ids[section["aria-labelledby"]].tag in ("h2", "h3")
    names = [element["aria-label"] for element in page.iter() if element["role"] == "region"]
    assert len(names) == len(set(names)), "two regions with one name cannot be told apart"


def test_the_first_key_press_leads_to_the_report(page: PageElement) -> None:
    first = next(
        element for element in page.iter() if element.tag in ("a", "summary") or "tabindex" in element.attributes
    )
    assert (first["href"], first.text != "") == ("#main", True)


def test_every_link_has_a_text_and_a_target(page: PageElement) -> None:
    ids = {element["id"] for element in page.iter() if element["id"]}
    links = list(page.iter("a"))
    assert all(link["href"] and link.text for link in links)
    assert {link["href"][1:] for link in links if link["href"].startswith("#")} <= ids


def test_a_scrolling_region_can_be_reached_by_key_and_has_a_name(page: PageElement) -> None:
    for element in page.iter():
        assert element.attributes.get("tabindex") in (None, "0"), "the order of the page is the order of the keys"
        if "scroll" in element["class"].split():
            assert (element["tabindex"], element["role"]) == ("0", "region")
            assert element["aria-label"]


def test_every_figure_has_a_title_an_alternative_text_and_a_table(page: PageElement) -> None:
    for figure in page.iter("figure"):
        (caption,) = figure.iter("figcaption")
        assert next(caption.iter("h3")).text
        drawings = [element for element in figure.iter() if element["role"] == "img"]
        assert drawings
        for drawing in drawings:
            text = drawing["aria-label"] or " ".join(title.text for title in drawing.iter("title", "desc"))
            assert len(text) > 30, "the text must say what the drawing shows, not that there is one"
        tables = list(figure.iter("table"))
        assert len(tables) == 1
        assert next(tables[0].iter("tbody")).text


def test_every_drawing_is_in_a_figure_and_has_an_alternative_text(page: PageElement) -> None:
    in_figures = [id(drawing) for figure in page.iter("figure") for drawing in figure.iter("svg")]
    assert sorted(in_figures) == sorted(id(drawing) for drawing in page.iter("svg"))
    for figure in page.iter("figure"):
        images = [element for element in figure.iter() if element["role"] == "img"]
        named = {id(drawing) for image in images for drawing in image.iter("svg")}
        assert named == {id(drawing) for drawing in figure.iter("svg")}


def test_every_table_has_a_caption_and_headings_with_a_scope(page: PageElement) -> None:
    for table in page.iter("table"):
        captions = [caption.text for caption in table.iter("caption")]
        assert len(captions) == 1 and captions[0]
        headings = list(table.iter("th"))
        assert headings and all(heading["scope"] in ("col", "row") and heading.text for heading in headings)


def test_every_reference_to_an_id_has_a_target(page: PageElement) -> None:
    ids = {element["id"] for element in page.iter() if element["id"]}
    for name in ("aria-labelledby", "aria-describedby", "for"):
        assert {word for element in page.iter() for word in element[name].split()} <= ids


def test_text_and_marks_of_a_figure_stand_out_from_paper() -> None:
    assert min(contrast(ink, PAPER) for ink in (INK, GREY)) >= 4.5
    assert min(contrast(colour, PAPER) for colour in COLOURS[:4]) >= 3

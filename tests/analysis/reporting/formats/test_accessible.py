"""The page can be read without eyes, without a mouse and without colours: rules of WCAG that a program can check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

from analysis.reporting.figures._figure import COLOURS, GREY, INK, PAPER
from analysis.reporting.formats import html
from tests.analysis.reporting.figures.documents import empty, full
from tests.analysis.reporting.formats.test_html import contrast

VOID = {"meta", "link", "br", "hr", "img", "input", "wbr", "col"}
LANDMARKS = ("header", "nav", "main", "footer")


@dataclass
class Element:
    """One element of a page, with those in it."""

    tag: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    inside: list[Element] = field(default_factory=list)
    own: str = ""

    def every(self, *tags: str) -> Iterator[Element]:
        """It and those in it of these kinds, in the order of the page; of all kinds if none is said."""
        if not tags or self.tag in tags:
            yield self
        for one in self.inside:
            yield from one.every(*tags)

    @property
    def text(self) -> str:
        """Its words."""
        return " ".join((self.own + " " + " ".join(one.text for one in self.inside)).split())

    def __getitem__(self, name: str) -> str:
        return self.attributes.get(name) or ""


class Tree(HTMLParser):
    """A page as elements in elements. An end tag that ends nothing is a fault of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = Element("page")
        self.open = [self.root]
        self.feed(text)
        assert self.open == [self.root], "something is never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, dict(attrs))
        self.open[-1].inside.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].inside.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag, f"</{tag}> ends something else"

    def handle_data(self, data: str) -> None:
        self.open[-1].own += data


@pytest.fixture(scope="module", params=["full", "interactive", "empty"])
def page(request: pytest.FixtureRequest) -> Element:
    made = {"full": full(), "interactive": full(), "empty": empty()}[request.param]
    return Tree(html.render(made, interactive=request.param == "interactive")).root


def test_it_says_its_language_and_its_title(page: Element) -> None:
    (root,) = page.every("html")
    assert root["lang"] == "en"
    (title,) = (one for head in page.every("head") for one in head.every("title"))
    assert len(title.text) > 10


def test_it_can_be_made_larger(page: Element) -> None:
    (view,) = (one["content"] for one in page.every("meta") if one["name"] == "viewport")
    assert "user-scalable" not in view and "maximum-scale" not in view


def test_it_has_each_landmark_once_and_sections_with_the_name_of_their_heading(page: Element) -> None:
    found = [one.tag for one in page.every(*LANDMARKS)]
    assert set(found) >= {"header", "main", "footer"}
    assert len(found) == len(set(found))
    ids = {one["id"]: one for one in page.every() if one["id"]}
    for section in page.every("section"):
        assert ids[section["aria-labelledby"]].tag in ("h2", "h3")
    names = [one["aria-label"] for one in page.every() if one["role"] == "region"]
    assert len(names) == len(set(names)), "two regions of one name cannot be told apart"


def test_the_first_thing_a_key_reaches_leads_to_the_report(page: Element) -> None:
    first = next(one for one in page.every() if one.tag in ("a", "summary") or "tabindex" in one.attributes)
    assert (first["href"], first.text != "") == ("#main", True)


def test_every_link_says_where_it_goes_and_gets_there(page: Element) -> None:
    ids = {one["id"] for one in page.every() if one["id"]}
    links = list(page.every("a"))
    assert all(one["href"] and one.text for one in links)
    assert {one["href"][1:] for one in links if one["href"].startswith("#")} <= ids


def test_what_scrolls_can_be_reached_by_a_key_and_has_a_name(page: Element) -> None:
    for one in page.every():
        assert one.attributes.get("tabindex") in (None, "0"), "the order of the page is the order of the keys"
        if "scroll" in one["class"].split():
            assert (one["tabindex"], one["role"]) == ("0", "region")
            assert one["aria-label"]


def test_every_figure_has_a_title_words_for_its_drawing_and_its_numbers_in_a_table(page: Element) -> None:
    for figure in page.every("figure"):
        (caption,) = figure.every("figcaption")
        assert next(caption.every("h3")).text
        drawings = [one for one in figure.every() if one["role"] == "img"]
        assert drawings
        for one in drawings:
            said = one["aria-label"] or " ".join(inner.text for inner in one.every("title", "desc"))
            assert len(said) > 30, "the words say what is seen, not that something is"
        tables = list(figure.every("table"))
        assert len(tables) == 1
        assert list(tables[0].every("tbody"))[0].text


def test_no_drawing_stands_outside_of_a_figure_or_without_words(page: Element) -> None:
    inside = [id(one) for figure in page.every("figure") for one in figure.every("svg")]
    assert sorted(inside) == sorted(id(one) for one in page.every("svg"))
    for figure in page.every("figure"):
        named = {id(one) for each in figure.every() if each["role"] == "img" for one in each.every("svg")}
        assert named == {id(one) for one in figure.every("svg")}


def test_every_table_has_a_caption_and_headings_that_say_of_what(page: Element) -> None:
    for table in page.every("table"):
        captions = [one.text for one in table.every("caption")]
        assert len(captions) == 1 and captions[0]
        headings = list(table.every("th"))
        assert headings and all(one["scope"] in ("col", "row") and one.text for one in headings)


def test_what_points_at_an_id_finds_it(page: Element) -> None:
    ids = {one["id"] for one in page.every() if one["id"]}
    for name in ("aria-labelledby", "aria-describedby", "for"):
        assert {word for one in page.every() for word in one[name].split()} <= ids


def test_the_words_and_the_marks_of_a_figure_stand_out_from_paper() -> None:
    assert min(contrast(ink, PAPER) for ink in (INK, GREY)) >= 4.5
    assert min(contrast(colour, PAPER) for colour in COLOURS[:4]) >= 3

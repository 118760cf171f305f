"""Cards as blocks with headings, without front matter and comments, and hostile cards in linear time."""

from __future__ import annotations

import pytest

from analysis.scoring import ITEMS
from analysis.scoring.markdown import MAX_CARD_CHARACTERS, parse_card, strip_comments, strip_front_matter
from analysis.scoring.rules import find_all_evidence


def texts(card: str) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(block.kind, block.text, block.path) for block in parse_card(card).blocks]


def test_each_block_has_the_headings_above_it() -> None:
    card = "# A\n\n## B\n\none\n\n### C\n\n- two\n\n## D\n\n| x |\n|---|\n| 3 |\n"
    blocks = [block for block in texts(card) if block[0] != "heading"]
    assert blocks == [
        ("text", "one", ("A", "B")),
        ("item", "two", ("A", "B", "C")),
        ("row", "x", ("A", "D")),
        ("row", "3", ("A", "D")),
    ]


def test_lines_used_as_headings_are_headings() -> None:
    assert texts("**Usage**\n\nask it")[1] == ("text", "ask it", ("Usage",))
    assert texts("Usage:\n\n```\nask\n```\n\nBye now")[1:] == [("code", "ask\n", ("Usage",)), ("text", "Bye now", ())]


def test_headings_without_a_space_and_code_without_a_block_are_recognised() -> None:
    assert texts("#Usage\nask it") == [("heading", "Usage", ()), ("text", "ask it", ("Usage",))]
    assert texts("import owl\nowl.ask('who?')") == [("code", "import owl\nowl.ask('who?')", ())]


def test_html_has_headings_and_text_and_no_script() -> None:
    card = "<h2>Use</h2>\n<p>ask <b>it</b></p>\n<script>steal()</script>\n"
    assert texts(card) == [("heading", "Use", ()), ("text", "ask it", ("Use",))]


@pytest.mark.parametrize("card", ["---\na: b\n---\nx", "# T\n---\na: b\n---\nx", "\n---\na: b\n...\nx"])
def test_front_matter_is_removed(card: str) -> None:
    assert "a: b" not in strip_front_matter(card)
    assert strip_front_matter(card).endswith("x")


def test_a_horizontal_rule_is_not_front_matter() -> None:
    assert strip_front_matter("---\nHello you\n---\nx") == "---\nHello you\n---\nx"
    assert strip_front_matter("---\nlicense: mit\n") == ""


def test_an_unclosed_comment_ends_with_its_paragraph() -> None:
    assert strip_comments("a <!-- b\n\nc").split() == ["a", "c"]


LONG = {
    "quotes": ">", "lists": "- ", "brackets": "[", "links": "[a](", "images": "![",
    "stars": "*", "ticks": "`", "pipes": "|", "comments": "<!--",
    "tags": "<a ", "dashes": "---\n", "words": "model trained on ", "numbers": "accuracy 1 ",
    "spaces": " ", "lines": "\n", "entities": "&#x41;", "headings": "# a\n", "nul": "\0", "references": "[a]: b\n",
    "prose": "The model is not suitable for this, and may produce text. ", "chinese": "模型训练", "bold": "**a**\n\n",
}  # fmt: skip
HOSTILE = {name: piece * (MAX_CARD_CHARACTERS // len(piece)) for name, piece in LONG.items()} | {
    "table": "|a" * 500 + "\n" + "|-" * 500 + "\n" + "|1\n" * 50_000,
    "tables": ("|a" * 500 + "\n" + "|-" * 500 + "\n" + "|1\n" * 20 + "\n") * 80,
    "front": "---\n" + "a:\n" * (MAX_CARD_CHARACTERS // 3),
    "nested": "".join("  " * (depth % 200) + "- a\n" for depth in range(2_000)),
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.fault("E12")
def test_a_hostile_card_is_scored(name: str) -> None:
    assert set(find_all_evidence(HOSTILE[name])) == set(ITEMS)


def test_text_beyond_the_limit_is_not_read() -> None:
    assert "end" not in [block.text for block in parse_card("\n" * (MAX_CARD_CHARACTERS - 2) + "end").blocks]
    assert not find_all_evidence("\n" * MAX_CARD_CHARACTERS + "Owl is a language model for Welsh.")["description"]

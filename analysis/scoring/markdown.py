"""A card's Markdown as blocks: the text of each, and the headings above it.

The block structure is CommonMark's, parsed by markdown-it. The markup inside a block is removed here, in linear time.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

# Limits: what lies beyond them is not read.
MAX_CARD_CHARACTERS = 200_000
MAX_LINES = 8_000
MAX_LINE_CHARACTERS = 2_000
MAX_ROW_CELLS = 40
MAX_TABLE_CELLS = 30_000  # of all tables of a card: markdown-it pads each row of a table to the width of its head
BOLD_LEVEL, LABEL_LEVEL = 7, 8  # heading levels of a bold line, and of a line that ends with a colon
HEADINGS = {f"h{level}": level for level in range(1, 7)}
FRONT_MATTER_LINE = re.compile(r"^[\w .-]{1,60}:(\s|$)|^\s*-(\s|$)|^\s+\S|^\s*#|^\s*$|^\s*[\]})\"'{\[]")
TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,15})\b([^<>]{0,2000})>")
UNSPACED_HEADING = re.compile(r"#{1,6}(?=[^\W\d_])[^#\n]{2,100}$")  # without the space after the marks
CODE_LINE = re.compile(
    r"(from [\w.]{1,80} import |import \w|def \w|class \w+[(:]|return\b|else:|try:|for \w{1,40} in .{1,200}:$|"
    r"((el)?if|with|while) .{0,200}[=(<\[].{0,200}:$|!?pip3? install |[\w.\[\], '\"]{1,80}=\s?[\w.]{1,80}[(\[{]|"
    r"[\w.]{1,80}\(.{0,400}\)?:?$|[\w.]{1,80} ?[+-]?= ?[^\s\d]\S{0,80}$)"
)
DELIMITERS = re.compile(r"[\s>|:+*-]*\|[\s>|:+*-]*")
BLOCK_TAGS = {"p", "div", "li", "br", "tr", "ul", "ol", "table", "section", "center", "details", "summary", "hr"}


@dataclass(frozen=True)
class CardBlock:
    """One block of a card: `kind` is heading, text, item, code, row or image, `path` the headings above it."""

    kind: str
    text: str
    path: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    info: str = ""


@dataclass(frozen=True)
class CardDocument:
    """A card as blocks, in order."""

    blocks: tuple[CardBlock, ...]


LevelledBlock = tuple[int, CardBlock]  # a block with its heading level, 0 if it is not a heading


def parse_card(text: str) -> CardDocument:
    """Return the blocks of a card. Of a long card only the first MAX_CARD_CHARACTERS are read.

    >>> [(block.kind, block.text, block.path) for block in parse_card("# A\\n\\nIt *works*.").blocks]
    [('heading', 'A', ()), ('text', 'It works.', ('A',))]
    """
    text = text[:MAX_CARD_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    body = strip_comments(strip_front_matter(text))
    body = "\n".join(limit_tables(line[:MAX_LINE_CHARACTERS] for line in body.split("\n")[:MAX_LINES]))
    return CardDocument(tuple(_add_heading_paths(_iter_blocks(markdown_parser().parse(body)))))


@cache
def markdown_parser() -> MarkdownIt:
    """Return a parser of CommonMark with tables, for blocks only."""
    parser = MarkdownIt("commonmark", {"maxNesting": 12}).enable("table")
    return parser.disable(["inline", "reference"])


def strip_front_matter(text: str) -> str:
    """Return the card without the metadata between its first two lines of dashes. A title may stand above them.

    >>> strip_front_matter("---\\nlicense: mit\\n---\\nHello.")
    'Hello.'
    """
    lines = text.split("\n")
    begin = next((index for index, line in enumerate(lines[:12]) if line.strip() == "---"), None)
    if begin is None or not _is_metadata(lines[begin + 1 : begin + 40]):
        return text
    for index in range(begin + 1, len(lines)):
        if lines[index].rstrip() in ("---", "..."):
            return "\n".join(lines[:begin] + lines[index + 1 :])
    rest = range(begin + 1, len(lines))
    end = next((index for index in rest if not FRONT_MATTER_LINE.match(lines[index])), len(lines))
    return "\n".join(lines[:begin] + lines[end:])


def _is_metadata(lines: list[str]) -> bool:
    first = next((line for line in lines if line.strip()), "")
    return bool(re.match(r"^\s*[\w.-]{1,60}\s*:(\s|$)|^---$|^\s*#", first))


def strip_comments(text: str) -> str:
    """Return the card without HTML comments. A comment that is not closed ends with its paragraph.

    >>> strip_comments("a <!-- b --> c")
    'a  c'
    """
    parts, position = [], 0
    while (begin := text.find("<!--", position)) >= 0:
        parts.append(text[position:begin])
        end, blank = text.find("-->", begin), text.find("\n\n", begin)
        end_of_paragraph = blank if blank >= 0 else len(text)
        position = end + 3 if end >= 0 else end_of_paragraph
    return "".join([*parts, text[position:]])


def limit_tables(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines without the rows of tables beyond MAX_TABLE_CELLS.

    >>> len(list(limit_tables(["|a|b|", "|-|-|", *["|1|2|"] * 50_000, "", "end"]))) < 11_000
    True
    """
    columns, room = 0, MAX_TABLE_CELLS
    for line in lines:
        if DELIMITERS.fullmatch(line):
            columns = line.count("|") + 1
        elif not line.strip():
            columns = 0
        room -= columns
        if room >= 0 or not columns:
            yield line


def _iter_blocks(tokens: list[Token]) -> Iterator[LevelledBlock]:
    open_tags: list[str] = []
    row: list[str] = []
    for token in tokens:
        if token.nesting:
            _track_tag(open_tags, token)
            if token.type == "tr_open":
                row = []
            elif token.type == "tr_close":
                text, info = " | ".join(row[:MAX_ROW_CELLS]), "head" if "thead" in open_tags else ""
                yield 0, CardBlock("row", text[:MAX_LINE_CHARACTERS], info=info)
        elif token.type == "code_block" and is_prose(token.content):
            yield from _text_blocks(" ".join(token.content.split()), 0, "text")
        elif token.type in ("fence", "code_block"):
            yield 0, CardBlock("code", token.content, info=token.info.strip().lower())
        elif token.type == "html_block":
            yield from _html_blocks(token.content)
        elif token.type == "inline" and "tr" in open_tags:
            row.append(strip_markup(token.content))
        elif token.type == "inline":
            yield from _inline_blocks(token.content, open_tags)


def is_prose(code: str) -> bool:
    """Return whether an indented block is prose instead of code.

    >>> is_prose("This model was made from another one, and then it was trained on news."), is_prose("x = f(1)")
    (True, False)
    """
    signs = sum(code.count(sign) for sign in "={}[]();<>@$#|")
    return len(code.split()) >= 8 and signs * 40 < len(code)


def is_code(lines: Sequence[str]) -> bool:
    """Return whether a paragraph is code without a code block.

    >>> is_code(["owl = AutoModel.from_pretrained('nest/owl')", "owl.ask('who?')"]), is_code(["Owl is a model (2020)."])
    (True, False)
    """
    stripped = [line.strip() for line in lines[:200] if line.strip()]
    return sum(bool(CODE_LINE.match(line)) for line in stripped) * 2 > len(stripped)


def _track_tag(open_tags: list[str], token: Token) -> None:
    name = token.tag
    if token.nesting > 0:
        open_tags.append(name)
    elif name in open_tags:
        del open_tags[len(open_tags) - 1 - open_tags[::-1].index(name) :]


def _inline_blocks(content: str, open_tags: list[str]) -> Iterator[LevelledBlock]:
    innermost = open_tags[-1] if open_tags else "p"
    if innermost in HEADINGS:
        yield from _text_blocks(content, HEADINGS[innermost], "heading")
    elif re.search(r"<(h[1-6]|p|div|center)\b", content[:400]):
        yield from _html_blocks(content)
    elif "li" in open_tags:
        yield from _text_blocks(content, 0, "item")
    else:
        yield from _paragraph_blocks(content)


def _paragraph_blocks(content: str) -> Iterator[LevelledBlock]:
    """Yield a paragraph as code or as text, whose first line may be used like a heading."""
    lines = content.split("\n")
    if is_code(lines):
        yield 0, CardBlock("code", content)
        return
    if UNSPACED_HEADING.match(lines[0]):
        title = lines[0].lstrip("#")
        yield len(lines[0]) - len(title), CardBlock("heading", strip_markup(title))
        content = "\n".join(lines[1:])
    elif level := _pseudo_heading_level(lines[0]):
        yield level, CardBlock("heading", strip_markup(lines[0]).rstrip(" :\uff1a"))
        content = "\n".join(lines[1:])
    yield from _text_blocks(content, 0, "text")


def _pseudo_heading_level(line: str) -> int:
    """Return the level of a line that is not a heading but is used like one, or 0."""
    stripped = line.strip()
    if re.fullmatch(r"(\*\*|__)[^*_]{2,80}(\*\*|__)\s*[:\uff1a]?", stripped):
        return BOLD_LEVEL
    is_label = stripped.count(" ") <= 4 and re.fullmatch(r"[^\W\d_][\w /&'-]{2,40}[:\uff1a]", stripped)
    return LABEL_LEVEL if is_label else 0


def _text_blocks(content: str, level: int, kind: str) -> Iterator[LevelledBlock]:
    links = re.findall(r"\]\(\s*<?([^\s)>]{1,300})|(?<![(\w])(https?://[^\s)>\]]{1,300})", content)[:40]
    targets = tuple(link or url for link, url in links)
    if "![" in content or "<img" in content:
        yield 0, CardBlock("image", "", (), targets)
    text = strip_markup(content)
    if text:
        yield level, CardBlock(kind, text, (), targets)


def _html_blocks(content: str) -> Iterator[LevelledBlock]:
    """Yield the headings and the paragraphs of a block of HTML."""
    kind, level, is_hidden = "text", 0, False
    parts: list[str] = []
    position = 0
    for tag in TAG.finditer(content):
        parts.append("" if is_hidden else content[position : tag.start()])
        position = tag.end()
        is_closing, name = bool(tag[1]), tag[2].lower()
        if name in ("script", "style"):
            is_hidden = not is_closing
        elif name == "img":
            yield 0, CardBlock("image", "")
        elif name[0] == "h" and name[1:].isdigit():
            yield from _text_blocks("".join(parts), level, kind)
            parts = []
            kind, level = ("text", 0) if is_closing else ("heading", min(int(name[1:]), 6))
        elif name in BLOCK_TAGS:
            yield from _text_blocks("".join(parts), level, kind)
            parts = []
    parts.append("" if is_hidden else content[position:])
    yield from _text_blocks("".join(parts), level, kind)


def strip_markup(text: str) -> str:
    """Return text without the markup of Markdown and HTML. Links are replaced by their words.

    >>> strip_markup("the **[paper](https://example.org/a)** `x`")
    'the paper x'
    """
    text = re.sub(r"!\[[^\[\]]{0,300}\]\([^()\n]{0,500}\)", " ", text)
    text = re.sub(r"\[([^\[\]]{0,300})\]\([^()\n]{0,500}\)", r"\1", text)
    text = re.sub(r"(?m)^ {0,3}\[[^\[\]]{1,100}\]:\s*\S.{0,500}$", "", text)
    text = TAG.sub(" ", text)
    text = html.unescape(re.sub(r"\*{1,3}|~~|`{1,3}|(?<!\w)_{1,3}|_{1,3}(?!\w)|\\(?=[^\w\s])", "", text))
    return re.sub(r"[ \t\u00a0]+", " ", text).strip()


def _add_heading_paths(blocks: Iterator[LevelledBlock]) -> Iterator[CardBlock]:
    """Yield the blocks with the headings above them. A label is a heading of the next paragraph only."""
    headings: list[tuple[int, str]] = []
    label_is_used = False
    for level, block in blocks:
        while headings and (
            (level and headings[-1][0] >= level)
            or (label_is_used and block.kind == "text" and headings[-1][0] == LABEL_LEVEL)
        ):
            headings.pop()
        label_is_used = not level
        path = tuple(text for _, text in headings[-8:])
        yield CardBlock(block.kind, block.text, path, block.links, block.info)
        if level:
            headings.append((level, block.text[:200]))

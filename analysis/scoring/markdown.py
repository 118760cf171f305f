"""A card's Markdown as blocks: what each says, and under which headings it stands.

The block structure is CommonMark's, read by markdown-it; text inside a block is made plain here, in linear time.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

MAX_CARD_CHARACTERS = 200_000  # characters of a card that are read
MAX_LINES = 8_000  # lines of a card that are read
MAX_ROW_CELLS = 40  # cells of a row that are read
MAX_TABLE_CELLS = 30_000  # cells of all tables of a card: each row of a table is filled up to the width of its head
MAX_LINE_CHARACTERS = 2_000  # characters of one line that are read
BOLD_LEVEL, LABEL_LEVEL = (
    7,
    8,
)  # the levels of a bold line, and of a line that ends with a colon, that stand where a heading would
FRONT_MATTER_LINE = re.compile(r"^[\w .-]{1,60}:(\s|$)|^\s*-(\s|$)|^\s+\S|^\s*#|^\s*$|^\s*[\]})\"'{\[]")
TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,15})\b([^<>]{0,2000})>")
UNSPACED_HEADING = re.compile(r"#{1,6}(?=[^\W\d_])[^#\n]{2,100}$")  # as some write it: no space after the marks
CODE_LINE = re.compile(
    r"(from [\w.]{1,80} import |import \w|def \w|class \w+[(:]|return\b|else:|try:|for \w{1,40} in .{1,200}:$|"
    r"((el)?if|with|while) .{0,200}[=(<\[].{0,200}:$|!?pip3? install |[\w.\[\], '\"]{1,80}=\s?[\w.]{1,80}[(\[{]|"
    r"[\w.]{1,80}\(.{0,400}\)?:?$|[\w.]{1,80} ?[+-]?= ?[^\s\d]\S{0,80}$)"
)
DELIMITERS = re.compile(r"[\s>|:+*-]*\|[\s>|:+*-]*")
HIDDEN = re.compile(r"<(script|style)\b", re.IGNORECASE)
BLOCK_TAGS = {"p", "div", "li", "br", "tr", "ul", "ol", "table", "section", "center", "details", "summary", "hr"}


@dataclass(frozen=True)
class CardBlock:
    """One piece of a card: `kind` is heading, text, item, code, row or image; `path` the headings above it."""

    kind: str
    text: str
    path: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    info: str = ""


@dataclass(frozen=True)
class CardDocument:
    """A card as blocks, in its order."""

    blocks: tuple[CardBlock, ...]
    truncated: bool = False


def parse_card(text: str) -> CardDocument:
    """The blocks of a card; of one that is longer than what is judged, those of its beginning.

    >>> [(block.kind, block.text, block.path) for block in parse_card("# A\\n\\nIt *works*.").blocks]
    [('heading', 'A', ()), ('text', 'It works.', ('A',))]
    """
    judged = text[:MAX_CARD_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    body = strip_comments(strip_front_matter(judged))
    body = "\n".join(limit_tables(line[:MAX_LINE_CHARACTERS] for line in body.split("\n")[:MAX_LINES]))
    return CardDocument(
        tuple(_add_heading_paths(_iter_blocks(markdown_parser().parse(body)))), len(text) > MAX_CARD_CHARACTERS
    )


@cache
def markdown_parser() -> MarkdownIt:
    """CommonMark with tables, blocks only."""
    made = MarkdownIt("commonmark", {"maxNesting": 12}).enable("table")
    return made.disable(["inline", "reference"])


def strip_front_matter(text: str) -> str:
    """The card without the metadata between the first two lines of dashes, even where a title stands before them.

    >>> strip_front_matter("---\\nlicense: mit\\n---\\nHello.")
    'Hello.'
    """
    lines = text.split("\n")
    begin = next((at for at, line in enumerate(lines[:12]) if line.strip() == "---"), None)
    if begin is None or not _is_metadata(lines[begin + 1 : begin + 40]):
        return text
    for at in range(begin + 1, len(lines)):
        if lines[at].rstrip() in ("---", "..."):
            return "\n".join(lines[:begin] + lines[at + 1 :])
    end = next((at for at in range(begin + 1, len(lines)) if not FRONT_MATTER_LINE.match(lines[at])), len(lines))
    return "\n".join(lines[:begin] + lines[end:])


def _is_metadata(lines: list[str]) -> bool:
    first = next((line for line in lines if line.strip()), "")
    return bool(re.match(r"^\s*[\w.-]{1,60}\s*:(\s|$)|^---$|^\s*#", first))


def strip_comments(text: str) -> str:
    """The card without HTML comments; one that is not closed ends with its paragraph.

    >>> strip_comments("a <!-- b --> c")
    'a  c'
    """
    parts, at = [], 0
    while (begin := text.find("<!--", at)) >= 0:
        parts.append(text[at:begin])
        end, blank = text.find("-->", begin), text.find("\n\n", begin)
        at = end + 3 if end >= 0 else blank if blank >= 0 else len(text)
    return "".join([*parts, text[at:]])


def limit_tables(lines: Iterable[str]) -> Iterator[str]:
    """The lines without rows of tables that are beyond what is read of tables.

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


def _iter_blocks(tokens: list[Token]) -> Iterator[tuple[int, CardBlock]]:
    """Each block with its heading level, 0 for what is none."""
    within: list[str] = []
    row: list[str] = []
    for token in tokens:
        if token.nesting:
            _track_tag(within, token)
            if token.type == "tr_open":
                row = []
            elif token.type == "tr_close":
                yield (
                    0,
                    CardBlock(
                        "row",
                        " | ".join(row[:MAX_ROW_CELLS])[:MAX_LINE_CHARACTERS],
                        info="head" if "thead" in within else "",
                    ),
                )
        elif token.type == "code_block" and is_prose(token.content):
            yield from _text_blocks(" ".join(token.content.split()), 0, "text")
        elif token.type in ("fence", "code_block"):
            yield 0, CardBlock("code", token.content, info=token.info.strip().lower())
        elif token.type == "html_block":
            yield from _html_blocks(token.content)
        elif token.type == "inline" and "tr" in within:
            row.append(strip_markup(token.content))
        elif token.type == "inline":
            yield from _inline_blocks(token.content, within)


def is_prose(code: str) -> bool:
    """Whether an indented block is prose that somebody indented.

    >>> is_prose("This model was made from another one, and then it was trained on news."), is_prose("x = f(1)")
    (True, False)
    """
    signs = sum(code.count(sign) for sign in "={}[]();<>@$#|")
    return len(code.split()) >= 8 and signs * 40 < len(code)


def is_code(lines: Sequence[str]) -> bool:
    """Whether a paragraph is code that nobody has set as such.

    >>> is_code(["owl = AutoModel.from_pretrained('nest/owl')", "owl.ask('who?')"]), is_code(["Owl is a model (2020)."])
    (True, False)
    """
    held = [line.strip() for line in lines[:200] if line.strip()]
    return sum(bool(CODE_LINE.match(line)) for line in held) * 2 > len(held)


def _track_tag(open_tags: list[str], token: Token) -> None:
    name = token.tag
    if token.nesting > 0:
        open_tags.append(name)
    elif name in open_tags:
        del open_tags[len(open_tags) - 1 - open_tags[::-1].index(name) :]


def _inline_blocks(content: str, open_tags: list[str]) -> Iterator[tuple[int, CardBlock]]:
    innermost = open_tags[-1] if open_tags else "p"
    if innermost in ("h1", "h2", "h3", "h4", "h5", "h6"):
        yield from _text_blocks(content, int(innermost[1]), "heading")
        return
    kind = "item" if "li" in open_tags else "text"
    if re.search(r"<(h[1-6]|p|div|center)\b", content[:400]):
        yield from _html_blocks(content)
        return
    lines = content.split("\n")
    if kind == "text" and is_code(lines):
        yield 0, CardBlock("code", content)
        return
    if kind == "text" and UNSPACED_HEADING.match(lines[0]):
        yield len(lines[0]) - len(lines[0].lstrip("#")), CardBlock("heading", strip_markup(lines[0].lstrip("#")))
        content = "\n".join(lines[1:])
    elif kind == "text" and (level := _pseudo_heading_level(lines[0])):
        yield level, CardBlock("heading", strip_markup(lines[0]).rstrip(" :："))
        content = "\n".join(lines[1:])
    yield from _text_blocks(content, 0, kind)


def _pseudo_heading_level(line: str) -> int:
    """Of a line that stands where a heading would; 0 if it does not."""
    stripped = line.strip()
    if re.fullmatch(r"(\*\*|__)[^*_]{2,80}(\*\*|__)\s*[:：]?", stripped):
        return BOLD_LEVEL
    return LABEL_LEVEL if stripped.count(" ") <= 4 and re.fullmatch(r"[^\W\d_][\w /&'-]{2,40}[:：]", stripped) else 0


def _text_blocks(content: str, level: int, kind: str) -> Iterator[tuple[int, CardBlock]]:
    links = tuple(re.findall(r"\]\(\s*<?([^\s)>]{1,300})|(?<![(\w])(https?://[^\s)>\]]{1,300})", content)[:40])
    targets = tuple(first or second for first, second in links)
    if "![" in content or "<img" in content:
        yield 0, CardBlock("image", "", (), targets)
    said = strip_markup(content)
    if said:
        yield level, CardBlock(kind, said, (), targets)


def _html_blocks(content: str) -> Iterator[tuple[int, CardBlock]]:
    """What a block of HTML says: its headings and its text, paragraph by paragraph."""
    kind, level, said, hidden = "text", 0, [], False
    at = 0
    for tag in TAG.finditer(content):
        said.append("" if hidden else content[at : tag.start()])
        at = tag.end()
        closing, name = bool(tag[1]), tag[2].lower()
        if name in ("script", "style"):
            hidden = not closing
        elif name == "img":
            yield 0, CardBlock("image", "")
        elif name[0] == "h" and name[1:].isdigit():
            yield from _text_blocks("".join(said), level, kind)
            said, kind, level = [], "text" if closing else "heading", 0 if closing else min(int(name[1:]), 6)
        elif name in BLOCK_TAGS:
            yield from _text_blocks("".join(said), level, kind)
            said = []
    yield from _text_blocks("".join([*said, "" if hidden else content[at:]]), level, kind)


def strip_markup(text: str) -> str:
    """Text without the marks of Markdown and HTML: links are their words.

    >>> strip_markup("the **[paper](https://example.org/a)** `x`")
    'the paper x'
    """
    text = re.sub(r"!\[[^\[\]]{0,300}\]\([^()\n]{0,500}\)", " ", text)
    text = re.sub(r"\[([^\[\]]{0,300})\]\([^()\n]{0,500}\)", r"\1", text)
    text = re.sub(r"(?m)^ {0,3}\[[^\[\]]{1,100}\]:\s*\S.{0,500}$", "", text)
    text = TAG.sub(" ", text)
    text = html.unescape(re.sub(r"\*{1,3}|~~|`{1,3}|(?<!\w)_{1,3}|_{1,3}(?!\w)|\\(?=[^\w\s])", "", text))
    return re.sub(r"[ \t\u00a0]+", " ", text).strip()


def _add_heading_paths(blocks: Iterator[tuple[int, CardBlock]]) -> Iterator[CardBlock]:
    above: list[tuple[int, str]] = []
    spent = False  # what a label announces has come; the next paragraph is no part of it
    for level, block in blocks:
        while above and (
            (level and above[-1][0] >= level) or (spent and block.kind == "text" and above[-1][0] == LABEL_LEVEL)
        ):
            above.pop()
        spent = not level
        path = tuple(text for _, text in above[-8:])
        yield CardBlock(block.kind, block.text, path, block.links, block.info)
        if level:
            above.append((level, block.text[:200]))

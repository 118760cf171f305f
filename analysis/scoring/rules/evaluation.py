"""Does the card say how well the model does, in numbers?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from analysis.scoring.rules import CardContent, CardEvidence, CardStatement, shorten_passage
from analysis.scoring.vocabulary import word_pattern

VALUE = re.compile(r"(?<![\w.-])[+-]?\d{1,6}([.,]\d+)?\s?%?(?![\w-])")
DECIMAL = re.compile(r"(?<![\w.-])((\d{1,4}\.\d+|0,\d+|\d{1,3},\d{1,2})\s?%?(?!\w)(?!\.\d)|\d{1,3}\s?%)")
PRINTED_LINE = re.compile(r"\W*\w[\w @/-]{0,60}:\s*\d*\.\d+\s?%?\W*")  # a line that a program has printed
AFTER_NAME = re.compile(r"[^\w.]*[:=|(][^\w.]*\d{1,3}(\.\d+)?(?![\w-])|\D{0,30}\d{2}\.\d|\D{0,30}\d{1,3}\s?%")
MAX_DISTANCE = 50


def find_evidence(content: CardContent) -> CardEvidence | None:
    """A metric with its number, a table of results, or numbers or figures under a heading of evaluation.

    >>> from analysis.scoring.rules import find_all_evidence
    >>> find_all_evidence("On the test set it reaches an accuracy of 91.2 %.")["evaluation"].reason
    'a metric with its number'
    """
    return _find_metric(content) or _find_table(content) or _find_under_heading(content) or _find_printed(content)


def _find_metric(content: CardContent) -> CardEvidence | None:
    held_out = False
    for said in content.of_kinds("text", "item", "heading"):
        for line in re.split(r"\n|(?<=[a-z)%])\.\s|(?<=\d)\.\s(?=[A-Z])", said.text):
            if word_pattern("evaluation", "printed").search(line[:1_000]):
                continue
            if word_pattern("evaluation", "training").search(line[:400]) and not word_pattern(
                "evaluation", "held"
            ).search(line[:400]):
                continue
            if _has_metric(line[:1_000]):
                return CardEvidence("a metric with its number", shorten_passage(line))
            if held_out and re.match(r"\W*(eval[_ ])?loss\W", line, re.IGNORECASE) and VALUE.search(line):
                return CardEvidence("a loss on held-out data", shorten_passage(line))
            held_out = held_out or bool(word_pattern("evaluation", "held").search(line[:1_000]))
    return None


def _has_metric(line: str) -> bool:
    for metric in word_pattern("evaluation", "metrics").finditer(line):
        after = line[metric.end() : metric.end() + MAX_DISTANCE]
        before = line[max(0, metric.start() - MAX_DISTANCE) : metric.start()]
        if DECIMAL.search(after) or re.match(r"\W{0,6}\d+(?![\w-])", after):
            return True
        if DECIMAL.search(before) and word_pattern("evaluation", "claims").search(line):
            return True
    said = word_pattern("evaluation", "results").search(line)
    if said and DECIMAL.search(line[said.end() : said.end() + MAX_DISTANCE]):
        return True
    return any(
        AFTER_NAME.match(line, name.end()) for name in word_pattern("evaluation", "benchmarks").finditer(line)
    ) and not line.lstrip().startswith(("#", "["))


def _find_table(content: CardContent) -> CardEvidence | None:
    head, metric, benchmark = "", False, False
    for said in content.of_kinds("row", "heading", "text", "code"):
        if said.block.kind != "row" or said.block.info == "head":
            head = said.text if said.block.kind == "row" else ""
            metric, benchmark = _has_word("metrics", head), _has_word("benchmarks", head)
        elif _is_result(said, metric, benchmark):
            return CardEvidence("a table of results", shorten_passage(f"{head} / {said.text}"))
    return None


def _is_result(statement: CardStatement, metric: bool, benchmark: bool) -> bool:
    """Whether a row gives a result; `metric` and `benchmark` say whether the head of its table names one."""
    if not VALUE.search(statement.text):
        return False
    if "evaluation" in statement.topics and "training" not in statement.topics:
        return metric or bool(DECIMAL.search(statement.text))
    if "how_to_use" in statement.topics or not DECIMAL.search(statement.text):
        return False
    return metric or benchmark or _has_word("metrics", statement.text) or _has_word("benchmarks", statement.text)


def _has_word(kind: str, text: str) -> bool:
    return bool(word_pattern("evaluation", kind).search(text))


def _find_under_heading(content: CardContent) -> CardEvidence | None:
    for said in _evaluation_statements(content):
        if (
            said.block.kind == "code"
            and word_pattern("evaluation", "metrics").search(said.text)
            and DECIMAL.search(said.text)
        ):
            return CardEvidence(f"numbers under {said.heading!r}", shorten_passage(said.text))
        if said.block.kind in ("text", "item") and DECIMAL.search(said.text):
            return CardEvidence(f"numbers under {said.heading!r}", shorten_passage(said.text))
        if said.block.kind == "image":
            return CardEvidence(f"a figure under {said.heading!r}", shorten_passage(said.heading))
    return None


def _find_printed(content: CardContent) -> CardEvidence | None:
    for said in content.of_kinds("code"):
        for line in [] if "training" in said.topics else said.text[:20_000].split("\n"):
            if PRINTED_LINE.fullmatch(line[:200]) and word_pattern("evaluation", "metrics").search(line):
                return CardEvidence("a metric that was printed", shorten_passage(line))
    return None


def _evaluation_statements(content: CardContent) -> Iterator[CardStatement]:
    return (said for said in content.under_topic("evaluation") if not said.topics & {"training", "how_to_use", "aside"})

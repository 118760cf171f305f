"""Does the card say how well the model performs, in numbers?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from analysis.scoring.rules import CardContent, CardEvidence, CardStatement, shorten_passage
from analysis.scoring.vocabulary import word_pattern

VALUE = re.compile(r"(?<![\w.-])[+-]?\d{1,6}([.,]\d+)?\s?%?(?![\w-])")
DECIMAL = re.compile(r"(?<![\w.-])((\d{1,4}\.\d+|0,\d+|\d{1,3},\d{1,2})\s?%?(?!\w)(?!\.\d)|\d{1,3}\s?%)")
PRINTED_LINE = re.compile(r"\W*\w[\w @/-]{0,60}:\s*\d*\.\d+\s?%?\W*")  # a line of output of a program
AFTER_NAME = re.compile(r"[^\w.]*[:=|(][^\w.]*\d{1,3}(\.\d+)?(?![\w-])|\D{0,30}\d{2}\.\d|\D{0,30}\d{1,3}\s?%")
MAX_DISTANCE = 50


def find_evidence(content: CardContent) -> CardEvidence | None:
    """Find a metric with its number, a table of results, or numbers or figures under a heading of evaluation.

    >>> from analysis.scoring.rules import find_all_evidence
    >>> find_all_evidence("On the test set it reaches an accuracy of 91.2 %.")["evaluation"].reason
    'a metric with its number'
    """
    return _find_metric(content) or _find_table(content) or _find_under_heading(content) or _find_printed(content)


def _find_metric(content: CardContent) -> CardEvidence | None:
    is_held_out = False
    for statement in content.of_kinds("text", "item", "heading"):
        for line in re.split(r"\n|(?<=[a-z)%])\.\s|(?<=\d)\.\s(?=[A-Z])", statement.text):
            if _has_word("printed_output", line[:1_000]):
                continue
            if _has_word("training_numbers", line[:400]) and not _has_word("held_out", line[:400]):
                continue
            if _has_metric(line[:1_000]):
                return CardEvidence("a metric with its number", shorten_passage(line))
            if is_held_out and re.match(r"\W*(eval[_ ])?loss\W", line, re.IGNORECASE) and VALUE.search(line):
                return CardEvidence("a loss on held-out data", shorten_passage(line))
            is_held_out = is_held_out or _has_word("held_out", line[:1_000])
    return None


def _has_metric(line: str) -> bool:
    for metric in word_pattern("evaluation", "metrics").finditer(line):
        after = line[metric.end() : metric.end() + MAX_DISTANCE]
        before = line[max(0, metric.start() - MAX_DISTANCE) : metric.start()]
        if DECIMAL.search(after) or re.match(r"\W{0,6}\d+(?![\w-])", after):
            return True
        if DECIMAL.search(before) and _has_word("result_verbs", line):
            return True
    result = word_pattern("evaluation", "result_words").search(line)
    if result and DECIMAL.search(line[result.end() : result.end() + MAX_DISTANCE]):
        return True
    return any(
        AFTER_NAME.match(line, name.end()) for name in word_pattern("evaluation", "benchmarks").finditer(line)
    ) and not line.lstrip().startswith(("#", "["))


def _find_table(content: CardContent) -> CardEvidence | None:
    head, has_metric, has_benchmark = "", False, False
    for statement in content.of_kinds("row", "heading", "text", "code"):
        if statement.block.kind != "row" or statement.block.info == "head":
            head = statement.text if statement.block.kind == "row" else ""
            has_metric, has_benchmark = _has_word("metrics", head), _has_word("benchmarks", head)
        elif _is_result(statement, has_metric, has_benchmark):
            return CardEvidence("a table of results", shorten_passage(f"{head} / {statement.text}"))
    return None


def _is_result(statement: CardStatement, has_metric: bool, has_benchmark: bool) -> bool:
    """Return whether a row gives a result. The flags say what the head of the table names."""
    if not VALUE.search(statement.text):
        return False
    if "evaluation" in statement.topics and "training" not in statement.topics:
        return has_metric or bool(DECIMAL.search(statement.text))
    if "how_to_use" in statement.topics or not DECIMAL.search(statement.text):
        return False
    return (
        has_metric or has_benchmark or _has_word("metrics", statement.text) or _has_word("benchmarks", statement.text)
    )


def _has_word(words: str, text: str) -> bool:
    return bool(word_pattern("evaluation", words).search(text))


def _find_under_heading(content: CardContent) -> CardEvidence | None:
    for statement in _evaluation_statements(content):
        kind, text = statement.block.kind, statement.text
        if kind == "code" and _has_word("metrics", text) and DECIMAL.search(text):
            return CardEvidence(f"numbers under {statement.heading!r}", shorten_passage(text))
        if kind in ("text", "item") and DECIMAL.search(text):
            return CardEvidence(f"numbers under {statement.heading!r}", shorten_passage(text))
        if kind == "image":
            return CardEvidence(f"a figure under {statement.heading!r}", shorten_passage(statement.heading))
    return None


def _find_printed(content: CardContent) -> CardEvidence | None:
    for statement in content.of_kinds("code"):
        for line in [] if "training" in statement.topics else statement.text[:20_000].split("\n"):
            if PRINTED_LINE.fullmatch(line[:200]) and _has_word("metrics", line):
                return CardEvidence("a metric printed by a program", shorten_passage(line))
    return None


def _evaluation_statements(content: CardContent) -> Iterator[CardStatement]:
    other_topics = {"training", "how_to_use", "aside"}
    return (statement for statement in content.under_topic("evaluation") if not statement.topics & other_topics)

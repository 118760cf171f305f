"""Does the card say how well the model does, in numbers?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from analysis.scoring.rules import Finding, Reading, Said, cut
from analysis.scoring.vocabulary import words

VALUE = re.compile(r"(?<![\w.-])[+-]?\d{1,6}([.,]\d+)?\s?%?(?![\w-])")
DECIMAL = re.compile(r"(?<![\w.-])((\d{1,4}\.\d+|0,\d+|\d{1,3},\d{1,2})\s?%?(?!\w)(?!\.\d)|\d{1,3}\s?%)")
PRINTED = re.compile(r"\W*\w[\w @/-]{0,60}:\s*\d*\.\d+\s?%?\W*")  # a line that a program has printed
AFTER_NAME = re.compile(r"[^\w.]*[:=|(][^\w.]*\d{1,3}(\.\d+)?(?![\w-])|\D{0,30}\d{2}\.\d|\D{0,30}\d{1,3}\s?%")
NEAR = 50


def find(reading: Reading) -> Finding | None:
    """A metric with its number, a table of results, or numbers or figures under a heading of evaluation.

    >>> from analysis.scoring.rules import findings
    >>> findings("On the test set it reaches an accuracy of 91.2 %.")["evaluation"].reason
    'a metric with its number'
    """
    return _metric(reading) or _table(reading) or _under_heading(reading) or _printed(reading)


def _metric(reading: Reading) -> Finding | None:
    held_out = False
    for said in reading.of("text", "item", "heading"):
        for line in re.split(r"\n|(?<=[a-z)%])\.\s|(?<=\d)\.\s(?=[A-Z])", said.text):
            if words("evaluation", "printed").search(line[:1_000]):
                continue
            if words("evaluation", "training").search(line[:400]) and not words("evaluation", "held").search(
                line[:400]
            ):
                continue
            if _has_metric(line[:1_000]):
                return Finding("a metric with its number", cut(line))
            if held_out and re.match(r"\W*(eval[_ ])?loss\W", line, re.IGNORECASE) and VALUE.search(line):
                return Finding("a loss on held-out data", cut(line))
            held_out = held_out or bool(words("evaluation", "held").search(line[:1_000]))
    return None


def _has_metric(line: str) -> bool:
    for metric in words("evaluation", "metrics").finditer(line):
        after = line[metric.end() : metric.end() + NEAR]
        before = line[max(0, metric.start() - NEAR) : metric.start()]
        if DECIMAL.search(after) or re.match(r"\W{0,6}\d+(?![\w-])", after):
            return True
        if DECIMAL.search(before) and words("evaluation", "claims").search(line):
            return True
    said = words("evaluation", "results").search(line)
    if said and DECIMAL.search(line[said.end() : said.end() + NEAR]):
        return True
    return any(
        AFTER_NAME.match(line, name.end()) for name in words("evaluation", "benchmarks").finditer(line)
    ) and not line.lstrip().startswith(("#", "["))


def _table(reading: Reading) -> Finding | None:
    head, metric, benchmark = "", False, False
    for said in reading.of("row", "heading", "text", "code"):
        if said.block.kind != "row" or said.block.info == "head":
            head = said.text if said.block.kind == "row" else ""
            metric, benchmark = _names("metrics", head), _names("benchmarks", head)
        elif _is_result(said, metric, benchmark):
            return Finding("a table of results", cut(f"{head} / {said.text}"))
    return None


def _is_result(said: Said, metric: bool, benchmark: bool) -> bool:
    """Whether a row gives a result; `metric` and `benchmark` say whether the head of its table names one."""
    if not VALUE.search(said.text):
        return False
    if "evaluation" in said.topics and "training" not in said.topics:
        return metric or bool(DECIMAL.search(said.text))
    if "how_to_use" in said.topics or not DECIMAL.search(said.text):
        return False
    return metric or benchmark or _names("metrics", said.text) or _names("benchmarks", said.text)


def _names(kind: str, text: str) -> bool:
    return bool(words("evaluation", kind).search(text))


def _under_heading(reading: Reading) -> Finding | None:
    for said in _in_evaluation(reading):
        if said.block.kind == "code" and words("evaluation", "metrics").search(said.text) and DECIMAL.search(said.text):
            return Finding(f"numbers under {said.heading!r}", cut(said.text))
        if said.block.kind in ("text", "item") and DECIMAL.search(said.text):
            return Finding(f"numbers under {said.heading!r}", cut(said.text))
        if said.block.kind == "image":
            return Finding(f"a figure under {said.heading!r}", cut(said.heading))
    return None


def _printed(reading: Reading) -> Finding | None:
    for said in reading.of("code"):
        for line in [] if "training" in said.topics else said.text[:20_000].split("\n"):
            if PRINTED.fullmatch(line[:200]) and words("evaluation", "metrics").search(line):
                return Finding("a metric that was printed", cut(line))
    return None


def _in_evaluation(reading: Reading) -> Iterator[Said]:
    return (said for said in reading.under("evaluation") if not said.topics & {"training", "how_to_use", "aside"})

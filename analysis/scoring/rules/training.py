"""Does the card say on what, or how, the model was trained?"""

from __future__ import annotations

import re

from analysis.scoring.rules import CardContent, CardEvidence, CardStatement, is_pointer, shorten_passage
from analysis.scoring.vocabulary import UNSPACED_SCRIPT, threshold, word_pattern

MAX_DISTANCE = 200


def find_evidence(content: CardContent) -> CardEvidence | None:
    """A statement of the data, settings, or what stands under a heading of training.

    >>> from analysis.scoring.rules import find_all_evidence
    >>> find_all_evidence("It was fine-tuned on the SQuAD dataset.")["training"].reason
    'says what it was trained on'
    """
    return _find_statement(content) or _find_settings(content) or _find_keys(content) or _find_under_heading(content)


def _find_statement(content: CardContent) -> CardEvidence | None:
    for said in content.of_kinds("text", "item", "heading"):
        if said.topics & {"aside"}:
            continue
        for sentence in said.sentences():
            for verb in word_pattern("training", "verbs").finditer(sentence[:2_000]):
                before = MAX_DISTANCE if UNSPACED_SCRIPT.search(verb[0]) else 0  # in such writing the data come first
                begin = max(0, verb.start() - before)
                after = re.sub(word_pattern("training", "vague"), " ", sentence[begin : verb.end() + MAX_DISTANCE])
                if word_pattern("training", "data").search(after):
                    return CardEvidence("says what it was trained on", shorten_passage(sentence))
            if word_pattern("training", "used").search(sentence):
                return CardEvidence("says what data were used", shorten_passage(sentence))
            if _has_dataset_link(said.block.links) and word_pattern("training", "verbs").search(sentence):
                return CardEvidence("names the dataset it was trained on", shorten_passage(sentence))
    return None


def _names_data(statement: CardStatement) -> bool:
    """Whether a fragment names data: by a word for data, or as a link under a heading that is of data."""
    named = statement.block.links and any(sign.isupper() or sign.isdigit() for sign in statement.text)
    linked = named and word_pattern("training", "data").search(statement.heading)
    return bool(linked or word_pattern("training", "data").search(statement.text))


def _has_dataset_link(links: tuple[str, ...]) -> bool:
    return any("huggingface.co/datasets/" in link for link in links)


def _find_settings(content: CardContent) -> CardEvidence | None:
    held = [
        said.text
        for said in content.of_kinds("item", "row", "text", "code")
        if (said.block.kind != "code" or "training" in said.topics)
        and "how_to_use" not in said.topics
        and word_pattern("training", "settings").search(said.text[:3_000])
    ]
    many = any(
        len(word_pattern("training", "settings").findall(text[:3_000])) >= threshold("settings_of_a_training")
        for text in held
    )
    if many or len(held) >= threshold("settings_of_a_training"):
        return CardEvidence("gives the settings of the training", shorten_passage("; ".join(held)))
    return None


def _find_keys(content: CardContent) -> CardEvidence | None:
    for said in content.of_kinds("item", "text", "row"):
        if said.block.kind == "row" and (said.block.info == "head" or "evaluation" in said.topics):
            continue
        for line in said.text.split("\n")[:100]:
            if word_pattern("training", "keys").search(line[:300]):
                return CardEvidence("names data or settings of the training", shorten_passage(line))
    return None


def _find_under_heading(content: CardContent) -> CardEvidence | None:
    for said in content.under_topic("training", "text", "item", "row"):
        if "evaluation" in said.topics and said.block.kind == "row":
            continue
        if _has_dataset_link(said.block.links):
            return CardEvidence(f"a dataset under {said.heading!r}", shorten_passage(said.text))
        named = [said.text] if said.block.kind != "row" and _names_data(said) else []
        for sentence in (*said.sentences(), *named):
            if not is_pointer(sentence) and not word_pattern("training", "empty").search(sentence):
                return CardEvidence(f"under {said.heading!r}", shorten_passage(sentence))
    return None

"""Does the card say on what data, or how, the model was trained?"""

from __future__ import annotations

import re

from analysis.scoring.rules import CardContent, CardEvidence, CardStatement, is_pointer, shorten_passage
from analysis.scoring.vocabulary import UNSPACED_SCRIPT, threshold, word_pattern

MAX_DISTANCE = 200


def find_evidence(content: CardContent) -> CardEvidence | None:
    """Find a statement of the data, the settings, or a sentence under a heading of training.

    >>> from analysis.scoring.rules import find_all_evidence
    >>> find_all_evidence("It was fine-tuned on the SQuAD dataset.")["training"].reason
    'says what it was trained on'
    """
    return _find_statement(content) or _find_settings(content) or _find_keys(content) or _find_under_heading(content)


def _find_statement(content: CardContent) -> CardEvidence | None:
    for statement in content.of_kinds("text", "item", "heading"):
        if "aside" in statement.topics:
            continue
        for sentence in statement.sentences():
            if _names_training_data(sentence):
                return CardEvidence("says what it was trained on", shorten_passage(sentence))
            if word_pattern("training", "data_use").search(sentence):
                return CardEvidence("says what data were used", shorten_passage(sentence))
            if _has_dataset_link(statement.block.links) and word_pattern("training", "verbs").search(sentence):
                return CardEvidence("names the dataset it was trained on", shorten_passage(sentence))
    return None


def _names_training_data(sentence: str) -> bool:
    """Return whether data stand near a verb of training: after the verb, and in scripts without spaces before it."""
    for verb in word_pattern("training", "verbs").finditer(sentence[:2_000]):
        before = MAX_DISTANCE if UNSPACED_SCRIPT.search(verb[0]) else 0
        near = sentence[max(0, verb.start() - before) : verb.end() + MAX_DISTANCE]
        if word_pattern("training", "data").search(re.sub(word_pattern("training", "unspecific_data"), " ", near)):
            return True
    return False


def _names_data(statement: CardStatement) -> bool:
    """Return whether a fragment names data: by a word for data, or by a link under a heading about data."""
    has_named_link = statement.block.links and any(sign.isupper() or sign.isdigit() for sign in statement.text)
    is_data_link = has_named_link and word_pattern("training", "data").search(statement.heading)
    return bool(is_data_link or word_pattern("training", "data").search(statement.text))


def _has_dataset_link(links: tuple[str, ...]) -> bool:
    return any("huggingface.co/datasets/" in link for link in links)


def _find_settings(content: CardContent) -> CardEvidence | None:
    settings, minimum = word_pattern("training", "settings"), threshold("settings_of_a_training")
    texts = [
        statement.text
        for statement in content.of_kinds("item", "row", "text", "code")
        if (statement.block.kind != "code" or "training" in statement.topics)
        and "how_to_use" not in statement.topics
        and settings.search(statement.text[:3_000])
    ]
    if len(texts) >= minimum or any(len(settings.findall(text[:3_000])) >= minimum for text in texts):
        return CardEvidence("gives the settings of the training", shorten_passage("; ".join(texts)))
    return None


def _find_keys(content: CardContent) -> CardEvidence | None:
    for statement in content.of_kinds("item", "text", "row"):
        is_row = statement.block.kind == "row"
        if is_row and (statement.block.info == "head" or "evaluation" in statement.topics):
            continue
        for line in statement.text.split("\n")[:100]:
            if word_pattern("training", "keys").search(line[:300]):
                return CardEvidence("names data or settings of the training", shorten_passage(line))
    return None


def _find_under_heading(content: CardContent) -> CardEvidence | None:
    for statement in content.under_topic("training", "text", "item", "row"):
        is_row = statement.block.kind == "row"
        if is_row and "evaluation" in statement.topics:
            continue
        if _has_dataset_link(statement.block.links):
            return CardEvidence(f"a dataset under {statement.heading!r}", shorten_passage(statement.text))
        fragments = [statement.text] if not is_row and _names_data(statement) else []
        for sentence in (*statement.sentences(), *fragments):
            if not is_pointer(sentence) and not word_pattern("training", "uninformative").search(sentence):
                return CardEvidence(f"under {statement.heading!r}", shorten_passage(sentence))
    return None

"""Does the card say on what, or how, the model was trained?"""

from __future__ import annotations

import re

from analysis.scoring.rules import Finding, Reading, Said, cut, is_pointer
from analysis.scoring.vocabulary import UNSPACED, number, words

REACH = 200


def find(reading: Reading) -> Finding | None:
    """A statement of the data, settings, or what stands under a heading of training.

    >>> from analysis.scoring.rules import findings
    >>> findings("It was fine-tuned on the SQuAD dataset.")["training"].reason
    'says what it was trained on'
    """
    return _statement(reading) or _settings(reading) or _keys(reading) or _under_heading(reading)


def _statement(reading: Reading) -> Finding | None:
    for said in reading.of("text", "item", "heading"):
        if said.topics & {"aside"}:
            continue
        for sentence in said.sentences():
            for verb in words("training", "verbs").finditer(sentence[:2_000]):
                before = REACH if UNSPACED.search(verb[0]) else 0  # in such writing the data come first
                begin = max(0, verb.start() - before)
                after = re.sub(words("training", "vague"), " ", sentence[begin : verb.end() + REACH])
                if words("training", "data").search(after):
                    return Finding("says what it was trained on", cut(sentence))
            if words("training", "used").search(sentence):
                return Finding("says what data were used", cut(sentence))
            if _links_a_dataset(said.block.links) and words("training", "verbs").search(sentence):
                return Finding("names the dataset it was trained on", cut(sentence))
    return None


def _names_data(said: Said) -> bool:
    """Whether a fragment names data: by a word for data, or as a link under a heading that is of data."""
    named = said.block.links and any(sign.isupper() or sign.isdigit() for sign in said.text)
    linked = named and words("training", "data").search(said.heading)
    return bool(linked or words("training", "data").search(said.text))


def _links_a_dataset(links: tuple[str, ...]) -> bool:
    return any("huggingface.co/datasets/" in link for link in links)


def _settings(reading: Reading) -> Finding | None:
    held = [
        said.text
        for said in reading.of("item", "row", "text", "code")
        if (said.block.kind != "code" or "training" in said.topics)
        and "how_to_use" not in said.topics
        and words("training", "settings").search(said.text[:3_000])
    ]
    many = any(
        len(words("training", "settings").findall(text[:3_000])) >= number("settings_of_a_training") for text in held
    )
    if many or len(held) >= number("settings_of_a_training"):
        return Finding("gives the settings of the training", cut("; ".join(held)))
    return None


def _keys(reading: Reading) -> Finding | None:
    for said in reading.of("item", "text", "row"):
        if said.block.kind == "row" and (said.block.info == "head" or "evaluation" in said.topics):
            continue
        for line in said.text.split("\n")[:100]:
            if words("training", "keys").search(line[:300]):
                return Finding("names data or settings of the training", cut(line))
    return None


def _under_heading(reading: Reading) -> Finding | None:
    for said in reading.under("training", "text", "item", "row"):
        if "evaluation" in said.topics and said.block.kind == "row":
            continue
        if _links_a_dataset(said.block.links):
            return Finding(f"a dataset under {said.heading!r}", cut(said.text))
        named = [said.text] if said.block.kind != "row" and _names_data(said) else []
        for sentence in (*said.sentences(), *named):
            if not is_pointer(sentence) and not words("training", "empty").search(sentence):
                return Finding(f"under {said.heading!r}", cut(sentence))
    return None

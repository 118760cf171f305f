"""Does the card tell a reader how to use the model?"""

from __future__ import annotations

from analysis.scoring.rules import CardContent, CardEvidence, CardStatement, is_pointer, shorten_passage
from analysis.scoring.vocabulary import word_pattern


def find_evidence(content: CardContent) -> CardEvidence | None:
    """Code that loads or runs it, instructions under a heading of use, or a prompt to give it.

    >>> from analysis.scoring.rules import find_all_evidence
    >>> find_all_evidence("```python\\nmodel = AutoModel.from_pretrained('a/b')\\n```")["how_to_use"].reason
    'code that loads or runs the model'
    """
    return _find_code(content) or _find_instructions(content) or _find_prompt(content) or _find_anywhere(content)


def _find_code(content: CardContent) -> CardEvidence | None:
    for said in content.of_kinds("code"):
        if _is_citation(said) or said.topics & {"aside"}:
            continue
        if word_pattern("how_to_use", "loads").search(said.text[:20_000]):
            return CardEvidence("code that loads or runs the model", shorten_passage(said.text))
    for said in content.of_kinds("text", "item"):
        if found := word_pattern("how_to_use", "calls").search(said.text[:20_000]):
            return CardEvidence("code, not set as such", shorten_passage(said.text[max(0, found.start() - 60) :]))
    for said in content.under_topic("how_to_use", "code"):
        if (
            not _is_citation(said)
            and "training" not in said.topics
            and not word_pattern("how_to_use", "installs").search(said.text)
        ):
            return CardEvidence(f"code under {said.heading!r}", shorten_passage(said.text))
    return None


def _is_citation(statement: CardStatement) -> bool:
    return bool(word_pattern("how_to_use", "citing").search(statement.text[:200])) or "bib" in statement.block.info


def _find_instructions(content: CardContent) -> CardEvidence | None:
    for said in content.under_topic("how_to_use", "text", "item"):
        for sentence in said.sentences():
            if word_pattern("how_to_use", "instructs").search(sentence) and not is_pointer(sentence):
                return CardEvidence(f"instructions under {said.heading!r}", shorten_passage(sentence))
    return None


def _find_prompt(content: CardContent) -> CardEvidence | None:
    for said in content.of_kinds("text", "item", "code"):
        if word_pattern("how_to_use", "prompts").search(said.heading) and len(said.text) > 8 and not _is_citation(said):
            return CardEvidence(f"what to prompt it with, under {said.heading!r}", shorten_passage(said.text))
    return None


def _find_anywhere(content: CardContent) -> CardEvidence | None:
    for said in content.of_kinds("text", "item"):
        found = word_pattern("how_to_use", "strong").search(said.text[:5_000])
        if found:
            return CardEvidence("an instruction", shorten_passage(said.text[max(0, found.start() - 40) :]))
    return None

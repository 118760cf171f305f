"""Does the card tell a reader how to use the model?"""

from __future__ import annotations

from analysis.scoring.rules import CardContent, CardEvidence, CardStatement, is_pointer, shorten_passage
from analysis.scoring.vocabulary import word_pattern


def find_evidence(content: CardContent) -> CardEvidence | None:
    """Find code that loads or runs the model, instructions under a heading of use, or a prompt.

    >>> from analysis.scoring.rules import find_all_evidence
    >>> find_all_evidence("```python\\nmodel = AutoModel.from_pretrained('a/b')\\n```")["how_to_use"].reason
    'code that loads or runs the model'
    """
    return _find_code(content) or _find_instructions(content) or _find_prompt(content) or _find_anywhere(content)


def _find_code(content: CardContent) -> CardEvidence | None:
    return _find_loading_code(content) or _find_inline_code(content) or _find_code_under_heading(content)


def _find_loading_code(content: CardContent) -> CardEvidence | None:
    for statement in content.of_kinds("code"):
        is_relevant = "aside" not in statement.topics and not _is_citation(statement)
        if is_relevant and word_pattern("how_to_use", "loading_code").search(statement.text[:20_000]):
            return CardEvidence("code that loads or runs the model", shorten_passage(statement.text))
    return None


def _find_inline_code(content: CardContent) -> CardEvidence | None:
    for statement in content.of_kinds("text", "item"):
        if match := word_pattern("how_to_use", "inline_code").search(statement.text[:20_000]):
            passage = shorten_passage(statement.text[max(0, match.start() - 60) :])
            return CardEvidence("code without a code block", passage)
    return None


def _find_code_under_heading(content: CardContent) -> CardEvidence | None:
    for statement in content.under_topic("how_to_use", "code"):
        is_relevant = "training" not in statement.topics and not _is_citation(statement)
        if is_relevant and not word_pattern("how_to_use", "installation").search(statement.text):
            return CardEvidence(f"code under {statement.heading!r}", shorten_passage(statement.text))
    return None


def _is_citation(statement: CardStatement) -> bool:
    return bool(word_pattern("how_to_use", "citations").search(statement.text[:200])) or "bib" in statement.block.info


def _find_instructions(content: CardContent) -> CardEvidence | None:
    for statement in content.under_topic("how_to_use", "text", "item"):
        for sentence in statement.sentences():
            if word_pattern("how_to_use", "instructions").search(sentence) and not is_pointer(sentence):
                return CardEvidence(f"instructions under {statement.heading!r}", shorten_passage(sentence))
    return None


def _find_prompt(content: CardContent) -> CardEvidence | None:
    for statement in content.of_kinds("text", "item", "code"):
        is_about_prompts = word_pattern("how_to_use", "prompt_headings").search(statement.heading)
        if is_about_prompts and len(statement.text) > 8 and not _is_citation(statement):
            return CardEvidence(f"a prompt under {statement.heading!r}", shorten_passage(statement.text))
    return None


def _find_anywhere(content: CardContent) -> CardEvidence | None:
    for statement in content.of_kinds("text", "item"):
        if match := word_pattern("how_to_use", "anywhere").search(statement.text[:5_000]):
            return CardEvidence("an instruction", shorten_passage(statement.text[max(0, match.start() - 40) :]))
    return None

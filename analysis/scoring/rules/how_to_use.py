"""Does the card tell a reader how to use the model?"""

from __future__ import annotations

from analysis.scoring.rules import Finding, Reading, Said, cut, is_pointer
from analysis.scoring.vocabulary import words


def find(reading: Reading) -> Finding | None:
    """Code that loads or runs it, instructions under a heading of use, or a prompt to give it.

    >>> from analysis.scoring.rules import findings
    >>> findings("```python\\nmodel = AutoModel.from_pretrained('a/b')\\n```")["how_to_use"].reason
    'code that loads or runs the model'
    """
    return _code(reading) or _instructions(reading) or _prompt(reading) or _anywhere(reading)


def _code(reading: Reading) -> Finding | None:
    for said in reading.of("code"):
        if _cites(said) or said.topics & {"aside"}:
            continue
        if words("how_to_use", "loads").search(said.text[:20_000]):
            return Finding("code that loads or runs the model", cut(said.text))
    for said in reading.of("text", "item"):
        if found := words("how_to_use", "calls").search(said.text[:20_000]):
            return Finding("code, not set as such", cut(said.text[max(0, found.start() - 60) :]))
    for said in reading.under("how_to_use", "code"):
        if not _cites(said) and "training" not in said.topics and not words("how_to_use", "installs").search(said.text):
            return Finding(f"code under {said.heading!r}", cut(said.text))
    return None


def _cites(said: Said) -> bool:
    return bool(words("how_to_use", "citing").search(said.text[:200])) or "bib" in said.block.info


def _instructions(reading: Reading) -> Finding | None:
    for said in reading.under("how_to_use", "text", "item"):
        for sentence in said.sentences():
            if words("how_to_use", "instructs").search(sentence) and not is_pointer(sentence):
                return Finding(f"instructions under {said.heading!r}", cut(sentence))
    return None


def _prompt(reading: Reading) -> Finding | None:
    for said in reading.of("text", "item", "code"):
        if words("how_to_use", "prompts").search(said.heading) and len(said.text) > 8 and not _cites(said):
            return Finding(f"what to prompt it with, under {said.heading!r}", cut(said.text))
    return None


def _anywhere(reading: Reading) -> Finding | None:
    for said in reading.of("text", "item"):
        found = words("how_to_use", "strong").search(said.text[:5_000])
        if found:
            return Finding("an instruction", cut(said.text[max(0, found.start() - 40) :]))
    return None

"""What the judge is asked: a named prompt, its hash, and the messages about one card."""

from __future__ import annotations

import hashlib
import json
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from analysis.scoring import ITEMS
from db.cli import plain

FILE = Path(__file__).with_name("prompts.toml")
LONGEST = 60_000  # characters of a card that leave this machine


@dataclass(frozen=True)
class Prompt:
    """Five questions under a name; the hash is of all that is asked, the answer's form among it."""

    name: str
    questions: Mapping[str, str]
    frame: str

    @property
    def hash(self) -> str:
        """The first 16 digits of the SHA-256 of questions, frame and schema."""
        asked = json.dumps([self.frame, dict(self.questions), schema(), LONGEST], sort_keys=True)
        return hashlib.sha256(asked.encode()).hexdigest()[:16]

    def messages(self, card: str, mark: str) -> list[dict[str, str]]:
        """The messages about one card; it stands between two lines with a mark that it cannot know."""
        asked = "\n".join(f"- {item}: {self.questions[item]}" for item in ITEMS)
        shown = plain(card[:LONGEST]).replace(mark, "")
        return [
            {"role": "system", "content": f"{self.frame.format(mark=mark)}\n\nThe questions:\n{asked}"},
            {"role": "user", "content": f"[card {mark}]\n{shown}\n[end of card {mark}]"},
        ]


@cache
def document() -> Mapping[str, object]:
    """`prompts.toml`, read once."""
    return tomllib.loads(FILE.read_text("utf-8"))


def prompt(name: str) -> Prompt:
    """A prompt by its name.

    >>> prompt("strict").name, len(prompt("paper").hash)
    ('strict', 16)
    """
    told = document()
    return Prompt(name, told["prompts"][name], told["frame"]["text"])


def new_mark() -> str:
    """A mark that nobody can have written into a card."""
    return secrets.token_hex(12)


def schema() -> dict[str, object]:
    """The form of an answer, strict: per item a boolean and a quote, and nothing else."""
    one = {
        "type": "object",
        "properties": {"answer": {"type": "boolean"}, "quote": {"type": "string"}},
        "required": ["answer", "quote"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": dict.fromkeys(ITEMS, one),
        "required": list(ITEMS),
        "additionalProperties": False,
    }


def body(asked: Prompt, card: str, model: str, most: int, mark: str, seed: int) -> dict[str, object]:
    """One call of the chat completions API."""
    form = {"name": "card_reading", "strict": True, "schema": schema()}
    return {
        "model": model,
        "messages": asked.messages(card, mark),
        "response_format": {"type": "json_schema", "json_schema": form},
        "temperature": 0,
        "seed": seed,
        "max_completion_tokens": most,
    }

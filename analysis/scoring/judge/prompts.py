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
from db.cli import escape_control_characters

PROMPTS_FILE = Path(__file__).with_name("prompts.toml")
MAX_CARD_CHARACTERS = 60_000  # characters of a card that leave this machine


@dataclass(frozen=True)
class Prompt:
    """Five questions under a name; the hash is of all that is asked, the answer's form among it."""

    name: str
    questions: Mapping[str, str]
    frame: str

    @property
    def hash(self) -> str:
        """The first 16 digits of the SHA-256 of questions, frame and schema."""
        asked = json.dumps([self.frame, dict(self.questions), reply_schema(), MAX_CARD_CHARACTERS], sort_keys=True)
        return hashlib.sha256(asked.encode()).hexdigest()[:16]

    def messages(self, card: str, mark: str) -> list[dict[str, str]]:
        """The messages about one card; it stands between two lines with a mark that it cannot know."""
        asked = "\n".join(f"- {item}: {self.questions[item]}" for item in ITEMS)
        shown = escape_control_characters(card[:MAX_CARD_CHARACTERS]).replace(mark, "")
        return [
            {"role": "system", "content": f"{self.frame.format(mark=mark)}\n\nThe questions:\n{asked}"},
            {"role": "user", "content": f"[card {mark}]\n{shown}\n[end of card {mark}]"},
        ]


@cache
def load_prompts() -> Mapping[str, object]:
    """`prompts.toml`, read once."""
    return tomllib.loads(PROMPTS_FILE.read_text("utf-8"))


def get_prompt(name: str) -> Prompt:
    """A prompt by its name.

    >>> get_prompt("strict").name, len(get_prompt("paper").hash)
    ('strict', 16)
    """
    told = load_prompts()
    return Prompt(name, told["prompts"][name], told["frame"]["text"])


def generate_mark() -> str:
    """A mark that nobody can have written into a card."""
    return secrets.token_hex(12)


def reply_schema() -> dict[str, object]:
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


def build_request(prompt: Prompt, card: str, model: str, max_tokens: int, mark: str, seed: int) -> dict[str, object]:
    """One call of the chat completions API."""
    form = {"name": "card_reading", "strict": True, "schema": reply_schema()}
    return {
        "model": model,
        "messages": prompt.messages(card, mark),
        "response_format": {"type": "json_schema", "json_schema": form},
        "temperature": 0,
        "seed": seed,
        "max_completion_tokens": max_tokens,
    }

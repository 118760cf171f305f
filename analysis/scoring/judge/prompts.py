"""The judge's prompts: named questions, their hash, and the request about one card."""

from __future__ import annotations

import hashlib
import json
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from analysis.scoring import ITEMS
from db.cli import escape_control_characters

PROMPTS_FILE = Path(__file__).with_name("prompts.toml")
MAX_CARD_CHARACTERS = 60_000  # of a card that leave this machine


@dataclass(frozen=True)
class Prompt:
    """Five questions under a name. The hash covers everything that is asked, and the form of the reply."""

    name: str
    questions: Mapping[str, str]
    frame: str

    @property
    def hash(self) -> str:
        """The first 16 digits of the SHA-256 of the questions, the frame and the schema."""
        content = json.dumps([self.frame, dict(self.questions), reply_schema(), MAX_CARD_CHARACTERS], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def messages(self, card: str, mark: str) -> list[dict[str, str]]:
        """Return the messages about one card. The card stands between two lines with a mark that it cannot know."""
        questions = "\n".join(f"- {item}: {self.questions[item]}" for item in ITEMS)
        text = escape_control_characters(card[:MAX_CARD_CHARACTERS]).replace(mark, "")
        return [
            {"role": "system", "content": f"{self.frame.format(mark=mark)}\n\nThe questions:\n{questions}"},
            {"role": "user", "content": f"[card {mark}]\n{text}\n[end of card {mark}]"},
        ]


@cache
def load_prompts() -> dict[str, Any]:
    """Return the content of `prompts.toml`."""
    return tomllib.loads(PROMPTS_FILE.read_text("utf-8"))


def get_prompt(name: str) -> Prompt:
    """Return a prompt by its name.

    >>> get_prompt("strict").name, len(get_prompt("paper").hash)
    ('strict', 16)
    """
    document = load_prompts()
    return Prompt(name, document["prompts"][name], document["frame"]["text"])


def generate_mark() -> str:
    """Return a random mark, which no card can contain in advance."""
    return secrets.token_hex(12)


def reply_schema() -> dict[str, Any]:
    """Return the strict schema of a reply: a boolean and a quote per item, and nothing else."""
    answer = {
        "type": "object",
        "properties": {"answer": {"type": "boolean"}, "quote": {"type": "string"}},
        "required": ["answer", "quote"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": dict.fromkeys(ITEMS, answer),
        "required": list(ITEMS),
        "additionalProperties": False,
    }


def build_request(prompt: Prompt, card: str, model: str, max_tokens: int, mark: str, seed: int) -> dict[str, Any]:
    """Return the body of one call of the chat completions API."""
    form = {"name": "card_reading", "strict": True, "schema": reply_schema()}
    return {
        "model": model,
        "messages": prompt.messages(card, mark),
        "response_format": {"type": "json_schema", "json_schema": form},
        "temperature": 0,
        "seed": seed,
        "max_completion_tokens": max_tokens,
    }

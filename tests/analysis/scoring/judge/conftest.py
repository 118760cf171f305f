"""The endpoint of the judge, and a judge that uses it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from analysis.scoring.judge.answers import JudgeReading
from analysis.scoring.judge.bounds import bounded_client_options
from analysis.scoring.judge.client import Judge, JudgeSetup
from analysis.scoring.judge.ledger import JudgeBudget, Ledger, Price
from analysis.scoring.judge.prompts import get_prompt

ROOT = Path(__file__).resolve().parents[4]
CARD = "# Owl\n\nOwl is a small language model for Welsh poetry.\n"


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """Start the endpoint and return its URL."""
    line = [sys.executable, "-m", "tests.judge_server"]
    with subprocess.Popen(line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
        server.stdin.close()


@pytest.fixture
def calls(endpoint: str) -> Callable[[str], int]:
    """Return the number of calls of a model so far."""

    def count(model: str) -> int:
        with urllib.request.urlopen(endpoint.removesuffix("/v1") + "/calls") as answer:
            return json.load(answer).get(model, 0)

    return count


@pytest.fixture
def ask(endpoint: str, tmp_path: Path) -> Callable[..., list[list[JudgeReading]]]:
    """Let a model read cards, and return the readings of each card."""
    from openai import AsyncOpenAI

    def run(model: str, *cards: str, usd: float | None = 100.0, repeats: int = 1, tokens: int | None = None,
            name: str = "strict") -> list[list[JudgeReading]]:  # fmt: skip
        ledger = Ledger(tmp_path / "ledger.jsonl", JudgeBudget(usd, tokens))
        setup = JudgeSetup(model, get_prompt(name), Price(1.0, 4.0), repeats=repeats, concurrency=8, wait=0.05)

        async def read() -> list[list[JudgeReading]]:
            async with AsyncOpenAI(
                base_url=endpoint, api_key="k", max_retries=0, **bounded_client_options(0.7)
            ) as client:
                judge = Judge(client, setup, ledger, lambda: "2026-01-01")
                return [readings async for _, readings in judge.read_all([("card", card) for card in cards or (CARD,)])]

        return asyncio.run(read())

    return run

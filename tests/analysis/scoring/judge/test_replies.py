"""A judge's answer of any shape is read or invalid, and never an error of the program."""

from __future__ import annotations

import pytest

from analysis.scoring.judge.client import parse_model_reply
from analysis.scoring.judge.replies import reply_of, tokens_of

SHAPES: list[object] = [
    None, 7, "text", [], {}, {"choices": None}, {"choices": {}}, {"choices": []}, {"choices": "text"},
    {"choices": [None]}, {"choices": ["text"]}, {"choices": [{}]}, {"choices": [{"message": None}]},
    {"choices": [{"message": "text"}]}, {"choices": [{"message": {"content": ["part"]}}]},
    {"choices": [{"message": {"content": {"text": "part"}, "refusal": 7}, "finish_reason": []}], "model": {}},
    {"choices": [{"message": {"content": "{}"}}]}, {"choices": [{"message": {"content": "[" * 100_000}}]},
    {"choices": [{"message": {"content": '{"training": ' * 5000}}]},
    {"choices": [{"message": {"content": '{"training": {"answer": 1e999, "quote": null}}'}}]},
]  # fmt: skip


@pytest.mark.parametrize("completion", SHAPES, ids=range(len(SHAPES)))
def test_an_answer_of_another_shape_is_invalid(completion: object) -> None:
    assert parse_model_reply(reply_of(completion), "# Owl")[0].state == "invalid"


@pytest.mark.parametrize(
    "usage", [None, 7, [], {}, {"prompt_tokens": 5}, {"prompt_tokens": 5, "completion_tokens": "2"},
              {"prompt_tokens": -5, "completion_tokens": 2}, {"prompt_tokens": True, "completion_tokens": 2}]
)  # fmt: skip
def test_tokens_that_are_not_two_numbers_are_not_stated(usage: object) -> None:
    assert tokens_of({"usage": usage}) is None

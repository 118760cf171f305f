"""The errors of argparse are told in the words of this program."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import pytest

from db.argument_errors import describe_argument_error


class RaisingParser(argparse.ArgumentParser):
    """A parser that raises the message of argparse."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise ValueError(message)


def make_parser() -> argparse.ArgumentParser:
    parser = RaisingParser()
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=RaisingParser)
    take = commands.add_parser("take")
    take.add_argument("registries", nargs="+", metavar="REGISTRY")
    take.add_argument("--format", choices=("text", "json"))
    depth = take.add_mutually_exclusive_group()
    depth.add_argument("--top", type=int)
    depth.add_argument("--full", action="store_true")
    take.add_argument("--total", nargs=2)
    date = take.add_mutually_exclusive_group(required=True)
    date.add_argument("--date")
    date.add_argument("--manifest")
    return parser


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "COMMAND is missing."),
        (["tke"], "There is no command 'tke'."),
        (["take"], "REGISTRY is missing."),
        (["take", "npm"], "One of --date, --manifest is missing."),
        (["take", "npm", "--format", "x, y"], "--format cannot be 'x, y'."),
        (["take", "npm", "--top"], "--top needs a value."),
        (["take", "npm", "--top", "x"], "--top: 'x' is not a whole number."),
        (["take", "npm", "--top", "1", "--full"], "--full and --top exclude each other."),
        (["take", "npm", "--full=1"], "--full takes no value, and it has '1'."),
        (["take", "npm", "--total", "1"], "--total needs 2 values."),
        (["take", "npm", "--to", "1"], "--to may mean --top or --total."),
        (["take", "npm", "--date", "x", "--tpo=5"], "There is no option '--tpo' here."),
    ],
)
def test_a_message_of_argparse_is_a_sentence(words: Sequence[str], sentence: str) -> None:
    with pytest.raises(ValueError) as raised:
        make_parser().parse_args(words)
    assert describe_argument_error(str(raised.value)).message == sentence


def test_a_message_that_is_not_known_is_kept() -> None:
    assert describe_argument_error("argument --x: too odd").message == "--x: too odd."
    assert describe_argument_error("too odd").message == "too odd."

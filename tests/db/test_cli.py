"""The shared command line: arguments, error messages and exit codes."""

from __future__ import annotations

import argparse
import datetime
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db import ObservatoryError, SchemaTooNewError, StoreBusyError, StoreError, UsageError, __version__
from db.cli import (
    DONE,
    FAILED,
    PARTIAL,
    USAGE,
    CommandParser,
    add_common_options,
    create_parser,
    escape_control_characters,
    isoformat_utc,
    parse_day,
    positive_int,
    run_command,
)

Handler = Callable[[argparse.Namespace], int]


def make_program(do: Handler) -> Callable[[], argparse.ArgumentParser]:
    """Return the maker of a parser with one command, `look`, which has one option of its own."""

    def make() -> argparse.ArgumentParser:
        parser = create_parser("observatory test", "For a test.")
        commands = parser.add_subparsers(required=True, parser_class=CommandParser, metavar="COMMAND")
        command = commands.add_parser("look")
        add_common_options(command)
        command.add_argument("--format", choices=("text", "json"), default="text")
        command.set_defaults(do=do)
        return parser

    return make


def raise_error(error: BaseException) -> Handler:
    """Return a handler that raises an error."""

    def do(_: argparse.Namespace) -> int:
        raise error

    return do


@pytest.mark.parametrize("code", [DONE, FAILED, PARTIAL])
def test_a_command_ends_with_the_exit_code_of_its_handler(code: int) -> None:
    assert run_command(make_program(lambda _: code), ["look"]) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [(ObservatoryError("x"), 1), (StoreError("x"), 1), (StoreBusyError("x"), 1), (SchemaTooNewError("x"), 1),
     (UsageError("x"), 2), (KeyboardInterrupt(), 3), (ValueError("x"), 1), (BrokenPipeError(), 0)],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_every_error_has_its_exit_code(error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.dup2", lambda *_: None)
    assert run_command(make_program(raise_error(error)), ["look"]) == code


def test_an_error_is_printed_in_four_parts(capsys: pytest.CaptureFixture[str]) -> None:
    run_command(
        make_program(raise_error(StoreError("It broke.", "It was old.", "Make a new one.", "docs/new.md"))), ["look"]
    )
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == "error: It broke.\n  why  It was old.\n  fix  Make a new one.\n  more docs/new.md\n"


def test_an_error_without_a_page_of_its_own_names_the_guide(capsys: pytest.CaptureFixture[str]) -> None:
    run_command(make_program(raise_error(StoreError("It broke."))), ["look"])
    assert capsys.readouterr().err == "error: It broke.\n  more docs/errors.md\n"


def test_a_bug_is_reported_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    run_command(make_program(raise_error(ZeroDivisionError("by 0"))), ["look"])
    errors = capsys.readouterr().err
    assert "ZeroDivisionError: by 0" in errors
    assert [line.split()[0] for line in errors.splitlines()] == ["error:", "why", "fix", "more"]


@pytest.mark.parametrize("arguments", [["look", "--debug"], ["--debug", "look"]])
@pytest.mark.parametrize("error", [StoreError("x"), ZeroDivisionError()], ids=["expected", "unexpected"])
def test_with_debug_the_traceback_is_shown(error: Exception, arguments: list[str]) -> None:
    with pytest.raises(type(error)):
        run_command(make_program(raise_error(error)), arguments)


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [(["lok"], "look"), (["look", "--fromat", "json"], "--format"), (["look", "--format", "jsn"], "json"),
     (["look", "--bd", "x"], "--db"), (["look", "--database", "x"], "--db"), (["--dubug", "look"], "--debug")],
)  # fmt: skip
def test_a_misspelled_argument_is_answered_with_the_closest_one(
    arguments: list[str], suggestion: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(make_program(lambda _: DONE), arguments) == USAGE
    assert f"Did you mean {suggestion}?" in capsys.readouterr().err


def test_an_option_at_the_wrong_command_is_not_suggested_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(make_program(lambda _: DONE), ["--format=json", "look"]) == USAGE
    assert "--format is an option of another command." in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["zzzzzz"], [], ["look", "--zzzzzz"], ["look", "--format"]])
def test_an_unknown_argument_is_answered_with_the_help(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(make_program(lambda _: DONE), arguments) == USAGE
    errors = capsys.readouterr().err
    assert "Did you mean" not in errors
    assert "--help`" in errors


@pytest.mark.parametrize("arguments", [["look", "--db", "a.db"], ["--db", "a.db", "look"]])
def test_the_store_may_be_named_before_and_after_the_command(arguments: list[str]) -> None:
    assert run_command(make_program(lambda options: DONE if options.db == Path("a.db") else FAILED), arguments) == DONE


def test_the_store_is_named_by_the_environment_or_is_in_this_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    stores = []
    program = make_program(lambda options: stores.append(str(options.db)) or DONE)
    run_command(program, ["look"])
    monkeypatch.setenv("OBSERVATORY_DB", "/elsewhere/a.db")
    run_command(program, ["look"])
    run_command(program, ["look", "--db", "b.db"])
    assert stores == ["observatory.db", "/elsewhere/a.db", "b.db"]


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        run_command(make_program(lambda _: DONE), ["--version"])
    assert (raised.value.code, capsys.readouterr().out) == (0, f"hub-observatory {__version__}\n")


def test_a_reader_that_closes_the_pipe_ends_the_command_quietly() -> None:
    line = f"{sys.executable} -m db schema --dictionary | head -c 1"
    process = subprocess.run(["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, text=True, check=False)
    assert (process.returncode, process.stdout, process.stderr) == (0, "#", "")


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain, ünïcode, 模型, 🤗", "plain, ünïcode, 模型, 🤗"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[31mred", "⟨U+001B⟩[31mred"),
        ("a\rb\x08\x00", "a⟨U+000D⟩b⟨U+0008⟩⟨U+0000⟩"),
        ("\u202egpj.exe\u2066\u2069", "⟨U+202E⟩gpj.exe⟨U+2066⟩⟨U+2069⟩"),
        ("zero\u200bwidth\ufeff", "zero⟨U+200B⟩width⟨U+FEFF⟩"),
        ("\x9b31m\x7f", "⟨U+009B⟩31m⟨U+007F⟩"),
        ("half \ud800", "half ⟨U+D800⟩"),
    ],
)
@pytest.mark.fault("E8")
def test_characters_that_control_a_terminal_are_escaped(text: str, escaped: str) -> None:
    assert escape_control_characters(text) == escaped


@settings(deadline=None)
@given(st.text(st.characters()))
@pytest.mark.fault("E8")
def test_escaped_text_is_printable_and_stays_the_same_when_escaped_again(text: str) -> None:
    escaped = escape_control_characters(text)
    escaped.encode("utf-8")
    assert not any(letter in escaped for letter in "\x00\x07\x08\r\x1b\x7f\x9b\u202e\u2066")
    assert escape_control_characters(escaped) == escaped


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("1000", 1000), ("2147483647", 2**31 - 1)])
def test_a_whole_number_above_zero_is_accepted(text: str, number: int) -> None:
    assert positive_int(text) == number


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "", "ten", "1e3", "٣", "2147483648", " 1"])
def test_other_text_is_refused_as_a_number(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="not a whole number above zero"):
        positive_int(text)


@pytest.mark.parametrize("text", ["2022-13-01", "15.02.2022", "2022-02-30", "yesterday", "2022-02-15T00:00"])
def test_other_text_is_refused_as_a_day_with_the_expected_format(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="write it as 2022-02-15"):
        parse_day(text)


@settings(deadline=None)
@given(st.dates())
def test_a_day_is_parsed_to_its_first_second(date: datetime.date) -> None:
    assert isoformat_utc(parse_day(date.isoformat())).endswith(f"{date.isoformat()[4:]}T00:00:00Z")

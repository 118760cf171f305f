"""Every command line reads its words, fails and ends in the same way."""

from __future__ import annotations

import argparse
import datetime
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
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


def made(do: Handler) -> Callable[[], argparse.ArgumentParser]:
    """A command with one word, `look`, that has one option of its own."""

    def make() -> argparse.ArgumentParser:
        top = create_parser("observatory test", "For a test.")
        words = top.add_subparsers(required=True, parser_class=CommandParser, metavar="WORD")
        word = words.add_parser("look")
        add_common_options(word)
        word.add_argument("--format", choices=("text", "json"), default="text")
        word.set_defaults(do=do)
        return top

    return make


def raising(error: BaseException) -> Handler:
    """A handler that meets an error."""

    def do(_: argparse.Namespace) -> int:
        raise error

    return do


@pytest.mark.parametrize("code", [DONE, FAILED, PARTIAL])
def test_a_command_ends_with_what_its_handler_says(code: int) -> None:
    assert run_command(made(lambda _: code), ["look"]) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [(ObservatoryError("x"), 1), (StoreError("x"), 1), (StoreBusyError("x"), 1), (SchemaTooNewError("x"), 1),
     (UsageError("x"), 2), (KeyboardInterrupt(), 3), (ValueError("x"), 1), (BrokenPipeError(), 0)],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_every_error_has_its_exit_code(error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.dup2", lambda *_: None)
    assert run_command(made(raising(error)), ["look"]) == code


def test_an_error_is_told_in_four_parts(capsys: pytest.CaptureFixture[str]) -> None:
    run_command(made(raising(StoreError("It broke.", "It was old.", "Make a new one.", "docs/new.md"))), ["look"])
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "error: It broke.\n  why  It was old.\n  fix  Make a new one.\n  more docs/new.md\n"


def test_an_error_without_a_page_of_its_own_names_the_guide(capsys: pytest.CaptureFixture[str]) -> None:
    run_command(made(raising(StoreError("It broke."))), ["look"])
    assert capsys.readouterr().err == "error: It broke.\n  more docs/errors.md\n"


def test_a_mistake_of_ours_is_told_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    run_command(made(raising(ZeroDivisionError("by 0"))), ["look"])
    told = capsys.readouterr().err
    assert "ZeroDivisionError: by 0" in told
    assert [line.split()[0] for line in told.splitlines()] == ["error:", "why", "fix", "more"]


@pytest.mark.parametrize("words", [["look", "--debug"], ["--debug", "look"]])
@pytest.mark.parametrize("error", [StoreError("x"), ZeroDivisionError()], ids=["foreseen", "unforeseen"])
def test_with_debug_the_traceback_is_shown(error: Exception, words: list[str]) -> None:
    with pytest.raises(type(error)):
        run_command(made(raising(error)), words)


@pytest.mark.parametrize(
    ("words", "meant"),
    [(["lok"], "look"), (["look", "--fromat", "json"], "--format"), (["look", "--format", "jsn"], "json"),
     (["look", "--bd", "x"], "--db"), (["look", "--database", "x"], "--db"), (["--dubug", "look"], "--debug")],
)  # fmt: skip
def test_a_wrong_word_is_answered_with_the_one_that_was_meant(
    words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(made(lambda _: DONE), words) == USAGE
    assert f"Did you mean {meant}?" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["zzzzzz"], [], ["look", "--zzzzzz"], ["look", "--format"]])
def test_a_word_that_is_like_none_is_answered_with_the_help(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(made(lambda _: DONE), words) == USAGE
    told = capsys.readouterr().err
    assert "Did you mean" not in told
    assert "--help`" in told


@pytest.mark.parametrize("words", [["look", "--db", "a.db"], ["--db", "a.db", "look"]])
def test_the_store_may_be_named_before_and_after_the_word(words: list[str]) -> None:
    assert run_command(made(lambda options: DONE if options.db == Path("a.db") else FAILED), words) == DONE


def test_the_store_is_named_by_the_environment_or_is_in_this_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    named = []
    do = made(lambda options: named.append(str(options.db)) or DONE)
    run_command(do, ["look"])
    monkeypatch.setenv("OBSERVATORY_DB", "/elsewhere/a.db")
    run_command(do, ["look"])
    run_command(do, ["look", "--db", "b.db"])
    assert named == ["observatory.db", "/elsewhere/a.db", "b.db"]


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_command(made(lambda _: DONE), ["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"hub-observatory {__version__}\n")


def test_a_reader_that_has_seen_enough_ends_us_quietly() -> None:
    line = f"{sys.executable} -m db schema --dictionary | head -c 1"
    ended = subprocess.run(["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "#", "")


@pytest.mark.parametrize(
    ("text", "shown"),
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
def test_characters_a_terminal_would_obey_are_shown(text: str, shown: str) -> None:
    assert escape_control_characters(text) == shown


@given(st.text(st.characters()))
@pytest.mark.fault("E8")
def test_plain_text_can_be_printed_obeys_nothing_and_is_plain_already(text: str) -> None:
    shown = escape_control_characters(text)
    shown.encode("utf-8")
    assert not any(letter in shown for letter in "\x00\x07\x08\r\x1b\x7f\x9b\u202e\u2066")
    assert escape_control_characters(shown) == shown


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("1000", 1000), ("2147483647", 2**31 - 1)])
def test_a_count_is_a_whole_number_above_zero(text: str, number: int) -> None:
    assert positive_int(text) == number


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "", "ten", "1e3", "٣", "2147483648", " 1"])
def test_what_is_no_count_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="not a whole number above zero"):
        positive_int(text)


@pytest.mark.parametrize("text", ["2022-13-01", "15.02.2022", "2022-02-30", "yesterday", "2022-02-15T00:00"])
def test_what_is_no_day_is_refused_with_the_form_that_is_wanted(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="write it as 2022-02-15"):
        parse_day(text)


@given(st.dates())
def test_a_day_is_its_first_second(date: datetime.date) -> None:
    assert isoformat_utc(parse_day(date.isoformat())).endswith(f"{date.isoformat()[4:]}T00:00:00Z")

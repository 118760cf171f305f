"""Options of `observatory crawl`: old names still work, and only new names are shown."""

from __future__ import annotations

import pytest

from crawler.__main__ import make_parser

ALIASES = [
    ("snapshot", "--quota-share", "--share", "0.5"),
    ("snapshot", "--retry-for", "--patience", "7"),
    ("snapshot", "--delay", "--pause", "0"),
    ("snapshot", "--body-retention", "--keep-bodies", "30"),
    ("changes", "--max-pages", "--most", "4"),
    ("changes", "--max-probes", "--probes", "9"),
    ("cards", "--delay", "--pause", "2"),
    ("check", "--retry-for", "--patience", "1"),
]


@pytest.mark.parametrize(("command", "option", "old_name", "value"), ALIASES)
def test_the_old_name_of_an_option_has_the_same_effect(command: str, option: str, old_name: str, value: str) -> None:
    arguments = [command, "huggingface/models"]
    options, old_options = (make_parser().parse_args([*arguments, name, value]) for name in (option, old_name))
    assert options == old_options != make_parser().parse_args(arguments)


@pytest.mark.parametrize("command", ["snapshot", "changes", "cards", "check", "import"])
def test_help_shows_new_names_only(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        make_parser().parse_args([command, "--help"])
    shown_words = capsys.readouterr().out.replace("[", " ").split()
    assert not {old_name for _, _, old_name, _ in ALIASES} & set(shown_words)


def test_check_api_is_another_name_of_check() -> None:
    options = make_parser().parse_args(["check-api", "npm"])
    assert options == make_parser().parse_args(["check", "npm"])

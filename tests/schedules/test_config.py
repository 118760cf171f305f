"""The file of a schedule: its keys, and every fault at once, with the word that was probably meant."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.config import (
    EXAMPLES,
    SHIPPED,
    ScheduleError,
    load_schedules,
    parse_duration,
    parse_schedules,
    schedule_folders,
)

GOOD = 'run = "report"\nevery = "1 hour"\n'


def list_faults(text: str) -> str:
    return "\n".join(parse_schedules({"one": text})[1])


def test_a_file_gives_command_timetable_grace_and_followers() -> None:
    schedules, faults = parse_schedules(
        {
            "top": '# The top.\nrun = "crawl snapshot npm --top 10"\ncron = "17 3 * * MON"\ngrace = "2 days"\n'
            'then = ["after"]',
            "after": 'run = "compute"',
        }
    )
    assert not faults
    top = schedules["top"]
    assert (top.arguments, top.grace, top.then, top.description) == (
        ["crawl", "snapshot", "npm", "--top", "10"], 172800, ("after",), "The top.",
    )  # fmt: skip
    assert (top.due_text, schedules["after"].due_text) == ("17 3 * * MON", "after another")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('run = "report"\nevry = "1 day"', "no key 'evry'. Did you mean every?"),
        ('run = "report"\nevery = "1 dya"', "seconds, minutes, hours, days, weeks. Did you mean day?"),
        ('run = "report"\nevery = 5', 'every: Expected `str`, got `int`. Write for example: every = "1 day"'),
        ('run = "report"\nevery = "0 days"', "above zero"),
        ('run = "report"\nevery = "9999 weeks"', "at most a year"),
        ('run = "report"\nevery = "1 day"\ncron = "1 1 * * *"', "keep one"),
        ('run = "report"\ncron = "1 1 * *"', "has 4 fields"),
        ('run = "report"\ncron = "61 1 * * *"', "'61 1 * * *'"),
        ('run = "report"\ncron = "1 1 * * 1"', "a day by its name (MON)"),
        ('run = "report"\ncron = "1 1 13 * FRI"', "programs differ"),
        ('run = "report"\ncron = "1 1 31 2 *"', "never comes"),
        ('run = "report"\ncron = 7', "cron: Expected `str`"),
        ('every = "1 day"', "run is missing"),
        ('run = "observatory report"\nevery = "1 day"', "leave that word out"),
        ('run = "schedule run"\nevery = "1 day"', "may not start or inspect the daemon"),
        ('run = "report --db=x.db"\nevery = "1 day"', "another store"),
        ('run = "report --debug --db x.db"\nevery = "1 day"', "another store"),
        ('run = "report --db"\nevery = "1 day"', "another store"),
        ('run = "report \'x"\nevery = "1 day"', "cannot be split"),
        (GOOD + "then = 5", "then: Expected `array`"),
        (GOOD + 'then = ["onee"]', "Did you mean one?"),
        (GOOD + 'then = ["one"]', "would never end"),
        (GOOD + "grace = true", "grace: Expected `str`, got `bool`"),
        ('run = "report"', "nothing says when it is due"),
        ('run = "reprot"\nevery = "1 day"', "no command 'reprot'. Did you mean report?"),
        ('run = 5\nevery = "1 day"', "run: Expected `str`"),
        (GOOD + "then = [5]", "then: Expected `str`"),
        ("run = ", "is not TOML"),
    ],
)
def test_a_fault_is_reported_with_what_is_right(text: str, part: str) -> None:
    assert part in list_faults(text)


def test_all_faults_of_all_files_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text('rnu = "report"\nevery = "soon"\n', "utf-8")
    (tmp_path / "Two.toml").write_text(GOOD, "utf-8")
    (tmp_path / "three.toml").write_bytes(b"\xff")
    with pytest.raises(ScheduleError) as caught:
        load_schedules([tmp_path, tmp_path / "none"])
    assert caught.value.exit_code == 2
    text = "\n".join(caught.value.faults)
    for part in ("rnu", "run is missing", "'soon'", "small letters", "three.toml: cannot be read", "no such folder"):
        assert part in text


def test_a_word_after_the_options_names_no_store() -> None:
    assert not parse_schedules({"one": 'run = "show --debug -- --db"\nevery = "1 day"'})[1]


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [make_pipe, link_to_device, Path.mkdir])
@pytest.mark.fault("A13")
def test_a_pipe_or_a_device_in_the_place_of_a_schedule_is_not_read(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "one.toml")
    with pytest.raises(ScheduleError) as caught:
        load_schedules([tmp_path])
    assert "one.toml: cannot be read: It is a folder, a pipe or a device" in caught.value.faults[0]


@pytest.mark.fault("B7")
def test_folders_without_any_schedule_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScheduleError) as caught:
        load_schedules([tmp_path])
    assert "the daemon would do nothing" in caught.value.why
    assert load_schedules([SHIPPED, tmp_path])


def test_a_file_replaces_the_file_of_its_name_in_an_earlier_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "backup.toml").write_text(GOOD, "utf-8")
    monkeypatch.setenv("OBSERVATORY_SCHEDULES", f"shipped:{tmp_path}")
    assert schedule_folders(None) == [SHIPPED, tmp_path]
    schedules = load_schedules(schedule_folders(None))
    assert schedules["backup"].run == "report" and "hub-top" in schedules
    assert set(load_schedules(schedule_folders([str(tmp_path)]))) == {"backup"}


def test_the_shipped_schedules_have_no_fault_and_a_description() -> None:
    schedules = load_schedules([SHIPPED])
    assert {"hub-top", "hub-deep", "hub-census", "hub-changes", "hub-cards", "npm-top", "pypi-top"} <= set(schedules)
    assert all(schedule.description.endswith(".") for schedule in schedules.values())
    snapshots = [schedule for schedule in schedules.values() if schedule.arguments[:2] == ["crawl", "snapshot"]]
    assert all("--resume" in schedule.arguments and schedule.then == ("compute",) for schedule in snapshots)


VALUES = st.one_of(st.text(max_size=20), st.integers(), st.booleans(), st.lists(st.text(max_size=5), max_size=3))
TIMES = st.from_regex(r"[0-9*/,-]{1,4}( [0-9*/,A-Z-]{1,4}){3,5}", fullmatch=True)


@given(st.dictionaries(st.sampled_from([*EXAMPLES, "evry"]), VALUES | TIMES, max_size=5))
@settings(max_examples=80, deadline=None)
def test_a_file_with_any_values_is_parsed_or_has_a_fault(table: dict[str, object]) -> None:
    text = "\n".join(f"{key} = {format_toml(value)}" for key, value in table.items())
    schedules, faults = parse_schedules({"one": text})
    assert faults or schedules["one"].run


def format_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(format_toml(item) for item in value)}]"
    return str(value) if isinstance(value, int) else quote(str(value))


def quote(text: str) -> str:
    characters = [
        f"\\u{ord(character):04x}" if ord(character) < 0x10000 and not 0xD800 <= ord(character) < 0xE000 else "?"
        for character in text
    ]
    return f'"{"".join(characters)}"'


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_a_file_with_any_text_is_parsed_or_has_a_fault(text: str) -> None:
    schedules, faults = parse_schedules({"one": text})
    assert faults or schedules["one"].run


@given(st.text(max_size=30) | st.from_regex(r"[0-9]{1,10} ?[a-z]{1,7}s?", fullmatch=True))
@settings(max_examples=100, deadline=None)
def test_any_text_is_a_duration_or_an_error(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        assert repr(text) in str(error) or "is not one of seconds" in str(error)
    else:
        assert 0 < seconds <= 366 * 86400

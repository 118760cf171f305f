"""A schedule's file: what it says, and every fault in it at once, with what was meant."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.config import (
    KEYS,
    SHIPPED,
    ScheduleError,
    load_schedules,
    parse_duration,
    parse_schedules,
    schedule_folders,
)

GOOD = 'run = "report"\nevery = "1 hour"\n'


def faults(text: str) -> str:
    return "\n".join(parse_schedules({"one": text})[1])


def test_a_schedule_says_what_when_how_late_and_what_follows() -> None:
    found, wrong = parse_schedules({
        "top": '# The top.\nrun = "crawl snapshot npm --top 10"\ncron = "17 3 * * MON"\ngrace = "2 days"\n'
               'then = ["after"]',
        "after": 'run = "compute"',
    })  # fmt: skip
    assert not wrong
    top = found["top"]
    assert (top.arguments, top.grace, top.then, top.description) == (
        ["crawl", "snapshot", "npm", "--top", "10"], 172800, ("after",), "The top.",
    )  # fmt: skip
    assert (top.due_text, found["after"].due_text) == ("17 3 * * MON", "after another")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('run = "report"\nevry = "1 day"', "no key 'evry'; did you mean every?"),
        ('run = "report"\nevery = "1 dya"', "'dya' is none; did you mean day?"),
        ('run = "report"\nevery = 5', "every is a length of time"),
        ('run = "report"\nevery = "0 days"', "above nothing"),
        ('run = "report"\nevery = "9999 weeks"', "at most a year"),
        ('run = "report"\nevery = "1 day"\ncron = "1 1 * * *"', "keep one"),
        ('run = "report"\ncron = "1 1 * *"', "has 4"),
        ('run = "report"\ncron = "61 1 * * *"', "'61 1 * * *'"),
        ('run = "report"\ncron = "1 1 * * 1"', "a day by its name (MON)"),
        ('run = "report"\ncron = "1 1 13 * FRI"', "programs differ"),
        ('run = "report"\ncron = "1 1 31 2 *"', "never comes"),
        ('run = "report"\ncron = 7', "five fields in quotes"),
        ('every = "1 day"', "run is missing"),
        ('run = "observatory report"\nevery = "1 day"', "leave that word out"),
        ('run = "schedule run"\nevery = "1 day"', "may not start the daemon"),
        ('run = "report --db=x.db"\nevery = "1 day"', "another store"),
        ("run = \"report 'x\"\nevery = \"1 day\"", "cannot be split"),
        (GOOD + "then = 5", "then is a list of names"),
        (GOOD + 'then = ["onee"]', "did you mean one?"),
        (GOOD + 'then = ["one"]', "would never end"),
        (GOOD + "grace = true", "grace is a length of time"),
        ('run = "report"', "nothing says when it is due"),
        ("run = ", "is not TOML"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_what_is_right(text: str, said: str) -> None:
    assert said in faults(text)


def test_all_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text('rnu = "report"\nevery = "soon"\n', "utf-8")
    (tmp_path / "Two.toml").write_text(GOOD, "utf-8")
    (tmp_path / "three.toml").write_bytes(b"\xff")
    with pytest.raises(ScheduleError) as told:
        load_schedules([tmp_path, tmp_path / "none"])
    assert told.value.exit_code == 2
    text = "\n".join(told.value.faults)
    for said in ("rnu", "run is missing", "'soon'", "small letters", "three.toml: cannot be read", "no such folder"):
        assert said in text


def test_a_later_folder_takes_the_place_of_an_earlier_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "backup.toml").write_text(GOOD, "utf-8")
    monkeypatch.setenv("OBSERVATORY_SCHEDULES", f"shipped:{tmp_path}")
    assert schedule_folders(None) == [SHIPPED, tmp_path]
    found = load_schedules(schedule_folders(None))
    assert found["backup"].run == "report" and "hub-top" in found
    assert set(load_schedules(schedule_folders([str(tmp_path)]))) == {"backup"}


def test_those_that_come_with_us_have_no_fault_and_say_what_they_do() -> None:
    found = load_schedules([SHIPPED])
    assert {"hub-top", "hub-deep", "hub-census", "hub-changes", "hub-cards", "npm-top", "pypi-top"} <= set(found)
    assert all(one.description.endswith(".") for one in found.values())
    snapshots = [one for one in found.values() if one.arguments[:2] == ["crawl", "snapshot"]]
    assert all("--resume" in one.arguments and one.then == ("compute",) for one in snapshots)


VALUES = st.one_of(st.text(max_size=20), st.integers(), st.booleans(), st.lists(st.text(max_size=5), max_size=3))
TIMES = st.from_regex(r"[0-9*/,-]{1,4}( [0-9*/,A-Z-]{1,4}){3,5}", fullmatch=True)


@given(st.dictionaries(st.sampled_from([*KEYS, "evry"]), VALUES | TIMES, max_size=5))
@settings(max_examples=80, deadline=None)
def test_whatever_values_a_file_has_it_is_read_or_told(said: dict[str, object]) -> None:
    lines = []
    for key, value in said.items():
        written = str(value).lower() if isinstance(value, bool) else value if isinstance(value, int) else None
        if written is None:
            inner = value if isinstance(value, list) else [value]
            quoted = [_quoted(str(one)) for one in inner]
            written = f"[{', '.join(quoted)}]" if isinstance(value, list) else quoted[0]
        lines.append(f"{key} = {written}")
    text = "\n".join(lines)
    try:
        tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError):
        pass
    found, wrong = parse_schedules({"one": text})
    assert wrong or found["one"].run


def _quoted(text: str) -> str:
    return (
        '"'
        + "".join(f"\\u{ord(c):04x}" if ord(c) < 0x10000 and not 0xD800 <= ord(c) < 0xE000 else "?" for c in text)
        + '"'
    )


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_whatever_a_file_holds_it_is_read_or_told(text: str) -> None:
    found, wrong = parse_schedules({"one": text})
    assert wrong or found["one"].run


@given(st.one_of(st.text(max_size=30), st.integers(), st.none()))
@settings(max_examples=100, deadline=None)
def test_a_length_of_time_is_one_or_a_fault(said: object) -> None:
    try:
        assert 0 < parse_duration(said, "grace") <= 366 * 86400
    except ValueError as error:
        assert "grace" in str(error)

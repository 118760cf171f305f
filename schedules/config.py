"""Schedules: one `.toml` file each, read so that every fault of every file is reported at once."""

from __future__ import annotations

import errno
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from db import ObservatoryError
from db.causes import describe_cause
from db.cli import USAGE, did_you_mean
from schedules.command_line import RUN_EXAMPLE, run_faults
from schedules.timetable import CronTimetable, IntervalTimetable, Timetable

SHIPPED = Path(__file__).parent / "shipped"
SHIPPED_NAME = "shipped"
EXAMPLES = {
    "run": RUN_EXAMPLE,
    "cron": 'cron = "17 3 * * MON"',
    "every": 'every = "1 day"',
    "grace": 'grace = "2 days"',
    "then": 'then = ["compute"]',
}
PASSING_ERRORS = (errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EINTR)
SECONDS_PER_UNIT = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}
MAX_SECONDS = 366 * 86400


class ScheduleError(ObservatoryError):
    """Schedules that cannot be used: every fault of every file, with the word that was probably meant."""

    exit_code = USAGE

    def __init__(self, faults: Sequence[str]) -> None:
        count = f"There are {len(faults)} faults in the schedules." if len(faults) > 1 else "A schedule has a fault."
        super().__init__(
            count,
            why="\n       ".join(faults),
            fix="Correct the files, then run `observatory schedule check` again.",
            more="docs/running.md",
        )
        self.faults = tuple(faults)


class ScheduleFile(msgspec.Struct, frozen=True):
    """The keys that a schedule's file may have, and their types."""

    run: str = ""
    cron: str = ""
    every: str = ""
    grace: str = ""
    then: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schedule:
    """A command line, when it is due, how late it may start, and the schedules that follow its success."""

    name: str
    run: str
    timetable: Timetable | None = None
    grace: int | None = None
    then: tuple[str, ...] = ()
    description: str = ""

    @property
    def arguments(self) -> list[str]:
        """The command line after `observatory`."""
        return shlex.split(self.run)

    @property
    def due_text(self) -> str:
        """When the schedule is due, as a person reads it."""
        return str(self.timetable) if self.timetable else "after another"


def parse_duration(text: str) -> int:
    """Return a duration in seconds.

    >>> parse_duration("2 days")
    172800

    Raises:
        ValueError: with what is wrong.
    """
    parts = re.fullmatch(r"(\d{1,9}) *([a-z]+?)s?", text.strip()) if text.isascii() else None
    if not parts:
        raise ValueError(f"{text!r} is not a duration")
    if parts[2] not in SECONDS_PER_UNIT:
        units = ", ".join(f"{unit}s" for unit in SECONDS_PER_UNIT)
        raise ValueError(f"{parts[2]!r} is not one of {units}. {did_you_mean(parts[2], SECONDS_PER_UNIT)}".rstrip(". "))
    seconds = int(parts[1]) * SECONDS_PER_UNIT[parts[2]]
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"{text!r} is not above zero and at most a year")
    return seconds


def parse_interval(text: str) -> IntervalTimetable:
    """Return the timetable of an interval.

    Raises:
        ValueError: with what is wrong.
    """
    return IntervalTimetable(parse_duration(text))


CONVERTERS: Mapping[str, Callable[[Any], object]] = {
    "run": str,
    "cron": CronTimetable,
    "every": parse_interval,
    "grace": parse_duration,
    "then": tuple,
}


def schedule_folders(names: Sequence[str] | None) -> list[Path]:
    """Return the folders named, else those of OBSERVATORY_SCHEDULES, else the shipped one."""
    from_environment = [name for name in os.environ.get("OBSERVATORY_SCHEDULES", "").split(":") if name]
    return [SHIPPED if name == SHIPPED_NAME else Path(name) for name in names or from_environment or [SHIPPED_NAME]]


def load_schedules(folders: Iterable[Path]) -> dict[str, Schedule]:
    """Return the schedules of some folders by name. A file replaces the file of its name in an earlier folder.

    Raises:
        ScheduleError: with every fault of every file.
    """
    schedules, faults = read_schedules(folders)
    if faults:
        raise ScheduleError(faults)
    return schedules


def read_schedules(folders: Iterable[Path]) -> tuple[dict[str, Schedule], list[str]]:
    """Return the schedules of some folders by name, and every fault in their files. A broken disk is no such fault."""
    texts: dict[str, str] = {}
    faults: list[str] = []
    for folder in folders:
        if not folder.is_dir():
            faults.append(f"{folder}: there is no such folder")
        for file in sorted(folder.glob("*.toml")):
            try:
                texts[file.stem] = _read_file(file)
            except (OSError, UnicodeDecodeError) as error:
                if isinstance(error, OSError) and error.errno in PASSING_ERRORS:
                    raise
                faults.append(f"{file.name}: cannot be read: {describe_cause(error)}")
    if not texts and not faults:
        faults.append("no folder has a file NAME.toml: the daemon would do nothing")
    schedules, text_faults = parse_schedules(texts)
    return schedules, [*faults, *text_faults]


def _read_file(file: Path) -> str:
    """Return the text of a file. A pipe or a device in its place is refused, because reading it may never end."""
    if not file.is_file() and file.exists():
        raise OSError("It is a folder, a pipe or a device, not a file")
    return file.read_text("utf-8")


def parse_schedules(texts: Mapping[str, str]) -> tuple[dict[str, Schedule], list[str]]:
    """Return the schedules of some files (name and content), and every fault in them.

    >>> parse_schedules({"a": 'run = "report"\\nevery = "1 day"\\ngrase = "1 hour"'})[1]
    ["a: there is no key 'grase'. Did you mean grace?"]
    """
    schedules: dict[str, Schedule] = {}
    tables, faults = _decode_tables(texts)
    for name, table in tables.items():
        values, value_faults = _convert_values(table)
        schedules[name] = _make_schedule(name, values, _first_comment(texts[name]))
        file_faults = (*_name_faults(name), *value_faults, *run_faults(table.get("run", "")), *_timetable_faults(table))
        faults += [f"{name}: {fault}" for fault in file_faults]
    faults += [f"{name}: {fault}" for name, fault in _cross_file_faults(schedules, tables, texts)]
    return schedules, faults


def _decode_tables(texts: Mapping[str, str]) -> tuple[dict[str, dict[str, object]], list[str]]:
    tables: dict[str, dict[str, object]] = {}
    faults: list[str] = []
    for name, text in texts.items():
        try:
            tables[name] = msgspec.toml.decode(text)
        except (RecursionError, ValueError) as error:  # msgspec's own errors are ValueErrors
            faults.append(f"{name}: is not TOML: {error}")
    return tables, faults


def _convert_values(table: Mapping[str, object]) -> tuple[dict[str, Any], list[str]]:
    """Convert the values of a file. Each is converted on its own, so that one fault does not hide the next."""
    values: dict[str, Any] = {}
    faults: list[str] = []
    for key, value in table.items():
        if key not in CONVERTERS:
            faults.append(f"there is no key {key!r}. {did_you_mean(key, CONVERTERS)}".rstrip())
            continue
        try:
            values[key] = CONVERTERS[key](getattr(msgspec.convert({key: value}, ScheduleFile), key))
        except ValueError as error:
            reason = str(error).partition(" - at `$")[0]  # the path would repeat the key
            stop = "" if reason.endswith("?") else "."
            faults.append(f"{key}: {reason}{stop} Write for example: {EXAMPLES[key]}")
    return values, faults


def _make_schedule(name: str, values: Mapping[str, Any], description: str) -> Schedule:
    timetable = values.get("every") or values.get("cron")
    return Schedule(name, values.get("run", ""), timetable, values.get("grace"), values.get("then", ()), description)


def _first_comment(text: str) -> str:
    line = text.lstrip().partition("\n")[0]
    return line.lstrip("# ").strip() if line.startswith("#") else ""


def _name_faults(name: str) -> Iterator[str]:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,60}", name):
        yield "a name consists of small letters, digits and hyphens"


def _timetable_faults(table: Mapping[str, object]) -> Iterator[str]:
    if "cron" in table and "every" in table:
        yield "both cron and every say when it is due: keep one of them"


def _cross_file_faults(
    schedules: Mapping[str, Schedule], tables: Mapping[str, Mapping[str, object]], names: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Report the faults that show only when all files are seen together."""
    known_names = set(names)
    followers = {follower for schedule in schedules.values() for follower in schedule.then}
    for name, schedule in schedules.items():
        for follower in schedule.then:
            if follower not in known_names:
                hint = did_you_mean(follower, known_names)
                yield name, f"then names {follower!r}, which is not a schedule. {hint}".rstrip()
        if _follows_itself(name, schedules):
            yield name, "it follows itself through then, and would never end"
        if not tables[name].keys() & {"cron", "every"} and name not in followers:
            yield name, "nothing says when it is due: give it cron or every, or name it in a then"


def _follows_itself(name: str, schedules: Mapping[str, Schedule]) -> bool:
    visited: set[str] = set()
    pending = list(schedules[name].then)
    while pending:
        follower = pending.pop()
        if follower == name:
            return True
        if follower not in visited and follower in schedules:
            visited.add(follower)
            pending += schedules[follower].then
    return False

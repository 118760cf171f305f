"""One `.toml` file, one schedule; all faults of all files at once (pure but for the reading)."""

from __future__ import annotations

import difflib
import os
import re
import shlex
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from db import ObservatoryError
from db.cli import USAGE
from schedules.timetable import CronTimetable, IntervalTimetable, Timetable

SHIPPED = Path(__file__).parent / "shipped"
SHIPPED_NAME = "shipped"
KEYS = ("run", "cron", "every", "grace", "then")
SECONDS_PER_UNIT = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}
MAX_SECONDS = 366 * 86400


class ScheduleError(ObservatoryError):
    """Schedules that cannot be used: every fault of every file, each with what was probably meant."""

    exit_code = USAGE

    def __init__(self, faults: Sequence[str]) -> None:
        many = f"There are {len(faults)} faults in the schedules." if len(faults) > 1 else "A schedule has a fault."
        super().__init__(
            many, why="".join(f"\n         {fault}" for fault in faults),
            fix="Mend them; `observatory schedule check` looks again.", more="docs/running.md",
        )  # fmt: skip
        self.faults = tuple(faults)


@dataclass(frozen=True)
class Schedule:
    """A command line, when it is due, how late it may be run, and what follows when it has ended well."""

    name: str
    run: str
    when: Timetable | None = None
    grace: int | None = None
    then: tuple[str, ...] = ()
    description: str = ""

    @property
    def arguments(self) -> list[str]:
        """The command line after `observatory`."""
        return shlex.split(self.run)

    @property
    def due_text(self) -> str:
        """When it is due, for a person."""
        return str(self.when) if self.when else "after another"


def schedule_folders(folder_names: Sequence[str] | None) -> list[Path]:
    """The folders to read schedules from: those named, else OBSERVATORY_SCHEDULES, else those that come with us."""
    chosen = list(folder_names or ()) or [one for one in os.environ.get("OBSERVATORY_SCHEDULES", "").split(":") if one]
    return [SHIPPED if one == SHIPPED_NAME else Path(one) for one in chosen or [SHIPPED_NAME]]


def load_schedules(folders: Iterable[Path]) -> dict[str, Schedule]:
    """The schedules of some folders by name; a later folder's file takes the place of an earlier one's.

    Raises:
        ScheduleError: with every fault there is.
    """
    texts: dict[str, str] = {}
    faults: list[str] = []
    for place in folders:
        if not place.is_dir():
            faults.append(f"{place}: there is no such folder")
        for file in sorted(place.glob("*.toml")):
            try:
                texts[file.stem] = file.read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                faults.append(f"{file.name}: cannot be read: {error}")
    found, more = parse_schedules(texts)
    if faults or more:
        raise ScheduleError([*faults, *more])
    return found


def parse_schedules(texts: Mapping[str, str]) -> tuple[dict[str, Schedule], list[str]]:
    """The schedules of some files (name and content), and every fault in them.

    >>> parse_schedules({"a": 'run = "report"\\nevery = "1 day"\\ngrase = "1 hour"'})[1]
    ["a: there is no key 'grase'; did you mean grace?"]
    """
    found: dict[str, Schedule] = {}
    faults: list[str] = []
    for name, text in texts.items():
        try:
            said = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
            faults.append(f"{name}: is not TOML: {error}")
            continue
        schedule, wrong = _parse_schedule(name, said, _first_comment(text))
        faults += [f"{name}: {one}" for one in wrong]
        found[name] = schedule
    faults += [f"{name}: {fault}" for name, fault in _cross_file_faults(found, texts)]
    return found, faults


def _first_comment(text: str) -> str:
    first = text.lstrip().partition("\n")[0]
    return first.lstrip("# ").strip() if first.startswith("#") else ""


def _parse_schedule(name: str, said: Mapping[str, object], about: str) -> tuple[Schedule, list[str]]:
    faults: list[str] = []
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,60}", name):
        faults.append("a name is of small letters, digits and hyphens")
    faults += [f"there is no key {key!r}{did_you_mean(key, KEYS)}" for key in said if key not in KEYS]
    run = said.get("run")
    faults += _faults_of_run(run)
    when: Timetable | None = None
    grace: int | None = None
    try:
        when = _parse_timetable(said)
    except ValueError as error:
        faults.append(str(error))
    try:
        grace = None if "grace" not in said else parse_duration(said["grace"], "grace")
    except ValueError as error:
        faults.append(str(error))
    then = said.get("then", [])
    if not isinstance(then, list) or not all(isinstance(one, str) for one in then):
        faults.append('then is a list of names, as in then = ["compute"]')
        then = []
    return Schedule(name, run if isinstance(run, str) else "", when, grace, tuple(then), about), faults


def _faults_of_run(run: object) -> Iterator[str]:
    if not isinstance(run, str) or not run.strip():
        yield 'run is missing: the line after `observatory`, as in run = "crawl snapshot npm --top 1000"'
        return
    try:
        words = shlex.split(run)
    except ValueError as error:
        yield f"run cannot be split into words: {error}"
        return
    if words[:1] == ["observatory"]:
        yield "run is the line after `observatory`: leave that word out"
    if words[:1] == ["schedule"]:
        yield "run may not start the daemon or look after it"
    if any(word.split("=")[0] == "--db" for word in words):
        yield "run may not name another store: --db is given to the daemon"


def _parse_timetable(said: Mapping[str, object]) -> Timetable | None:
    if "cron" in said and "every" in said:
        raise ValueError("both cron and every say when it is due: keep one")
    if "every" in said:
        return IntervalTimetable(parse_duration(said["every"], "every"))
    if "cron" not in said:
        return None
    if not isinstance(said["cron"], str):
        raise ValueError('cron is five fields in quotes, as in cron = "17 3 * * MON"')
    return CronTimetable(said["cron"])


def parse_duration(value: object, key: str) -> int:
    """A length of time in words, in seconds.

    >>> parse_duration("2 days", "grace")
    172800

    Raises:
        ValueError: it is none.
    """
    found = (
        re.fullmatch(r"(\d{1,9}) *([a-z]+?)s?", value.strip()) if isinstance(value, str) and value.isascii() else None
    )
    if not found:
        raise ValueError(f'{key} is a length of time, as in {key} = "2 days"; it is {value!r}')
    if found[2] not in SECONDS_PER_UNIT:
        raise ValueError(
            f"{key} is in {', '.join(f'{unit}s' for unit in SECONDS_PER_UNIT)}; {found[2]!r} is none{did_you_mean(found[2], SECONDS_PER_UNIT)}"
        )
    length = int(found[1]) * SECONDS_PER_UNIT[found[2]]
    if not 0 < length <= MAX_SECONDS:
        raise ValueError(f"{key} is above nothing and at most a year; it is {value!r}")
    return length


def _cross_file_faults(found: Mapping[str, Schedule], names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Faults that only several files together have."""
    known = set(names)
    followed = {after for schedule in found.values() for after in schedule.then}
    for name, schedule in found.items():
        for after in schedule.then:
            if after not in known:
                yield name, f"then names {after!r}, which is no schedule{did_you_mean(after, known)}"
        if _follows_itself(name, found):
            yield name, "it follows itself by way of then, and would never end"
        if schedule.when is None and name not in followed:
            yield name, "nothing says when it is due: give it cron or every, or name it in a then"


def _follows_itself(name: str, found: Mapping[str, Schedule]) -> bool:
    seen: set[str] = set()
    waiting = list(found[name].then)
    while waiting:
        one = waiting.pop()
        if one == name:
            return True
        if one not in seen and one in found:
            seen.add(one)
            waiting += found[one].then
    return False


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """What was probably meant, as the end of a sentence."""
    near = difflib.get_close_matches(word, list(candidates), 1)
    return f"; did you mean {near[0]}?" if near else ""

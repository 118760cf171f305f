"""`python -m schedules`: the daemon, and what is to be known of it."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from db import StoreBusy, UsageError
from db.cli import DONE, FAILED, Parser, add_store, count, instant, parser, plain, run

if TYPE_CHECKING:
    from schedules.config import Schedule

SCHEDULES_HELP = (
    "a folder of schedules, or `shipped` for ours; may be repeated (or OBSERVATORY_SCHEDULES; default: shipped)"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the daemon, or look at it; the exit code."""
    return run(make_parser, argv)


def make_parser() -> argparse.ArgumentParser:
    """The words of this room. Nothing heavy is imported before they are read."""
    made = parser("observatory schedule", "Look at registries by themselves, year in, year out.")
    words = made.add_subparsers(title="what to do", metavar="WORD", required=True, parser_class=Parser)
    for add in (_add_run, _add_list, _add_check, _add_once, _add_status):
        add(words)
    return made


def _word(words: argparse._SubParsersAction, name: str, does: str) -> argparse.ArgumentParser:
    added = words.add_parser(name, help=does, description=does)
    add_store(added)
    added.add_argument("--schedules", metavar="DIR", action="append", help=SCHEDULES_HELP)
    return added


def _add_format(word: argparse.ArgumentParser) -> None:
    word.add_argument("--format", choices=("text", "json"), default="text", help="for a person or a program")


def _add_run(words: argparse._SubParsersAction) -> None:
    word = _word(words, "run", "be the daemon: start each command when it is due, until asked to stop")
    word.add_argument("--log", choices=("json", "text"), help="default: text on a terminal, else json")
    word.add_argument(
        "--on-event", metavar="COMMAND", help="is given each gap, failure and quality event, as JSON on its stdin"
    )
    word.add_argument("--prometheus", type=count, metavar="PORT", help="answer Prometheus on this port of loopback")
    word.add_argument(
        "--retry",
        type=count,
        default=300,
        metavar="SECONDS",
        help="before what could not be done is tried again, doubling",
    )
    word.set_defaults(do=run_daemon)


def _add_list(words: argparse._SubParsersAction) -> None:
    word = _word(words, "list", "the schedules, and when each is next")
    _add_format(word)
    word.set_defaults(do=list_schedules)


def _add_check(words: argparse._SubParsersAction) -> None:
    word = _word(words, "check", "are the schedules as they should be? Nothing is run")
    word.set_defaults(do=check)


def _add_once(words: argparse._SubParsersAction) -> None:
    word = _word(words, "once", "run the command of one schedule now; it is on record as a tick")
    word.add_argument("name", metavar="NAME", help="the schedule")
    word.set_defaults(do=once)


def _add_status(words: argparse._SubParsersAction) -> None:
    word = _word(words, "status", "how the daemon, the schedules and the store are")
    _add_format(word)
    word.set_defaults(do=status)


def _read(options: argparse.Namespace) -> dict[str, Schedule]:
    from schedules.config import folders, load

    return load(folders(options.schedules))


def run_daemon(options: argparse.Namespace) -> int:
    """Be the daemon."""
    import asyncio

    from db.connection import refuse_network, writers_lock
    from schedules.daemon import Daemon, Manner
    from schedules.log import Log

    schedules = _read(options)
    store = Path(os.path.realpath(options.db))
    refuse_network(store)
    log = Log(options.log or ("text" if sys.stderr.isatty() else "json"))
    try:
        with writers_lock(Path(f"{store}.daemon")):
            if options.prometheus:
                from schedules.prometheus import serve

                serve(options.prometheus, store, lambda: schedules)
            manner = Manner(options.on_event, options.retry)
            return asyncio.run(_live(lambda: Daemon(store, lambda: _read(options), log, manner)))
    except StoreBusy as busy:
        raise StoreBusy(
            f"Another daemon (pid {_first(store)}) looks after {store}.",
            why="Two of them would do everything twice.",
            fix="Leave it to that one, or stop it first.",
        ) from busy


def _first(store: Path) -> int | str:
    """The daemon that was first. It may have the lock and not have said who it is yet."""
    from db.maintenance.files import writer

    for _ in range(40):
        pid = writer(Path(f"{store}.daemon"))
        if pid is not None:
            return pid
        time.sleep(0.05)
    return "unknown"


async def _live(make: object) -> int:
    assert callable(make)
    return int(await make().run())


def list_schedules(options: argparse.Namespace) -> int:
    """Print the schedules."""
    schedules, now = _read(options), int(time.time())
    rows = [
        {"schedule": one.name, "run": one.run, "when": one.said, "then": list(one.then), "about": one.about,
         "next": instant(one.when.after(now)) if one.when else None}
        for one in schedules.values()
    ]  # fmt: skip
    if options.format == "json":
        print(json.dumps({"schema": 1, "schedules": rows}, ensure_ascii=False))
    else:
        for row in rows:
            print(plain(f"{row['schedule']:<14}{row['next'] or row['when']:<22}{row['run']}"))
    return DONE


def check(options: argparse.Namespace) -> int:
    """Read the files, and let each command read its line."""
    from schedules.child_process import misread
    from schedules.config import ScheduleError

    schedules = _read(options)
    faults = [f"{one.name}: {wrong}" for one in schedules.values() if (wrong := misread(one.words))]
    if faults:
        raise ScheduleError(faults)
    print(f"{len(schedules)} schedules, no fault")
    return DONE


def once(options: argparse.Namespace) -> int:
    """Run one command now, as a person's tick."""
    from db.ticks import append, fold
    from schedules.child_process import OURS, ends_with_parent, reason_of
    from schedules.log_redaction import quiet, secrets
    from schedules.planner import Agenda

    schedule = _named(_read(options), options.name)
    store = Path(os.path.realpath(options.db))
    agenda = Agenda({schedule.name: schedule}, {schedule.name: int(time.time())})
    hidden = secrets(os.environ)
    (queued,) = agenda.ask(schedule.name, int(time.time()))
    append(store, [quiet(agenda.start(queued, int(time.time())), hidden)])
    done = subprocess.run(
        [*OURS, *schedule.words], env={**os.environ, "OBSERVATORY_DB": str(store)}, preexec_fn=ends_with_parent(),
        check=False,
    )  # fmt: skip
    ended = agenda.end(done.returncode, int(time.time()), reason_of(done.returncode, []))[0]
    append(store, [quiet(ended, hidden)])
    fold(store)
    return done.returncode if done.returncode >= 0 else FAILED


def _named(schedules: Mapping[str, Schedule], name: str) -> Schedule:
    from schedules.config import meant

    if name not in schedules:
        raise UsageError(
            f"There is no schedule {name!r}{meant(name, schedules)}",
            why=f"There are: {', '.join(schedules)}.", fix="See `observatory schedule list`.", more="docs/running.md",
        )  # fmt: skip
    return schedules[name]


def status(options: argparse.Namespace) -> int:
    """Say how everything is; 1 if something has not been looked at for too long."""
    from schedules.status import look, text

    found = look(options.db, _read(options))
    print(json.dumps(found, ensure_ascii=False) if options.format == "json" else plain(text(found)))
    return FAILED if found["stale"] else DONE


if __name__ == "__main__":
    # sqlite-utils takes pandas in if it is there: half a second and 60 MB that nothing here uses.
    sys.modules["pandas"] = None  # type: ignore[assignment]
    sys.exit(main())

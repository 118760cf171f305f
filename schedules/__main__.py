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

from db import StoreBusyError, UsageError
from db.cli import (
    DONE,
    FAILED,
    CommandParser,
    add_common_options,
    create_parser,
    escape_control_characters,
    isoformat_utc,
    positive_int,
    run_command,
)

if TYPE_CHECKING:
    from schedules.config import Schedule

SCHEDULES_HELP = (
    "a folder of schedules, or `shipped` for ours; may be repeated (or OBSERVATORY_SCHEDULES; default: shipped)"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the daemon, or look at it; the exit code."""
    return run_command(make_parser, argv)


def make_parser() -> argparse.ArgumentParser:
    """The words of this room. Nothing heavy is imported before they are read."""
    made = create_parser("observatory schedule", "Look at registries by themselves, year in, year out.")
    words = made.add_subparsers(title="what to do", metavar="WORD", required=True, parser_class=CommandParser)
    for add in (_add_run, _add_list, _add_check, _add_once, _add_status):
        add(words)
    return made


def _add_command(words: argparse._SubParsersAction, name: str, does: str) -> argparse.ArgumentParser:
    added = words.add_parser(name, help=does, description=does)
    add_common_options(added)
    added.add_argument("--schedules", metavar="DIR", action="append", help=SCHEDULES_HELP)
    return added


def _add_format(word: argparse.ArgumentParser) -> None:
    word.add_argument("--format", choices=("text", "json"), default="text", help="for a person or a program")


def _add_run(words: argparse._SubParsersAction) -> None:
    word = _add_command(words, "run", "be the daemon: start each command when it is due, until asked to stop")
    word.add_argument("--log", choices=("json", "text"), help="default: text on a terminal, else json")
    word.add_argument(
        "--on-event", metavar="COMMAND", help="is given each gap, failure and quality event, as JSON on its stdin"
    )
    word.add_argument(
        "--prometheus", type=positive_int, metavar="PORT", help="answer Prometheus on this port of loopback"
    )
    word.add_argument(
        "--retry",
        type=positive_int,
        default=300,
        metavar="SECONDS",
        help="before what could not be done is tried again, doubling",
    )
    word.set_defaults(do=run_daemon)


def _add_list(words: argparse._SubParsersAction) -> None:
    word = _add_command(words, "list", "the schedules, and when each is next")
    _add_format(word)
    word.set_defaults(do=list_schedules)


def _add_check(words: argparse._SubParsersAction) -> None:
    word = _add_command(words, "check", "are the schedules as they should be? Nothing is run")
    word.set_defaults(do=check_schedules)


def _add_once(words: argparse._SubParsersAction) -> None:
    word = _add_command(words, "once", "run the command of one schedule now; it is on record as a tick")
    word.add_argument("name", metavar="NAME", help="the schedule")
    word.set_defaults(do=run_once)


def _add_status(words: argparse._SubParsersAction) -> None:
    word = _add_command(words, "status", "how the daemon, the schedules and the store are")
    _add_format(word)
    word.set_defaults(do=show_status)


def _load_schedules(options: argparse.Namespace) -> dict[str, Schedule]:
    from schedules.config import load_schedules, schedule_folders

    return load_schedules(schedule_folders(options.schedules))


def run_daemon(options: argparse.Namespace) -> int:
    """Be the daemon."""
    import asyncio

    from db.connection import hold_writer_lock, refuse_network_file_system
    from schedules.daemon import Daemon, DaemonOptions
    from schedules.log import DaemonLog

    schedules = _load_schedules(options)
    store = Path(os.path.realpath(options.db))
    refuse_network_file_system(store)
    log = DaemonLog(options.log or ("text" if sys.stderr.isatty() else "json"))
    try:
        with hold_writer_lock(Path(f"{store}.daemon")):
            if options.prometheus:
                from schedules.prometheus import serve_metrics

                serve_metrics(options.prometheus, store, lambda: schedules)
            manner = DaemonOptions(options.on_event, options.retry)
            return asyncio.run(_run_daemon(lambda: Daemon(store, lambda: _load_schedules(options), log, manner)))
    except StoreBusyError as busy:
        raise StoreBusyError(
            f"Another daemon (pid {_first_daemon_pid(store)}) looks after {store}.",
            why="Two of them would do everything twice.",
            fix="Leave it to that one, or stop it first.",
        ) from busy


def _first_daemon_pid(store: Path) -> int | str:
    """The daemon that was first. It may have the lock and not have said who it is yet."""
    from db.maintenance.files import find_writer_process

    for _ in range(40):
        pid = find_writer_process(Path(f"{store}.daemon"))
        if pid is not None:
            return pid
        time.sleep(0.05)
    return "unknown"


async def _run_daemon(make: object) -> int:
    assert callable(make)
    return int(await make().run())


def list_schedules(options: argparse.Namespace) -> int:
    """Print the schedules."""
    schedules, now = _load_schedules(options), int(time.time())
    rows = [
        {"schedule": one.name, "run": one.run, "when": one.due_text, "then": list(one.then), "about": one.description,
         "next": isoformat_utc(one.when.next_after(now)) if one.when else None}
        for one in schedules.values()
    ]  # fmt: skip
    if options.format == "json":
        print(json.dumps({"schema": 1, "schedules": rows}, ensure_ascii=False))
    else:
        for row in rows:
            print(escape_control_characters(f"{row['schedule']:<14}{row['next'] or row['when']:<22}{row['run']}"))
    return DONE


def check_schedules(options: argparse.Namespace) -> int:
    """Read the files, and let each command read its line."""
    from schedules.child_process import validate_command
    from schedules.config import ScheduleError

    schedules = _load_schedules(options)
    faults = [f"{one.name}: {wrong}" for one in schedules.values() if (wrong := validate_command(one.arguments))]
    if faults:
        raise ScheduleError(faults)
    print(f"{len(schedules)} schedules, no fault")
    return DONE


def run_once(options: argparse.Namespace) -> int:
    """Run one command now, as a person's tick."""
    from db.ticks import append_ticks, flush_journal
    from schedules.child_process import OBSERVATORY_COMMAND, die_with_parent, failure_reason
    from schedules.log_redaction import redact_tick, secret_values
    from schedules.planner import Planner

    schedule = _find_schedule(_load_schedules(options), options.name)
    store = Path(os.path.realpath(options.db))
    agenda = Planner({schedule.name: schedule}, {schedule.name: int(time.time())})
    hidden = secret_values(os.environ)
    (queued,) = agenda.request_run(schedule.name, int(time.time()))
    append_ticks(store, [redact_tick(agenda.start(queued, int(time.time())), hidden)])
    done = subprocess.run(
        [*OBSERVATORY_COMMAND, *schedule.arguments], env={**os.environ, "OBSERVATORY_DB": str(store)}, preexec_fn=die_with_parent(),
        check=False,
    )  # fmt: skip
    ended = agenda.finish(done.returncode, int(time.time()), failure_reason(done.returncode, []))[0]
    append_ticks(store, [redact_tick(ended, hidden)])
    flush_journal(store)
    return done.returncode if done.returncode >= 0 else FAILED


def _find_schedule(schedules: Mapping[str, Schedule], name: str) -> Schedule:
    from schedules.config import did_you_mean

    if name not in schedules:
        raise UsageError(
            f"There is no schedule {name!r}{did_you_mean(name, schedules)}",
            why=f"There are: {', '.join(schedules)}.", fix="See `observatory schedule list`.", more="docs/running.md",
        )  # fmt: skip
    return schedules[name]


def show_status(options: argparse.Namespace) -> int:
    """Say how everything is; 1 if something has not been looked at for too long."""
    from schedules.status import format_status, read_status

    found = read_status(options.db, _load_schedules(options))
    print(
        json.dumps(found, ensure_ascii=False)
        if options.format == "json"
        else escape_control_characters(format_status(found))
    )
    return FAILED if found["stale"] else DONE


if __name__ == "__main__":
    # sqlite-utils takes pandas in if it is there: half a second and 60 MB that nothing here uses.
    sys.modules["pandas"] = None  # type: ignore[assignment]
    sys.exit(main())

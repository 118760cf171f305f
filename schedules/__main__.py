"""`observatory schedule`: run the daemon, list and check its schedules, show its status."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from db import ObservatoryError, StoreBusyError, UsageError
from db.cli import (
    DONE,
    FAILED,
    CommandParser,
    add_common_options,
    create_parser,
    did_you_mean,
    escape_control_characters,
    isoformat_utc,
    positive_int,
    run_command,
    wrap_for_terminal,
)
from schedules import commands

if TYPE_CHECKING:
    from schedules.config import Schedule
    from schedules.daemon import Daemon
    from schedules.log import DaemonLog

    Subparsers: TypeAlias = argparse._SubParsersAction[CommandParser]

SCHEDULES_HELP = (
    "a folder of schedules, or `shipped` for the shipped ones; may be repeated"
    " (or OBSERVATORY_SCHEDULES; default: shipped)"
)
PID_ATTEMPTS, PID_PAUSE = 40, 0.05
STDERR = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command of the daemon, and return the exit code."""
    return run_command(make_parser, argv)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the commands. It imports nothing heavy, so that `--help` is fast."""
    parser = create_parser("observatory schedule", commands.COMMANDS["schedule"].description)
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=CommandParser)
    for add_command in (_add_run, _add_list, _add_check, _add_once, _add_status):
        add_command(subparsers)
    return parser


def _add_command(subparsers: Subparsers, name: str, summary: str, *aliases: str) -> CommandParser:
    parser = subparsers.add_parser(name, aliases=aliases, help=summary, description=summary)
    add_common_options(parser)
    parser.add_argument("--schedules", metavar="DIR", action="append", help=SCHEDULES_HELP)
    return parser


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("text", "json"), default="text", help="for a person or a program")


def port_number(text: str) -> int:
    """Return a port, as an argument type.

    Raises:
        argparse.ArgumentTypeError: the text is not a port.
    """
    port = positive_int(text)
    if port > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: ports end at 65535")
    return port


def _add_run(subparsers: Subparsers) -> None:
    parser = _add_command(subparsers, "run", "run the daemon: start each command when it is due, until asked to stop")
    parser.add_argument("--log", choices=("json", "text"), help="default: text on a terminal, else json")
    parser.add_argument(
        "--on-event", metavar="COMMAND", help="gets each gap, failure and quality event as JSON on its stdin"
    )
    parser.add_argument(
        "--prometheus", type=port_number, metavar="PORT", help="serve metrics for Prometheus on this port of loopback"
    )
    parser.add_argument(
        "--retry", type=positive_int, default=300, metavar="SECONDS",
        help="pause before the first retry; it doubles each time (default: 300)",
    )  # fmt: skip
    parser.set_defaults(do=run_daemon)


def _add_list(subparsers: Subparsers) -> None:
    parser = _add_command(subparsers, "list", "list the schedules, and when each is due next")
    _add_format(parser)
    parser.set_defaults(do=list_schedules)


def _add_check(subparsers: Subparsers) -> None:
    parser = _add_command(subparsers, "check", "check the schedules and their command lines, without running them")
    parser.set_defaults(do=check_schedules)


def _add_once(subparsers: Subparsers) -> None:
    parser = _add_command(subparsers, "once", "run the command of one schedule now, and record its tick", "run-now")
    parser.add_argument("name", metavar="NAME", help="the schedule")
    parser.set_defaults(do=run_once)


def _add_status(subparsers: Subparsers) -> None:
    parser = _add_command(subparsers, "status", "show the status of the daemon, the schedules and the store")
    _add_format(parser)
    parser.set_defaults(do=show_status)


def _load_schedules(options: argparse.Namespace) -> dict[str, Schedule]:
    from schedules.config import load_schedules, schedule_folders

    return load_schedules(schedule_folders(options.schedules))


def run_daemon(options: argparse.Namespace) -> int:
    """Run the daemon until it is asked to stop."""
    from db.connection import hold_writer_lock
    from db.file_systems import refuse_network_file_system
    from db.process import open_missing_streams
    from schedules.daemon import Daemon, DaemonOptions
    from schedules.log import DaemonLog

    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the daemon can reload: the schedules are read below
    open_missing_streams()
    _load_schedules(options)  # a fault in a schedule ends with 2, before anything else is tried
    store = Path(os.path.realpath(options.db))
    refuse_network_file_system(store)
    try:
        with hold_writer_lock(Path(f"{store}.daemon")):
            log = DaemonLog(options.log or ("text" if os.isatty(STDERR) else "json"))
            daemon_options = DaemonOptions(options.on_event, options.retry)
            daemon = Daemon(store, lambda: _load_schedules(options), log, daemon_options)
            return _serve_and_run(daemon, log, store, options.prometheus)
    except StoreBusyError as busy:
        raise StoreBusyError(
            f"Another daemon (pid {_first_daemon_pid(store)}) runs on {store}.",
            why="Two daemons would run every command twice.",
            fix="Leave the store to that daemon, or stop it first.",
        ) from busy


def _serve_and_run(daemon: Daemon, log: DaemonLog, store: Path, port: int | None) -> int:
    """Serve metrics and run the daemon. Its log is closed before an error is printed."""
    import asyncio

    try:
        if port:
            from schedules.prometheus import serve_metrics

            serve_metrics(port, store, lambda: daemon.schedules)
        return asyncio.run(daemon.run())
    except BrokenPipeError as error:  # which ends any other command with 0
        raise ObservatoryError("The daemon lost a pipe.", why=str(error), fix="Start the daemon again.") from error
    finally:
        log.close()


def _first_daemon_pid(store: Path) -> int | str:
    """Return the process id of the daemon that holds the lock. It may not have written its id yet."""
    from db.maintenance.files import find_writer_process

    for _ in range(PID_ATTEMPTS):
        pid = find_writer_process(Path(f"{store}.daemon"))
        if pid is not None:
            return pid
        time.sleep(PID_PAUSE)
    return "unknown"


def list_schedules(options: argparse.Namespace) -> int:
    """Print the schedules."""
    schedules, now = _load_schedules(options), int(time.time())
    rows = [_list_row(schedule, now) for schedule in schedules.values()]
    if options.format == "json":
        print(json.dumps({"schema": 1, "schedules": rows}, ensure_ascii=False))
    else:
        for row in rows:
            line = escape_control_characters(f"{row['schedule']:<14}{row['next'] or row['when']:<22}{row['run']}")
            print(wrap_for_terminal(line, 36))
    return DONE


def _list_row(schedule: Schedule, now: int) -> dict[str, object]:
    return {
        "schedule": schedule.name,
        "run": schedule.run,
        "when": schedule.due_text,
        "then": list(schedule.then),
        "about": schedule.description,
        "next": isoformat_utc(schedule.timetable.next_after(now)) if schedule.timetable else None,
    }


def check_schedules(options: argparse.Namespace) -> int:
    """Check the files, and let each command parse its arguments."""
    from schedules.child_process import parse_commands
    from schedules.command_line import has_command
    from schedules.config import ScheduleError, read_schedules, schedule_folders

    schedules, faults = read_schedules(schedule_folders(options.schedules))
    runnable = {name: schedule for name, schedule in schedules.items() if has_command(schedule.run)}
    parsed_commands = zip(runnable, parse_commands([schedule.arguments for schedule in runnable.values()]), strict=True)
    faults += [f"{name}: {parsed}" for name, parsed in parsed_commands if isinstance(parsed, str)]
    if faults:
        raise ScheduleError(faults)
    print(f"{len(schedules)} schedules, no fault")
    return DONE


def run_once(options: argparse.Namespace) -> int:
    """Run the command of one schedule now. Its tick is recorded as a person's."""
    from db.process import die_with_parent
    from db.reasons import REASON_PIPE, ReasonPipe
    from db.ticks import append_ticks, flush_journal
    from schedules.child_process import OBSERVATORY_COMMAND, failure_reason
    from schedules.log_redaction import redact_tick, secret_values
    from schedules.planner import Planner

    schedule = _find_schedule(_load_schedules(options), options.name)
    store = Path(os.path.realpath(options.db))
    planner = Planner({schedule.name: schedule}, {schedule.name: int(time.time())})
    secrets = secret_values(os.environ)
    (queued,) = planner.request_run(schedule.name, int(time.time()))
    append_ticks(store, [redact_tick(planner.start(queued, int(time.time())), secrets)])
    reason_pipe = ReasonPipe()
    command = subprocess.run(
        [*OBSERVATORY_COMMAND, *schedule.arguments],
        env={**os.environ, "OBSERVATORY_DB": str(store), REASON_PIPE: reason_pipe.variable},
        pass_fds=(reason_pipe.descriptor,),
        preexec_fn=die_with_parent(),
        check=False,
    )
    reason_pipe.close_descriptor()
    code = command.returncode
    finished = planner.finish(code, int(time.time()), failure_reason(code, reason_pipe.read()))[0]
    append_ticks(store, [redact_tick(finished, secrets)])
    flush_journal(store)
    return code if code >= 0 else FAILED


def _find_schedule(schedules: Mapping[str, Schedule], name: str) -> Schedule:
    if name not in schedules:
        raise UsageError(
            f"There is no schedule {name!r}. {did_you_mean(name, schedules)}".rstrip(),
            why=f"There are: {', '.join(schedules)}.",
            fix="See `observatory schedule list`.",
            more="docs/running.md",
        )
    return schedules[name]


def show_status(options: argparse.Namespace) -> int:
    """Print the status, and return 1 if the last success of a schedule is too long ago."""
    from schedules.status import format_status, read_status

    status = read_status(options.db, _load_schedules(options))
    as_json = options.format == "json"
    print(json.dumps(status, ensure_ascii=False) if as_json else escape_control_characters(format_status(status)))
    return FAILED if status["stale"] else DONE


if __name__ == "__main__":
    sys.exit(main())

"""`observatory crawl snapshot`: take one snapshot of each registry."""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NotRequired, TypedDict

import msgspec

from crawler.commands import (
    Subparsers,
    add_command,
    add_crawl_options,
    add_format_option,
    add_storage_options,
    make_crawl_options,
)
from crawler.errors import error_from_json, report_failure
from db import SECONDS_PER_DAY
from db.cli import FAILED, PARTIAL, escape_control_characters, positive_int, print_error
from db.process import die_with_parent
from db.registry_names import parse_registry
from db.rows import ORDERS

if TYPE_CHECKING:
    from crawler.fetching.settings import CrawlOptions
    from crawler.plan import CrawlPlan

INDENT = "\n         "


class OutcomeJson(TypedDict):
    """The documented JSON of one snapshot. A crawl that was killed states no counts."""

    registry: str
    snapshot: int | None
    status: str
    exit_code: int
    listed: int
    pages: NotRequired[int]
    duplicates: NotRequired[int]
    hidden: NotRequired[int]
    missed: NotRequired[int | None]
    reason: str | None
    error: dict[str, str] | None


class CommandOutput(TypedDict):
    """The JSON output of the command."""

    snapshots: list[OutcomeJson]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "snapshot",
        "take one snapshot of each registry",
        "0 complete, 1 failed, 2 wrong usage, 3 partial: run it again with --resume",
    )
    parser.add_argument(
        "registries", nargs="+", type=parse_registry, metavar="REGISTRY", help="huggingface/models, npm, pypi, …"
    )
    _add_depth_options(parser)
    _add_order_options(parser)
    add_crawl_options(parser)
    add_storage_options(parser)
    add_format_option(parser)
    parser.set_defaults(do=run_snapshot)


def _add_depth_options(parser: argparse.ArgumentParser) -> None:
    depth = parser.add_mutually_exclusive_group()
    depth.add_argument(
        "--top", type=positive_int, default=1000, metavar="K", help="fetch down to rank K (default: 1000)"
    )
    depth.add_argument(
        "--full", action="store_true", help="take a census: fetch every package (of Ecosyste.ms: every name)"
    )
    parser.add_argument(
        "--resume-within", type=positive_int, default=3, metavar="DAYS",
        help="resume a census that began at most DAYS ago (default: 3); its date is when it began",
    )  # fmt: skip


def _add_order_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--by", choices=ORDERS, help="the counter to rank by (default: downloads, or the one that the registry has)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="resume an interrupted snapshot of the last six hours, if there is one"
    )
    parser.add_argument(
        "--no-counters", action="store_true", help="Ecosyste.ms: fetch the order only, a hundredth of the bytes"
    )


def run_snapshot(options: argparse.Namespace) -> int:
    """Take the requested snapshots, each of several in its own process, and return the exit code."""
    crawl_options = make_crawl_options(options)  # refuses a wrong contact before the first crawl
    if len(options.registries) == 1:
        outcomes = [_take_one_snapshot(options, crawl_options)]
    else:
        outcomes = _take_each_snapshot(options)
    for outcome in outcomes:
        report_failure(outcome["error"])
    if options.format == "json":
        print(json.dumps({"schema": 1, "snapshots": outcomes}, ensure_ascii=False))
    else:
        for outcome in outcomes:
            print(escape_control_characters(_format_outcome(outcome)))
        _print_errors(outcomes)
    exit_codes = {outcome["exit_code"] for outcome in outcomes}
    return FAILED if FAILED in exit_codes else max(exit_codes)


def _take_one_snapshot(options: argparse.Namespace, crawl_options: CrawlOptions) -> OutcomeJson:
    from crawler.snapshots.take import take_snapshot

    outcome = take_snapshot(options.db, _make_plan(options), crawl_options, options.resume)
    return msgspec.convert(outcome.as_json(), OutcomeJson)


def _make_plan(options: argparse.Namespace) -> CrawlPlan:
    from crawler.endpoints import endpoint_url
    from crawler.plan import CrawlPlan
    from crawler.registries import find_spider, resolve_registry
    from db.stored_registries import load_stored_registries

    (name,) = options.registries
    registry = resolve_registry(name, load_stored_registries(options.db))
    plan = CrawlPlan(
        registry, None if options.full else options.top, ordered_by=options.by,
        endpoint=endpoint_url(find_spider(registry, options.full)), with_counters=not options.no_counters,
        keep_bodies=options.body_retention > 0,
    )  # fmt: skip
    if options.full:
        return dataclasses.replace(plan, max_seconds=options.resume_within * SECONDS_PER_DAY)
    return plan


def _take_each_snapshot(options: argparse.Namespace) -> list[OutcomeJson]:
    """Take each snapshot in a child process. Scrapy can crawl once per process, and a crash affects no other crawl."""
    outcomes: list[OutcomeJson] = []
    for registry in options.registries:
        command = [sys.executable, "-m", "crawler", "snapshot", registry, "--format", "json"]
        command += _child_arguments(options)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent()) as child:
            output = _wait_for_child(child)
        outcomes.append(_parse_child_outcome(registry, output, child.returncode))
        if outcomes[-1]["status"] == "stopped":
            break
    return outcomes


def _wait_for_child(child: subprocess.Popen[str]) -> str:
    """Return the output of a child. Ctrl-C on a terminal reaches the child directly, SIGTERM is forwarded."""
    handlers = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: child.terminate()),
    }
    try:
        return child.communicate()[0]
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _child_arguments(options: argparse.Namespace) -> list[str]:
    """Return the options of the command line for a child."""
    values = ["db", "resume_within", "by", "contact", "quota_share", "retry_for", "delay", "clock", "body_retention"]
    values += [] if options.full else ["top"]
    flags = ("full", "resume", "no_counters", "quiet", "debug")
    arguments = []
    for name in values:
        if getattr(options, name) is not None:
            arguments += [_option_name(name), str(getattr(options, name))]
    return arguments + [_option_name(name) for name in flags if getattr(options, name, False)]


def _option_name(name: str) -> str:
    return "--" + name.replace("_", "-")


def _parse_child_outcome(registry: str, output: str, exit_code: int) -> OutcomeJson:
    try:
        (outcome,) = msgspec.json.decode(output, type=CommandOutput)["snapshots"]
    except (msgspec.MsgspecError, ValueError):  # the child printed its error to stderr, unless it was killed
        return _killed_outcome(registry, exit_code)
    if outcome["status"] == "open" and outcome["reason"] == "stopped":
        outcome["status"] = "stopped"
    return outcome


def _killed_outcome(registry: str, exit_code: int) -> OutcomeJson:
    is_stopped = exit_code in (PARTIAL, -signal.SIGINT, -signal.SIGTERM)
    error = {
        "what": f"The crawl of {registry} was killed (signal {-exit_code}).",
        "why": "Perhaps there was not enough memory.",
        "fix": "Nothing is lost: run the same command with --resume.",
        "more": "docs/errors.md",
    }
    return {
        "registry": registry, "snapshot": None, "status": "stopped" if is_stopped else "failed", "listed": 0,
        "exit_code": PARTIAL if is_stopped else max(exit_code, FAILED), "reason": None,
        "error": error if exit_code < 0 and not is_stopped else None,
    }  # fmt: skip


def _format_outcome(outcome: OutcomeJson) -> str:
    """Return one outcome for a person: one line, and the reason on a second one."""
    head = f"{outcome['status']:<9}{outcome['registry']}"
    reason = f"{INDENT}{outcome['reason']}" if outcome["reason"] else ""
    if outcome["status"] == "failed" or not outcome["snapshot"]:
        return head if outcome["error"] else head + reason
    line = f"{head}  snapshot {outcome['snapshot']}, {outcome['listed']:,} packages on {outcome.get('pages')} pages"
    if outcome.get("duplicates"):
        line += f", {outcome.get('duplicates')} seen twice"
    if outcome.get("hidden"):
        line += f", {outcome.get('hidden')} not public and dropped"
    if outcome.get("missed") is not None:
        line += f" where pages overlap, about {outcome.get('missed')} missed"
    is_resumable = outcome["status"] in ("open", "stopped")
    return line + reason + (f"{INDENT}Nothing is lost: resume with --resume." if is_resumable else "")


def _print_errors(outcomes: Sequence[OutcomeJson]) -> None:
    """Print each error. Registries that failed for the same reason share one."""
    errors_by_reason: dict[tuple[str, str], list[dict[str, str]]] = {}
    for outcome in outcomes:
        error = outcome["error"]
        if error:
            errors_by_reason.setdefault((error["fix"], error["why"].split(":")[0]), []).append(error)
    for errors in errors_by_reason.values():
        messages = " ".join(dict.fromkeys(error["what"] for error in errors))
        print_error(error_from_json({**errors[0], "what": messages}))

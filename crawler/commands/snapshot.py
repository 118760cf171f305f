"""`observatory crawl snapshot`: one snapshot of each registry."""

from __future__ import annotations

import argparse
import ctypes
import dataclasses
import json
import signal
import subprocess
import sys
from collections.abc import Sequence

from crawler.commands import (
    Subparsers,
    add_command,
    add_crawl_options,
    add_format_option,
    add_storage_options,
    make_crawl_options,
)
from db import ObservatoryError
from db.cli import FAILED, PARTIAL, escape_control_characters, positive_int, print_error

SECONDS_PER_DAY = 86400


def add_parser(subparsers: Subparsers) -> None:
    """Add the word."""
    word = add_command(
        subparsers,
        "snapshot",
        "take one snapshot of each registry",
        epilog="exit codes: 0 complete, 1 failed, 2 wrong usage, 3 partial: run it again with --resume",
    )
    word.add_argument("registries", nargs="+", metavar="REGISTRY", help="huggingface/models, npm, pypi, …")
    depth = word.add_mutually_exclusive_group()
    depth.add_argument("--top", type=positive_int, default=1000, metavar="K", help="how deep (default: 1000)")
    depth.add_argument(
        "--full", action="store_true", help="every package there is: a census (of Ecosyste.ms: the names)"
    )
    word.add_argument(
        "--resume-within", type=positive_int, default=3, metavar="DAYS",
        help="of its begin a census may be gone on with (default: 3); it is as of its begin",
    )  # fmt: skip
    word.add_argument(
        "--by",
        choices=("downloads", "likes", "trending", "dependents"),
        help="the order (default: downloads, or what the registry has)",
    )
    word.add_argument(
        "--resume", action="store_true", help="go on with an interrupted one, if there is one from the last six hours"
    )
    word.add_argument(
        "--no-counters", action="store_true", help="Ecosyste.ms: the order only, a hundredth of the bytes"
    )
    add_crawl_options(word)
    add_storage_options(word)
    add_format_option(word)
    word.set_defaults(do=run_snapshot)


def run_snapshot(options: argparse.Namespace) -> int:
    """Take the snapshots that were asked for, each in a process of its own when there are several."""
    outcomes = [_take_one_snapshot(options)] if len(options.registries) == 1 else _take_each_snapshot(options)
    if options.format == "json":
        print(json.dumps({"schema": 1, "snapshots": outcomes}, ensure_ascii=False))
    else:
        for outcome in outcomes:
            print(escape_control_characters(_format_outcome(outcome)))
        _print_errors(outcomes)
    codes = {outcome["exit_code"] for outcome in outcomes}
    return FAILED if FAILED in codes else max(codes)


def _take_one_snapshot(options: argparse.Namespace) -> dict[str, object]:
    from crawler.fetching.runner import endpoint_url
    from crawler.plan import CrawlPlan
    from crawler.registries import find_spider
    from crawler.snapshots.take import take_snapshot

    (registry,) = options.registries
    depth = {"k": None, "max_seconds": options.resume_within * SECONDS_PER_DAY} if options.full else {"k": options.top}
    plan = CrawlPlan(registry, ordered_by=options.by, endpoint=endpoint_url(find_spider(registry, options.full)),
                with_counters=not options.no_counters, keep_bodies=options.keep_bodies > 0, **depth)  # fmt: skip
    how = dataclasses.replace(
        make_crawl_options(options), clock=options.clock, keep_bodies_days=options.keep_bodies, quiet=options.quiet
    )
    return take_snapshot(options.db, plan, how, options.resume).as_json()


def _take_each_snapshot(options: argparse.Namespace) -> list[dict[str, object]]:
    """One child for each registry: a Scrapy process can crawl once, and one that breaks breaks no other."""
    outcomes: list[dict[str, object]] = []
    for registry in options.registries:
        line = [sys.executable, "-m", "crawler", "snapshot", registry, "--format", "json", *_child_arguments(options)]
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, preexec_fn=_die_with_parent) as child:
            told = _wait_for_child(child)
        outcomes.append(_parse_child_outcome(registry, told, child.returncode))
        if outcomes[-1]["status"] == "stopped":
            break
    return outcomes


def _wait_for_child(child: subprocess.Popen[str]) -> str:
    """What a child prints. A terminal's Ctrl-C reaches it by itself; SIGTERM is passed on. It ends at its page."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: child.terminate()),
    }
    try:
        return child.communicate()[0]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _child_arguments(options: argparse.Namespace) -> list[str]:
    """The options as they were given, for a child."""
    values = ("db", "resume_within", "by", "contact", "share", "patience", "pause", "clock", "keep_bodies")
    flags = ("full", "resume", "no_counters", "quiet", "debug")
    given = [(name, getattr(options, name)) for name in (*values, *(() if options.full else ("top",)))]
    words = [word for name, value in given if value is not None for word in (_option_name(name), str(value))]
    return words + [_option_name(name) for name in flags if getattr(options, name, False)]


def _option_name(name: str) -> str:
    return "--" + name.replace("_", "-")


def _die_with_parent() -> None:
    """Linux: this child is killed when the command that started it is, however that one ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _parse_child_outcome(registry: str, output: str, exit_code: int) -> dict[str, object]:
    try:
        outcome = json.loads(output)["snapshots"][0]
        stopped = outcome["status"] == "open" and outcome["reason"] == "stopped"
        return outcome | ({"status": "stopped"} if stopped else {})
    except (ValueError, LookupError):  # it has told its error itself, unless it was killed
        stopped = exit_code in (PARTIAL, -signal.SIGINT, -signal.SIGTERM)
        killed = {
            "what": f"The crawl of {registry} was killed (signal {-exit_code}).",
            "why": "Perhaps there was too little memory.",
            "fix": "Nothing is lost: run the same command with --resume.",
            "more": "docs/errors.md",
        }
        return {
            "registry": registry, "snapshot": None, "status": "stopped" if stopped else "failed", "listed": 0,
            "exit_code": PARTIAL if stopped else max(exit_code, FAILED), "reason": None,
            "error": killed if exit_code < 0 and not stopped else None,
        }  # fmt: skip


def _format_outcome(outcome: dict[str, object]) -> str:
    """One outcome in one line."""
    head = f"{outcome['status']:<9}{outcome['registry']}"
    if outcome["status"] == "failed" or not outcome.get("snapshot"):
        return head if outcome["error"] or not outcome["reason"] else f"{head}\n         {outcome['reason']}"
    line = f"{head}  snapshot {outcome['snapshot']}, {outcome['listed']:,} packages on {outcome['pages']} pages"
    if outcome.get("duplicates"):
        line += f", {outcome['duplicates']} seen twice"
    if outcome.get("missed") is not None:
        line += f" where pages overlap, about {outcome['missed']} missed"
    if outcome["reason"]:
        line += f"\n         {outcome['reason']}"
    return line + (
        "\n         Nothing is lost; go on with --resume." if outcome["status"] in ("open", "stopped") else ""
    )


def _print_errors(outcomes: Sequence[dict[str, object]]) -> None:
    """Print each error; registries that failed for the same reason share one."""
    told: dict[tuple[str, str], list[dict[str, str]]] = {}
    for outcome in outcomes:
        error = outcome.get("error")
        if isinstance(error, dict):
            told.setdefault((error["fix"], error["why"].split(":")[0]), []).append(error)
    for errors in told.values():
        whats = " ".join(dict.fromkeys(error["what"] for error in errors))
        print_error(ObservatoryError(whats, errors[0]["why"], errors[0]["fix"], errors[0]["more"]))

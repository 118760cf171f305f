"""`python -m crawler`: snapshot, import, registries, check."""

from __future__ import annotations

import argparse
import ctypes
import dataclasses
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from db import ObservatoryError
from db.command import DONE, FAILED, PARTIAL, Parser, add_store, complain, count, day, parser, plain, run

if TYPE_CHECKING:
    from crawler.settings import Manner


def main(argv: Sequence[str] | None = None) -> int:
    """Look at a registry, or bring in a past list; the exit code."""
    return run(make_parser, argv)


def make_parser() -> argparse.ArgumentParser:
    """The words of this room. Nothing heavy is imported before they are read."""
    made = parser("observatory crawl", "Look at registries and write down what they say.")
    words = made.add_subparsers(title="what to do", metavar="WORD", required=True, parser_class=Parser)
    for add in (_add_snapshot, _add_import, _add_registries, _add_check):
        add(words)
    return made


def _word(words: argparse._SubParsersAction, name: str, does: str, **more: str) -> argparse.ArgumentParser:
    added = words.add_parser(name, help=does, description=does, **more)
    add_store(added)
    return added


def _add_snapshot(words: argparse._SubParsersAction) -> None:
    word = _word(
        words,
        "snapshot",
        "take one snapshot of each registry",
        epilog="exit codes: 0 complete, 1 failed, 2 wrong usage, 3 partial: run it again with --resume",
    )
    word.add_argument("registries", nargs="+", metavar="REGISTRY", help="huggingface/models, npm, pypi, …")
    word.add_argument("--top", type=count, default=1000, metavar="K", help="how deep (default: 1000)")
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
    _add_manner(word)
    _add_keeping(word)
    _add_format(word)
    word.set_defaults(do=snapshot)


def _add_manner(word: argparse.ArgumentParser) -> None:
    word.add_argument("--contact", help="your e-mail or page, told to the registry (or OBSERVATORY_CONTACT)")
    word.add_argument(
        "--share", type=_share, default=1.0, metavar="PART", help="of the quota to use, above 0 up to 1 (default: 1)"
    )
    word.add_argument(
        "--patience", type=float, default=120.0, metavar="SECONDS", help="to keep trying one page (default: 120)"
    )
    word.add_argument(
        "--pause", type=float, metavar="SECONDS", help="between two requests (default: Ecosyste.ms 1, the Hub 0)"
    )


def _add_format(word: argparse.ArgumentParser) -> None:
    word.add_argument("--format", choices=("text", "json"), default="text", help="for a person or a program")


def _add_keeping(word: argparse.ArgumentParser) -> None:
    word.add_argument("--clock", choices=("local", "registry"), default="local", help="whose clock dates the snapshot")
    word.add_argument(
        "--keep-bodies", type=int, default=400, metavar="DAYS", help="that page bodies are kept (default: 400; 0: not)"
    )
    word.add_argument("--quiet", action="store_true", help="no progress")


def _add_import(words: argparse._SubParsersAction) -> None:
    from crawler.importers import formats

    word = _word(words, "import", "bring in a past list as a snapshot; the same file twice changes nothing")
    word.add_argument("form", choices=formats(), metavar="FORMAT", help=", ".join(formats()))
    word.add_argument("files", nargs="+", metavar="FILE", help="plain or .gz")
    word.add_argument("--registry", required=True, metavar="R", help="of which it is a list: npm, pypi, …")
    word.add_argument("--date", required=True, type=day, metavar="YYYY-MM-DD", help="the day the list shows")
    word.add_argument(
        "--by", choices=("downloads", "likes", "trending", "dependents"), default="downloads", help="its order"
    )
    word.add_argument(
        "--counter", help="what its number counts: last-month, total, … (default: the Hub's own, else unstated)"
    )
    word.add_argument("--id", metavar="COLUMN", help="csv: the column with the names")
    word.add_argument("--value", metavar="COLUMN", help="csv: the column with the counts")
    word.add_argument("--rank", metavar="COLUMN", help="csv: the column with the ranks")
    word.add_argument("--source", help="where the list came from, in a few words")
    _add_format(word)
    word.set_defaults(do=import_lists)


def _add_registries(words: argparse._SubParsersAction) -> None:
    word = _word(words, "registries", "what can be observed, and what its counter means")
    _add_format(word)
    word.set_defaults(do=registries)


def _add_check(words: argparse._SubParsersAction) -> None:
    word = _word(words, "check", "try the assumptions the crawl of a registry rests on, with a handful of requests")
    word.add_argument("registry", metavar="REGISTRY", help="huggingface/models, npm, pypi, …")
    _add_manner(word)
    _add_format(word)
    word.set_defaults(do=check)


def snapshot(options: argparse.Namespace) -> int:
    """Take the snapshots that were asked for, each in a process of its own when there are several."""
    outcomes = [_one(options)] if len(options.registries) == 1 else _each(options)
    if options.format == "json":
        print(json.dumps({"schema": 1, "snapshots": outcomes}, ensure_ascii=False))
    else:
        for outcome in outcomes:
            print(plain(_line(outcome)))
        _complain_once(outcomes)
    codes = {outcome["exit_code"] for outcome in outcomes}
    return FAILED if FAILED in codes else max(codes)


def _one(options: argparse.Namespace) -> dict[str, object]:
    from crawler.snapshot import endpoint_of, spider_for, take
    from crawler.spiders import Plan

    (registry,) = options.registries
    plan = Plan(registry, options.top, options.by, endpoint_of(spider_for(registry)), not options.no_counters,
                options.keep_bodies > 0)  # fmt: skip
    manner = dataclasses.replace(
        _manner(options), clock=options.clock, keep_bodies_days=options.keep_bodies, quiet=options.quiet
    )
    return take(options.db, plan, manner, options.resume).as_json()


def _manner(options: argparse.Namespace) -> Manner:
    from crawler.settings import Manner

    polite = (options.contact, options.share, options.patience, options.pause)
    return Manner(*polite, debug=getattr(options, "debug", False))


def _each(options: argparse.Namespace) -> list[dict[str, object]]:
    """One child for each registry: a Scrapy process can crawl once, and one that breaks breaks no other."""
    outcomes: list[dict[str, object]] = []
    for registry in options.registries:
        line = [sys.executable, "-m", "crawler", "snapshot", registry, "--format", "json", *_said(options)]
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, preexec_fn=_end_with_parent) as child:
            told = _wait_for(child)
        outcomes.append(_outcome_of(registry, told, child.returncode))
        if outcomes[-1]["status"] == "stopped":
            break
    return outcomes


def _wait_for(child: subprocess.Popen[str]) -> str:
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


def _said(options: argparse.Namespace) -> list[str]:
    """The options as they were given, for a child."""
    values = ("db", "top", "by", "contact", "share", "patience", "pause", "clock", "keep_bodies")
    flags = ("resume", "no_counters", "quiet", "debug")
    given = [(name, getattr(options, name)) for name in values]
    words = [word for name, value in given if value is not None for word in (_option(name), str(value))]
    return words + [_option(name) for name in flags if getattr(options, name, False)]


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _end_with_parent() -> None:
    """Linux: this child is killed when the command that started it is, however that one ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _outcome_of(registry: str, told: str, code: int) -> dict[str, object]:
    try:
        outcome = json.loads(told)["snapshots"][0]
        stopped = outcome["status"] == "open" and outcome["reason"] == "stopped"
        return outcome | ({"status": "stopped"} if stopped else {})
    except (ValueError, LookupError):  # it has told its error itself, unless it was killed
        stopped = code in (PARTIAL, -signal.SIGINT, -signal.SIGTERM)
        killed = {
            "what": f"The crawl of {registry} was killed (signal {-code}).",
            "why": "Perhaps there was too little memory.",
            "fix": "Nothing is lost: run the same command with --resume.",
            "more": "docs/errors.md",
        }
        return {
            "registry": registry, "snapshot": None, "status": "stopped" if stopped else "failed", "listed": 0,
            "exit_code": PARTIAL if stopped else max(code, FAILED), "reason": None,
            "error": killed if code < 0 and not stopped else None,
        }  # fmt: skip


def _line(outcome: dict[str, object]) -> str:
    """One outcome in one line."""
    head = f"{outcome['status']:<9}{outcome['registry']}"
    if outcome["status"] == "failed" or not outcome.get("snapshot"):
        return head if outcome["error"] or not outcome["reason"] else f"{head}\n         {outcome['reason']}"
    line = f"{head}  snapshot {outcome['snapshot']}, {outcome['listed']:,} packages on {outcome['pages']} pages"
    if outcome.get("duplicates"):
        line += f", {outcome['duplicates']} seen twice"
    if outcome["reason"]:
        line += f"\n         {outcome['reason']}"
    return line + (
        "\n         Nothing is lost; go on with --resume." if outcome["status"] in ("open", "stopped") else ""
    )


def _complain_once(outcomes: Sequence[dict[str, object]]) -> None:
    """Print each error; registries that failed for the same reason share one."""
    told: dict[tuple[str, str], list[dict[str, str]]] = {}
    for outcome in outcomes:
        error = outcome.get("error")
        if isinstance(error, dict):
            told.setdefault((error["fix"], error["why"].split(":")[0]), []).append(error)
    for errors in told.values():
        whats = " ".join(dict.fromkeys(error["what"] for error in errors))
        complain(ObservatoryError(whats, errors[0]["why"], errors[0]["fix"], errors[0]["more"]))


def import_lists(options: argparse.Namespace) -> int:
    """Bring in past lists."""
    from crawler.importers import Wanted, bring_in

    wanted = Wanted(options.registry, options.date, options.by, options.counter, options.source,
                    {"id": options.id, "value": options.value, "rank": options.rank})  # fmt: skip
    brought = [bring_in(options.db, options.form, file, wanted) for file in options.files]
    if options.format == "json":
        print(json.dumps({"schema": 1, "imports": [one.as_json() for one in brought]}, ensure_ascii=False))
    else:
        for one in brought:
            print(plain(one.line()))
    return DONE if all(one.status == "complete" for one in brought) else FAILED


def registries(options: argparse.Namespace) -> int:
    """List what can be observed."""
    from crawler.registries import listed, table

    found = listed(options.db)
    print(
        json.dumps({"schema": 1, "registries": found}, ensure_ascii=False) if options.format == "json" else table(found)
    )
    return DONE


def check(options: argparse.Namespace) -> int:
    """Try the assumptions a crawl rests on."""
    from crawler.assumptions import check_registry, table

    found = check_registry(options.db, options.registry, _manner(options))
    if options.format == "json":
        print(json.dumps({"schema": 1, "registry": options.registry, "assumptions": found}, ensure_ascii=False))
    else:
        print(plain(table(options.registry, found)))
    verdicts = {one["verdict"] for one in found}
    return DONE if "holds" in verdicts and "differs" not in verdicts else FAILED


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a part above 0 and up to 1")
    return share


if __name__ == "__main__":
    # sqlite-utils takes pandas in if it is there: half a second and 60 MB that nothing here uses.
    sys.modules["pandas"] = None  # type: ignore[assignment]
    sys.exit(main())

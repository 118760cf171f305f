"""Generate parts of the documents from the program: `python docs/generate.py`; `--check` lists stale documents.

A generated part stands between `<!-- made: NAME -->` and `<!-- end -->`; `docs/commands.md` is generated completely.
The parts that show a run of the demonstration take half a minute and need `--demo`.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import importlib
import inspect
import json
import re
import sqlite3
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

HEAD = """# Commands

<!-- docs/generate.py generates this page from the commands themselves. -->

Every command of `observatory` is also a module: the second line under each heading. Results go to stdout, messages to
stderr. Options may stand before or after the other arguments.

Exit codes are the same everywhere. Their meaning for a command stands below its options.

| code | meaning |
|---|---|
| 0 | done |
| 1 | failed |
| 2 | wrong usage: the command line names something that does not exist |
| 3 | partial, or stopped by a person (Ctrl-C) |

`observatory` without a command, or with an unknown one, ends with 2. `observatory --help` and `observatory --version`
end with 0. Errors have [four parts](errors.md).

## Environment

| variable | meaning |
|---|---|
| `OBSERVATORY_DB` | the store, without `--db` |
| `OBSERVATORY_SCHEDULES` | folders of schedules, joined by `:`, without `--schedules` |
| `OBSERVATORY_CONTACT` | your e-mail or web page, without `--contact` |
| `HF_TOKEN` | a token for the Hub; otherwise the token that `hf auth login` saved |
| `HF_HUB_DISABLE_IMPLICIT_TOKEN` | `1`: send no token to the Hub |
| `HF_ENDPOINT` | another Hub: a mirror, or the simulation |
| `ECOSYSTEMS_ENDPOINT` | another Ecosyste.ms; the URL up to and including `/api/v1` |
| `HTTPS_PROXY` | a proxy |
"""
EXITS: Mapping[str, Mapping[int, str]] = {
    "crawl snapshot": {
        0: "every snapshot is complete",
        1: "a snapshot failed: no list was stored",
        2: "there is no such registry or order; with several registries, 1 if one of them failed",
        3: "a snapshot is partial, or was interrupted: resume it with the same line and `--resume`",
    },
    "crawl changes": {
        0: "every change since the last crawl is known",
        1: "the registry did not respond: nothing is lost, the high-water mark is unchanged",
        2: "there is no such registry, or it cannot list changes",
        3: "the page limit was reached, or the crawl was stopped: run the same line again",
    },
    "crawl import": {
        0: "every list is complete, or was imported before",
        1: "a file cannot be read, or its list is partial",
    },
    "crawl cards": {
        0: "every new or changed card was fetched, or there was none",
        1: "no card could be fetched",
        2: "the registry has no cards, or the store has no list of it",
        3: "some cards could not be fetched: run the same line again",
    },
    "crawl registries": {0: "listed", 1: "the store cannot be read"},
    "crawl check": {
        0: "nothing differs; an assumption that could not be tested is `unknown`",
        1: "an assumption differs",
    },
    "compute": {0: "no result is pending", 1: "the store cannot be used"},
    "score": {
        0: "every card was read",
        1: "a file holds no card, or the store cannot be used",
        2: "the judge is not configured",
        3: "a card has no reading: refused, invalid, over budget, or not yet collected; run the same line again",
    },
    "report": {0: "reported, even if there is little to report", 1: "no store, or FILE cannot be written"},
    "export": {0: "the bundle is in place", 1: "nothing was written: there is no store, or OUT is not a bundle"},
    "export verify": {
        0: "every file is as it was exported",
        1: "a file is missing, changed or new, or there is no bundle",
    },
    "export cite": {0: "printed", 1: "there is no bundle, or no store"},
    "export publish": {
        0: "published, or would be",
        1: "no bundle, no token, or the Hub did not accept it: run the same line again",
    },
    "export peatmoss": {0: "written", 1: "there is no store", 2: "OUT exists already, or there is no such snapshot"},
    "store migrate": {0: "the schema is up to date", 1: "the file is not a store, or a newer version wrote it"},
    "store check": {
        0: "every check passed; a note is not a fault",
        1: "something is broken, or the file is not a store",
    },
    "store schema": {0: "printed", 2: "the dictionary is not SQL"},
    "store redact": {
        0: "the views and exports obey the list",
        1: "the list cannot be read, or another process is writing",
    },
    "store backup": {0: "copied, and the copy was checked", 1: "OUT exists, or the copy is not sound"},
    "store restore": {0: "restored and checked", 1: "the backup is not sound, or another process is writing"},
    "schedule run": {
        0: "stopped as requested",
        1: "another daemon runs on this store, or the store cannot be used",
        2: "a schedule has a fault",
    },
    "schedule list": {0: "listed", 2: "a schedule has a fault"},
    "schedule check": {0: "no schedule has a fault", 2: "there are faults; each is reported"},
    "schedule once": {0: "the command is done; otherwise its own exit code", 2: "there is no such schedule"},
    "schedule status": {0: "every schedule ran when it was due", 1: "a schedule is stale"},
    "demo": {0: "reported", 1: "a command of the demonstration failed, or FILE exists"},
}
UNSAID = {
    "--format": "the output: for a person, or for a program",
    "--registry": "the registry of the list",
    "registry": "the registry to crawl",
    "out": "the file to write",
    "backup": "the backup to restore",
}


def commands() -> dict[str, argparse.ArgumentParser]:
    """The parser of every command by the words that call it, in the order of `observatory --help`."""
    return {words: parser for word in words_and_modules() for words, parser in _commands_of(word)}


def words_and_modules() -> dict[str, str]:
    """The first words and their modules."""
    return {word: module for word, (module, _) in importlib.import_module("schedules.cli").COMMANDS.items()}


def _commands_of(word: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    module = words_and_modules()[word]
    if (ROOT / module.replace(".", "/")).is_dir():
        module += ".__main__"
    made, more = importlib.import_module(module).make_parser(), getattr(importlib.import_module(module), "COMMANDS", {})
    under = [action for action in made._actions if isinstance(action, argparse._SubParsersAction)]
    if not under:
        yield word, made
    names = {id(parser): name for name, parser in reversed(under[0].choices.items())} if under else {}  # no aliases
    for name, parser in under[0].choices.items() if under else ():
        if names[id(parser)] == name:
            yield f"{word} {name}", parser
    for name, make_parser in more.items():
        yield f"{word} {name}", make_parser()


def commands_page() -> str:
    """`docs/commands.md`."""
    return HEAD + "".join(_section(words, parser) for words, parser in commands().items())


def _section(words: str, parser: argparse.ArgumentParser) -> str:
    first, *rest = words.split()
    module = " ".join([words_and_modules()[first], *rest])
    shown = [
        action for action in parser._actions if not isinstance(action, argparse._HelpAction | argparse._VersionAction)
    ]
    positional = " ".join(_term(action) for action in shown if not action.option_strings)
    line = f"observatory {words} [options] {positional}".rstrip()
    rows = "".join(f"| `{_term(action)}` | {_meaning(action)} |\n" for action in shown)
    exits = "".join(f"- {code}: {means}\n" for code, means in EXITS[words].items())
    return (
        f"\n## observatory {words}\n\n    {line}\n    python -m {module} …\n\n{_sentence(parser.description or '')}\n\n"
        f"| option | meaning |\n|---|---|\n{rows}\nExit codes:\n\n{exits}"
    )


def _term(action: argparse.Action) -> str:
    name = (action.option_strings or [""])[-1]
    if action.nargs == 0:
        return name
    shown = action.metavar or (action.dest.upper() if action.choices is None or not name else "WORD")
    many = f"{shown}…" if action.nargs == "+" else str(shown)
    return f"{name} {many}".strip()


def _meaning(action: argparse.Action) -> str:
    said = action.help or ""
    if not said or said.startswith("default:"):
        said = "; ".join(part for part in (UNSAID.get((action.option_strings or [action.dest])[-1], ""), said) if part)
    choices = [str(choice) for choice in action.choices or ()]
    if not all(choice in said for choice in choices):
        said += "; one of " + ", ".join(f"`{choice}`" for choice in choices)
    if action.required and action.option_strings:
        said += "; required"
    if action.nargs != 0 and isinstance(action.default, str | int) and action.default != argparse.SUPPRESS:
        said += "" if "default" in said else f" (default: {action.default})"
    return said.replace("|", "\\|")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def gate() -> str:
    """The rules of the gate, as `crawler/quality/gate.py` states them."""
    from crawler.quality import gate as checks

    rules = {found.gate: found.rule for found in checks.judge_ranking({**EVIDENCE, "origin": "crawl"}, {}, [], [])}
    imported = {found.gate for found in checks.judge_ranking({**EVIDENCE, "origin": "import"}, {}, [], [])}
    said = dict(_said_of_rules(checks))
    rows = [
        f"| {name} | {said[name.split()[0]]} | {rule} | {'yes' if name in imported else 'no'} |"
        for name, rule in rules.items()
    ]
    return "\n".join(
        ["| rule | what it requires | the limit, for a top 1,000 | imports too |", "|---|---|---|---|", *rows]
    )


COUNTS = (
    "listed", "with_counters", "disorder", "not_ok", "singles", "short_pages", "lossy_pages", "ranked_received",
    "received", "kept", "duplicates", "rejected", "rejected_everywhere", "beyond", "inversions", "seconds", "population",
    "longest",
)  # fmt: skip
EVIDENCE = dict.fromkeys(COUNTS, 0) | {
    "k": 1000, "next_url": None, "pages": 1, "oldest": None, "skew": None, "with_counters_asked": True,
}  # fmt: skip


def _said_of_rules(checks: object) -> Iterator[tuple[str, str]]:
    """The sentence of each rule, by its number, or by the function's name where it has none."""
    for name, function in inspect.getmembers(checks, inspect.isfunction):
        text = inspect.getdoc(function) or ""
        number = re.match(r"(G\d+): ", text)
        yield number[1] if number else name.removeprefix("check_"), _first(text)


def _first(text: str) -> str:
    sentence = re.sub(r"^G\d+: ", "", text.split("\n\n")[0].replace("\n", " "))
    return _sentence(sentence.replace("|", "\\|"))


QUERY = """SELECT date, rank, name, downloads
FROM v1_ranking
WHERE registry = 'pypi' AND rank <= 3
ORDER BY date, rank;"""


def demonstration() -> dict[str, str]:
    """Parts that show a run of `observatory demo`."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "demo.db"
        line = [sys.executable, "-m", "schedules.cli", "demo", "--keep", str(store)]
        told = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
            rows = connection.execute(QUERY).fetchall()
    found = re.search(r"^Turnover up to \S+\n(?:  .*\n)+", told, re.MULTILINE)
    answer = "\n".join("|".join(map(str, row)) for row in rows)
    return {
        "demo": f"```\n$ make demo\n{found[0] if found else told}```",
        "query": f'```\n$ sqlite3 -readonly observatory.db "{QUERY}"\n{answer}\n```',
    }


def parts() -> dict[str, str]:
    """Parts that need no run."""
    return {"gate": gate(), "faults": faults()}


def faults() -> str:
    """Return the tables of faults: what goes wrong, what is promised, the tests, and what they last gave."""
    catalogue = tomllib.loads((ROOT / "docs" / "faults.toml").read_text("utf-8"))
    not_tried = catalogue.pop("not_tried")
    tests = tests_by_fault(json.loads((ROOT / "docs" / "measured.json").read_text("utf-8")))
    listed = {name for group in catalogue.values() for name in group if name != "title"}
    if tests.keys() - listed:
        raise ValueError(f"docs/faults.toml lacks {', '.join(sorted(tests.keys() - listed))}")
    lines = []
    for group in catalogue.values():
        lines += [
            f"### {group.pop('title')}",
            "",
            "| id | fault | promise | tests | last measured |",
            "|---|---|---|---|---|",
        ]
        lines += [fault_row(name, entry, tests.get(name, [])) for name, entry in group.items()]
        lines.append("")
    lines += ["### Not tried", "", "| id | why |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {reason} |" for name, reason in not_tried.items())])


def fault_row(name: str, entry: Mapping[str, str], tests: Sequence[FaultTest]) -> str:
    """Return the row of one fault; more than one test is folded."""
    listed = "<br>".join(f"{test.sentence} (`{test.path}`){test.note}" for test in tests)
    cases = [test.measured for test in tests if test.measured]
    passed, total = sum(int(case["passed"]) for case in cases), sum(int(case["of"]) for case in cases)
    date = max((str(case["date"]) for case in cases), default="")
    unmeasured = sum(test.measured is None for test in tests)
    measured = [f"{passed} of {total} cases passed, {date}"] if cases else []
    measured += [f"{unmeasured} not yet measured"] if unmeasured else []
    folded = f"<details><summary>{len(tests)} tests</summary>{listed}</details>" if len(tests) > 1 else listed
    return f"| {name} | {entry['fault']} | {entry['promise']} | {folded or 'none'} | {'; '.join(measured)} |"


@dataclass(frozen=True)
class FaultTest:
    """A test that tries a fault: where it is, what its name says, and what it last gave."""

    path: str
    sentence: str
    measured: Mapping[str, object] | None

    @property
    def note(self) -> str:
        """What the test measured last, if it measures anything."""
        notes = list(self.measured["said"]) if self.measured else []
        more = f" (and {len(notes) - 1} more)" if notes[1:] else ""
        return f": {notes[0]}{more}" if notes else ""


def tests_by_fault(measured: Mapping[str, Mapping[str, object]]) -> dict[str, list[FaultTest]]:
    """Return the tests that carry each fault id in their marker."""
    tests: dict[str, list[FaultTest]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        place = str(path.relative_to(ROOT / "tests"))
        for ids, name in fault_tests(path):
            test = FaultTest(place, name.replace("_", " "), measured.get(f"{place}::test_{name}"))
            for fault in ids:
                tests.setdefault(fault, []).append(test)
    return tests


def fault_tests(path: Path) -> Iterator[tuple[list[str], str]]:
    """Yield the fault ids and the name of each test of a file that is marked with faults."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            calls = [mark for mark in node.decorator_list if isinstance(mark, ast.Call)]
            marks = [mark for mark in calls if ast.unparse(mark.func) == "pytest.mark.fault"]
            if marks:
                yield [str(ast.literal_eval(argument)) for argument in marks[0].args], node.name.removeprefix("test_")


def renewed(text: str, made: Mapping[str, str]) -> str:
    """A document with its generated parts as they are now."""
    for name, part in made.items():
        pattern = rf"(<!-- made: {name} -->\n)(?:(?!<!-- end -->).)*(<!-- end -->)"
        text = re.sub(pattern, lambda found, part=part: f"{found[1]}{part}\n{found[2]}", text, flags=re.DOTALL)
    return text


def documents(made: Mapping[str, str]) -> dict[Path, str]:
    """Every document that has generated parts, as it should be."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    wanted = {page: renewed(page.read_text("utf-8"), made) for page in pages if page.exists()}
    return {**wanted, ROOT / "docs" / "commands.md": commands_page()}


def stale(made: Mapping[str, str]) -> dict[Path, str]:
    """The documents that are not as they should be, each with what it should be."""
    return {
        page: text for page, text in documents(made).items() if not page.exists() or page.read_text("utf-8") != text
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Write what is stale, or tell it."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--check", action="store_true", help="change nothing; end with 1 if something is stale")
    reader.add_argument("--demo", action="store_true", help="run the demonstration for the parts that show it")
    options = reader.parse_args(argv)
    found = stale({**parts(), **(demonstration() if options.demo else {})})
    for page, text in found.items():
        if options.check:
            now = page.read_text("utf-8") if page.exists() else ""
            print(
                "\n".join(difflib.unified_diff(now.splitlines(), text.splitlines(), str(page), "made now", lineterm=""))
            )
        else:
            page.write_text(text, "utf-8")
            print(f"written: {page.relative_to(ROOT)}")
    return 1 if found and options.check else 0


if __name__ == "__main__":
    sys.exit(main())

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
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypedDict

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
| `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` | a proxy, as `http://NAME:PASSWORD@HOST:PORT` |
| `NO_PROXY` | hosts and networks that are reached without the proxy |
| `SSL_CERT_FILE`, `SSL_CERT_DIR`, `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE` | a company's certificate authorities |
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
        1: "no file could be imported, or an error of the store ended the run",
        2: "a date, registry, counter, format or manifest cannot be used; nothing was imported",
        3: "a list is partial, or of several files some could not be imported",
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
    "show": {
        0: "shown, or several registries have the name and each is listed",
        1: "no package has the name, or there is no store",
        2: "there is no such registry, or only other registries have the name",
    },
    "top": {
        0: "shown",
        1: "the store has no such complete list, or there is no store",
        2: "there is no such registry, or --since is not before --date",
    },
    "export": {0: "the bundle is in place", 1: "nothing was written: there is no store, or OUT is not a bundle"},
    "export verify": {
        0: "every file is as it was exported",
        1: "a file is missing, changed or new, or there is no bundle",
    },
    "export cite": {0: "printed", 1: "there is no bundle, or no store"},
    "export publish": {
        0: "published, or would be",
        1: "no bundle, no token, or the Hub did not accept it: run the same line again",
        2: "the snapshots are not from public registries, and `--allow-simulated` is not given",
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
    "store remove": {
        0: "removed, or would be",
        1: "there is no store, or another process is writing",
        2: "there is no such import, or the snapshot was crawled",
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
DEFAULT_MEANINGS = {
    "--format": "the output: for a person, or for a program",
    "--registry": "the registry of the list",
    "registry": "the registry to crawl",
    "out": "the file to write",
    "backup": "the backup to restore",
}


def list_modules() -> dict[str, str]:
    """Return the module of each first word of a command."""
    return {word: command.module for word, command in importlib.import_module("schedules.commands").COMMANDS.items()}


def collect_parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command by its words, in the order of `observatory --help`."""
    return dict(pair for word in list_modules() for pair in _iter_parsers(word))


def _iter_parsers(word: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield the commands of a first word, and their parsers."""
    module = _import_command(list_modules()[word])
    parser = module.make_parser()
    subparsers = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not subparsers:
        yield word, parser
    for name, subparser in subparsers[0].choices.items() if subparsers else ():
        if subparser.prog.endswith(f" {name}"):  # an alias has the parser of the real name
            yield f"{word} {name}", subparser
    for name, make_parser in getattr(module, "COMMANDS", {}).items():
        yield f"{word} {name}", make_parser()


def _import_command(module: str) -> ModuleType:
    """Return the module of a command; of a folder, its `__main__`."""
    return importlib.import_module(f"{module}.__main__" if (ROOT / module.replace(".", "/")).is_dir() else module)


def render_commands_page() -> str:
    """Return the text of `docs/commands.md`."""
    return HEAD + "".join(_render_command(words, parser) for words, parser in collect_parsers().items())


def _render_command(words: str, parser: argparse.ArgumentParser) -> str:
    """Return the section of one command."""
    first, *subcommand = words.split()
    module = " ".join([list_modules()[first], *subcommand])
    omitted = argparse._HelpAction | argparse._VersionAction
    actions = [action for action in parser._actions if not isinstance(action, omitted)]
    positional = " ".join(_format_term(action) for action in actions if not action.option_strings)
    line = f"observatory {words} [options] {positional}".rstrip()
    rows = "".join(f"| `{_format_term(action)}` | {_describe_action(action)} |\n" for action in actions)
    exits = "".join(f"- {code}: {meaning}\n" for code, meaning in EXITS[words].items())
    return (
        f"\n## observatory {words}\n\n    {line}\n    python -m {module} …\n\n"
        f"{_make_sentence(parser.description or '')}\n\n"
        f"| option | meaning |\n|---|---|\n{rows}\nExit codes:\n\n{exits}"
    )


def _format_term(action: argparse.Action) -> str:
    """Return the name of an option or argument with its placeholder."""
    name = (action.option_strings or [""])[-1]
    if action.nargs == 0:
        return name
    placeholder = action.metavar or (action.dest.upper() if action.choices is None or not name else "WORD")
    return f"{name} {placeholder}{'…' if action.nargs == '+' else ''}".strip()


def _describe_action(action: argparse.Action) -> str:
    """Return the help text of an option, with its choices, its default, and whether it is required."""
    text = action.help or ""
    if not text or text.startswith("default:"):
        meaning = DEFAULT_MEANINGS.get((action.option_strings or [action.dest])[-1], "")
        text = "; ".join(part for part in (meaning, text) if part)
    choices = [str(choice) for choice in action.choices or ()]
    if not all(choice in text for choice in choices):
        text += "; one of " + ", ".join(f"`{choice}`" for choice in choices)
    if action.required and action.option_strings:
        text += "; required"
    has_default = isinstance(action.default, str | int) and action.default != argparse.SUPPRESS
    if action.nargs != 0 and has_default and "default" not in text:
        text += f" (default: {action.default})"
    return text.replace("|", "\\|")


def _make_sentence(text: str) -> str:
    """Return a text with a capital letter and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


COUNTS = (
    "listed", "with_counters", "disorder", "compared", "not_ok", "singles", "short_pages", "lossy_pages",
    "ranked_received", "received", "kept", "duplicates", "rejected", "rejected_everywhere", "beyond", "hidden",
    "inversions", "seconds", "population", "longest",
)  # fmt: skip
EVIDENCE = dict.fromkeys(COUNTS, 0) | {
    "k": 1000, "next_url": None, "pages": 1, "oldest": None, "skew": None, "main_reject": None,
    "with_counters_asked": True,
}  # fmt: skip


def render_gate_table() -> str:
    """Return the table of the rules in `crawler/quality/gate.py`."""
    from crawler.quality import gate

    limits = {result.gate: result.rule for result in gate.judge_ranking({**EVIDENCE, "origin": "crawl"}, {}, [], [])}
    imports = {result.gate for result in gate.judge_ranking({**EVIDENCE, "origin": "import"}, {}, [], [])}
    sentences = dict(_iter_rule_sentences(gate))
    rows = [
        f"| {name} | {sentences[name.split()[0]]} | {limit} | {'yes' if name in imports else 'no'} |"
        for name, limit in limits.items()
    ]
    return "\n".join(
        ["| rule | what it requires | the limit, for a top 1,000 | imports too |", "|---|---|---|---|", *rows]
    )


def _iter_rule_sentences(gate: ModuleType) -> Iterator[tuple[str, str]]:
    """Yield the number of each rule, or the function's name if it has no number, and its sentence."""
    for name, function in inspect.getmembers(gate, inspect.isfunction):
        text = inspect.getdoc(function) or ""
        number = re.match(r"(G\d+): ", text)
        yield number[1] if number else name.removeprefix("check_"), _first_sentence(text)


def _first_sentence(text: str) -> str:
    """Return the first paragraph of a docstring for a cell of a table, without the number of its rule."""
    sentence = re.sub(r"^G\d+: ", "", text.split("\n\n")[0].replace("\n", " "))
    return _make_sentence(sentence.replace("|", "\\|"))


QUERY = """SELECT date, rank, name, downloads
FROM v1_ranking
WHERE registry = 'pypi' AND rank <= 3
ORDER BY date, rank;"""
LOOKUPS = ("show hollow-lab/Ember-base-instruct-70-lora", "top huggingface/models --limit 5 --since 2026-02-04")


def render_demo_parts() -> dict[str, str]:
    """Run `observatory demo` and return the parts that show it."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "demo.db"
        command = [sys.executable, "-m", "schedules.cli", "demo", "--keep", str(store)]
        report = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
            rows = connection.execute(QUERY).fetchall()
        lookups = [f"$ observatory {line}\n{run_lookup(line, store)}" for line in LOOKUPS]
    section = re.search(r"^Turnover up to \S+\n(?:  .*\n)+", report, re.MULTILINE)
    table = "\n".join("|".join(map(str, row)) for row in rows)
    return {
        "demo": f"```\n$ make demo\n{section[0] if section else report}```",
        "query": f'```\n$ sqlite3 -readonly observatory.db "{QUERY}"\n{table}\n```',
        "lookup": "```\n" + "\n".join(lookups) + "```",
    }


def run_lookup(line: str, store: Path) -> str:
    """Return what a command prints about a store on a terminal of 80 columns. The port differs in every run."""
    command = [sys.executable, "-m", "schedules.cli", *line.split(), "--db", str(store)]
    environment = {**os.environ, "COLUMNS": "80"}
    output = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:41001", output)


def render_parts() -> dict[str, str]:
    """Return the parts that need no run."""
    return {"gate": render_gate_table(), "faults": render_fault_tables()}


FAULT_HEADER = "| id | fault | promise | tests | last measured |\n|---|---|---|---|---|"


def render_fault_tables() -> str:
    """Return the tables of faults, each with its promise, its tests, and their last results."""
    catalogue = tomllib.loads((ROOT / "docs" / "faults.toml").read_text("utf-8"))
    untested = catalogue.pop("not_tried")
    tests = group_tests_by_fault(json.loads((ROOT / "docs" / "measured.json").read_text("utf-8")))
    names = {name for group in catalogue.values() for name in group if name != "title"}
    if tests.keys() - names:
        raise ValueError(f"docs/faults.toml lacks {', '.join(sorted(tests.keys() - names))}")
    lines = []
    for group in catalogue.values():
        lines += [f"### {group.pop('title')}", "", FAULT_HEADER]
        lines += [render_fault_row(name, entry, tests.get(name, [])) for name, entry in group.items()]
        lines.append("")
    lines += ["### Not tried", "", "| id | why |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {reason} |" for name, reason in untested.items())])


def render_fault_row(name: str, entry: Mapping[str, str], tests: Sequence[FaultTest]) -> str:
    """Return the row of one fault. Several tests are folded."""
    listed = "<br>".join(f"{test.sentence} (`{test.path}`){test.note}" for test in tests)
    cases = [test.measured for test in tests if test.measured]
    passed, total = sum(case["passed"] for case in cases), sum(case["of"] for case in cases)
    date = max((case["date"] for case in cases), default="")
    unmeasured = sum(test.measured is None for test in tests)
    measured = [f"{passed} of {total} cases passed, {date}"] if cases else []
    measured += [f"{unmeasured} not yet measured"] if unmeasured else []
    folded = f"<details><summary>{len(tests)} tests</summary>{listed}</details>" if len(tests) > 1 else listed
    return f"| {name} | {entry['fault']} | {entry['promise']} | {folded or 'none'} | {'; '.join(measured)} |"


class Measurement(TypedDict):
    """The last results of a test in docs/measured.json."""

    passed: int
    of: int
    said: list[str]
    date: str


@dataclass(frozen=True)
class FaultTest:
    """A test that tries a fault: its file, its name as a sentence, and its last results."""

    path: str
    sentence: str
    measured: Measurement | None

    @property
    def note(self) -> str:
        """The first number that the test last recorded, or nothing."""
        notes = self.measured["said"] if self.measured else []
        more = f" (and {len(notes) - 1} more)" if notes[1:] else ""
        return f": {notes[0]}{more}" if notes else ""


def group_tests_by_fault(measured: Mapping[str, Measurement]) -> dict[str, list[FaultTest]]:
    """Return the tests that carry each fault id in their marker."""
    tests: dict[str, list[FaultTest]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        file = str(path.relative_to(ROOT / "tests"))
        for ids, name in find_fault_tests(path):
            test = FaultTest(file, name.replace("_", " "), measured.get(f"{file}::test_{name}"))
            for fault in ids:
                tests.setdefault(fault, []).append(test)
    return tests


def find_fault_tests(path: Path) -> Iterator[tuple[list[str], str]]:
    """Yield the fault ids and the name of each test of a file that carries the marker."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            calls = [mark for mark in node.decorator_list if isinstance(mark, ast.Call)]
            marks = [mark for mark in calls if ast.unparse(mark.func) == "pytest.mark.fault"]
            if marks:
                yield [str(ast.literal_eval(argument)) for argument in marks[0].args], node.name.removeprefix("test_")


def replace_parts(text: str, parts: Mapping[str, str]) -> str:
    """Return a document with its generated parts replaced."""
    for name, part in parts.items():
        text = _replace_part(text, name, part)
    return text


def _replace_part(text: str, name: str, part: str) -> str:
    """Return a document with one generated part replaced, if the document has the part."""
    pattern = rf"(<!-- made: {name} -->\n)(?:(?!<!-- end -->).)*(<!-- end -->)"
    return re.sub(pattern, lambda match: f"{match[1]}{part}\n{match[2]}", text, flags=re.DOTALL)


def render_documents(parts: Mapping[str, str]) -> dict[Path, str]:
    """Return the current text of each document that has generated parts."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    texts = {page: replace_parts(page.read_text("utf-8"), parts) for page in pages if page.exists()}
    return {**texts, ROOT / "docs" / "commands.md": render_commands_page()}


def find_stale_documents(parts: Mapping[str, str]) -> dict[Path, str]:
    """Return the current text of each document that differs from its file."""
    texts = render_documents(parts)
    return {page: text for page, text in texts.items() if not page.exists() or page.read_text("utf-8") != text}


def print_difference(page: Path, text: str) -> None:
    """Print how a document differs from its current text."""
    old = page.read_text("utf-8") if page.exists() else ""
    lines = difflib.unified_diff(old.splitlines(), text.splitlines(), str(page), "generated now", lineterm="")
    print("\n".join(lines))


def main(argv: Sequence[str] | None = None) -> int:
    """Write the stale documents, or print how they differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; end with 1 if a document is stale")
    parser.add_argument("--demo", action="store_true", help="run the demonstration for the parts that show it")
    options = parser.parse_args(argv)
    stale = find_stale_documents({**render_parts(), **(render_demo_parts() if options.demo else {})})
    for page, text in stale.items():
        if options.check:
            print_difference(page, text)
        else:
            page.write_text(text, "utf-8")
            print(f"wrote {page.relative_to(ROOT)}")
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())

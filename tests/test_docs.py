"""What the documents say is what the program does: by asking the program."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from sqlite_utils import Database

import analysis.report
import crawler.spiders
from analysis.compute.metric import list_metrics
from crawler.importers import list_formats
from db import UsageError, __version__
from db.migrate import migrate

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "simulation" / "README.md"])
README = (ROOT / "README.md").read_text("utf-8")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def _generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = _generate()
COMMANDS = generate.commands()


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text("utf-8")


def everything() -> str:
    return "\n".join(path.read_text("utf-8") for path in PAGES)


def columns(view: str) -> list[str]:
    database = Database(memory=True)
    migrate(database)
    return [row[1] for row in database.conn.execute(f"PRAGMA table_info({view})")]


def views() -> list[str]:
    database = Database(memory=True)
    migrate(database)
    found = database.conn.execute("SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name")
    return [name for (name,) in found if name.startswith("v1_")]


def test_the_generated_parts_are_as_the_program_says() -> None:
    assert not [str(path) for path in generate.stale(generate.parts())], "run: python docs/generate.py"


@pytest.mark.slow
def test_what_the_readme_shows_is_what_the_demonstration_prints() -> None:
    assert not [str(path) for path in generate.stale(generate.demonstration())], "run: python docs/generate.py --demo"


@pytest.mark.parametrize("name", ["demo", "query", "gate", "faults"])
def test_every_generated_part_has_its_place(name: str) -> None:
    assert len(re.findall(rf"<!-- made: {name} -->\n.*?\n<!-- end -->", everything(), re.DOTALL)) == 1


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_is_documented_with_its_options_and_exit_codes(words: str) -> None:
    section = page("commands").split(f"\n## observatory {words}\n")[1].split("\n## ")[0]
    for action in COMMANDS[words]._actions:
        for option in action.option_strings[-1:]:
            assert option in ("--help", "--version") or f"| `{option}" in section, option
    assert f"- 0: {generate.EXITS[words][0]}" in section


def test_every_fault_is_tried_by_a_test() -> None:
    rows = re.findall(r"^\| ([A-G]\d+) \| [^|]+ \| ([^|]*) \|$", page("reliability"), re.MULTILINE)
    assert len(rows) > 30
    assert not [name for name, tests in rows if not tests.strip()]


def test_every_word_of_the_command_is_documented() -> None:
    assert {words.split()[0] for words in COMMANDS} == set(generate.words_and_modules())
    assert set(generate.EXITS) == set(COMMANDS)


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_every_exit_code_is_documented(code: int) -> None:
    assert f"| {code} | " in page("commands")


@pytest.mark.parametrize("relation", sorted(path.stem for path in (ROOT / "db" / "queries").glob("*.sql")))
def test_every_relation_is_documented(relation: str) -> None:
    assert f"`{relation}`" in page("measuring")


@pytest.mark.parametrize("metric", [metric.name for metric in list_metrics()])
def test_every_metric_is_documented_and_its_version_is_in_the_changelog(metric: str) -> None:
    assert f"`{metric}`" in page("measuring")
    assert f"`{metric}`" in changed_numbers()
    version = next(one.version for one in list_metrics() if one.name == metric)
    assert f"version {version}" in changed_numbers()


@pytest.mark.parametrize("form", list_formats())
def test_every_format_of_past_lists_is_documented(form: str) -> None:
    assert f"observatory crawl import {form} " in README


@pytest.mark.parametrize("form", sorted(path.stem for path in analysis.report.FORMATS_FOLDER.glob("[a-z]*.py")))
def test_every_format_of_the_report_is_documented(form: str) -> None:
    section = page("commands").split("\n## observatory report\n")[1].split("\n## ")[0]
    assert re.search(rf"\b{form}\b", section)


def test_every_rule_of_the_gate_is_documented() -> None:
    from crawler.quality.gate import judge_ranking

    rules = judge_ranking({**generate.EVIDENCE, "origin": "crawl"}, {}, [], [])
    assert len(rules) >= 12
    assert not [rule.gate for rule in rules if f"| {rule.gate} | " not in page("measuring")]


def kinds_of_quality_events() -> Iterator[str]:
    for path in [*(ROOT / "crawler").rglob("*.py"), *(ROOT / "analysis").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Event":
                yield from (kind.value for kind in node.args[:1] if isinstance(kind, ast.Constant))
    for path in (ROOT / "db" / "statements").glob("*.sql"):
        yield from re.findall(r"'([a-z_]+)', '(?:note|warning|error)'", path.read_text("utf-8"))


def test_every_kind_of_quality_event_is_documented() -> None:
    kinds = set(kinds_of_quality_events())
    assert {"renamed", "deleted", "counter_meaning", "date_contradicted"} <= kinds
    assert not [kind for kind in kinds if f"| `{kind}` | " not in page("measuring")]


def test_every_class_of_error_is_documented() -> None:
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for room in ("analysis", "crawler", "db", "schedules")
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    names = {"ObservatoryError"}
    while below := {name for name, above in bases.items() if above & names} - names:
        names |= below
    assert {"CrawlError", "ImportFailedError", "UnknownRegistryError", "StoreBusyError"} <= names
    told = re.findall(r"^##+ (\w+)$", page("errors"), re.MULTILINE)
    assert not names - {*told, "ObservatoryError"}


@pytest.mark.parametrize("view", views())
def test_every_column_of_a_view_is_in_the_dictionary(view: str) -> None:
    section = page("dictionary").split(f"\n## {view}\n")[1].split("\n## ")[0]
    assert columns(view)
    assert not [column for column in columns(view) if f"| `{column}` |" not in section]


def test_every_column_of_a_snapshot_is_in_the_reports_json() -> None:
    section = page("report-json").split("### snapshots")[1].split("###")[0]
    assert not [column for column in columns("v1_snapshot") if f"`{column}`" not in section]


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text("utf-8")):
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), f"{target}#{anchor}"


def said_command_lines(text: str) -> Iterator[tuple[str, bool]]:
    """What stands after `observatory` in a document, and whether it stands there as a whole line to type."""
    fenced = re.findall(r"^```.*?^```$", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in fenced for line in block.splitlines()]
    lines += re.findall(r"^    .*$", rest, re.MULTILINE)
    for line in lines:
        for words in re.findall(r"(?:^|[\s/])observatory ([^;&|`>]*)", line):
            yield words.strip(), True
    for words in re.findall(r"`observatory ([^`>]*)[`>]", text):
        yield " ".join(words.split()), False


def parses(words: list[str], whole: bool) -> bool:
    """Whether a command line is one; a mention in a sentence may leave words out."""
    command = next((one for one in (" ".join(words[:2]), words[0]) if one in COMMANDS), None)
    if command is None:
        return not whole and words[0] in generate.words_and_modules()
    try:
        COMMANDS[command].parse_args(words[len(command.split()) :])
    except UsageError as error:
        return not whole and "required" in error.message
    return True


@each_page
def test_every_command_line_is_one(page: Path) -> None:
    for line, whole in said_command_lines(page.read_text("utf-8")):
        pattern = re.search(r"[\[…]|\bNAME\b|\bWORD\b", line)
        if line and not pattern and not line.startswith("-"):
            assert parses(shlex.split(line), whole), f"observatory {line}"


def test_command_lines_are_found_where_they_are() -> None:
    found = list(said_command_lines(README))
    assert ("demo --keep observatory.db", False) in found
    assert len([line for line, whole in found if whole]) >= 8
    assert not parses(["crawl", "snapshto", "npm"], True)
    assert not parses(["report", "--frm", "text"], True)
    assert not parses(["crawl", "snapshot"], True)


def test_the_first_screen_holds_what_it_is_two_commands_and_a_table() -> None:
    screen = "\n".join(README.splitlines()[:24])
    for needed in ("make demo", "make snapshot", "over ties", "simulated"):
        assert needed in screen


def keys(made: object) -> Iterator[str]:
    if isinstance(made, dict):
        yield from made
        made = list(made.values())
    for one in made if isinstance(made, list) else ():
        yield from keys(one)


@pytest.fixture
def small_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, list[str]]:
    """A store with two imported lists, and what the imports told."""
    from crawler.__main__ import main as crawl

    told = []
    for day in (1, 2):
        file = tmp_path / f"{day}.csv"
        rows = (f"p{(place * day) % 151},{1000 - place}" for place in range(120))
        file.write_text("\n".join(["name,count", *rows]), "utf-8")
        line = f"import csv {file} --registry npm --date 2026-01-0{day} --id name --value count --db {tmp_path}/s.db"
        assert crawl([*line.split(), "--format", "json"]) == 0
        told.append(capsys.readouterr().out)
    assert crawl(["registries", "--db", f"{tmp_path}/s.db", "--format", "json"]) == 0
    return tmp_path / "s.db", [*told, capsys.readouterr().out]


def test_every_key_of_the_json_is_documented(
    small_store: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    from analysis.__main__ import main as compute
    from crawler.snapshots.take import SnapshotOutcome

    store, told = small_store
    assert compute(["--db", str(store), "--format", "json"]) == 0
    told.append(capsys.readouterr().out)
    assert analysis.report.main(["--db", str(store), "--format", "json"]) == 0
    told.append(capsys.readouterr().out)
    documents = [json.loads(one) for one in told]
    assert {one["schema"] for one in documents} == {1}
    assert documents[-1]["movers"] and documents[-1]["results"]
    found = {key for one in documents for key in keys(one)} | set(SnapshotOutcome("npm", 1, "open", 3).as_json())
    assert not [key for key in sorted(found) if not re.search(rf'[`"]{key}["`]', page("report-json"))]


def test_the_query_of_the_readme_is_one() -> None:
    database = Database(memory=True)
    migrate(database)
    assert generate.QUERY in README
    database.conn.execute(generate.QUERY)


def changed_numbers() -> str:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    return changelog.split("\n## Changed numbers\n")[1].split("\n## ")[0]


def test_the_changelog_tells_of_this_version() -> None:
    assert f"\n## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert len(changed_numbers().split()) > 20


def test_the_citation_can_be_read() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors", "type", "license"} <= cited.keys()
    assert (cited["cff-version"], cited["version"], cited["license"]) == ("1.2.0", __version__, "Apache-2.0")
    (paper,) = cited["references"]
    assert {"type", "title", "authors"} <= paper.keys()
    assert paper["doi"] == "10.1145/3674805.3686665"


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in text and "END OF TERMS AND CONDITIONS" in text and len(text) > 11_000


def shown_numbers() -> list[list[str]]:
    """The rows of the README's table of what it has shown."""
    table = README.split("## What it has shown")[1].split("## ")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if re.search(r"\| \d{4}-", line)]
    return [[cell.strip() for cell in row] for row in rows]


def import_options(registry: str) -> list[str]:
    """How the README imports a CSV list of a registry: what stands after its file and date."""
    for line, _ in said_command_lines(README):
        words = shlex.split(line)
        if words[:3] == ["crawl", "import", "csv"] and registry in words:
            return words[words.index("--id") :]
    raise LookupError(registry)


@pytest.mark.real_data
def test_the_numbers_of_the_readme_are_those_of_the_lists(
    real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from crawler.__main__ import main as crawl

    folders = {"huggingface/models": "hf_hub", "pypi": "pypi_top", "npm": "npm_top"}
    rows = shown_numbers()
    assert len(rows) == 4
    for registry, date in sorted({(row[0], day) for row in rows for day in row[1:3]}):
        (file,) = (real_data / folders[registry]).glob(f"*{date}.csv.gz")
        named = ["--registry", registry, "--date", date, "--db", str(tmp_path / "s.db"), *import_options(registry)]
        assert crawl(["import", "csv", str(file), *named]) == 0
    capsys.readouterr()
    assert analysis.report.main(["--db", str(tmp_path / "s.db"), "--format", "json"]) == 0
    results = [one for one in json.loads(capsys.readouterr().out)["results"] if one["k"] == 1000]
    given = {(one["registry"], one["date"], one["name"]): one for one in results}
    for registry, before, date, days, remained, newcomers, returning, turnover, ties in rows:
        counts = [given[registry, date, name]["value"] for name in ("remained", "newcomers", "returning")]
        assert counts == [float(remained), float(newcomers), float(returning)]
        share = given[registry, date, "turnover"]
        low, high = share["low"], share["high"]
        assert (share["previous_date"], f"{share['value']:.3f}") == (before, turnover)
        assert ties == ("unknown" if low is None else f"[{low:.3f}, {high:.3f}]")
        assert f"gap {days} days" in share["note"]


def test_the_spiders_are_documented() -> None:
    folder = Path(crawler.spiders.__file__).parent
    known = ["ecosystems", "ecosystems_census", "huggingface", "huggingface_census"]
    assert sorted(path.stem for path in folder.glob("[!_]*.py")) == known, "say it in docs/guest.md"
    assert "## Quotas" in page("guest") and "| the Hub | Ecosyste.ms |" in page("guest")


def test_the_examples_of_the_recipes_can_be_compiled() -> None:
    blocks = re.findall(
        r"^( *)```python\n(.*?)^ *```", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert len(blocks) >= 4
    for indent, block in blocks:
        compile("\n".join(line.removeprefix(indent) for line in block.splitlines()), "CONTRIBUTING.md", "exec")


def test_no_page_is_forgotten() -> None:
    linked = "".join(path.read_text("utf-8") for path in PAGES)
    assert not [path.name for path in (ROOT / "docs").glob("*.md") if f"{path.name})" not in linked.replace("#", ")")]


@pytest.mark.parametrize(("page", "text"), [
    (page.name, text) for page in sorted((ROOT / "docs").glob("*.md"))
    for text in re.findall(r"```toml\n(# [a-z]+\.toml\n.*?)```", page.read_text("utf-8"), re.S)
])  # fmt: skip
def test_a_schedule_in_the_documents_is_one_that_the_daemon_takes(page: str, text: str, tmp_path: Path) -> None:
    (tmp_path / text.split("\n")[0].removeprefix("# ")).write_text(text, "utf-8")
    line = [sys.executable, "-m", "schedules.cli", "schedule", "check", "--schedules", str(tmp_path)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

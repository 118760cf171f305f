"""The documents against the program: each command, metric, rule, error, key and link."""

from __future__ import annotations

import ast
import configparser
import importlib.util
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from sqlite_utils import Database

import analysis.report
import analysis.show
import analysis.top
import crawler.spiders
from analysis.compute.metric import list_metrics
from crawler.importers import list_formats
from db import UsageError, __version__
from db.migrate import migrate
from schedules.demo import describe_next_steps

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "simulation" / "README.md"])
README = (ROOT / "README.md").read_text("utf-8")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def load_generator() -> ModuleType:
    """Import docs/generate.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate"] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


generate = load_generator()
COMMANDS = generate.collect_parsers()


def read_page(name: str) -> str:
    """Return the text of a page of docs/."""
    return (ROOT / "docs" / f"{name}.md").read_text("utf-8")


def read_section(name: str, heading: str) -> str:
    """Return the text below a heading of a page, up to the next heading of the second level."""
    return read_page(name).split(f"\n## {heading}\n")[1].split("\n## ")[0]


def read_all_pages() -> str:
    """Return the text of all documents."""
    return "\n".join(path.read_text("utf-8") for path in PAGES)


def empty_store() -> Database:
    """Return a store in memory with the current schema."""
    database = Database(memory=True)
    migrate(database)
    return database


def list_columns(view: str) -> list[str]:
    """Return the columns of a view."""
    return [row[1] for row in empty_store().conn.execute(f"PRAGMA table_info({view})")]


def list_views() -> list[str]:
    """Return the stable views."""
    rows = empty_store().conn.execute("SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name")
    return [name for (name,) in rows if name.startswith("v1_")]


def test_the_generated_parts_are_up_to_date() -> None:
    stale = generate.find_stale_documents(generate.render_parts())
    assert not [str(path) for path in stale], "run: python docs/generate.py"


@pytest.mark.slow
def test_the_readme_shows_what_the_demonstration_prints() -> None:
    stale = generate.find_stale_documents(generate.render_demo_parts())
    assert not [str(path) for path in stale], "run: python docs/generate.py --demo"


@pytest.mark.parametrize("name", ["demo", "query", "lookup", "gate", "faults"])
def test_each_generated_part_is_in_one_document(name: str) -> None:
    assert len(re.findall(rf"<!-- made: {name} -->\n.*?\n<!-- end -->", read_all_pages(), re.DOTALL)) == 1


@pytest.mark.parametrize("words", COMMANDS)
def test_each_command_is_documented_with_its_options_and_exit_codes(words: str) -> None:
    section = read_section("commands", f"observatory {words}")
    for action in COMMANDS[words]._actions:
        for option in action.option_strings[-1:]:
            assert option in ("--help", "--version") or f"| `{option}" in section, option
    assert f"- 0: {generate.EXITS[words][0]}" in section


def test_each_fault_is_tried_by_a_test() -> None:
    rows = re.findall(
        r"^\| ([A-G]\d+) \| [^|]+ \| [^|]+ \| ([^|]*) \| [^|]* \|$", read_page("reliability"), re.MULTILINE
    )
    catalogue = tomllib.loads((ROOT / "docs" / "faults.toml").read_text("utf-8"))
    del catalogue["not_tried"]
    assert [name for name, _ in rows] == [name for group in catalogue.values() for name in group if name != "title"]
    assert not [name for name, tests in rows if tests.strip() in ("", "none")]


def test_each_first_word_of_a_command_is_documented() -> None:
    assert {words.split()[0] for words in COMMANDS} == set(generate.list_modules())
    assert set(generate.EXITS) == set(COMMANDS)


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_each_exit_code_is_documented(code: int) -> None:
    assert f"| {code} | " in read_page("commands")


@pytest.mark.parametrize("relation", sorted(path.stem for path in (ROOT / "db" / "queries").glob("*.sql")))
def test_each_relation_is_documented(relation: str) -> None:
    assert f"`{relation}`" in read_page("measuring")


@pytest.mark.parametrize("metric", [metric.name for metric in list_metrics()])
def test_each_metric_is_documented_and_its_version_is_in_the_changelog(metric: str) -> None:
    assert f"`{metric}`" in read_page("measuring")
    assert f"`{metric}`" in read_changed_numbers()
    version = next(listed.version for listed in list_metrics() if listed.name == metric)
    assert f"version {version}" in read_changed_numbers()


@pytest.mark.parametrize("form", list_formats())
def test_each_format_of_past_lists_is_documented(form: str) -> None:
    assert f"observatory crawl import {form} " in README


@pytest.mark.parametrize("form", sorted(path.stem for path in analysis.report.FORMATS_FOLDER.glob("[a-z]*.py")))
def test_each_format_of_the_report_is_documented(form: str) -> None:
    assert re.search(rf"\b{form}\b", read_section("commands", "observatory report"))


def test_each_rule_of_the_gate_is_documented() -> None:
    from crawler.quality.gate import judge_ranking

    rules = judge_ranking({**generate.EVIDENCE, "origin": "crawl"}, {}, [], [])
    table = read_page("measuring").split("<!-- made: gate -->\n")[1].split("\n<!-- end -->")[0]
    _, _, *rows = table.splitlines()
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == [rule.gate for rule in rules]


def find_event_kinds() -> Iterator[str]:
    """Yield the kinds of quality events that the code and the SQL store."""
    for path in [*(ROOT / "crawler").rglob("*.py"), *(ROOT / "analysis").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Event":
                yield from (kind.value for kind in node.args[:1] if isinstance(kind, ast.Constant))
    for path in (ROOT / "db" / "statements").glob("*.sql"):
        yield from re.findall(r"'([a-z_]+)', '(?:note|warning|error)'", path.read_text("utf-8"))


def test_each_kind_of_quality_event_is_documented() -> None:
    kinds = set(find_event_kinds())
    assert {"renamed", "deleted", "counter_meaning", "date_contradicted"} <= kinds
    assert not [kind for kind in kinds if f"| `{kind}` | " not in read_page("measuring")]


def test_each_class_of_error_is_documented() -> None:
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for folder in ("analysis", "crawler", "db", "schedules")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    names = {"ObservatoryError"}
    while subclasses := {name for name, parents in bases.items() if parents & names} - names:
        names |= subclasses
    assert {"CrawlError", "ImportFailedError", "UnknownRegistryError", "StoreBusyError"} <= names
    documented = re.findall(r"^##+ (\w+)$", read_page("errors"), re.MULTILINE)
    assert not names - {*documented, "ObservatoryError"}


@pytest.mark.parametrize("view", list_views())
def test_each_column_of_a_view_is_in_the_dictionary(view: str) -> None:
    section = read_section("dictionary", view)
    assert list_columns(view)
    assert not [column for column in list_columns(view) if f"| `{column}` |" not in section]


def test_each_column_of_a_snapshot_is_in_the_json_of_the_report() -> None:
    section = read_page("report-json").split("### snapshots")[1].split("###")[0]
    assert not [column for column in list_columns("v1_snapshot") if f"`{column}`" not in section]


def find_anchors(path: Path) -> set[str]:
    """Return the anchors of the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_relative_links_have_a_target(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text("utf-8")):
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), target
        assert not anchor or anchor in find_anchors(path), f"{target}#{anchor}"


def find_command_lines(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the arguments of each `observatory` in a document, and whether they are a complete line to type."""
    blocks = re.findall(r"^```.*?^```$", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"^    .*$", prose, re.MULTILINE)
    for line in lines:
        for arguments in re.findall(r"(?:^|[\s/])observatory ([^;&|`>]*)", line):
            yield arguments.strip(), True
    for arguments in re.findall(r"`observatory ([^`>]*)[`>]", text):
        yield " ".join(arguments.split()), False


def is_command_line(arguments: list[str], complete: bool) -> bool:
    """Return whether a command accepts the arguments. A mention in a sentence may omit some."""
    command = next((words for words in (" ".join(arguments[:2]), arguments[0]) if words in COMMANDS), None)
    if command is None:
        return not complete and arguments[0] in generate.list_modules()
    try:
        COMMANDS[command].parse_args(arguments[len(command.split()) :])
    except UsageError as error:
        return not complete and error.message.endswith(" missing.")
    return True


@each_page
def test_each_command_line_is_accepted_by_its_command(page: Path) -> None:
    for line, complete in find_command_lines(page.read_text("utf-8")):
        pattern = re.search(r"[\[…]|\b(?:COMMAND|NAME)\b", line)
        if line and not pattern and not line.startswith("-"):
            assert is_command_line(shlex.split(line), complete), f"observatory {line}"


def test_command_lines_are_found_in_the_readme_and_wrong_ones_are_refused() -> None:
    lines = list(find_command_lines(README))
    assert ("demo --keep observatory.db", False) in lines
    typed = re.findall(r"^(?:    (?:\S*/)?|\$ )observatory (.*?)$", README, re.MULTILINE)
    assert typed and sorted(line for line, complete in lines if complete) == sorted(typed)
    assert not is_command_line(["crawl", "snapshto", "npm"], True)
    assert not is_command_line(["report", "--frm", "text"], True)
    assert not is_command_line(["crawl", "snapshot"], True)


@pytest.mark.parametrize("kept", [None, Path("my store.db")])
def test_the_demonstration_ends_with_commands_that_exist(kept: Path | None) -> None:
    steps = describe_next_steps(kept)
    lines = re.findall(r"observatory (.*)$", steps, re.MULTILINE)
    assert (len(steps.splitlines()), len(lines)) == (7, 4 if kept else 5)
    assert all(is_command_line(shlex.split(line), True) for line in lines)
    assert str(kept or "demo.db") in steps


def test_the_first_screen_of_the_readme_has_the_two_commands_and_a_table() -> None:
    screen = "\n".join(README.splitlines()[:24])
    for text in ("make demo", "make snapshot", "tie range", "simulated"):
        assert text in screen


def find_keys(value: object) -> Iterator[str]:
    """Yield every key of a JSON document."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    for element in value if isinstance(value, list) else ():
        yield from find_keys(element)


@pytest.fixture
def small_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, list[str]]:
    """Import two lists, one of a local endpoint. Return the store and the JSON of the imports and of the registries."""
    from crawler.__main__ import main as crawl

    outputs = []
    for day in (1, 2):
        file = tmp_path / f"{day}.csv"
        rows = (f"p{(index * day) % 151},{1000 - index}" for index in range(120))
        file.write_text("\n".join(["name,count", *rows]), "utf-8")
        line = f"import csv {file} --registry npm --date 2026-01-0{day} --id name --value count --db {tmp_path}/s.db"
        source = ("--source", "http://127.0.0.1:4711") if day == 1 else ()
        assert crawl([*line.split(), *source, "--format", "json"]) == 0
        outputs.append(capsys.readouterr().out)
    assert crawl(["registries", "--db", f"{tmp_path}/s.db", "--format", "json"]) == 0
    return tmp_path / "s.db", [*outputs, capsys.readouterr().out]


def test_each_key_of_the_json_is_documented(
    small_store: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    from analysis.__main__ import main as compute
    from crawler.snapshots.take import SnapshotOutcome

    store, outputs = small_store
    assert compute(["--db", str(store), "--format", "json"]) == 0
    outputs.append(capsys.readouterr().out)
    assert analysis.report.main(["--db", str(store), "--format", "json"]) == 0
    outputs.append(capsys.readouterr().out)
    report = json.loads(outputs[-1])
    assert report["movers"] and report["results"] and report["not_public"]
    for main, argument in ((analysis.show.main, "p2"), (analysis.top.main, "npm")):
        assert main([argument, "--db", str(store), "--format", "json"]) == 0
        outputs.append(capsys.readouterr().out)
    documents = [json.loads(output) for output in outputs]
    assert [document["schema"] for document in documents] == [*[1] * (len(documents) - 3), 2, 1, 1]
    keys = {key for document in documents for key in find_keys(document)}
    keys |= set(SnapshotOutcome("npm", 1, "open", 3).as_json())
    assert not [key for key in sorted(keys) if not re.search(rf'[`"]{key}["`]', read_page("report-json"))]


def test_the_query_of_the_readme_can_be_run() -> None:
    assert generate.QUERY in README
    empty_store().conn.execute(generate.QUERY)


def read_changed_numbers() -> str:
    """Return the section of the changelog on metrics whose numbers changed."""
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    return changelog.split("\n## Changed numbers\n")[1].split("\n## ")[0]


def test_the_changelog_has_this_version_and_the_changed_numbers() -> None:
    assert f"\n## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert "version" in read_changed_numbers()


def test_the_citation_file_has_the_required_fields() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors", "type", "license"} <= cited.keys()
    assert (cited["cff-version"], cited["version"], cited["license"]) == ("1.2.0", __version__, "Apache-2.0")
    (paper,) = cited["references"]
    assert {"type", "title", "authors"} <= paper.keys()
    assert paper["doi"] == "10.1145/3674805.3686665"


def test_the_licence_is_complete() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in text and "END OF TERMS AND CONDITIONS" in text and len(text) > 11_000


def read_turnover_rows() -> list[list[str]]:
    """Return the rows of the README's table of turnover on public lists."""
    table = README.split("## What it has shown")[1].split("## ")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if re.search(r"\| \d{4}-", line)]
    return [[cell.strip() for cell in row] for row in rows]


def read_import_options(registry: str) -> list[str]:
    """Return the options of the README's CSV import of a registry, without its file and date."""
    for line, _ in find_command_lines(README):
        words = shlex.split(line)
        if words[:3] == ["crawl", "import", "csv"] and registry in words:
            return words[words.index("--id") :]
    raise LookupError(registry)


@pytest.mark.ci
@pytest.mark.real_data
def test_the_numbers_of_the_readme_are_computed_from_the_lists(
    real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from crawler.__main__ import main as crawl

    folders = {"huggingface/models": "hf_hub", "pypi": "pypi_top", "npm": "npm_top"}
    rows = read_turnover_rows()
    assert {row[0] for row in rows} == set(folders)
    for registry, date in sorted({(row[0], day) for row in rows for day in row[1:3]}):
        (file,) = (real_data / folders[registry]).glob(f"*{date}.csv.gz")
        options = ["--registry", registry, "--date", date, "--db", str(tmp_path / "s.db")]
        assert crawl(["import", "csv", str(file), *options, *read_import_options(registry)]) == 0
    capsys.readouterr()
    assert analysis.report.main(["--db", str(tmp_path / "s.db"), "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    results = {(row["registry"], row["date"], row["name"]): row for row in document["results"] if row["k"] == 1000}
    for registry, before, date, days, remained, newcomers, returning, turnover, tie_range in rows:
        counts = [results[registry, date, name]["value"] for name in ("remained", "newcomers", "returning")]
        assert counts == [float(remained), float(newcomers), float(returning)]
        share = results[registry, date, "turnover"]
        low, high = share["low"], share["high"]
        assert (share["previous_date"], f"{share['value']:.1%}") == (before, turnover)
        assert tie_range == ("unknown" if low is None else f"{low:.1%} to {high:.1%}")
        assert f"gap {days} days" in share["note"]


def test_the_spiders_are_documented() -> None:
    folder = Path(crawler.spiders.__file__).parent
    documented = ["ecosystems", "ecosystems_census", "huggingface", "huggingface_census"]
    assert sorted(path.stem for path in folder.glob("[!_]*.py")) == documented, "describe the spider in docs/guest.md"
    assert "## Quotas" in read_page("guest") and "| the Hub | Ecosyste.ms |" in read_page("guest")


def test_the_examples_of_the_recipes_can_be_compiled() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    blocks = re.findall(r"^( *)```python\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == text.count("```python") > 0
    for indent, block in blocks:
        compile("\n".join(line.removeprefix(indent) for line in block.splitlines()), "CONTRIBUTING.md", "exec")


def test_each_extra_is_documented() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", read_page("install"), re.MULTILINE)
    assert rows == list(setup["options.extras_require"])


def test_each_page_is_linked_from_another() -> None:
    links = read_all_pages().replace("#", ")")
    assert not [path.name for path in (ROOT / "docs").glob("*.md") if f"{path.name})" not in links]


@pytest.mark.parametrize(("page", "text"), [
    (page.name, text) for page in sorted((ROOT / "docs").glob("*.md"))
    for text in re.findall(r"```toml\n(# [a-z]+\.toml\n.*?)```", page.read_text("utf-8"), re.S)
])  # fmt: skip
def test_each_schedule_in_the_documents_has_no_fault(page: str, text: str, tmp_path: Path) -> None:
    (tmp_path / text.split("\n")[0].removeprefix("# ")).write_text(text, "utf-8")
    command = [sys.executable, "-m", "schedules.cli", "schedule", "check", "--schedules", str(tmp_path)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr) == (0, "")

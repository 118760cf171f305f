"""Who may import whom, each library in its room, and the rest of what is true of every file: by walking the tree."""

from __future__ import annotations

import ast
import graphlib
import io
import re
import sqlite3
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from sqlite_utils import Database

from db.migrate import migrate, split_statements

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("analysis", "crawler", "db", "schedules", "simulation")
MAY_IMPORT = {"analysis": {"db"}, "crawler": {"db"}, "schedules": {"db"}, "db": set(), "simulation": set()}
LIBRARIES = {
    "analysis": {
        "duckdb", "huggingface_hub", "jinja2", "markdown_it", "markupsafe", "numpy", "openai", "pandas", "pyarrow",
        "pyspark", "rich", "scipy", "statsmodels", "tenacity", "vl_convert",
    },
    "crawler": {"huggingface_hub", "msgspec", "pyarrow", "rich", "scrapy", "tenacity", "twisted", "yaml"},
    "db": {"numpy", "sqlite_utils", "zstandard"},
    "schedules": {"apscheduler", "prometheus_client"},
    "simulation": {"numpy"},
}  # fmt: skip
FOR_METRICS = {
    "analysis.statistics.groups",
    "analysis.statistics.inference",
    "analysis.statistics.lineage",
    "analysis.compute.metric",
    "analysis.statistics.rankings",
    "analysis.scoring.agreement",
}
VAGUE = {"common", "core", "helper", "helpers", "manager", "misc", "tools", "util", "utils"}
OUR_SQL = {  # f-strings that are SQL, and what is put into them: our own constants, never text from outside
    "analysis/exports/formats/sqlite.py: columns",
    "analysis/exports/formats/sqlite.py: places",
    "analysis/exports/formats/sqlite.py: table.name",
    "analysis/exports/leak_scan.py: table",
    "analysis/exports/tables.py: listed",
    "analysis/exports/tables.py: name",
    "analysis/exports/tables.py: order",
    "analysis/exports/tables.py: question",
    "db/maintenance/backup.py: journal",
    "db/maintenance/schema.py: OWN_OBJECTS",
    "db/migrate.py: APPLICATION_ID",
    "db/redactions.py: name",
    "db/store/__init__.py: table",
}
# Built from pieces, so that this file does not have them either. What npm and pypi are called is looked up at run time.
HOSTS = tuple(".".join(parts) for parts in (
    ("npm" + "js", "com"), ("npm" + "js", "org"), ("py" + "pi", "org"), ("python" + "hosted", "org"), ("crates", "io"),
    ("ruby" + "gems", "org"), ("debian", "org"), ("debian", "net"), ("packag" + "ist", "org"), ("nug" + "et", "org"),
))  # fmt: skip
LONGEST_FILE, LONGEST_FUNCTION = 300, 50

Function = ast.FunctionDef | ast.AsyncFunctionDef
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
QUERIES = sorted((ROOT / "db" / "queries").glob("*.sql"))
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
each_query = pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in FILES}


def imported(node: ast.AST) -> Iterator[str]:
    """The modules one statement imports; of `from a import b` a.b, if that is a module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            inner = f"{node.module}.{alias.name}"
            yield inner if inner in MODULES else node.module


def imports(path: Path) -> set[str]:
    """Everything a file imports, wherever it does."""
    return {name for node in ast.walk(tree(path)) for name in imported(node)}


def imports_on_loading(path: Path) -> set[str]:
    """What a file imports when it is loaded itself."""
    return {name for node in tree(path).body for name in imported(node) if name in MODULES}


def ours(names: set[str]) -> set[str]:
    return {name for name in names if name.split(".")[0] in {*ROOMS, "tests"}}


def public(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    """Public functions and classes, and the public methods of those."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


def code_lines(path: Path) -> set[int]:
    """The numbers of the lines that hold code: no comments, docstrings or blanks."""
    held: set[int] = set()
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline):
        if token.type not in skipped:
            held.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            held.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return held


@each_file
def test_the_rooms_are_a_star_around_the_store(path: Path) -> None:
    room = room_of(path)
    rooms = {name.split(".")[0] for name in ours(imports(path))} - {room}
    assert rooms <= MAY_IMPORT[room], "what one room wants of another it starts as a command"


@each_file
def test_each_library_is_in_its_room(path: Path) -> None:
    names = {name.split(".")[0] for name in imports(path) - ours(imports(path))}
    assert names - sys.stdlib_module_names <= LIBRARIES[room_of(path)]


def test_no_module_is_in_a_ring() -> None:
    graph = {name: imports_on_loading(path) - {name} for name, path in MODULES.items()}
    tuple(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError, with the ring


@pytest.mark.parametrize("path", sorted((ROOT / "analysis" / "metrics").glob("[!_]*.py")), ids=lambda path: path.stem)
def test_a_metric_is_pure_and_has_a_doctest(path: Path) -> None:
    assert ours(imports(path)) <= FOR_METRICS, "a metric knows neither the store nor another metric"
    names = {node.id for node in ast.walk(tree(path)) if isinstance(node, ast.Name)}
    assert not names & {"open", "print", "input"}
    functions = [one for one in tree(path).body if isinstance(one, ast.FunctionDef) and not one.name.startswith("_")]
    for node in functions:
        assert ">>> " in (ast.get_docstring(node) or ""), f"{node.name} shows no example"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "analysis" / "reporting" / "formats").glob("[!_]*.py")), ids=lambda path: path.stem
)
def test_a_format_knows_nothing_of_ours_but_figures(path: Path) -> None:
    assert {name for name in ours(imports(path)) if not name.startswith("analysis.reporting.figures")} == set()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "analysis" / "reporting" / "figures").glob("*.py")), ids=lambda path: path.stem
)
def test_a_figure_knows_nothing_of_ours_but_figures(path: Path) -> None:
    assert {name for name in ours(imports(path)) if not name.startswith("analysis.reporting.figures")} == set()


@pytest.mark.parametrize("path", sorted((ROOT / "crawler" / "spiders").glob("*.py")), ids=lambda path: path.stem)
def test_a_spider_does_not_know_the_store(path: Path) -> None:
    assert not imports(path) & {"db.store", "db.connection", "sqlite3"}
    if not path.stem.startswith("_"):
        told = ast.get_docstring(tree(path)) or ""
        assert "\nPages\n" in told and "\nCounters\n" in told


@each_file
def test_no_module_has_a_vague_name(path: Path) -> None:
    assert not VAGUE & set(module_of(path).split("."))


@each_file
def test_no_module_holds_changing_state(path: Path) -> None:
    assigned = [node for node in tree(path).body if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign)]
    targets = [target for node in assigned for target in getattr(node, "targets", None) or [node.target]]
    names = [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    assert not [
        name for name in names if name.lstrip("_")[:1].islower() and name != "__all__" and name != "__version__"
    ]
    assert not [node for node in ast.walk(tree(path)) if isinstance(node, ast.Global)]


@each_file
@pytest.mark.fault("E6")
def test_sql_is_run_statement_by_statement_and_made_of_our_own_words(path: Path) -> None:
    place = str(path.relative_to(ROOT))
    for node in ast.walk(tree(path)):
        assert not (isinstance(node, ast.Attribute) and node.attr == "executescript"), "it commits first"
        if isinstance(node, ast.JoinedStr):
            said = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
            put = [ast.unparse(part.value) for part in node.values if isinstance(part, ast.FormattedValue)]
            if re.search(r"^\s*(SELECT|INSERT|UPDATE|DELETE|PRAGMA|CREATE|DROP|ATTACH|WITH)\b", said):
                assert {f"{place}: {name}" for name in put} <= OUR_SQL, ast.unparse(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.startswith("execute"):
            assert not (node.args and isinstance(node.args[0], ast.BinOp)), ast.unparse(node)


@pytest.mark.fault("E3", "E13")
def test_nothing_from_others_is_rendered_parsed_as_xml_or_unpacked() -> None:
    for path in FILES:
        found, place = imports(path), str(path.relative_to(ROOT))
        roots = {name.split(".")[0] for name in found}
        assert not roots & {"zipfile", "tarfile", "pickle", "marshal", "shelve"}, place
        assert "unpack_archive" not in {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
        assert place.startswith("analysis/") or not roots & {"xml", "lxml", "jinja2", "string"}, place
        assert "xml.etree" not in found or place == "analysis/reporting/figures/_render.py", (
            "that reads drawings we made"
        )


CONNECTS = {  # who opens a SQLite file, and whether it is the store
    "db/connection.py",  # the store: to write under the writer's lock, or to read only
    "db/maintenance/backup.py",  # a copy that nobody knows of yet
    "crawler/importers/peatmoss.py",  # a past list, to read only
    "analysis/exports/formats/sqlite.py", "analysis/exports/peatmoss.py", "analysis/exports/leak_scan.py",  # exports
}  # fmt: skip


@pytest.mark.fault("A15")
def test_the_store_is_opened_to_write_in_one_place() -> None:
    for path in FILES:
        calls = [ast.unparse(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
        assert "sqlite3.connect" not in calls or str(path.relative_to(ROOT)) in CONNECTS, path


def tracked() -> list[Path]:
    """The files of the repository, those that will be added among them; every file where there is no git."""
    line = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        told = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        found = [
            path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
        ]
    else:
        found = [ROOT / name for name in told.split("\0") if name]
    return [path for path in found if path.is_file()]


def test_no_file_names_the_host_of_a_package_registry() -> None:
    files = tracked()
    assert len(files) > 100
    found = [
        (str(path.relative_to(ROOT)), host)
        for path in files
        for host in HOSTS
        if host.encode() in path.read_bytes().lower()
    ]
    assert not found


@pytest.fixture(scope="module")
def fresh() -> sqlite3.Connection:
    """An empty store of this version, with the rows of a page brought in."""
    database = Database(memory=True)
    migrate(database)
    for statement in split_statements((ROOT / "db" / "statements" / "create_incoming_tables.sql").read_text("utf-8")):
        database.conn.execute(statement)
    return database.conn


def prepare(connection: sqlite3.Connection, statement: str) -> None:
    """Let SQLite look at a statement without running it; every name in it must exist."""
    numbered = (None,) * len(set(re.findall(r"\?\d", statement)))
    connection.execute(f"EXPLAIN {statement}", numbered or dict.fromkeys(re.findall(r":([a-z_]+)", statement)))


@each_query
def test_a_question_says_what_it_asks_and_only_reads(path: Path, fresh: sqlite3.Connection) -> None:
    text = path.read_text("utf-8")
    assert re.match(r"-- [A-Z`].{15,}", text), "the first line is a comment that says what it asks"
    assert text.partition("\n")[2].strip()
    (statement,) = split_statements(text + ";")
    code = re.sub(r"--.*", "", statement)
    assert re.match(r"\s*(SELECT|WITH)\b", code)
    assert not re.search(r"\b(INSERT|UPDATE|DELETE|REPLACE|PRAGMA|ATTACH)\b", code)
    prepare(fresh, statement)


@pytest.mark.parametrize("path", sorted((ROOT / "db" / "statements").glob("*.sql")), ids=lambda path: path.stem)
def test_a_statement_says_what_it_does_and_fits_the_schema(path: Path, fresh: sqlite3.Connection) -> None:
    text = path.read_text("utf-8")
    assert text.startswith("-- ")
    for statement in split_statements(text) if path.stem != "create_incoming_tables" else ():
        prepare(fresh, statement)


@each_file
def test_files_and_functions_are_short(path: Path) -> None:
    lines = code_lines(path)
    assert len(lines) <= LONGEST_FILE
    for node in ast.walk(tree(path)):
        if isinstance(node, Function):
            body = lines & set(range(node.body[0].lineno, (node.end_lineno or 0) + 1))
            assert len(body) <= LONGEST_FUNCTION, f"{node.name} has {len(body)} lines"


@each_file
def test_every_public_thing_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(tree(path)), "the module has no sentence"
    assert not [node.name for node in public(tree(path).body) if not ast.get_docstring(node)]


@each_file
def test_every_public_function_is_typed(path: Path) -> None:
    for node in public(tree(path).body):
        if isinstance(node, Function):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
            untyped = [one.arg for one in given if one and not one.annotation and one.arg not in ("self", "cls")]
            assert node.returns and not untyped, f"{node.name}: {untyped or 'what it returns'}"


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()], "tests/db would hide db"


def test_tests_mirror_rooms_that_exist() -> None:
    folders = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    assert not [str(folder) for folder in folders if not (ROOT / folder).is_dir()]

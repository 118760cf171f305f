"""Rules that hold for every file: who imports whom, names, sizes, SQL. Each rule lists its offenders."""

from __future__ import annotations

import ast
import graphlib
import io
import re
import sqlite3
import subprocess
import sys
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
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
        "duckdb", "httpx2", "huggingface_hub", "jinja2", "markdown_it", "markupsafe", "msgspec", "numpy", "openai",
        "pandas", "pyarrow", "pyspark", "rich", "scipy", "statsmodels", "tenacity", "vl_convert",
    },
    "crawler": {
        "OpenSSL", "huggingface_hub", "msgspec", "pyarrow", "requests", "rich", "scipy", "scrapy", "service_identity",
        "tenacity", "twisted", "w3lib", "weblinking", "yaml",
    },
    "db": {"msgspec", "numpy", "sqlite_utils", "zstandard"},
    "schedules": {"apscheduler", "msgspec", "prometheus_client"},
    "simulation": {"numpy"},
}  # fmt: skip
FOR_METRICS = {
    "analysis.compute.metric",
    "analysis.scoring.agreement",
    "analysis.statistics.groups",
    "analysis.statistics.inference",
    "analysis.statistics.lineage",
    "analysis.statistics.rankings",
}
WITHOUT_SCRAPY = ("crawler.importers", "crawler.parsing", "crawler.quality", "crawler.snapshots.ending")
VAGUE = {"common", "core", "helper", "helpers", "manager", "misc", "tools", "util", "utils"}
OUR_SQL = {  # f-strings that are SQL, and the constants of ours that they contain; never remote text
    "analysis/exports/formats/sqlite.py: columns",
    "analysis/exports/formats/sqlite.py: parameters",
    "analysis/exports/formats/sqlite.py: table.name",
    "analysis/exports/leak_scan.py: table",
    "analysis/exports/tables.py: column_list",
    "analysis/exports/tables.py: name",
    "analysis/exports/tables.py: query",
    "db/maintenance/backup.py: journal",
    "db/maintenance/schema.py: OWN_OBJECTS",
    "db/migrate.py: APPLICATION_ID",
    "db/redaction_views.py: folded",
    "db/redaction_views.py: name",
    "db/removal/histories.py: TOUCHED",
    "db/store/__init__.py: table",
}
CONNECTS = {  # files that open a SQLite file
    "db/connection.py",  # the store: for writing under the writer's lock, or read-only
    "db/maintenance/backup.py",  # a copy that no other process knows yet
    "crawler/importers/peatmoss.py",  # a past list, read-only
    "analysis/exports/formats/sqlite.py",
    "analysis/exports/peatmoss.py",
    "analysis/exports/leak_scan.py",  # exports
}
# Pronouns and participles that stand for "the thing in hand", and the share of bindings that may still have such a
# name, by folder. A share may only fall.
VAGUE_NAMES = frozenset(
    """
    one ones some this these those it found told said asked known wanted made kept given shown seen brought meant left
    held written looked taken gone chosen begun picked drawn counted opened many few most enough them theirs ours
    they who what which other others another such there place got let became came
    """.split()  # noqa: SIM905 - a table of words
)
MAX_VAGUE_SHARE = {"analysis": 0.02, "crawler": 0.02, "db": 0.02, "schedules": 0.02, "simulation": 0.02, "tests": 0.02}
# Built from pieces, so that this file does not contain them either. The service names npm and pypi at run time.
HOSTS = tuple(".".join(parts) for parts in (
    ("npm" + "js", "com"), ("npm" + "js", "org"), ("py" + "pi", "org"), ("python" + "hosted", "org"), ("crates", "io"),
    ("ruby" + "gems", "org"), ("debian", "org"), ("debian", "net"), ("packag" + "ist", "org"), ("nug" + "et", "org"),
))  # fmt: skip
MAX_FILE_LINES, MAX_FUNCTION_LINES = 300, 50

Function = ast.FunctionDef | ast.AsyncFunctionDef
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
TEST_FILES = sorted((ROOT / "tests").rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in FILES}


def imported_modules(node: ast.AST) -> Iterator[str]:
    """Yield the modules that one statement imports; of `from a import b` a.b, if that is a module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            inner = f"{node.module}.{alias.name}"
            yield inner if inner in MODULES else node.module


@cache
def imports(path: Path) -> frozenset[str]:
    """Return everything a file imports: at the top, within functions and for type checkers."""
    return frozenset(name for node in ast.walk(tree(path)) for name in imported_modules(node))


def own_imports(path: Path) -> set[str]:
    return {name for name in imports(path) if name.split(".")[0] in {*ROOMS, "tests"}}


def public_definitions(body: Iterable[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    """Yield public functions and classes, and the public methods of those."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node.body)


def code_lines(path: Path) -> set[int]:
    """Return the numbers of the lines that hold code: no comments, docstrings or blanks."""
    lines: set[int] = set()
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline):
        if token.type not in skipped:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def bound_names(path: Path) -> Iterator[str]:
    """Yield every name that a file binds: variables, parameters, attributes, functions, classes, aliases."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, Function | ast.ClassDef | ast.ExceptHandler) and node.name:
            yield node.name


def test_rooms_import_only_the_store() -> None:
    offenders = [
        f"{relative(path)} imports {name}"
        for path in FILES
        for name in own_imports(path)
        if name.split(".")[0] not in {room_of(path), *MAY_IMPORT[room_of(path)]}
    ]
    assert offenders == [], "what one room needs of another it starts as a command"


def test_each_library_is_imported_in_its_room_only() -> None:
    offenders = [
        f"{relative(path)} imports {library}"
        for path in FILES
        for library in {name.split(".")[0] for name in imports(path) - own_imports(path)}
        if library not in sys.stdlib_module_names and library not in LIBRARIES[room_of(path)]
    ]
    assert offenders == []


def test_no_module_is_in_an_import_cycle() -> None:
    graph = {name: {other for other in imports(path) if other in MODULES} - {name} for name, path in MODULES.items()}
    tuple(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError, with the cycle


@pytest.mark.parametrize("room", ROOMS)
def test_no_folder_is_in_an_import_cycle(room: str) -> None:
    graph: dict[str, set[str]] = defaultdict(set)
    for name, path in MODULES.items():
        for other in imports(path) & MODULES.keys():
            ends = [module.split(".")[1] for module in (name, other) if module.startswith(f"{room}.")]
            if len(ends) == 2 and ends[0] != ends[1]:
                graph[ends[0]].add(ends[1])
    tuple(graphlib.TopologicalSorter(graph).static_order())


def test_importers_and_gates_load_no_scrapy() -> None:
    modules = sorted(name for name in MODULES if name.startswith(WITHOUT_SCRAPY))
    assert len(modules) > 20
    code = f"import importlib, sys; list(map(importlib.import_module, {modules!r})); print('scrapy' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "False"


def test_metrics_are_pure_and_have_doctests() -> None:
    offenders = []
    for path in sorted((ROOT / "analysis" / "metrics").glob("[!_]*.py")):
        offenders += [f"{relative(path)} imports {name}" for name in own_imports(path) - FOR_METRICS]
        names = {node.id for node in ast.walk(tree(path)) if isinstance(node, ast.Name)}
        offenders += [f"{relative(path)} calls {name}" for name in names & {"open", "print", "input"}]
        functions = [node for node in tree(path).body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"]
        offenders += [
            f"{relative(path)}: {node.name} has no doctest"
            for node in functions
            if ">>> " not in (ast.get_docstring(node) or "")
        ]
    assert offenders == []


def test_formats_and_figures_import_nothing_but_pure_parts_of_reporting() -> None:
    folder = ROOT / "analysis" / "reporting"
    paths = [*folder.joinpath("formats").glob("[!_]*.py"), *folder.joinpath("figures").glob("*.py")]
    assert len(paths) > 8
    offenders = [
        f"{relative(path)} imports {name}"
        for path in paths
        for name in own_imports(path)
        if not name.startswith("analysis.reporting.")
    ]
    assert offenders == []


def test_spiders_do_not_know_the_store_and_describe_their_api() -> None:
    offenders = []
    for path in sorted((ROOT / "crawler" / "spiders").glob("*.py")):
        offenders += [f"{relative(path)} imports {name}" for name in imports(path) & {"db.store", "db.connection"}]
        docstring = ast.get_docstring(tree(path)) or ""
        if not path.stem.startswith("_"):
            offenders += [f"{relative(path)} lacks {word}" for word in ("Pages", "Counters") if word not in docstring]
    assert offenders == []


def test_no_page_store_or_spider_is_asked_for_its_class() -> None:
    classes = {"Page", "CensusPage", "Store", "CensusStore", "NamesCensusStore", "RegistrySpider"}
    offenders = [
        f"{relative(path)}:{node.lineno}"
        for path in FILES
        if room_of(path) in ("crawler", "db")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance"
        if {name.id for name in ast.walk(node.args[1]) if isinstance(name, ast.Name)} & classes
    ]
    assert offenders == [], "the kind of a snapshot decides (crawler/snapshots/kinds)"


def test_no_module_has_a_vague_name() -> None:
    assert [name for name in MODULES if VAGUE & set(name.split("."))] == []


def test_no_class_name_is_used_twice() -> None:
    counts = Counter(
        node.name for path in (*FILES, *TEST_FILES) for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("folder", MAX_VAGUE_SHARE)
def test_names_say_what_a_thing_is(folder: str) -> None:
    names = [name for path in sorted((ROOT / folder).rglob("*.py")) for name in bound_names(path)]
    vague = Counter(name for name in names if name.strip("_").lower() in VAGUE_NAMES)
    assert vague.total() <= MAX_VAGUE_SHARE[folder] * len(names), vague.most_common(12)


def test_no_module_holds_changing_state() -> None:
    offenders = []
    for path in FILES:
        assigned = [node for node in tree(path).body if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign)]
        targets = [target for node in assigned for target in getattr(node, "targets", None) or [node.target]]
        names = [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
        offenders += [
            f"{relative(path)}: {name}"
            for name in names
            if name.lstrip("_")[:1].islower() and name not in ("__all__", "__version__")
        ]
        offenders += [f"{relative(path)}: global" for node in ast.walk(tree(path)) if isinstance(node, ast.Global)]
    assert offenders == []


def sql_offenders(path: Path) -> Iterator[str]:
    """Yield each place of a file that makes SQL of anything but our own constants."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and node.attr == "executescript":
            yield f"{relative(path)}:{node.lineno} commits before it begins"
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
            if re.search(r"^\s*(SELECT|INSERT|UPDATE|DELETE|PRAGMA|CREATE|DROP|ATTACH|WITH)\b", text):
                values = [ast.unparse(part.value) for part in node.values if isinstance(part, ast.FormattedValue)]
                places = {f"{relative(path)}: {value}" for value in values}
                yield from places - OUR_SQL
        is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args
        if is_call and node.func.attr.startswith("execute") and isinstance(node.args[0], ast.BinOp):
            yield f"{relative(path)}:{node.lineno} concatenates SQL"


@pytest.mark.fault("E6")
def test_sql_is_made_of_our_own_constants() -> None:
    assert [offender for path in FILES for offender in sql_offenders(path)] == []


@pytest.mark.fault("E3", "E13")
def test_nothing_remote_is_rendered_parsed_as_xml_or_unpacked() -> None:
    offenders = []
    for path in FILES:
        place, libraries = relative(path), {name.split(".")[0] for name in imports(path)}
        forbidden = libraries & {"zipfile", "tarfile", "pickle", "marshal", "shelve"}
        if not place.startswith("analysis/"):
            forbidden |= libraries & {"xml", "lxml", "jinja2", "string"}
        if "xml.etree" in imports(path) and place != "analysis/reporting/figures/_render.py":  # it reads our drawings
            forbidden.add("xml.etree")
        offenders += [f"{place} imports {name}" for name in forbidden]
        attributes = {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
        offenders += [f"{place} unpacks archives"] if "unpack_archive" in attributes else []
    assert offenders == []


@pytest.mark.fault("A15")
def test_the_store_is_opened_for_writing_in_one_place() -> None:
    offenders = [
        relative(path)
        for path in FILES
        if relative(path) not in CONNECTS
        if "sqlite3.connect" in {ast.unparse(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)}
    ]
    assert offenders == []


def tracked_files() -> list[Path]:
    """Return the files of the repository and those to be added; without git, every file."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        hidden = [path for path in ROOT.rglob("*") if any(part[0] == "." for part in path.relative_to(ROOT).parts)]
        paths = sorted(set(ROOT.rglob("*")) - set(hidden))
    else:
        paths = [ROOT / name for name in output.split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_no_file_names_the_host_of_a_package_registry() -> None:
    files = tracked_files()
    assert len(files) > 100
    offenders = [
        (relative(path), host) for path in files for host in HOSTS if host.encode() in path.read_bytes().lower()
    ]
    assert offenders == []


@pytest.fixture(scope="module")
def empty_store() -> sqlite3.Connection:
    """Return an empty store of this version, with the temporary tables of its writers."""
    database = Database(memory=True)
    migrate(database)
    for path in TEMPORARY:
        for statement in split_statements(path.read_text("utf-8")):
            database.conn.execute(statement)
    connection: sqlite3.Connection = database.conn
    return connection


def explain(connection: sqlite3.Connection, statement: str) -> None:
    """Let SQLite compile a statement without running it: every name in it must exist."""
    numbered = (None,) * len(set(re.findall(r"\?\d", statement)))
    connection.execute(f"EXPLAIN {statement}", numbered or dict.fromkeys(re.findall(r":([a-z_]+)", statement)))


TEMPORARY = sorted((ROOT / "db" / "statements").glob("create_*_tables.sql"))


@pytest.mark.parametrize("path", sorted((ROOT / "db" / "queries").glob("*.sql")), ids=lambda path: path.stem)
def test_a_query_has_a_comment_reads_only_and_fits_the_schema(path: Path, empty_store: sqlite3.Connection) -> None:
    text = path.read_text("utf-8")
    assert re.match(r"-- [A-Z`].{15,}", text), "the first line is a comment that says what the query returns"
    assert text.partition("\n")[2].strip()
    (statement,) = split_statements(text + ";")
    code = re.sub(r"--.*", "", statement)
    assert re.match(r"\s*(SELECT|WITH)\b", code)
    assert not re.search(r"\b(INSERT|UPDATE|DELETE|REPLACE|PRAGMA|ATTACH)\b", code)
    explain(empty_store, statement)


@pytest.mark.parametrize("path", sorted((ROOT / "db" / "statements").glob("*.sql")), ids=lambda path: path.stem)
def test_a_statement_has_a_comment_and_fits_the_schema(path: Path, empty_store: sqlite3.Connection) -> None:
    text = path.read_text("utf-8")
    assert text.startswith("-- ")
    for statement in split_statements(text) if path not in TEMPORARY else ():
        explain(empty_store, statement)


def test_files_and_functions_are_short() -> None:
    offenders = []
    for path in FILES:
        lines = code_lines(path)
        offenders += [f"{relative(path)} has {len(lines)} lines"] if len(lines) > MAX_FILE_LINES else []
        for node in ast.walk(tree(path)):
            if isinstance(node, Function):
                size = len(lines & set(range(node.body[0].lineno, (node.end_lineno or 0) + 1)))
                offenders += [f"{relative(path)}: {node.name} has {size} lines"] if size > MAX_FUNCTION_LINES else []
    assert offenders == []


def test_modules_and_public_definitions_have_docstrings() -> None:
    offenders = [relative(path) for path in FILES if not ast.get_docstring(tree(path))]
    offenders += [
        f"{relative(path)}: {node.name}"
        for path in FILES
        for node in public_definitions(tree(path).body)
        if not ast.get_docstring(node)
    ]
    assert offenders == []


def test_public_functions_are_typed() -> None:
    offenders = []
    for path in FILES:
        for node in public_definitions(tree(path).body):
            if isinstance(node, Function):
                spec = node.args
                arguments = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg]
                untyped = [
                    arg.arg for arg in arguments if arg and not arg.annotation and arg.arg not in ("self", "cls")
                ]
                offenders += [f"{relative(path)}: {node.name}"] if untyped or not node.returns else []
    assert offenders == []


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in TEST_FILES}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_tests_mirror_folders_that_exist() -> None:
    folders = {path.parent.relative_to(ROOT / "tests") for path in TEST_FILES if path.name.startswith("test_")}
    assert [str(folder) for folder in folders if not (ROOT / folder).is_dir()] == []

"""A missing library is explained with the command that installs it."""

from __future__ import annotations

import ast
import configparser
import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from db.cli import describe_exception
from db.libraries import OURS, describe_missing_library, make_install_command
from tests.environments import run_without_library

ROOT = Path(__file__).resolve().parents[2]
ALWAYS_WITH = {  # libraries that come with a required one
    "httpx2": "openai",
    "markupsafe": "jinja2",
    "pyopenssl": "scrapy",
    "service-identity": "scrapy",
    "twisted": "scrapy",
    "w3lib": "scrapy",
}
OF_EXTRAS = {"duckdb": "duckdb", "pyspark": "spark"}


def read_requirements(section: str, option: str) -> set[str]:
    """Return the names of the packages of an option of setup.cfg."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    return {
        re.match(r"[\w.-]+", line)[0].lower().replace("_", "-") for line in setup[section][option].split("\n") if line
    }


def find_imported_libraries() -> set[str]:
    """Return the packages that the program imports."""
    modules = set()
    for folder in OURS:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    modules.add(node.module.split(".")[0])
    libraries = modules - {*sys.stdlib_module_names, *OURS}
    return {make_install_command(module).split()[-1] for module in libraries}


def test_the_plain_install_has_each_library_but_those_of_the_engines() -> None:
    required = read_requirements("options", "install_requires")
    libraries = {ALWAYS_WITH.get(library, library) for library in find_imported_libraries()}
    assert libraries - required == OF_EXTRAS.keys()
    assert required - libraries == set()
    for library, extra in OF_EXTRAS.items():
        assert read_requirements("options.extras_require", extra) == {library}


def test_the_command_installs_into_the_environment_of_the_program() -> None:
    assert make_install_command("vl_convert") == f"{sys.executable} -m pip install vl-convert-python"
    assert make_install_command("duckdb") == f"{sys.executable} -m pip install duckdb"


def test_a_missing_module_of_ours_is_a_bug() -> None:
    assert describe_missing_library(ModuleNotFoundError("No module", name="db.absent")) is None
    assert "This is a bug" in describe_exception(ModuleNotFoundError("No module", name="crawler.absent")).why
    assert "pip install pyarrow" in describe_exception(ModuleNotFoundError("No module", name="pyarrow.parquet")).fix


@pytest.mark.fault("A22")
def test_a_library_that_the_disk_does_not_give_is_no_bug(tmp_path: Path) -> None:
    library = tmp_path / "absent.so"
    library.write_text("cut off", "utf-8")
    spec = spec_from_file_location("absent", library)
    assert spec is not None
    with pytest.raises(ImportError) as caught:
        module_from_spec(spec)
    assert "cannot be loaded" in describe_exception(caught.value).message
    assert "This is a bug" in describe_exception(ImportError("cannot import name", name="db", path="db/a.py")).why


@pytest.mark.parametrize("word", ["crawl registries", "schedule run --prometheus 9100"])
def test_a_command_without_its_library_ends_in_one_clear_error(word: str, tmp_path: Path) -> None:
    missing = "scrapy" if "crawl" in word else "prometheus_client"
    done = run_without_library(missing, [*word.split(), "--db", str(tmp_path / "s.db")], tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: This command needs {missing}") and "Traceback" not in done.stderr
    assert f"{sys.executable} -m pip install {missing.replace('_', '-')}" in done.stderr

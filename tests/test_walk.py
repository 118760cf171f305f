"""Every command line of the documents is run, in its order, in the environment that the README's install makes.

The simulation stands for the registries. `make test-walk` runs these tests, which install from the package index.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from db.libraries import OURS
from tests.commits import run_fake_hub
from tests.simulated import Simulation
from tests.walk import ENDLESS, NOT_RUN, PLACEHOLDERS, CommandLine, Walk, find_command_lines, find_reason_not_to_run
from tests.walk_inputs import write_inputs

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "simulation" / "README.md")
    if find_command_lines(path.name, path.read_text("utf-8"))
]  # fmt: skip
README, *OTHERS = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS]
INSTALL = "pip install ."
MAX_MEGABYTES = 1_000  # 880 in November 2026
NOT_FOR_USERS = ("duckdb", "hypothesis", "mypy", "pyspark", "pytest", "ruff")
NEEDS_EXTRAS = "docs/engines.md"  # says so; the environment of the tests has them
ALL_LINES = [line for path in DOCUMENTS for line in find_command_lines(path.name, path.read_text("utf-8"))]
SEED = (  # the store of a reader who has read the README: lists of two days, imported, so that they are not simulated
    "observatory crawl import csv hf_2022-02-15.csv.gz --registry huggingface/models --date 2022-02-15 --id modelId"
    " --value downloads --source lists",
    "observatory crawl import csv pypi_2022-07-01.csv.gz --registry pypi --date 2022-07-01 --id project"
    " --value download_count --rank rank --counter last-30-days --source lists",
    "observatory crawl import hub-stats models.parquet --registry huggingface/models --date 2024-02-20 --source lists",
)


def read_lines(document: str) -> list[CommandLine]:
    """Return the command lines of a document."""
    return find_command_lines(document, (ROOT / document).read_text("utf-8"))


def list_tracked_files() -> list[str]:
    """Return the files of the repository, and those that are about to be added."""
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def copy_clone(folder: Path) -> Path:
    """Copy the files of the repository to a folder, as a clone has them."""
    for name in list_tracked_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


def make_environment(*folders: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a person: the programs of these folders and of the machine, not those of the tests."""
    own = Path(sys.prefix, "bin")
    path = [*map(str, folders), str(Path(sys._base_executable).parent)]
    path += [folder for folder in os.environ["PATH"].split(":") if folder != str(own)]
    dropped = re.compile(r"PYTHONPATH|VIRTUAL_ENV|VENV|MAKE.*|MFLAGS")  # of `make test-walk` and its environment
    kept = {name: value for name, value in os.environ.items() if not dropped.fullmatch(name)}
    return {**kept, "BROWSER": "true", "PATH": ":".join(path), **variables}


@dataclass(frozen=True)
class InstalledReader:
    """A person who has followed the README up to its install."""

    walk: Walk
    faults: list[str]
    remaining: list[CommandLine]

    @property
    def programs(self) -> Path:
        """The folder of the installed programs."""
        return self.walk.folder / ".venv" / "bin"


@pytest.fixture(scope="session")
def endpoints() -> Iterator[dict[str, str]]:
    """Start a simulation at the present time, and yield the variables that name it."""
    with Simulation() as simulation:
        yield {"HF_ENDPOINT": simulation.huggingface, "ECOSYSTEMS_ENDPOINT": simulation.ecosystems}


@pytest.fixture(scope="session")
def reader(endpoints: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> InstalledReader:
    """Follow the README up to its install, in a clone."""
    lines = read_lines(README)
    until = 1 + next(index for index, line in enumerate(lines) if INSTALL in line.text)
    clone = copy_clone(tmp_path_factory.mktemp("clone"))
    walk = Walk(clone, make_environment(clone / ".venv" / "bin", **endpoints))
    return InstalledReader(walk, walk.run(lines[:until]), lines[until:])


@pytest.fixture(scope="session")
def extras(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an `observatory` whose environment has the extras: that of the tests."""
    folder = tmp_path_factory.mktemp("extras")
    script = folder / "observatory"
    script.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m schedules.cli "$@"\n', "utf-8")
    script.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def judge() -> Iterator[str]:
    """Start an endpoint of a judge, and yield its URL."""
    command = [sys.executable, "-m", "tests.judge_server"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        process.stdin.close()


@pytest.fixture(scope="session")
def walks(
    reader: InstalledReader, extras: Path, judge: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[list[str]]]]:
    """Walk through all documents at once, each in a clone of its own; they wait for the registries most of the time."""

    def walk_document(document: str) -> list[str]:
        clone = copy_clone(tmp_path_factory.mktemp("walk"))
        (clone / ".venv").symlink_to(reader.programs.parent)
        (clone / "backup").mkdir()
        folders = (extras, reader.programs) if document == NEEDS_EXTRAS else (reader.programs,)
        variables = {**reader.walk.environment, "OPENAI_BASE_URL": judge}
        del variables["PATH"]
        if any("export publish" in line.text for line in read_lines(document)):
            variables |= {"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": "hf_pretend", "HF_HUB_DISABLE_XET": "1"}
        walk = Walk(clone, make_environment(*folders, **variables))
        lines = read_lines(document)
        write_inputs(clone, [*SEED, *map(walk.fill_placeholders, (line.text for line in lines))])
        return walk.run([CommandLine("the store of a reader", 0, command) for command in SEED]) + walk.run(lines)

    def walk_rest_of_readme() -> list[str]:
        write_inputs(reader.walk.folder, [line.text for line in reader.remaining])
        return reader.faults + reader.walk.run(reader.remaining)

    with run_fake_hub() as hub, ThreadPoolExecutor(3) as executor:
        futures = {README: executor.submit(walk_rest_of_readme)}
        futures |= {document: executor.submit(walk_document, document) for document in OTHERS}
        yield futures


@pytest.mark.walk
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("document", [README, *OTHERS])
def test_every_command_line_of_a_document_works_in_its_order(
    document: str, walks: dict[str, Future[list[str]]]
) -> None:
    faults = walks[document].result()
    for line in read_lines(document):
        if reason := find_reason_not_to_run(line):
            warnings.warn(f"not run: {line}: {reason}", stacklevel=1)
    assert not faults, "\n\n".join(faults)


@pytest.mark.walk
@pytest.mark.timeout(1_800)
def test_the_install_has_what_a_person_uses_and_no_tools_of_the_tests(reader: InstalledReader) -> None:
    (packages,) = reader.programs.parent.glob("lib/python3*/site-packages")
    assert not [name for name in NOT_FOR_USERS if (packages / name).exists()]
    size = sum(path.lstat().st_blocks * 512 for path in packages.parents[2].rglob("*") if path.is_file()) / 1e6
    assert size < MAX_MEGABYTES


@pytest.mark.walk
@pytest.mark.timeout(1_800)
def test_the_install_has_every_file_of_its_folders_and_every_document(reader: InstalledReader) -> None:
    (metadata,) = reader.programs.parent.glob("lib/python3*/site-packages/hub_observatory-*.dist-info")
    installed = {os.path.normpath(str(file)) for file in PathDistribution(metadata).files or ()}
    documents = {name.split("share/doc/hub-observatory/")[-1] for name in installed if "share/doc" in name}
    assert {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")} <= documents
    names = [name for name in list_tracked_files() if name.split("/")[0] in OURS]
    assert len(names) > 250
    assert not [name for name in names if name not in (documents if name.endswith("README.md") else installed)]


@pytest.mark.walk
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize(("arguments", "document"), [("report", "docs/errors.md"), ("reprot", "docs/commands.md"),
    ("compute --engine duckdb --lake here", "docs/engines.md")])  # fmt: skip
def test_an_error_names_a_document_that_is_installed(
    reader: InstalledReader, tmp_path: Path, arguments: str, document: str
) -> None:
    command = [reader.programs / "observatory", *arguments.split()]
    done = subprocess.run(
        command, cwd=tmp_path, env=reader.walk.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode in (1, 2) and "Traceback" not in done.stderr
    path = Path(re.findall(r"^  more (.*)$", done.stderr, re.MULTILINE)[0])
    assert path.is_file() and path.as_posix().endswith(f"share/doc/hub-observatory/{document}")
    if "duckdb" in arguments:
        assert f"{reader.programs}/python -m pip install duckdb" in done.stderr.replace("python3 ", "python ")


def test_no_command_of_the_program_is_exempt_from_the_walk() -> None:
    assert not [beginning for beginning in NOT_RUN if "observatory " in beginning]
    assert {"README.md", "docs/engines.md", "docs/exports.md", "docs/running.md"} <= {README, *OTHERS}
    assert len(ALL_LINES) > 60


@pytest.mark.parametrize("word", [*NOT_RUN, *PLACEHOLDERS])
def test_each_exception_of_the_walk_is_in_a_document(word: str) -> None:
    assert any(word in line.text for line in ALL_LINES)


def test_the_lines_that_never_end_are_known() -> None:
    assert [line.text for line in ALL_LINES if ENDLESS.search(line.text)]

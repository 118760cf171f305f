"""The documents that errors name are in a clone and in an installation."""

from __future__ import annotations

import ast
import configparser
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from db import GUIDE
from db.documents import INSTALLED_FOLDER, list_document_folders, locate_document

ROOT = Path(__file__).resolve().parents[2]


def find_named_documents() -> Iterator[str]:
    """Yield the documents that errors in the code name."""
    yield GUIDE
    for folder in ("analysis", "crawler", "db", "schedules"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.keyword) and node.arg == "more" and isinstance(node.value, ast.Constant):
                    yield node.value.value


def list_installed_documents() -> set[str]:
    """Return the documents that an installation has, by setup.cfg."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    patterns = " ".join(setup["options.data_files"].values()).split()
    return {path.relative_to(ROOT).as_posix() for pattern in patterns for path in ROOT.glob(pattern)}


def test_each_document_that_an_error_names_is_installed() -> None:
    named = set(find_named_documents())
    assert {"docs/errors.md", "docs/commands.md", "CONTRIBUTING.md"} <= named
    assert not named - list_installed_documents()


def test_documents_are_installed_where_they_are_looked_for() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    for folder, patterns in setup["options.data_files"].items():
        inner = Path(folder).relative_to(INSTALLED_FOLDER)
        assert all(Path(pattern).parent == inner for pattern in patterns.split())
    assert Path(sysconfig.get_path("data")) / INSTALLED_FOLDER in list(list_document_folders())


def test_a_document_is_named_by_a_path_that_can_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert locate_document("docs/errors.md") == "docs/errors.md"
    monkeypatch.chdir(tmp_path)
    assert locate_document("docs/errors.md") == str(ROOT / "docs" / "errors.md")
    assert locate_document("docs/absent.md") == "docs/absent.md"
    tmp_path.rmdir()
    assert locate_document("docs/errors.md") == str(ROOT / "docs" / "errors.md")

"""Make a bundle: write its tables, tell what they are, look for what must not be in it, and then put it in place."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from analysis.exports.files import Written, keep_equal, put, replace_folder
from analysis.exports.manifest import MANIFEST, manifest, refuse_stranger
from analysis.exports.tables import Table

FORMATS = Path(__file__).parent / "formats"


@dataclass(frozen=True)
class Made:
    """What was made: its files, and how many of them were there already."""

    files: tuple[Written, ...]
    kept: int


def formats() -> list[str]:
    """The names of the forms there are: the files of `formats/`."""
    return sorted(path.stem for path in FORMATS.glob("[a-z]*.py"))


def make(tables: Sequence[Table], wanted: Sequence[str], out: Path) -> Made:
    """Write a bundle beside `out` and put it in its place when it is whole; files with the same bytes stay."""
    refuse_stranger(out)
    new = out.with_name(f".{out.name}.new")
    if new.exists():
        shutil.rmtree(new)
    new.mkdir(parents=True)
    try:
        files = [one for name in wanted for one in import_module(f"analysis.exports.formats.{name}").write(tables, new)]
        put(new / MANIFEST, manifest(new, files))
        kept = keep_equal(new, out) if out.exists() else 0
        replace_folder(new, out)
    finally:
        if new.exists():
            shutil.rmtree(new)
    return Made(tuple(files), kept)

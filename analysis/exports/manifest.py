"""The manifest: every file of a bundle with its hash and rows. It is written last; without it there is no bundle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from analysis.exports.files import Written
from db import ObservatoryError, __version__

MANIFEST = "manifest.json"
SCHEMA = 1
BLOCK = 2**20


class NotABundle(ObservatoryError):
    """A folder is no bundle, or not the one its manifest tells of."""


def manifest(folder: Path, written: Sequence[Written], told: Mapping[str, object] | None = None) -> bytes:
    """The manifest of what lies in a folder; `told` is what else is to be said in it."""
    known = {one.path: one for one in written}
    files = [_entry(folder, path, known.get(path)) for path in sorted(_files(folder))]
    content = {"schema": SCHEMA, "tool": f"hub-observatory {__version__}", **(told or {}), "files": files}
    content["id"] = identity(files)
    return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True).encode("utf-8") + b"\n"


def identity(files: Sequence[Mapping[str, object]]) -> str:
    """The hash of every path and hash: two bundles with one identity are the same."""
    lines = "".join(f"{one['sha256']}  {one['path']}\n" for one in files)
    return hashlib.sha256(lines.encode("utf-8")).hexdigest()


def read(folder: Path) -> dict[str, object]:
    """The manifest of a bundle.

    Raises:
        NotABundle: there is none that can be read.
    """
    try:
        found = json.loads((folder / MANIFEST).read_text("utf-8"))
        if found["schema"] != SCHEMA or identity(found["files"]) != found["id"]:
            raise ValueError("its identity is not the one of its files")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotABundle(
            f"{folder} is not a bundle.",
            why=f"Its {MANIFEST} cannot be read: {error}." if folder.is_dir() else "There is no such folder.",
            fix="Name the folder that `observatory export` wrote, or export again.",
            more="docs/exports.md",
        ) from error
    return found


def faults(folder: Path) -> Iterator[str]:
    """What of a bundle is not as its manifest says: missing, changed or unknown files."""
    told = {str(one["path"]): one for one in read(folder)["files"]}
    there = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    yield from (f"{name} is missing" for name in sorted(told.keys() - there.keys()))
    yield from (f"{name} is not in the manifest" for name in sorted(there.keys() - told.keys() - {MANIFEST}))
    for name in sorted(told.keys() & there.keys()):
        if (there[name].stat().st_size, _sha256(there[name])) != (told[name]["bytes"], told[name]["sha256"]):
            yield f"{name} is not the file that was exported"


def refuse_stranger(out: Path) -> None:
    """Refuse to replace what is no bundle.

    Raises:
        NotABundle: there is something else.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        read(out)


def _entry(folder: Path, path: Path, one: Written | None) -> dict[str, object]:
    told: dict[str, object] = {
        "path": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size, "sha256": _sha256(path)
    }  # fmt: skip
    if one is not None:
        told |= {"format": one.format, "table": one.table, "registry": one.registry, "snapshot": one.snapshot,
                 "rows": one.rows}  # fmt: skip
        if one.key is not None:
            told |= {"key": one.key, "columns": list(one.columns)}
    return told


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())


def _sha256(path: Path) -> str:
    content = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(BLOCK):
            content.update(block)
    return content.hexdigest()

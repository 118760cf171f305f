"""The manifest: every file of a bundle with its hash and rows. It is written last; without it there is no bundle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from analysis.exports.files import WrittenFile
from db import ObservatoryError, __version__

MANIFEST = "manifest.json"
MANIFEST_SCHEMA = 1
BLOCK = 2**20


class InvalidBundleError(ObservatoryError):
    """A folder is no bundle, or not the one its manifest tells of."""


def render_manifest(
    folder: Path, written_files: Sequence[WrittenFile], details: Mapping[str, object] | None = None
) -> bytes:
    """The manifest of what lies in a folder; `told` is what else is to be said in it."""
    known = {one.path: one for one in written_files}
    files = [_make_entry(folder, path, known.get(path)) for path in sorted(_list_files(folder))]
    content = {"schema": MANIFEST_SCHEMA, "tool": f"hub-observatory {__version__}", **(details or {}), "files": files}
    content["id"] = compute_bundle_id(files)
    return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True).encode("utf-8") + b"\n"


def compute_bundle_id(files: Sequence[Mapping[str, object]]) -> str:
    """The hash of every path and hash: two bundles with one identity are the same."""
    lines = "".join(f"{one['sha256']}  {one['path']}\n" for one in files)
    return hashlib.sha256(lines.encode("utf-8")).hexdigest()


def read_manifest(folder: Path) -> dict[str, object]:
    """The manifest of a bundle.

    Raises:
        NotABundle: there is none that can be read.
    """
    try:
        found = json.loads((folder / MANIFEST).read_text("utf-8"))
        if found["schema"] != MANIFEST_SCHEMA or compute_bundle_id(found["files"]) != found["id"]:
            raise ValueError("its identity is not the one of its files")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidBundleError(
            f"{folder} is not a bundle.",
            why=f"Its {MANIFEST} cannot be read: {error}." if folder.is_dir() else "There is no such folder.",
            fix="Name the folder that `observatory export` wrote, or export again.",
            more="docs/exports.md",
        ) from error
    return found


def find_mismatches(folder: Path) -> Iterator[str]:
    """What of a bundle is not as its manifest says: missing, changed or unknown files."""
    told = {str(one["path"]): one for one in read_manifest(folder)["files"]}
    there = {path.relative_to(folder).as_posix(): path for path in _list_files(folder)}
    yield from (f"{name} is missing" for name in sorted(told.keys() - there.keys()))
    yield from (f"{name} is not in the manifest" for name in sorted(there.keys() - told.keys() - {MANIFEST}))
    for name in sorted(told.keys() & there.keys()):
        if (there[name].stat().st_size, _sha256(there[name])) != (told[name]["bytes"], told[name]["sha256"]):
            yield f"{name} is not the file that was exported"


def refuse_foreign_folder(out: Path) -> None:
    """Refuse to replace what is no bundle.

    Raises:
        NotABundle: there is something else.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        read_manifest(out)


def _make_entry(folder: Path, path: Path, file: WrittenFile | None) -> dict[str, object]:
    told: dict[str, object] = {
        "path": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size, "sha256": _sha256(path)
    }  # fmt: skip
    if file is not None:
        told |= {"format": file.format, "table": file.table, "registry": file.registry, "snapshot": file.snapshot,
                 "rows": file.rows}  # fmt: skip
        if file.key is not None:
            told |= {"key": file.key, "columns": list(file.columns)}
    return told


def _list_files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())


def _sha256(path: Path) -> str:
    content = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(BLOCK):
            content.update(block)
    return content.hexdigest()

"""The manifest of a bundle: every file with its hash and rows. It is written last.

A folder without a manifest is not a bundle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

from analysis.exports.files import WrittenFile, hash_file
from db import ObservatoryError, __version__
from db.causes import describe_cause

MANIFEST = "manifest.json"
MANIFEST_SCHEMA = 1


class ManifestFile(TypedDict):
    """A file in the manifest. Only a file with rows has the optional keys."""

    path: str
    bytes: int
    sha256: str
    format: NotRequired[str]
    table: NotRequired[str | None]
    registry: NotRequired[str | None]
    snapshot: NotRequired[int | None]
    rows: NotRequired[int | None]
    key: NotRequired[str]
    columns: NotRequired[list[str]]


class ManifestSnapshot(TypedDict):
    """A snapshot in the manifest."""

    snapshot: int
    registry: str
    date: str
    status: str
    digest: str | None


class ManifestTombstone(TypedDict):
    """An import that was removed from the store."""

    snapshot: int
    registry: str
    date: str
    removed_on: str
    reason: str


class RedactionCounts(TypedDict):
    """The numbers of packages, and of rows by table, that were left out."""

    packages: int
    rows: dict[str, int]


class BundleDetails(TypedDict):
    """The part of a manifest that is not about its files.

    `not_public` describes the endpoints that are not public registries. An older bundle lacks it, `removed` and
    `authors`.
    """

    title: str
    authors: NotRequired[list[dict[str, str]]]
    not_public: NotRequired[list[str]]
    store_schema: str
    snapshots: list[ManifestSnapshot]
    removed: NotRequired[list[ManifestTombstone]]
    pseudonymised: bool
    redacted: RedactionCounts


class Manifest(BundleDetails):
    """The content of `manifest.json`."""

    schema: int
    tool: str
    files: list[ManifestFile]
    id: str


class InvalidBundleError(ObservatoryError):
    """A folder is not a bundle, or its files are not those of its manifest."""


def render_manifest(folder: Path, written_files: Sequence[WrittenFile], details: BundleDetails) -> bytes:
    """Return the manifest of the files in a folder."""
    files_by_path = {file.path: file for file in written_files}
    files = [_make_entry(folder, path, files_by_path.get(path)) for path in sorted(_list_files(folder))]
    manifest: Manifest = {
        "schema": MANIFEST_SCHEMA,
        "tool": f"hub-observatory {__version__}",
        **details,
        "files": files,
        "id": compute_bundle_id(files),
    }
    return json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True).encode("utf-8") + b"\n"


def compute_bundle_id(files: Sequence[ManifestFile]) -> str:
    """Return the hash of every path and hash: bundles with equal ids have equal files."""
    lines = "".join(f"{file['sha256']}  {file['path']}\n" for file in files)
    return hashlib.sha256(lines.encode("utf-8")).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a bundle.

    Raises:
        InvalidBundleError: the manifest is missing or cannot be read.
    """
    try:
        manifest: Manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        schema = int(manifest["schema"])
        if schema == MANIFEST_SCHEMA and compute_bundle_id(manifest["files"]) != manifest["id"]:
            raise ValueError("its id does not match its files")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidBundleError(
            f"{folder} is not a bundle.",
            why=_explain_missing_manifest(folder, error),
            fix="Name the folder that `observatory export` wrote, or export again.",
            more="docs/exports.md",
        ) from error
    if schema != MANIFEST_SCHEMA:
        raise InvalidBundleError(
            f"{folder} is a bundle of another version.",
            why=f"Its {MANIFEST} has schema {schema}. This version reads schema {MANIFEST_SCHEMA}.",
            fix="Use the version of hub-observatory that wrote it, or export again.",
            more="docs/exports.md",
        )
    return manifest


def _explain_missing_manifest(folder: Path, error: Exception) -> str:
    if not folder.is_dir():
        return "It is a file." if folder.exists() else "There is no such folder."
    if isinstance(error, FileNotFoundError):
        return f"It has no {MANIFEST}."
    if isinstance(error, OSError):
        return f"Its {MANIFEST} cannot be read. {describe_cause(error)}"
    return f"Its {MANIFEST} was damaged or changed."


def find_mismatches(folder: Path) -> Iterator[str]:
    """Yield a line for each file of a bundle that is missing, changed, or not in the manifest."""
    entries = {entry["path"]: entry for entry in read_manifest(folder)["files"]}
    paths = {path.relative_to(folder).as_posix(): path for path in _list_files(folder)}
    yield from (f"{name} is missing" for name in sorted(entries.keys() - paths.keys()))
    yield from (f"{name} is not in the manifest" for name in sorted(paths.keys() - entries.keys() - {MANIFEST}))
    for name in sorted(entries.keys() & paths.keys()):
        path, entry = paths[name], entries[name]
        if (path.stat().st_size, hash_file(path)) != (entry["bytes"], entry["sha256"]):
            yield f"{name} is not the file that was exported"


def refuse_foreign_folder(out: Path) -> None:
    """Refuse to replace a file or a folder that is not a bundle, unless the folder is empty.

    Raises:
        InvalidBundleError: something else is there.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    try:
        read_manifest(out)
    except InvalidBundleError as error:
        raise InvalidBundleError(
            f"{out} is not replaced: it is not a bundle.",
            why=error.why,
            fix="Name a new folder, an empty one, or one that `observatory export` wrote.",
            more="docs/exports.md",
        ) from error


def _make_entry(folder: Path, path: Path, file: WrittenFile | None) -> ManifestFile:
    entry: ManifestFile = {
        "path": path.relative_to(folder).as_posix(),
        "bytes": path.stat().st_size,
        "sha256": hash_file(path),
    }
    if file is not None:
        entry |= {
            "format": file.format, "table": file.table, "registry": file.registry, "snapshot": file.snapshot,
            "rows": file.rows,
        }  # fmt: skip
        if file.key is not None:
            entry |= {"key": file.key, "columns": list(file.columns)}
    return entry


def _list_files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())

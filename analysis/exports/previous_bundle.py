"""The bundle that an export replaces, and its files that need not be written again.

The rows of a snapshot do not change. The manifest notes their source as a `key`, and a file with the current key is
reused if its bytes still have the hash of the manifest. Keys depend on the code that writes and on the schema, so files
of other versions are not reused. A bundle with redactions or pseudonyms has no keys: a key could confirm a guess of
what is left out.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath

import db
from analysis.exports.files import WrittenFile, hash_file
from analysis.exports.manifest import MANIFEST, ManifestFile
from analysis.exports.tables import LAKE_FOLDER, Part, Table
from db import __version__
from db.dictionary import DICTIONARY
from db.renames import RENAMES

FileLocation = tuple[str, str | None, str | None, int | None]


@dataclass(frozen=True)
class PreviousBundle:
    """The reusable files of a bundle, by format, table, registry and snapshot, and the hash of the current code."""

    folder: Path
    code_hash: str | None
    entries: Mapping[FileLocation, ManifestFile] = field(default_factory=dict)
    keys: frozenset[str] = frozenset()

    def make_key(self, table: Table, part: Part) -> str | None:
        """Return the key of a part, or None if another export may read other rows."""
        if self.code_hash is None or part.key is None:
            return None
        source = f"{self.code_hash} {table.name} {part.registry} {part.snapshot} {part.key}"
        return hashlib.sha256(source.encode()).hexdigest()

    def has_part(self, table: Table, part: Part) -> bool:
        """Return whether the bundle has the part in some format."""
        return self.make_key(table, part) in self.keys

    def reuse_files(
        self, format_name: str, tables: Sequence[Table], new_folder: Path
    ) -> tuple[list[Table], list[WrittenFile]]:
        """Link the reusable files of a format into a folder, and return the remaining tables and the linked files."""
        tables_to_write: list[Table] = []
        reused: list[WrittenFile] = []
        for table in tables:
            files = [self._reuse_file(format_name, table, part, new_folder) for part in table.parts]
            reused += filter(None, files)
            parts = tuple(part for part, file in zip(table.parts, files, strict=True) if file is None)
            tables_to_write.append(replace(table, parts=parts))
        return tables_to_write, reused

    def _reuse_file(self, format_name: str, table: Table, part: Part, new_folder: Path) -> WrittenFile | None:
        entry = self.entries.get(locate_file(format_name, table, part))
        if entry is None or entry["key"] != self.make_key(table, part):
            return None
        old_path, path = self.folder / entry["path"], new_folder / entry["path"]
        if old_path.is_symlink() or not old_path.is_file() or hash_file(old_path) != entry["sha256"]:
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.hardlink_to(old_path)
        columns = tuple(entry["columns"])
        return WrittenFile(path, format_name, table.name, part.registry, part.snapshot, entry["rows"], columns=columns)


def locate_file(format_name: str, table: Table, part: Part) -> FileLocation:
    """Return the location of a file among those of a bundle."""
    return format_name, table.name, part.registry, part.snapshot


def load_previous_bundle(out: Path, connection: sqlite3.Connection, is_unredacted: bool) -> PreviousBundle:
    """Return the reusable files of the bundle at `out`, or none if the new bundle has redactions or pseudonyms."""
    if not is_unredacted:
        return PreviousBundle(out, None)
    try:
        files: list[ManifestFile] = json.loads((out / MANIFEST).read_text("utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        files = []
    entries = {
        (file["format"], file["table"], file["registry"], file["snapshot"]): file
        for file in files
        if "key" in file and not {"/", ".."} & set(PurePosixPath(file["path"]).parts)
    }
    return PreviousBundle(out, hash_code(connection), entries, frozenset(file["key"] for file in entries.values()))


def hash_code(connection: sqlite3.Connection) -> str:
    """Return a hash of everything that turns rows into files: versions, code, queries, views and the dictionary."""
    try:
        pyarrow = version("pyarrow")
    except PackageNotFoundError:
        pyarrow = "none"
    code_hash = hashlib.sha256(f"{__version__} {pyarrow} {sqlite3.sqlite_version}".encode())
    census = Path(db.__file__).parent / "census"
    paths = [*Path(__file__).parent.rglob("*.py"), *LAKE_FOLDER.glob("*.sql"), DICTIONARY, RENAMES]
    paths += [Path(db.__file__).parent / name for name in ("private_text.py", "token_patterns.py", "escaped_text.py")]
    for path in sorted([*paths, census / "blocks.py", census / "history.py"]):
        code_hash.update(path.read_bytes())
    for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'view' ORDER BY name"):
        code_hash.update(sql.encode("utf-8"))
    return code_hash.hexdigest()

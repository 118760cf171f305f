"""The bundle that is there already: what of it need not be written again.

The rows of a snapshot do not change; what they are made of is noted in the manifest as a `key`, and a file whose key is
the one of now is taken over, if it is still the file its hash says. Keys hold the code that writes and the schema, so
that no other version's files are taken for ours. Where rows are left out or renamed there are none: a key would tell
whether a guess of the list is right.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath

import db
from analysis.exports.bundle_facts import hash_file
from analysis.exports.files import WrittenFile
from analysis.exports.manifest import MANIFEST
from analysis.exports.tables import LAKE_FOLDER, Part, Table
from db import __version__

FileLocation = tuple[str, str | None, str | None, int | None]


@dataclass(frozen=True)
class PreviousBundle:
    """Files of a bundle by form, table, registry and snapshot; `code` is what made the new one."""

    folder: Path
    code_hash: str | None
    entries: Mapping[FileLocation, Mapping[str, object]] = field(default_factory=dict)
    keys: frozenset[object] = frozenset()

    def make_key(self, table: Table, part: Part) -> str | None:
        """What the file of a part is made of; None where that may be other rows next time."""
        if self.code_hash is None or part.key is None:
            return None
        return hashlib.sha256(
            f"{self.code_hash} {table.name} {part.registry} {part.snapshot} {part.key}".encode()
        ).hexdigest()

    def has_part(self, table: Table, part: Part) -> bool:
        """Whether some form of it is there."""
        return self.make_key(table, part) in self.keys

    def reuse_files(
        self, format_name: str, tables: Sequence[Table], new_folder: Path
    ) -> tuple[list[Table], list[tuple[WrittenFile, Sequence[str]]]]:
        """What has to be written in a form; and what was taken over, with the columns that have values in it."""
        left: list[Table] = []
        taken: list[tuple[WrittenFile, Sequence[str]]] = []
        for table in tables:
            found = {id(part): self._reuse_file(format_name, table, part, new_folder) for part in table.parts}
            taken += [one for one in found.values() if one is not None]
            left.append(replace(table, parts=tuple(part for part in table.parts if found[id(part)] is None)))
        return left, taken

    def _reuse_file(
        self, format_name: str, table: Table, part: Part, new_folder: Path
    ) -> tuple[WrittenFile, Sequence[str]] | None:
        entry = self.entries.get(locate_file(format_name, table, part))
        if entry is None or entry["key"] != self.make_key(table, part):
            return None
        before, path = self.folder / str(entry["path"]), new_folder / str(entry["path"])
        if before.is_symlink() or not before.is_file() or hash_file(before) != entry["sha256"]:
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(before, path)
        written = WrittenFile(path, format_name, table.name, part.registry, part.snapshot, int(str(entry["rows"])))
        return written, [str(name) for name in entry["columns"]]  # type: ignore[attr-defined]


def locate_file(format_name: str, table: Table, part: Part) -> FileLocation:
    """Where a file stands among those of a bundle."""
    return format_name, table.name, part.registry, part.snapshot


def load_previous_bundle(out: Path, connection: sqlite3.Connection, is_unredacted: bool) -> PreviousBundle:
    """What of the bundle at `out` may be taken over; nothing unless it is `plain`: all of it as it is stored."""
    if not is_unredacted:
        return PreviousBundle(out, None)
    try:
        told = json.loads((out / MANIFEST).read_text("utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        told = []
    keyed = [one for one in told if "key" in one and not {"/", ".."} & set(PurePosixPath(one["path"]).parts)]
    entries = {(one["format"], one["table"], one["registry"], one["snapshot"]): one for one in keyed}
    return PreviousBundle(out, hash_code(connection), entries, frozenset(one["key"] for one in entries.values()))


def hash_code(connection: sqlite3.Connection) -> str:
    """A hash of all that decides how rows become files: the version, our code, the questions, the views, pyarrow."""
    try:
        pyarrow = version("pyarrow")
    except PackageNotFoundError:
        pyarrow = "none"
    made = hashlib.sha256(f"{__version__} {pyarrow} {sqlite3.sqlite_version}".encode())
    here, store = Path(__file__).parent, Path(db.__file__).parent
    read = (store / name for name in ("census/blocks.py", "census/history.py", "dictionary.toml"))
    for path in sorted([*here.rglob("*.py"), *LAKE_FOLDER.glob("*.sql"), *read]):
        made.update(path.read_bytes())
    for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'view' ORDER BY name"):
        made.update(sql.encode("utf-8"))
    return made.hexdigest()

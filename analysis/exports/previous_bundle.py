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
from analysis.exports.bundle_facts import sha256
from analysis.exports.files import Written
from analysis.exports.manifest import MANIFEST
from analysis.exports.tables import FOLDER, Part, Table
from db import __version__

Place = tuple[str, str | None, str | None, int | None]


@dataclass(frozen=True)
class Older:
    """Files of a bundle by form, table, registry and snapshot; `code` is what made the new one."""

    folder: Path
    code: str | None
    entries: Mapping[Place, Mapping[str, object]] = field(default_factory=dict)
    keys: frozenset[object] = frozenset()

    def key(self, table: Table, part: Part) -> str | None:
        """What the file of a part is made of; None where that may be other rows next time."""
        if self.code is None or part.key is None:
            return None
        return hashlib.sha256(
            f"{self.code} {table.name} {part.registry} {part.snapshot} {part.key}".encode()
        ).hexdigest()

    def has(self, table: Table, part: Part) -> bool:
        """Whether some form of it is there."""
        return self.key(table, part) in self.keys

    def split(
        self, form: str, tables: Sequence[Table], new: Path
    ) -> tuple[list[Table], list[tuple[Written, Sequence[str]]]]:
        """What has to be written in a form; and what was taken over, with the columns that have values in it."""
        left: list[Table] = []
        taken: list[tuple[Written, Sequence[str]]] = []
        for table in tables:
            found = {id(part): self._taken(form, table, part, new) for part in table.parts}
            taken += [one for one in found.values() if one is not None]
            left.append(replace(table, parts=tuple(part for part in table.parts if found[id(part)] is None)))
        return left, taken

    def _taken(self, form: str, table: Table, part: Part, new: Path) -> tuple[Written, Sequence[str]] | None:
        entry = self.entries.get(place_of(form, table, part))
        if entry is None or entry["key"] != self.key(table, part):
            return None
        before, path = self.folder / str(entry["path"]), new / str(entry["path"])
        if before.is_symlink() or not before.is_file() or sha256(before) != entry["sha256"]:
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(before, path)
        written = Written(path, form, table.name, part.registry, part.snapshot, int(str(entry["rows"])))
        return written, [str(name) for name in entry["columns"]]  # type: ignore[attr-defined]


def place_of(form: str, table: Table, part: Part) -> Place:
    """Where a file stands among those of a bundle."""
    return form, table.name, part.registry, part.snapshot


def older(out: Path, connection: sqlite3.Connection, plain: bool) -> Older:
    """What of the bundle at `out` may be taken over; nothing unless it is `plain`: all of it as it is stored."""
    if not plain:
        return Older(out, None)
    try:
        told = json.loads((out / MANIFEST).read_text("utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        told = []
    keyed = [one for one in told if "key" in one and not {"/", ".."} & set(PurePosixPath(one["path"]).parts)]
    entries = {(one["format"], one["table"], one["registry"], one["snapshot"]): one for one in keyed}
    return Older(out, code(connection), entries, frozenset(one["key"] for one in entries.values()))


def code(connection: sqlite3.Connection) -> str:
    """A hash of all that decides how rows become files: the version, our code, the questions, the views, pyarrow."""
    try:
        pyarrow = version("pyarrow")
    except PackageNotFoundError:
        pyarrow = "none"
    made = hashlib.sha256(f"{__version__} {pyarrow} {sqlite3.sqlite_version}".encode())
    here, store = Path(__file__).parent, Path(db.__file__).parent
    read = (store / name for name in ("census/blocks.py", "census/history.py", "dictionary.toml"))
    for path in sorted([*here.rglob("*.py"), *FOLDER.glob("*.sql"), *read]):
        made.update(path.read_bytes())
    for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'view' ORDER BY name"):
        made.update(sql.encode("utf-8"))
    return made.hexdigest()

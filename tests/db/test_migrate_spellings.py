"""The names of an older store are compared as their registries compare them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlite_utils import Database

from db import migrate
from db.identity import derive_stable_id

NAMES = {
    "cargo": ["Serde-JSON", "tokio"],
    "nuget": ["Newtonsoft.Json"],
    "packagist": ["Monolog/Monolog"],
    "hex": ["Phoenix"],
    "npm": ["JSONStream", "jsonstream"],
    "huggingface/models": ["name:Org/Model"],
}


def test_packages_of_an_older_store_get_the_key_that_the_next_list_gives_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = tmp_path / "migrations"
    older.mkdir()
    for path in migrate.FOLDER.glob("*.sql"):
        if path.stem < "0019":
            (older / path.name).write_text(path.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(migrate, "FOLDER", older)
    database = Database(memory=True)
    migrate.migrate(database)
    for registry_id, (registry, names) in enumerate(NAMES.items(), 1):
        database.execute(
            "INSERT INTO registry (registry_id, name, service) VALUES (?, ?, 's')", [registry_id, registry]
        )
        for name in [*names, "Twice-A", "twice_a"] if registry == "cargo" else names:
            database.execute(
                "INSERT INTO package (registry_id, key, name, name_hash, first_seen_at, seen_at)"
                " VALUES (?, ?, ?, 0, 1, 1)",
                [registry_id, name, name],
            )
    monkeypatch.undo()
    migrate.migrate(database)
    keys = dict(iter(database.execute("SELECT name, key FROM package").fetchall()))
    expected = {name: derive_stable_id(registry, name) for registry, names in NAMES.items() for name in names}
    expected["name:Org/Model"] = "name:Org/Model"
    assert {name: keys[name] for name in expected} == expected
    assert (keys["Twice-A"], keys["twice_a"]) == ("Twice-A", "twice_a"), "two packages of the past stay two"

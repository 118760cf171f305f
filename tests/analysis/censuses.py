"""Small censuses in a store: packages are born, die, come back and are edited; they have parents and libraries."""

from __future__ import annotations

import random
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from db.census.writer import CensusStore
from db.cli import parse_day
from db.connection import open_for_writing
from db.rows import RELATIONS, CensusPage, Observation, Parent, Registry, SnapshotSpec
from tests.analysis.conftest import FAILED_GATES, MODELS, PASSED_GATES

DATES = ("2026-04-01", "2026-04-08", "2026-04-15")
DATASETS = Registry("huggingface/datasets", "huggingface", "datasets")
PER_PAGE = 16
Rows = Mapping[str, Observation]


def add_censuses(path: Path) -> list[int]:
    """Three complete censuses of models, one of datasets between them, and a partial one at the end; their numbers."""
    chance = random.Random(3)
    edited: dict[int, str] = {}
    taken = [store_census(path, date, make_models(chance, number, edited)) for number, date in enumerate(DATES[:2])]
    taken.append(
        store_census(
            path, "2026-04-09", {"f" * 24: make_model(chance, 99, "2026-04-08", "2026-04-08")}, registry=DATASETS
        )
    )
    taken.append(store_census(path, DATES[2], make_models(chance, 2, edited)))
    return [*taken, store_census(path, "2026-04-20", make_models(chance, 2, edited), "partial")]


def make_models(chance: random.Random, number: int, edited: dict[int, str]) -> Rows:
    """Those of a census: 30 are old, ten are made before each, and one in eight is away."""
    found = {}
    for key in range(30 + 10 * number):
        made = "2025-01-01" if key < 30 else f"2026-04-{7 * ((key - 30) // 10) + 3:02d}"
        if number and chance.random() < 0.2:
            edited[key] = f"2026-04-{7 * number - 1:02d}"
        if chance.random() < 0.875:
            found[f"{key:024x}"] = make_model(chance, key, made, edited.get(key, made))
    return found


def make_model(chance: random.Random, key: int, made: str, edited: str) -> Observation:
    """One of them; what it says but for its counters and lineage is told by its number and when it was edited."""
    own = random.Random(f"{key} {edited}")
    parents = tuple(
        Parent(f"maker{number % 4}/m{number}", own.choice(RELATIONS), None if own.random() < 0.5 else f"{number:024x}")
        for number in own.sample(range(45), own.randrange(3))
    )
    libraries = [(name, "library") for name in own.sample(("transformers", "peft", "timm", "keras"), own.randrange(3))]
    attributes = {"task": own.choice(("text", "image", None)), "licence": own.choice(("license:mit", None)),
                  "library": libraries[0][0] if libraries else None, "sdk": "text"}  # fmt: skip
    counts = (None if chance.random() < 0.1 else chance.randrange(10**6) ** 2, chance.randrange(3))
    return Observation(
        f"{key:024x}", f"maker{key % 4}/m{key}" if key % 9 else f"m{key}", *counts, None if key % 2 else 2**40 + key,
        created_at=parse_day(made) if key % 7 else None, modified_at=parse_day(edited), attributes=attributes, parents=parents,
        libraries=(*libraries, ("safetensors", "format")),
    )  # fmt: skip


def store_census(path: Path, date: str, rows: Rows, status: str = "complete", registry: Registry = MODELS) -> int:
    """One census of these rows; its number."""
    at, ids = parse_day(date), sorted(rows)
    with open_for_writing(path) as database:
        store = CensusStore(database)
        snapshot = store.begin_snapshot(
            SnapshotSpec(registry, "downloads", "census:x", None, "a test", "the test says so", at, at)
        )
        for start in range(0, len(ids), PER_PAGE):
            store.save_page(snapshot, make_page([rows[key] for key in ids[start : start + PER_PAGE]]))
        store.end_snapshot(snapshot, status, PASSED_GATES if status == "complete" else FAILED_GATES, None, at)
    return snapshot


def make_page(rows: Sequence[Observation]) -> CensusPage:
    """A page of a census."""
    said = [(one.stable_id, one.name, one.modified_at, one.attributes, one.parents, one.libraries) for one in rows]
    return CensusPage(
        "ranking", "https://hub.example/api/models", 0, 200, 1, "0" * 64, {}, len(rows),
        stable_ids=[one.stable_id for one in rows], fingerprints=[zlib.crc32(repr(one).encode()) for one in said],
        downloads=[one.downloads for one in rows], likes=[one.likes for one in rows],
        downloads_all_time=[one.downloads_all_time for one in rows], trending=[None] * len(rows),
        observe=rows.__getitem__, fields={"downloads": len(rows)},
    )  # fmt: skip

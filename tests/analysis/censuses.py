"""Small censuses in a store, with births, deaths, returns, edits, parents and libraries."""

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
    """Add three complete censuses of models, one of datasets before the third, and a partial one. Return their ids."""
    rng = random.Random(3)
    edit_days: dict[int, str] = {}
    ids = [store_census(path, date, make_models(rng, number, edit_days)) for number, date in enumerate(DATES[:2])]
    dataset = make_model(rng, 99, "2026-04-08", "2026-04-08")
    ids.append(store_census(path, "2026-04-09", {"f" * 24: dataset}, registry=DATASETS))
    ids.append(store_census(path, DATES[2], make_models(rng, 2, edit_days)))
    return [*ids, store_census(path, "2026-04-20", make_models(rng, 2, edit_days), "partial")]


def make_models(rng: random.Random, number: int, edit_days: dict[int, str]) -> Rows:
    """Make the models of a census: 30 are old, ten are new in each census, and one in eight is missing."""
    models = {}
    for key in range(30 + 10 * number):
        creation_day = "2025-01-01" if key < 30 else f"2026-04-{7 * ((key - 30) // 10) + 3:02d}"
        if number and rng.random() < 0.2:
            edit_days[key] = f"2026-04-{7 * number - 1:02d}"
        if rng.random() < 0.875:
            models[f"{key:024x}"] = make_model(rng, key, creation_day, edit_days.get(key, creation_day))
    return models


def make_model(rng: random.Random, key: int, creation_day: str, edit_day: str) -> Observation:
    """Make one model. Everything but its counters follows from its key and the day of its last edit."""
    own = random.Random(f"{key} {edit_day}")
    parents = tuple(
        Parent(f"maker{number % 4}/m{number}", own.choice(RELATIONS), None if own.random() < 0.5 else f"{number:024x}")
        for number in own.sample(range(45), own.randrange(3))
    )
    libraries = [(name, "library") for name in own.sample(("transformers", "peft", "timm", "keras"), own.randrange(3))]
    attributes = {"task": own.choice(("text", "image", None)), "licence": own.choice(("license:mit", None)),
                  "library": libraries[0][0] if libraries else None, "sdk": "text"}  # fmt: skip
    counts = (None if rng.random() < 0.1 else rng.randrange(10**6) ** 2, rng.randrange(3))
    return Observation(
        f"{key:024x}", f"maker{key % 4}/m{key}" if key % 9 else f"m{key}", *counts, None if key % 2 else 2**40 + key,
        created_at=parse_day(creation_day) if key % 7 else None, modified_at=parse_day(edit_day), attributes=attributes,
        parents=parents, libraries=(*libraries, ("safetensors", "format")),
    )  # fmt: skip


def store_census(path: Path, date: str, rows: Rows, status: str = "complete", registry: Registry = MODELS) -> int:
    """Store one census of these rows and return its id."""
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
    """Make a page of a census."""
    contents = [(row.stable_id, row.name, row.modified_at, row.attributes, row.parents, row.libraries) for row in rows]
    return CensusPage(
        "ranking", "https://hub.example/api/models", 0, 200, 1, "0" * 64, {}, len(rows),
        stable_ids=[row.stable_id for row in rows],
        fingerprints=[zlib.crc32(repr(content).encode()) for content in contents],
        downloads=[row.downloads for row in rows], likes=[row.likes for row in rows],
        downloads_all_time=[row.downloads_all_time for row in rows], trending=[None] * len(rows),
        observe=rows.__getitem__, fields={"downloads": len(rows)},
    )  # fmt: skip

"""Generated packages like those of the Hub, day by day: their downloads, likes, births and deaths, and their pages.

Downloads are a 30-day window over uneven daily counts. Their rates follow a Pareto law. With the default numbers about
a fifth of the packages change on a day, as on a panel of the real Hub.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

WINDOW = 30
BIRTH_RATE, DEATH_RATE, EDIT_RATE = 0.0015, 0.0004, 0.005
LIBRARIES = ("transformers", "diffusers", "peft", "gguf", "sentence-transformers", "timm", None, None)
TASKS = ("text-generation", "text-classification", "text-to-image", "feature-extraction", None, None)
LICENCES = ("apache-2.0", "mit", "llama3", "openrail", "cc-by-4.0", None, None)
TAGS = (
    "safetensors", "en", "region:us", "conversational", "autotrain_compatible", "endpoints_compatible", "tensorboard",
    "arxiv:2407.21783", "dataset:wikitext", "generated_from_trainer", "text-generation-inference", "zh", "pytorch",
    "llama", "4-bit", "dataset:HuggingFaceH4/ultrachat_200k", "custom_code", "arxiv:1910.09700", "bitsandbytes",
    "question-answering", "sequence-classification", "model-index",
)  # fmt: skip


@dataclass(frozen=True)
class Day:
    """One census: the sorted numbers of the living packages, their counters, and the number of edits of each."""

    packages: np.ndarray
    downloads: np.ndarray
    likes: np.ndarray
    versions: np.ndarray


def generate_days(size: int, count: int, seed: int = 1) -> Iterator[Day]:
    """Yield the days of a registry that begins with `size` packages, born in a random order of popularity."""
    generator = np.random.default_rng(seed)
    room = size + round(size * BIRTH_RATE * count) + count
    rates = 1.0 * (generator.pareto(0.72, room) + 0.01)
    rates = np.minimum(rates, 3e6).astype(np.float32) / WINDOW
    daily = np.stack([_daily(generator, rates) for _ in range(WINDOW)])
    likes = np.floor(rates**0.6 * 3).astype(np.int64)
    alive = np.arange(room) < size
    versions = np.zeros(room, np.int32)
    total, born = daily.sum(0, dtype=np.int64), size
    daily[:, size:] = total[size:] = likes[size:] = 0
    for day in range(count):
        packages = np.flatnonzero(alive)
        yield Day(packages, total[packages], likes[packages], versions[packages])
        new = _daily(generator, rates)
        new[born:] = 0
        total += new.astype(np.int64) - daily[day % WINDOW]
        daily[day % WINDOW] = new
        rates *= np.exp(generator.normal(0, 0.02, room)).astype(np.float32)
        likes[:born] += generator.random(born) < np.minimum(0.2, 0.0005 + rates[:born] / 3000)
        alive[generator.choice(born, max(1, round(size * DEATH_RATE)), replace=False)] = False
        versions[generator.choice(born, max(1, round(size * EDIT_RATE)), replace=False)] += 1
        births = max(1, round(size * BIRTH_RATE))
        alive[born : born + births] = True
        born = min(room, born + births)


def _daily(generator: np.random.Generator, rates: np.ndarray) -> np.ndarray:
    """Return the downloads of one day, which vary more than those of a Poisson process."""
    return generator.poisson(rates * generator.gamma(2.0, 0.5, len(rates)).astype(np.float32)).astype(np.uint32)


def changed_share(before: Day, after: Day) -> float:
    """Return the share of the packages of both days whose downloads differ."""
    _, first, second = np.intersect1d(before.packages, after.packages, assume_unique=True, return_indices=True)
    return float((before.downloads[first] != after.downloads[second]).mean())


def change_entropy(history: list[Day]) -> float:
    """Return the order-1 entropy of the changes, in bytes for each package and step, given the value before the step.

    Values up to 16 are distinguished, and greater values by quarters of octaves. Births and deaths are not counted.
    """
    keys, rows = [], 0
    for before, after in pairwise(history):
        _, first, second = np.intersect1d(before.packages, after.packages, assume_unique=True, return_indices=True)
        rows += len(first)
        for name, shift in (("downloads", 0), ("likes", 1)):
            old, new = getattr(before, name)[first], getattr(after, name)[second]
            bucket = np.where(old < 16, old, 16 + np.floor(4 * np.log2(np.maximum(old, 16) / 16))).astype(np.int64)
            keys.append(((bucket * 2 + shift) << 40) + (new - old) + (1 << 39))
    pairs, counts = np.unique(np.concatenate(keys), return_counts=True)
    bits = -(counts * np.log2(counts)).sum()
    _, start = np.unique(pairs >> 40, return_index=True)
    totals = np.add.reduceat(counts, start)
    return float((bits + (totals * np.log2(totals)).sum()) / 8 / rows)


def make_package_id(package: int) -> str:
    """Return the id of a package on the Hub. Ids grow with time."""
    return f"{0x621FFDC1 + package // 50:08x}{package:016x}"


def encode_page(day: Day, start: int, stop: int) -> bytes:
    """Return one page of a census of a day, as the Hub would send it."""
    rows = zip(
        *(column[start:stop].tolist() for column in (day.packages, day.downloads, day.likes, day.versions)), strict=True
    )
    return b"[" + b",".join(_row(*row) for row in rows) + b"]"


def _pick(package: int, version: int) -> int:
    return (package * 2654435761 + version * 40503) & 0xFFFFFFFF


def _name(package: int, version: int) -> str:
    pick = _pick(package, version)
    return f"owner{pick % 9973}/model-{package}-{pick % 7}B-Instruct"


def _row(package: int, downloads: int, likes: int, version: int) -> bytes:
    pick = _pick(package, version)
    library, task, licence = LIBRARIES[pick % 8], TASKS[pick // 8 % 6], LICENCES[pick // 64 % 7]
    tags = [tag for number, tag in enumerate(TAGS) if pick >> number & 1]
    tags += [f"license:{licence}"] if licence else []
    tags += [library] if library else []
    row: dict[str, object] = {
        "_id": make_package_id(package), "id": _name(package, version), "likes": likes, "trendingScore": 0,
        "private": False, "downloads": downloads,
        "gated": "auto" if pick % 37 == 0 else False, "disabled": False, "createdAt": "2024-05-01T10:00:00.000Z",
        "lastModified": f"2025-{1 + version % 12:02d}-01T10:00:00.000Z", "sha": f"{pick:08x}" * 5,
    }  # fmt: skip
    if pick % 100 < 37:
        base = _name(pick % 997, 0)
        tags += [f"base_model:{base}", f"base_model:finetune:{base}"]
        row["baseModels"] = {"relation": "finetune", "models": [{"_id": make_package_id(pick % 997), "id": base}]}
    row |= {"library_name": library} if library else {}
    row |= {"pipeline_tag": task} if task else {}
    row["tags"] = tags
    return json.dumps(row, separators=(",", ":")).encode()

"""The creation of repositories: thousands on day 0, and a few on each later day."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

from simulation.clock import DAY
from simulation.population.hub import Arrival, HubRegistry
from simulation.population.repositories import Repository, RepositoryTraits
from simulation.population.vocabulary import (
    ADJECTIVES,
    LANGUAGES,
    LIBRARIES,
    LICENCES,
    NOUNS,
    RELATION_WEIGHTS,
    RELATIONS,
    SPACE_KITS,
    draw_derived_title,
    draw_namespace,
    draw_original_title,
)

CREATED_FLOOR = 1646263744  # 2022-03-02T23:29:04Z: the Hub gave this instant to everything older
FLOOR_SHARE = 0.12
TAIL_SHARE = 0.55
MIN_HEAD_DOWNLOADS = 40.0
PARETO_EXPONENT = 0.65
CHILD_SHARE = 0.3
DANGLING_SHARE = 0.02
MISSING_PARENT = "vanished-lab/Mirage-base"


def populate(hub: HubRegistry, size: int, seed: int, now: int) -> None:
    """Fill an empty registry with `size` repositories that are older than `now`."""
    rng = random.Random(f"{seed}:population:{hub.name}")
    identities = sorted(f"{draw_creation_time(rng, now):08x}{rng.getrandbits(64):016x}" for _ in range(size))
    used_names: set[str] = set()
    arrivals: list[Arrival] = []
    levels: list[float] = []
    for identity in identities:
        created = int(identity[:8], 16)
        level = draw_level(rng)
        repository = make_repository(hub, rng, identity, arrivals, levels)
        repository.name = reserve_name(repository.name, used_names)
        arrivals.append(Arrival(repository, level, *draw_popularity(rng, level), (now - created) // DAY))
        levels.append(level)
    hub.add_repositories(add_lineage_oddities(hub, arrivals))


def draw_creation_time(rng: random.Random, now: int) -> int:
    """Return an instant of creation: a share at the floor, then more in each year."""
    start = min(CREATED_FLOOR, now - 30 * DAY)
    return start if rng.random() < FLOOR_SHARE else int(start + (now - start) * math.sqrt(rng.random()))


def draw_level(rng: random.Random, popular: bool = False) -> float:
    """Return the logarithm of 30-day downloads: a Pareto head, and a tail that is mostly zero."""
    if not popular and rng.random() < TAIL_SHARE:
        return rng.uniform(math.log(0.01), math.log(MIN_HEAD_DOWNLOADS))
    return math.log(MIN_HEAD_DOWNLOADS) + rng.expovariate(PARETO_EXPONENT)


def draw_popularity(rng: random.Random, level: float) -> tuple[int, float]:
    """Return likes and a trending score that fit a level of downloads."""
    likes = int(math.exp(max(0.0, 0.55 * level + rng.gauss(-1.2, 0.9))) - 0.7)
    return max(0, likes), round(likes**0.5 * rng.random(), 1) if rng.random() < 0.15 else 0.0


def reserve_name(name: str, used_names: set[str]) -> str:
    """Return the name, with a number if it is in use, and add it to the used names."""
    fresh, number = name, 2
    while fresh.lower() in used_names:
        fresh, number = f"{name}-{number}", number + 1
    used_names.add(fresh.lower())
    return fresh


def make_repository(
    hub: HubRegistry, rng: random.Random, identity: str, older: Sequence[Arrival], levels: Sequence[float]
) -> Repository:
    """Return a new repository: an original, or a child of an older one."""
    draw_traits = {"models": draw_model_traits, "datasets": draw_dataset_traits, "spaces": draw_space_traits}[hub.kind]
    author = draw_namespace(rng, max(8, len(older) // 6 + 8))
    traits, title = draw_traits(rng), draw_original_title(rng)
    if hub.kind == "models" and len(older) > 4 and rng.random() < CHILD_SHARE:
        traits = derive_traits(rng, traits, older, levels)
        title = draw_derived_title(rng, traits.parents[0], traits.relation or "")
    elif hub.kind != "models":
        title = f"{rng.choice(ADJECTIVES)}-{rng.choice(NOUNS)}-{rng.choice(NOUNS)}"
    repository = Repository(identity, f"{author}/{title}", int(identity[:8], 16), traits)
    draw_restrictions(repository, rng)
    return repository


def draw_restrictions(repository: Repository, rng: random.Random) -> None:
    """Gate a few repositories, and disable fewer."""
    if rng.random() < 0.017:
        repository.gated = rng.choice(("auto", "manual"))
    repository.disabled = rng.random() < 0.002


def derive_traits(
    rng: random.Random, traits: RepositoryTraits, older: Sequence[Arrival], levels: Sequence[float]
) -> RepositoryTraits:
    """Return the traits of a model that is derived from one older model, or merged from two."""
    relation = rng.choices(RELATIONS, RELATION_WEIGHTS)[0]
    parents = dict.fromkeys(draw_parent_name(rng, older, levels) for _ in range(1 + (relation == "merge")))
    names = tuple(parents) if rng.random() > DANGLING_SHARE else (MISSING_PARENT,)
    if relation == "merge" and len(names) < 2:
        relation = "finetune"
    return replace(traits, relation=relation, parents=names)


def draw_parent_name(rng: random.Random, older: Sequence[Arrival], levels: Sequence[float]) -> str:
    """Return the name of the most downloaded of four older repositories: parents are mostly popular."""
    best = max((rng.randrange(len(older)) for _ in range(4)), key=levels.__getitem__)
    return older[best].repository.name


def draw_model_traits(rng: random.Random) -> RepositoryTraits:
    """Return the traits of a model. Many models lack most of them."""
    library, purpose, architecture = rng.choice(LIBRARIES)
    is_described = rng.random() < 0.7
    return RepositoryTraits(
        library=library if is_described else None,
        purpose=purpose if is_described and rng.random() < 0.85 else None,
        architecture=architecture,
        licence=rng.choice(LICENCES) if rng.random() < 0.4 else None,
        language=rng.choice(LANGUAGES) if rng.random() < 0.2 else None,
        parameters=int(10 ** rng.uniform(6.5, 10.8)) if rng.random() < 0.6 else 0,
        files=draw_files(rng, "config.json", "model.safetensors"),
    )


def draw_dataset_traits(rng: random.Random) -> RepositoryTraits:
    """Return the traits of a dataset."""
    return RepositoryTraits(
        purpose=rng.choice(LIBRARIES)[1] if rng.random() < 0.6 else None,
        licence=rng.choice(LICENCES) if rng.random() < 0.5 else None,
        language=rng.choice(LANGUAGES) if rng.random() < 0.5 else None,
        files=draw_files(rng, "data/train-00000-of-00001.parquet"),
    )


def draw_space_traits(rng: random.Random) -> RepositoryTraits:
    """Return the traits of a space."""
    kit, licence = rng.choice(SPACE_KITS), rng.choice(LICENCES) if rng.random() < 0.3 else None
    return RepositoryTraits(kit=kit, licence=licence, files=draw_files(rng, "app.py", "requirements.txt"))


def draw_files(rng: random.Random, *more_files: str) -> tuple[str, ...]:
    """Return the files of a repository. Some repositories have no README.md."""
    return (".gitattributes", *(("README.md",) if rng.random() < 0.75 else ()), *more_files)


def add_lineage_oddities(hub: HubRegistry, arrivals: list[Arrival]) -> list[Arrival]:
    """Make three models their own parent, and three more_files the parents of each other in a ring."""
    if hub.kind == "models" and len(arrivals) >= 12:
        repositories = [arrivals[len(arrivals) * part // 8].repository for part in range(1, 7)]
        for child, parent in zip(repositories, (*repositories[:3], *repositories[4:], repositories[3]), strict=True):
            child.traits = replace(child.traits, relation="finetune", parents=(parent.name,))
    return arrivals

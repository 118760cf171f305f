"""How a repository comes into being: on day 0 by the thousand, later a few a day."""

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
    draw = random.Random(f"{seed}:population:{hub.name}")
    identities = sorted(f"{draw_creation_time(draw, now):08x}{draw.getrandbits(64):016x}" for _ in range(size))
    taken: set[str] = set()
    arrivals: list[Arrival] = []
    levels: list[float] = []
    for identity in identities:
        created = int(identity[:8], 16)
        level = draw_level(draw)
        repository = make_repository(hub, draw, identity, arrivals, levels)
        repository.name = reserve_name(repository.name, taken)
        arrivals.append(Arrival(repository, level, *draw_popularity(draw, level), (now - created) // DAY))
        levels.append(level)
    hub.add_repositories(add_lineage_oddities(hub, arrivals))


def draw_creation_time(draw: random.Random, now: int) -> int:
    """Return when something was created: a block at the floor, then more and more each year."""
    start = min(CREATED_FLOOR, now - 30 * DAY)
    return start if draw.random() < FLOOR_SHARE else int(start + (now - start) * math.sqrt(draw.random()))


def draw_level(draw: random.Random, popular: bool = False) -> float:
    """Return a log of 30-day downloads: a Pareto head on a tail that is mostly zero."""
    if not popular and draw.random() < TAIL_SHARE:
        return draw.uniform(math.log(0.01), math.log(MIN_HEAD_DOWNLOADS))
    return math.log(MIN_HEAD_DOWNLOADS) + draw.expovariate(PARETO_EXPONENT)


def draw_popularity(draw: random.Random, level: float) -> tuple[int, float]:
    """Return likes and a trending score that go with a level of downloads."""
    likes = int(math.exp(max(0.0, 0.55 * level + draw.gauss(-1.2, 0.9))) - 0.7)
    return max(0, likes), round(likes**0.5 * draw.random(), 1) if draw.random() < 0.15 else 0.0


def reserve_name(name: str, used_names: set[str]) -> str:
    """Return the name, with a number when it was taken before, and take it."""
    fresh, number = name, 2
    while fresh.lower() in used_names:
        fresh, number = f"{name}-{number}", number + 1
    used_names.add(fresh.lower())
    return fresh


def make_repository(
    hub: HubRegistry, draw: random.Random, identity: str, older: Sequence[Arrival], levels: Sequence[float]
) -> Repository:
    """Return a new repository: an original, or a child of an older one."""
    kind = {"models": draw_model_traits, "datasets": draw_dataset_traits, "spaces": draw_space_traits}[hub.kind]
    author = draw_namespace(draw, max(8, len(older) // 6 + 8))
    traits, title = kind(draw), draw_original_title(draw)
    if hub.kind == "models" and len(older) > 4 and draw.random() < CHILD_SHARE:
        traits = derive_traits(draw, traits, older, levels)
        title = draw_derived_title(draw, traits.parents[0], traits.relation or "")
    elif hub.kind != "models":
        title = f"{draw.choice(ADJECTIVES)}-{draw.choice(NOUNS)}-{draw.choice(NOUNS)}"
    repository = Repository(identity, f"{author}/{title}", int(identity[:8], 16), traits)
    draw_restrictions(repository, draw)
    return repository


def draw_restrictions(repository: Repository, draw: random.Random) -> None:
    """Gate a few and disable fewer."""
    if draw.random() < 0.017:
        repository.gated = draw.choice(("auto", "manual"))
    repository.disabled = draw.random() < 0.002


def derive_traits(
    draw: random.Random, traits: RepositoryTraits, older: Sequence[Arrival], levels: Sequence[float]
) -> RepositoryTraits:
    """Return traits of something made from one older model, or from two for a merge."""
    relation = draw.choices(RELATIONS, RELATION_WEIGHTS)[0]
    parents = dict.fromkeys(draw_parent_name(draw, older, levels) for _ in range(1 + (relation == "merge")))
    names = tuple(parents) if draw.random() > DANGLING_SHARE else (MISSING_PARENT,)
    if relation == "merge" and len(names) < 2:
        relation = "finetune"
    return replace(traits, relation=relation, parents=names)


def draw_parent_name(draw: random.Random, older: Sequence[Arrival], levels: Sequence[float]) -> str:
    """Return the most downloaded of four older repositories: parents are mostly popular."""
    best = max((draw.randrange(len(older)) for _ in range(4)), key=levels.__getitem__)
    return older[best].repository.name


def draw_model_traits(draw: random.Random) -> RepositoryTraits:
    """Return the traits of a model; many say nothing about themselves."""
    library, purpose, architecture = draw.choice(LIBRARIES)
    told = draw.random() < 0.7
    return RepositoryTraits(
        library=library if told else None,
        purpose=purpose if told and draw.random() < 0.85 else None,
        architecture=architecture,
        licence=draw.choice(LICENCES) if draw.random() < 0.4 else None,
        language=draw.choice(LANGUAGES) if draw.random() < 0.2 else None,
        parameters=int(10 ** draw.uniform(6.5, 10.8)) if draw.random() < 0.6 else 0,
        files=draw_files(draw, "config.json", "model.safetensors"),
    )


def draw_dataset_traits(draw: random.Random) -> RepositoryTraits:
    """Return the traits of a dataset."""
    return RepositoryTraits(
        purpose=draw.choice(LIBRARIES)[1] if draw.random() < 0.6 else None,
        licence=draw.choice(LICENCES) if draw.random() < 0.5 else None,
        language=draw.choice(LANGUAGES) if draw.random() < 0.5 else None,
        files=draw_files(draw, "data/train-00000-of-00001.parquet"),
    )


def draw_space_traits(draw: random.Random) -> RepositoryTraits:
    """Return the traits of a space."""
    return RepositoryTraits(
        kit=draw.choice(SPACE_KITS),
        licence=draw.choice(LICENCES) if draw.random() < 0.3 else None,
        files=draw_files(draw, "app.py", "requirements.txt"),
    )


def draw_files(draw: random.Random, *others: str) -> tuple[str, ...]:
    """Return the files of a repository; some have no README.md."""
    return (".gitattributes", *(("README.md",) if draw.random() < 0.75 else ()), *others)


def add_lineage_oddities(hub: HubRegistry, arrivals: list[Arrival]) -> list[Arrival]:
    """Make three models their own parent and let three others descend from each other in a ring."""
    if hub.kind == "models" and len(arrivals) >= 12:
        some = [arrivals[len(arrivals) * part // 8].repository for part in range(1, 7)]
        for child, parent in zip(some, (*some[:3], *some[4:], some[3]), strict=True):
            child.traits = replace(child.traits, relation="finetune", parents=(parent.name,))
    return arrivals

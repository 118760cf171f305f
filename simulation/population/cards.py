"""README.md files: front matter and sections. A revision of a repository always has the same file."""

from __future__ import annotations

import random

from simulation.population.repositories import Repository
from simulation.population.vocabulary import SECTIONS, SENTENCES


def build_card_fields(repository: Repository, kind: str) -> dict[str, object]:
    """Return the fields that the Hub reads from the front matter. Without front matter there are none."""
    if not repository.has_card:
        return {}
    traits = repository.traits
    fields: dict[str, object] = {"license": traits.licence}
    if traits.language:
        fields["language"] = [traits.language]
    if kind == "spaces":
        return drop_missing_fields({"title": repository.name.partition("/")[2], "sdk": traits.kit, **fields})
    if kind == "datasets":
        return drop_missing_fields({**fields, "task_categories": [traits.purpose] if traits.purpose else None})
    parents = traits.parents
    fields |= {"base_model": parents[0] if len(parents) == 1 else list(parents) or None}
    fields |= {"base_model_relation": traits.relation if traits.parameters % 3 == 0 else None}
    return drop_missing_fields({**fields, "library_name": traits.library, "pipeline_tag": traits.purpose})


def drop_missing_fields(fields: dict[str, object]) -> dict[str, object]:
    """Return the fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def render_card(repository: Repository, kind: str, revision: int | None = None) -> bytes:
    """Return README.md at a revision. Every second commit changes it."""
    content_number = (repository.revision if revision is None else revision) // 2
    rng = random.Random(f"card:{repository.identity}:{content_number}")
    sections = rng.sample(SECTIONS, rng.randrange(0, len(SECTIONS)))
    text = [f"# {repository.name.partition('/')[2]}", *(draw_section(rng, title) for title in sections)]
    return (render_front_matter(build_card_fields(repository, kind)) + "\n\n".join(text) + "\n").encode()


def draw_section(rng: random.Random, title: str) -> str:
    """Return one section with a few sentences."""
    return f"## {title}\n\n" + " ".join(rng.sample(SENTENCES, rng.randrange(1, 5)))


def render_front_matter(fields: dict[str, object]) -> str:
    """Return the YAML block, or an empty text without fields."""
    lines = [line for name, value in fields.items() for line in render_yaml_lines(name, value)]
    return "\n".join(["---", *lines, "---", "", ""]) if lines else ""


def render_yaml_lines(name: str, value: object) -> list[str]:
    """Return one field as YAML."""
    return [f"{name}:", *(f"- {item}" for item in value)] if isinstance(value, list) else [f"{name}: {value}"]

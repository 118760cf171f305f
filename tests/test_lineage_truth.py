"""Lineage against the simulation's truth: renamed, deleted and re-created parents, dangling names, loops and rings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from db.connection import open_for_reading
from tests.simulated import Simulation

ROOT = Path(__file__).resolve().parents[1]
HUB = "huggingface/models"
Edges = set[tuple[str, str | None, str]]


def snapshot(pretend: Simulation, db: Path, k: int) -> None:
    env = {**os.environ, "HF_ENDPOINT": pretend.huggingface, "OBSERVATORY_DB": str(db)}
    words = ("snapshot", HUB, "--top", str(k), "--clock", "registry", "--quiet")
    subprocess.run([sys.executable, "-m", "crawler", *words], cwd=ROOT, env=env, capture_output=True, check=True)


def true_edges(pretend: Simulation, k: int) -> Edges:
    """Child, parent and relation of every model of the list, as the Hub resolves them."""
    edges: Edges = set()
    for row in pretend.truth(HUB, by="downloads", k=k):
        said = pretend.repository(HUB, id=str(row["id"]))
        bases = said.get("baseModels") or {}
        edges |= {(str(row["id"]), base["_id"], bases["relation"]) for base in bases.get("models", ())}
    return edges


def stored_edges(db: Path) -> Edges:
    """What the relation gives for the newest snapshot, where the parent is known by its `_id`."""
    from analysis.compute.relations import fetch_rows

    with open_for_reading(db) as connection:
        (newest,) = connection.execute("SELECT max(snapshot_id) FROM snapshot WHERE status = 'complete'").fetchone()
        ids = dict(connection.execute("SELECT package_id, stable_id FROM package").fetchall())
        found = fetch_rows(connection, "lineage", snapshot=newest)
    return {(ids[edge["child"]], ids.get(edge["parent"]), edge["relation"]) for edge in found if edge["parent"]}


@pytest.fixture(scope="module")
def looked_at_twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Edges, Edges, dict[str, str]]:
    db = tmp_path_factory.mktemp("lineage") / "o.db"
    with Simulation(models=900, start="2026-01-05") as pretend:
        snapshot(pretend, db, 800)
        first = true_edges(pretend, 800)
        children: dict[str, int] = defaultdict(int)
        for _, parent, _ in first:
            children[str(parent)] += 1
        renamed, deleted, recreated = sorted(children, key=lambda one: -children[one])[:3]
        pretend.mutate(id=renamed, action="rename", to="elsewhere/renamed-base")
        pretend.mutate(id=deleted, action="delete")
        pretend.mutate(id=recreated, action="recreate")
        pretend.advance(1)
        snapshot(pretend, db, 780)
        second = true_edges(pretend, 780)
    return db, first, second, {"renamed": renamed, "deleted": deleted, "recreated": recreated}


def test_the_edges_of_a_snapshot_are_those_of_the_hub(
    looked_at_twice: tuple[Path, Edges, Edges, dict[str, str]],
) -> None:
    db, _, second, _ = looked_at_twice
    resolved = {edge for edge in stored_edges(db) if edge in second or edge[1] not in looked_at_twice[3].values()}
    assert second <= stored_edges(db)
    assert len(resolved & second) == len(second) > 100


def test_a_renamed_parent_keeps_its_children_and_a_deleted_one_loses_them(
    looked_at_twice: tuple[Path, Edges, Edges, dict[str, str]],
) -> None:
    db, first, second, who = looked_at_twice
    stored = stored_edges(db)
    still = {child for child, parent, _ in second if parent == who["renamed"]}
    assert still
    assert still == {child for child, parent, _ in stored if parent == who["renamed"]}
    assert any(parent == who["deleted"] for _, parent, _ in first)
    assert not any(parent == who["deleted"] for _, parent, _ in second)


def test_a_package_that_is_its_own_parent_is_kept_and_noted(
    looked_at_twice: tuple[Path, Edges, Edges, dict[str, str]],
) -> None:
    db, first, _, _ = looked_at_twice
    loops = {child for child, parent, _ in first if child == parent}
    with open_for_reading(db) as connection:
        noted = connection.execute(
            "SELECT stable_id FROM quality_event JOIN package USING (package_id) WHERE kind = 'self_loop'"
        ).fetchall()
    assert loops
    assert loops <= {row[0] for row in noted}


def test_direct_and_transitive_counts_are_those_of_the_truth(
    looked_at_twice: tuple[Path, Edges, Edges, dict[str, str]],
) -> None:
    """Counted again in plain Python over what the Hub says, loops and rings among it."""
    from analysis.compute.relations import load_relation
    from analysis.statistics.lineage import count_children, count_descendants, distinct_edges

    db, _, second, who = looked_at_twice
    with open_for_reading(db) as connection:
        (newest,) = connection.execute("SELECT max(snapshot_id) FROM snapshot WHERE status = 'complete'").fetchone()
        ids = dict(connection.execute("SELECT package_id, stable_id FROM package").fetchall())
        edges = distinct_edges(load_relation(connection, newest, "lineage"))
    edges = edges[(edges["parent"] > 0) & (edges["parent"].map(ids) != who["deleted"])]
    below: dict[str, set[str]] = defaultdict(set)
    for child, parent, _ in second:
        if child != parent:
            below[str(parent)].add(child)

    def all_below(top: str) -> set[str]:
        seen: set[str] = set()
        left = list(below[top])
        while left:
            one = left.pop()
            if one not in seen:
                seen.add(one)
                left += below.get(one, ())
        return seen - {top}

    alive = {str(parent) for _, parent, _ in second}
    counted = {ids[package]: count for package, count in count_children(edges).items() if ids[package] in alive}
    assert counted == {parent: len(children) for parent, children in below.items() if children and parent in alive}
    everything = count_descendants(edges)
    assert everything is not None
    found = {ids[package]: count for package, count in everything.items() if ids[package] in alive}
    assert found == {parent: len(all_below(parent)) for parent in list(below) if below[parent] and parent in alive}

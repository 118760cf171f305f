"""Lineage against the truth of the simulation: parents renamed, deleted and created again, dangling names, cycles."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from db.connection import open_for_reading
from tests.plain_lineage import find_descendants
from tests.simulated import Simulation

ROOT = Path(__file__).resolve().parents[1]
HUB = "huggingface/models"
Edges = set[tuple[str, str | None, str]]
TwoSnapshots = tuple[Path, Edges, Edges, dict[str, str]]


def take_snapshot(pretend: Simulation, db: Path, k: int) -> None:
    """Crawl the top K of the simulated Hub."""
    env = {**os.environ, "HF_ENDPOINT": pretend.huggingface, "OBSERVATORY_DB": str(db)}
    arguments = ("snapshot", HUB, "--top", str(k), "--clock", "registry", "--quiet")
    subprocess.run([sys.executable, "-m", "crawler", *arguments], cwd=ROOT, env=env, capture_output=True, check=True)


def read_true_edges(pretend: Simulation, k: int) -> Edges:
    """Return child, parent and relation of each listed model, as the Hub resolves them."""
    edges: Edges = set()
    for row in pretend.truth(HUB, by="downloads", k=k):
        repository = pretend.repository(HUB, id=str(row["id"]))
        bases = repository.get("baseModels") or {}
        edges |= {(str(row["id"]), base["_id"], bases["relation"]) for base in bases.get("models", ())}
    return edges


def read_stored_edges(db: Path) -> Edges:
    """Return the edges of the newest snapshot whose parent has an `_id`."""
    from analysis.compute.relations import fetch_rows

    with open_for_reading(db) as connection:
        (snapshot,) = connection.execute("SELECT max(snapshot_id) FROM snapshot WHERE status = 'complete'").fetchone()
        ids = dict(connection.execute("SELECT package_id, stable_id FROM package").fetchall())
        rows = fetch_rows(connection, "lineage", snapshot=snapshot)
    return {(ids[edge["child"]], ids.get(edge["parent"]), edge["relation"]) for edge in rows if edge["parent"]}


@pytest.fixture(scope="module")
def two_snapshots(tmp_path_factory: pytest.TempPathFactory) -> TwoSnapshots:
    """Crawl a Hub before and after its largest parents change, and return the store, both truths and the parents."""
    db = tmp_path_factory.mktemp("lineage") / "o.db"
    with Simulation(models=900, start="2026-01-05") as pretend:
        take_snapshot(pretend, db, 800)
        first = read_true_edges(pretend, 800)
        children: dict[str, int] = defaultdict(int)
        for _, parent, _ in first:
            children[str(parent)] += 1
        renamed, deleted, recreated = sorted(children, key=lambda parent: -children[parent])[:3]
        pretend.mutate(id=renamed, action="rename", to="elsewhere/renamed-base")
        pretend.mutate(id=deleted, action="delete")
        pretend.mutate(id=recreated, action="recreate")
        pretend.advance(1)
        take_snapshot(pretend, db, 780)
        second = read_true_edges(pretend, 780)
    return db, first, second, {"renamed": renamed, "deleted": deleted, "recreated": recreated}


def test_the_stored_edges_equal_the_edges_of_the_hub(two_snapshots: TwoSnapshots) -> None:
    db, _, second, _ = two_snapshots
    resolved = {edge for edge in read_stored_edges(db) if edge in second or edge[1] not in two_snapshots[3].values()}
    assert second <= read_stored_edges(db)
    assert len(resolved & second) == len(second) > 100


def test_a_renamed_parent_keeps_its_children_and_a_deleted_parent_loses_them(two_snapshots: TwoSnapshots) -> None:
    db, first, second, parents = two_snapshots
    stored = read_stored_edges(db)
    children = {child for child, parent, _ in second if parent == parents["renamed"]}
    assert children
    assert children == {child for child, parent, _ in stored if parent == parents["renamed"]}
    assert any(parent == parents["deleted"] for _, parent, _ in first)
    assert not any(parent == parents["deleted"] for _, parent, _ in second)


def test_a_package_that_names_itself_as_parent_has_a_quality_event(two_snapshots: TwoSnapshots) -> None:
    db, first, _, _ = two_snapshots
    loops = {child for child, parent, _ in first if child == parent}
    with open_for_reading(db) as connection:
        events = connection.execute(
            "SELECT stable_id FROM quality_event JOIN package USING (package_id) WHERE kind = 'self_loop'"
        ).fetchall()
    assert loops
    assert loops <= {row[0] for row in events}


def test_direct_and_transitive_counts_equal_the_truth(two_snapshots: TwoSnapshots) -> None:
    """Compare with plain Python over the edges of the Hub, self-loops and cycles included."""
    from analysis.compute.relations import load_relation
    from analysis.statistics.lineage import count_children, count_descendants, distinct_edges

    db, _, second, parents = two_snapshots
    with open_for_reading(db) as connection:
        (snapshot,) = connection.execute("SELECT max(snapshot_id) FROM snapshot WHERE status = 'complete'").fetchone()
        ids = dict(connection.execute("SELECT package_id, stable_id FROM package").fetchall())
        edges = distinct_edges(load_relation(connection, snapshot, "lineage"))
    edges = edges[(edges["parent"] > 0) & (edges["parent"].map(ids) != parents["deleted"])]
    children_of: dict[str, set[str]] = defaultdict(set)
    for child, parent, _ in second:
        if child != parent:
            children_of[str(parent)].add(child)

    resolved = {str(parent) for _, parent, _ in second}
    child_counts = {ids[package]: count for package, count in count_children(edges).items() if ids[package] in resolved}
    assert child_counts == {parent: len(children) for parent, children in children_of.items() if parent in resolved}
    totals = count_descendants(edges)
    assert totals is not None
    counts = {ids[package]: count for package, count in totals.items() if ids[package] in resolved}
    assert counts == {
        parent: len(find_descendants(children_of, parent)) for parent in children_of if parent in resolved
    }

"""Lineage of real lists: the published numbers of Figure 7, and two metrics against plain Python."""

from __future__ import annotations

import csv
import gzip
import json
import sqlite3
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pandas import DataFrame, Series, read_csv, to_numeric

from analysis.compute.metric import Result
from analysis.compute.relations import load_relation
from analysis.metrics.descendants import descendants
from analysis.metrics.preservation import RELATIONS, preservation, preservation_as_published
from analysis.statistics.inference import gini, mean, median, top_share
from analysis.statistics.lineage import fit_as_published
from crawler.__main__ import main as crawl
from db.connection import open_for_reading
from tests.plain_lineage import find_descendants

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.real_data

Edge = tuple[str, str, str]
Libraries = dict[str, set[str]]
Rows = list[dict[str, str]]
ApiRows = list[dict[str, Any]]
Frames = tuple[DataFrame, DataFrame, DataFrame]


@pytest.fixture(scope="module")
def figure_7(real_data: Path) -> DataFrame:
    """Return the points of the paper's Figure 7: the children of each parent, and their downloads."""
    return read_csv(real_data / "hf_lineage" / "esem2024_descendants_vs_downloads.csv")


def test_the_fit_equals_the_fit_of_the_paper(figure_7: DataFrame) -> None:
    """Compare with Jones et al., ESEM 2024, Figure 7.

    Slope 0.1479 and intercept -0.2062 on 2,151 distinct points; Spearman 0.419.
    """
    fit = fit_as_published(figure_7["downloads"], figure_7["count"])
    assert (fit.line.slope.n, fit.with_duplicates.slope.n) == (2151, 3471)
    assert (fit.line.slope.value, fit.line.intercept) == pytest.approx((0.1479, -0.2062), abs=5e-5)
    assert fit.with_duplicates.slope.value == pytest.approx(0.089, abs=5e-4)
    assert fit.spearman.value == pytest.approx(0.419, abs=5e-4)


def test_the_counts_equal_the_counts_of_the_paper(figure_7: DataFrame) -> None:
    """Compare with the counts of the paper.

    3,471 parents, 12,229 links; median 1, mean 3.52; 68.3 % have one; top 10: 20.9 %, 1 %: 35.4 %; Gini 0.6616.
    """
    counts = figure_7["count"]
    assert (len(counts), counts.sum(), median(counts).value) == (3471, 12_229, 1)
    shares = (mean(counts == 1), top_share(counts, 10), top_share(counts, len(counts) // 100))
    assert [share.value for share in shares] == pytest.approx([0.683, 0.209, 0.354], abs=5e-4)
    assert (mean(counts).value, gini(counts).value) == pytest.approx((3.52, 0.6616), abs=5e-3)
    assert gini(counts).value == pytest.approx(0.6616, abs=5e-5)


@pytest.fixture(scope="module")
def radar(real_data: Path) -> Rows:
    """Return 15,904 models of 22 August 2026 with base models and one library each (HF//RADAR, CC BY 4.0)."""
    with gzip.open(real_data / "hf_lineage" / "hf_radar_2026-08-22.csv.gz", "rt", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def parse_radar(rows: Rows) -> tuple[set[Edge], Libraries]:
    """Return child, parent and relation by name, and the libraries of each model."""
    edges = {
        (row["modelId"], base, row["relation"] or "unstated")
        for row in rows
        for base in row["base_models"].split("|")
        if base
    }
    return edges, {row["modelId"]: {row["library"]} for row in rows if row["library"]}


def make_frames(edges: set[Edge], libraries: Libraries, names: list[str]) -> tuple[DataFrame, DataFrame]:
    """Return edges and libraries as relations. Only a listed parent has a number."""
    numbers = {name: number for number, name in enumerate(names, 1)}
    lineage = DataFrame(
        [(numbers[child], child, numbers.get(parent), parent, relation) for child, parent, relation in sorted(edges)],
        columns=["child", "child_name", "parent", "parent_name", "relation"],
    )
    rows = [(numbers[name], library, "library") for name, used in libraries.items() for library in used]
    return lineage, DataFrame(rows, columns=["package", "library", "kind"])


@pytest.fixture(scope="module")
def radar_frames(radar: Rows) -> Frames:
    """Return the three relations of HF//RADAR."""
    names = [row["modelId"] for row in radar]
    observed = DataFrame({"package": range(1, len(names) + 1), "name": names})
    observed["downloads"] = to_numeric(Series([row["downloads_30d"] for row in radar]))
    return (*make_frames(*parse_radar(radar), names), observed)


def test_links_of_hf_radar_equal_plain_counts(radar: Rows, radar_frames: Frames) -> None:
    edges, _ = parse_radar(radar)
    counts = Counter(relation for child, parent, relation in edges if child != parent)
    values = {result.name: result.value for result in descendants(radar_frames[0], radar_frames[2])}
    assert [values[f"descendants.links.{relation}"] for relation in RELATIONS] == [
        counts[relation] for relation in RELATIONS
    ]
    assert [counts[relation] for relation in RELATIONS] == [3680, 1652, 225, 2886, 308]
    assert values["descendants.self_loops"] == sum(child == parent for child, parent, _ in edges) == 23


def test_descendants_of_hf_radar_equal_plain_sets(radar: Rows, radar_frames: Frames) -> None:
    edges, _ = parse_radar(radar)
    children: dict[str, set[str]] = {}
    for child, parent, _ in edges:
        if child != parent:
            children.setdefault(parent, set()).add(child)
    values = {result.name: result.value for result in descendants(radar_frames[0], radar_frames[2])}
    assert values["descendants.max"] == max(map(len, children.values()))
    assert values["descendants.parents"] == len(children)
    assert values["descendants.transitive.max"] == max(len(find_descendants(children, parent)) for parent in children)


def count_preservation(edges: set[Edge], libraries: Libraries, min_edges: int = 20) -> dict[str, tuple[float, int]]:
    """Return preservation and n of each library and relation with at least `min_edges` edges, counted with sets."""
    expected = {}
    names = {library for used in libraries.values() for library in used}
    for relation in RELATIONS:
        links = [(child, parent) for child, parent, stated in edges if stated == relation and child != parent]
        for library in names:
            children = [child for child, parent in links if library in libraries.get(parent, ())]
            preserved = sum(library in libraries.get(child, ()) for child in children)
            if len(children) >= min_edges:
                expected[f"preservation.{library}.{relation}"] = (
                    pytest.approx(preserved / len(children)),
                    len(children),
                )
    return expected


def select_conditional(results: Iterable[Result]) -> dict[str, tuple[float | None, int | None]]:
    """Return value and n of the results for one library and one relation."""
    return {
        result.name: (result.value, result.n)
        for result in results
        if result.k == 0
        and result.name.split(".")[1] not in ("coverage", "gain", "lift")
        and result.name.endswith(RELATIONS)
    }


def test_preservation_of_hf_radar_equals_plain_sets(radar: Rows, radar_frames: Frames) -> None:
    expected = count_preservation(*parse_radar(radar))
    assert select_conditional(preservation(*radar_frames[:2])) == expected
    assert expected["preservation.transformers.adapter"] == (pytest.approx(60 / 546), 546)
    assert len(expected) == 10


def test_the_papers_preservation_is_undefined_where_models_have_one_library(radar_frames: Frames) -> None:
    (result,) = preservation_as_published(*radar_frames[:2])
    assert result.value is None


LoadRelation = Callable[[str], DataFrame]


@pytest.fixture(scope="module")
def recorded_rows(real_data: Path) -> ApiRows:
    """Return the 2,000 rows of two pages of the Hub of 11 July 2024."""
    rows: ApiRows = []
    for page in (1, 2):
        with gzip.open(real_data / "hf_api" / f"api_models_page{page}.json.gz", "rt", encoding="utf-8") as stream:
            rows += json.load(stream)
    return rows


@pytest.fixture(scope="module")
def load_imported(recorded_rows: ApiRows, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadRelation]:
    """Import the two pages as one list, and return a function that loads a relation of the store."""
    folder = tmp_path_factory.mktemp("hub-api")
    (folder / "pages.json").write_text(json.dumps(recorded_rows), "utf-8")
    arguments = ["import", "hub-api", str(folder / "pages.json"), "--registry", "huggingface/models"]
    assert crawl([*arguments, "--date", "2024-07-11", "--db", str(folder / "store.db"), "--format", "json"]) == 0
    with open_for_reading(folder / "store.db") as connection:
        yield lambda name: load_relation(connection, find_newest_snapshot(connection), name)


def find_newest_snapshot(connection: sqlite3.Connection) -> int:
    """Return the id of the newest snapshot."""
    return int(connection.execute("SELECT max(snapshot_id) FROM snapshot").fetchone()[0])


def parse_edges(row: dict[str, Any]) -> set[Edge]:
    """Return the edges in the `base_model:` tags of a row. A stated relation replaces an unstated one."""
    parts = [tag.split(":")[1:] for tag in row["tags"] if tag.startswith("base_model:")]
    relations = {tag[0]: "unstated" for tag in parts if len(tag) == 1}
    relations |= {tag[1]: tag[0] for tag in parts if len(tag) == 2}
    return {(row["id"], name, relation) for name, relation in relations.items()}


def parse_libraries(row: dict[str, Any]) -> dict[str, str]:
    """Return the libraries of a row with their kinds, by the crawler's table."""
    table = tomllib.loads((ROOT / "crawler" / "parsing" / "libraries.toml").read_text("utf-8"))
    kinds = {name: kind for kind, names in table.items() for name in names}
    field = [row["library_name"].lower()] if "library_name" in row else []
    return {name: kinds.get(name, "library") for name in [*field, *(tag for tag in row["tags"] if tag in kinds)]}


def test_the_relations_of_the_raw_pages_equal_their_tags(recorded_rows: ApiRows, load_imported: LoadRelation) -> None:
    lineage, libraries = load_imported("lineage"), load_imported("libraries")
    edges = set(lineage[["child_name", "parent_name", "relation"]].itertuples(index=False, name=None))
    assert edges == {edge for row in recorded_rows for edge in parse_edges(row)}
    names = load_imported("observed").set_index("package")["name"]
    uses = {(names[package], library, kind) for package, library, kind in libraries.itertuples(index=False, name=None)}
    assert uses == {(row["id"], *item) for row in recorded_rows for item in parse_libraries(row).items()}


def test_a_parent_of_the_raw_pages_has_an_id_only_if_it_is_listed(
    recorded_rows: ApiRows, load_imported: LoadRelation
) -> None:
    lineage, names = load_imported("lineage"), {row["id"] for row in recorded_rows}
    dangling = lineage[lineage["parent"].isna()]
    assert set(dangling["parent_name"]) == set(lineage["parent_name"]) - names


def test_metrics_of_the_raw_pages_equal_plain_sets(recorded_rows: ApiRows, load_imported: LoadRelation) -> None:
    edges = {edge for row in recorded_rows for edge in parse_edges(row)}
    libraries = {row["id"]: set(parse_libraries(row)) for row in recorded_rows}
    results = preservation(load_imported("lineage"), load_imported("libraries"))
    assert select_conditional(results) == count_preservation(edges, libraries)
    counts = Counter(relation for child, parent, relation in edges if child != parent)
    results_of_list = descendants(load_imported("lineage"), load_imported("observed"))
    values = {result.name: result.value for result in results_of_list if result.k == 0}
    assert [values[f"descendants.links.{relation}"] for relation in RELATIONS] == [
        counts[relation] for relation in RELATIONS
    ]


def test_the_papers_preservation_of_the_raw_pages_equals_plain_sets(
    recorded_rows: ApiRows, load_imported: LoadRelation
) -> None:
    library_sets = [set(parse_libraries(row)) for row in recorded_rows if parse_edges(row)]
    library_sets = [libraries for libraries in library_sets if len(libraries) >= 2]
    counts = Counter(library for libraries in library_sets for library in libraries)
    values = {
        result.name: result.value
        for result in preservation_as_published(load_imported("lineage"), load_imported("libraries"))
        if result.k == 0
    }
    assert values == {
        f"preservation.{library}": pytest.approx(count / len(library_sets)) for library, count in counts.items()
    }

"""Lineage of real lists: the published numbers of Figure 7, and both metrics against plain Python."""

from __future__ import annotations

import csv
import gzip
import json
import sqlite3
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pandas import DataFrame, Series, read_csv, to_numeric

from analysis.compute.relations import load_relation
from analysis.metrics.descendants import descendants
from analysis.metrics.preservation import RELATIONS, preservation, preservation_as_published
from analysis.statistics.inference import gini, mean, median, top_share
from analysis.statistics.lineage import fit_as_published
from crawler.__main__ import main as crawl
from db.connection import open_for_reading

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.real_data

Edge = tuple[str, str, str]
Libraries = dict[str, set[str]]


@pytest.fixture(scope="module")
def figure_7(real_data: Path) -> DataFrame:
    """The points behind the paper's Figure 7: a parent's children, and the downloads of those."""
    return read_csv(real_data / "hf_lineage" / "esem2024_descendants_vs_downloads.csv")


def test_the_fit_of_the_paper_comes_out(figure_7: DataFrame) -> None:
    """Jones et al., ESEM 2024, Figure 7: slope 0.1479, intercept -0.2062, on 2,151 distinct points; Spearman 0.419."""
    fit = fit_as_published(figure_7["downloads"], figure_7["count"])
    assert (fit.line.slope.n, fit.with_duplicates.slope.n) == (2151, 3471)
    assert (fit.line.slope.value, fit.line.intercept) == pytest.approx((0.1479, -0.2062), abs=5e-5)
    assert fit.with_duplicates.slope.value == pytest.approx(0.089, abs=5e-4)
    assert fit.spearman.value == pytest.approx(0.419, abs=5e-4)


def test_the_counts_of_the_paper_come_out(figure_7: DataFrame) -> None:
    """3,471 parents, 12,229 links; median 1, mean 3.52; 68.3 % have one; top 10: 20.9 %, 1 %: 35.4 %; Gini 0.6616."""
    counts = figure_7["count"]
    assert (len(counts), counts.sum(), median(counts).value) == (3471, 12_229, 1)
    shares = (mean(counts == 1), top_share(counts, 10), top_share(counts, len(counts) // 100))
    assert [share.value for share in shares] == pytest.approx([0.683, 0.209, 0.354], abs=5e-4)
    assert (mean(counts).value, gini(counts).value) == pytest.approx((3.52, 0.6616), abs=5e-3)
    assert gini(counts).value == pytest.approx(0.6616, abs=5e-5)


@pytest.fixture(scope="module")
def radar(real_data: Path) -> list[dict[str, str]]:
    """15,904 models of 22 August 2026, with base models and one library each (HF//RADAR, CC BY 4.0)."""
    with gzip.open(real_data / "hf_lineage" / "hf_radar_2026-08-22.csv.gz", "rt", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def plain(rows: list[dict[str, str]]) -> tuple[set[Edge], Libraries]:
    """Child, parent and relation by name, and who has which library."""
    edges = {
        (row["modelId"], base, row["relation"] or "unstated")
        for row in rows
        for base in row["base_models"].split("|")
        if base
    }
    return edges, {row["modelId"]: {row["library"]} for row in rows if row["library"]}


def framed(edges: set[Edge], libraries: Libraries, listed: list[str]) -> tuple[DataFrame, DataFrame]:
    """The same as relations; a parent is known if it is listed."""
    known = {name: place for place, name in enumerate(listed, 1)}
    lineage = DataFrame(
        [(known[child], child, known.get(parent), parent, how) for child, parent, how in sorted(edges)],
        columns=["child", "child_name", "parent", "parent_name", "relation"],
    )
    rows = [(known[name], library, "library") for name, some in libraries.items() for library in some]
    return lineage, DataFrame(rows, columns=["package", "library", "kind"])


@pytest.fixture(scope="module")
def radar_frames(radar: list[dict[str, str]]) -> tuple[DataFrame, DataFrame, DataFrame]:
    """The three relations of HF//RADAR."""
    listed = [row["modelId"] for row in radar]
    observed = DataFrame({"package": range(1, len(listed) + 1), "name": listed})
    observed["downloads"] = to_numeric(Series([row["downloads_30d"] for row in radar]))
    return (*framed(*plain(radar), listed), observed)


def test_links_of_hf_radar_equal_plain_counts(radar, radar_frames) -> None:
    edges, _ = plain(radar)
    counts = Counter(how for child, parent, how in edges if child != parent)
    found = {one.name: one.value for one in descendants(radar_frames[0], radar_frames[2])}
    assert {how: found[f"descendants.links.{how}"] for how in RELATIONS} == {how: counts[how] for how in RELATIONS}
    assert [counts[how] for how in RELATIONS] == [3680, 1652, 225, 2886, 308]
    assert found["descendants.self_loops"] == sum(child == parent for child, parent, _ in edges) == 23


def test_descendants_of_hf_radar_equal_plain_sets(radar, radar_frames) -> None:
    edges, _ = plain(radar)
    children: dict[str, set[str]] = {}
    for child, parent, _ in edges:
        if child != parent:
            children.setdefault(parent, set()).add(child)
    found = {one.name: one.value for one in descendants(radar_frames[0], radar_frames[2])}
    assert found["descendants.max"] == max(map(len, children.values()))
    assert found["descendants.parents"] == len(children)
    assert found["descendants.transitive.max"] == max(len(below(children, parent)) for parent in children)


def below(children: dict[str, set[str]], top: str) -> set[str]:
    seen: set[str] = set()
    waiting = [top]
    while waiting:
        fresh = children.get(waiting.pop(), set()) - seen
        seen |= fresh
        waiting += fresh
    return seen - {top}


def shares(edges: set[Edge], libraries: Libraries, least: int = 20) -> dict[str, tuple[float, int]]:
    """Preservation by relation, with sets: libraries whose parents have at least `least` edges."""
    expected = {}
    names = {library for some in libraries.values() for library in some}
    for how in RELATIONS:
        here = [(child, parent) for child, parent, said in edges if said == how and child != parent]
        for library in names:
            given = [child for child, parent in here if library in libraries.get(parent, ())]
            kept = sum(library in libraries.get(child, ()) for child in given)
            if len(given) >= least:
                expected[f"preservation.{library}.{how}"] = (pytest.approx(kept / len(given)), len(given))
    return expected


def conditional(results) -> dict[str, tuple[float, int]]:
    """Value and n of what is per library and relation."""
    return {
        one.name: (one.value, one.n)
        for one in results
        if one.name.split(".")[1] not in ("coverage", "gain", "lift") and one.name.endswith(RELATIONS)
    }


def test_preservation_of_hf_radar_equals_plain_sets(radar, radar_frames) -> None:
    expected = shares(*plain(radar))
    assert conditional(preservation(*radar_frames[:2])) == expected
    assert expected["preservation.transformers.adapter"] == (pytest.approx(60 / 546), 546)
    assert len(expected) == 10


def test_a_model_of_hf_radar_has_one_library_so_the_paper_has_nothing_to_count(radar_frames) -> None:
    (found,) = preservation_as_published(*radar_frames[:2])
    assert found.value is None


Asked = Callable[[str], DataFrame]


@pytest.fixture(scope="module")
def recorded(real_data: Path) -> list[dict]:
    """The 2,000 rows of two pages of the Hub of 11 July 2024."""
    rows: list[dict] = []
    for page in (1, 2):
        with gzip.open(real_data / "hf_api" / f"api_models_page{page}.json.gz", "rt", encoding="utf-8") as stream:
            rows += json.load(stream)
    return rows


@pytest.fixture(scope="module")
def imported(recorded: list[dict], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """The relations of a store into which the two pages were imported as one list."""
    folder = tmp_path_factory.mktemp("hub-api")
    (folder / "pages.json").write_text(json.dumps(recorded), "utf-8")
    words = ["import", "hub-api", str(folder / "pages.json"), "--registry", "huggingface/models"]
    assert crawl([*words, "--date", "2024-07-11", "--db", str(folder / "store.db"), "--format", "json"]) == 0
    with open_for_reading(folder / "store.db") as connection:
        yield lambda name: load_relation(connection, newest(connection), name)


def newest(connection: sqlite3.Connection) -> int:
    return connection.execute("SELECT max(snapshot_id) FROM snapshot").fetchone()[0]


def said(row: dict) -> set[Edge]:
    """What the `base_model:` tags of a row say; a stated relation is worth more than none."""
    words = [tag.split(":")[1:] for tag in row["tags"] if tag.startswith("base_model:")]
    stated = {name: "unstated" for (name,) in (word for word in words if len(word) == 1)}
    stated |= {name: how for how, name in (word for word in words if len(word) == 2)}
    return {(row["id"], name, how) for name, how in stated.items()}


def libraries_of(row: dict) -> dict[str, str]:
    """Each library of a row with its kind, by the list the crawler has."""
    listed = tomllib.loads((ROOT / "crawler" / "parsing" / "libraries.toml").read_text("utf-8"))
    kinds = {name: kind for kind, names in listed.items() for name in names}
    stated = [row["library_name"].lower()] if "library_name" in row else []
    return {name: kinds.get(name, "library") for name in [*stated, *(tag for tag in row["tags"] if tag in kinds)]}


def test_the_relations_of_the_raw_pages_are_what_the_pages_say(recorded: list[dict], imported: Asked) -> None:
    lineage, known = imported("lineage"), imported("libraries")
    edges = set(lineage[["child_name", "parent_name", "relation"]].itertuples(index=False, name=None))
    assert edges == {edge for row in recorded for edge in said(row)}
    names = imported("observed").set_index("package")["name"]
    found = {(names[package], library, kind) for package, library, kind in known.itertuples(index=False, name=None)}
    assert found == {(row["id"], *one) for row in recorded for one in libraries_of(row).items()}


def test_a_parent_of_the_raw_pages_is_known_if_it_is_listed(recorded: list[dict], imported: Asked) -> None:
    lineage, listed = imported("lineage"), {row["id"] for row in recorded}
    dangling = lineage[lineage["parent"].isna()]
    assert set(dangling["parent_name"]) == set(lineage["parent_name"]) - listed


def test_metrics_of_the_raw_pages_equal_plain_sets(recorded: list[dict], imported: Asked) -> None:
    edges = {edge for row in recorded for edge in said(row)}
    libraries = {row["id"]: set(libraries_of(row)) for row in recorded}
    assert conditional(preservation(imported("lineage"), imported("libraries"))) == shares(edges, libraries)
    counts = Counter(how for child, parent, how in edges if child != parent)
    found = {one.name: one.value for one in descendants(imported("lineage"), imported("observed"))}
    assert {how: found[f"descendants.links.{how}"] for how in RELATIONS} == {how: counts[how] for how in RELATIONS}


def test_the_papers_preservation_of_the_raw_pages_equals_plain_sets(recorded: list[dict], imported: Asked) -> None:
    several = [set(libraries_of(row)) for row in recorded if said(row)]
    several = [some for some in several if len(some) >= 2]
    counts = Counter(library for some in several for library in some)
    found = {one.name: one.value for one in preservation_as_published(imported("lineage"), imported("libraries"))}
    assert found == {f"preservation.{one}": pytest.approx(count / len(several)) for one, count in counts.items()}

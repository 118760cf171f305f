"""Past lists become snapshots of their day, once, and nothing in them is guessed."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path

import pytest

from crawler.importers import ImportFailedError, ImportSpec, ListImportOutcome, import_file, list_formats
from db.cli import isoformat_utc, parse_day

NAMES = {"id": "name", "value": "count", "rank": None}


def brought(
    tmp_path: Path, text: str | bytes, registry: str = "pypi", date: str = "2022-07-01", **more: object
) -> ListImportOutcome:
    file = tmp_path / str(more.pop("file", "list.csv"))
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    form = str(more.pop("form", "csv"))
    columns = more.pop("columns", NAMES)
    wanted = ImportSpec(
        registry, parse_day(date), str(more.pop("by", "downloads")), more.pop("counter", None), None, columns
    )  # type: ignore[arg-type]
    return import_file(tmp_path / "store.db", form, str(file), wanted)


def rows(tmp_path: Path, statement: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(tmp_path / "store.db") as connection:
        return connection.execute(statement).fetchall()


RANKING = "SELECT rank, package, downloads FROM v1_ranking ORDER BY snapshot, rank"


def test_the_formats_are_the_files_of_the_folder() -> None:
    assert {"csv", "hub-api", "hub-stats", "peatmoss", "top-pypi-packages"} <= set(list_formats())


def test_rows_are_ranked_by_count_and_equal_counts_by_name(tmp_path: Path) -> None:
    brought(tmp_path, "name,count\nb,5\na,5\nc,9\nnone,\n")
    assert rows(tmp_path, RANKING) == [(1, "c", 9), (2, "a", 5), (3, "b", 5), (4, "none", None)]


def test_a_list_of_ranks_alone_keeps_its_order_and_has_no_counts(tmp_path: Path) -> None:
    brought(tmp_path, "rank,name\n2,b\n1,z\n", columns={"id": "name", "value": None, "rank": "rank"})
    assert rows(tmp_path, RANKING) == [(1, "z", None), (2, "b", None)]


def test_names_of_pypi_are_compared_by_their_rule_and_those_of_npm_as_they_are(tmp_path: Path) -> None:
    others = "".join(f"p{number},0\n" for number in range(200))
    brought(tmp_path, f"name,count\nZope.Interface,3\nzope_interface,2\nFlask,1\n{others}")
    assert rows(tmp_path, RANKING)[:2] == [(1, "zope-interface", 3), (2, "flask", 1)]
    assert rows(tmp_path, "SELECT duplicates FROM page") == [(1,)]
    brought(tmp_path, "name,count\nJSONStream,3\njsonstream,2\n", registry="npm", file="b.csv")
    assert rows(tmp_path, "SELECT package FROM v1_ranking WHERE registry = 'npm'") == [("JSONStream",), ("jsonstream",)]


def test_the_same_file_twice_changes_nothing(tmp_path: Path) -> None:
    first = brought(tmp_path, "name,count\na,1\n")
    before = rows(tmp_path, "SELECT * FROM snapshot")
    again = brought(tmp_path, "name,count\na,1\n", file="copy.csv")
    assert (again.again, again.snapshot, first.again) == (True, first.snapshot, False)
    assert rows(tmp_path, "SELECT * FROM snapshot") == before
    assert "nothing was changed" in again.as_text()


def test_a_packed_file_and_a_plain_one_are_the_same_list(tmp_path: Path) -> None:
    brought(tmp_path, "name,count\na,1\n")
    assert brought(tmp_path, gzip.compress(b"name,count\na,1\n"), file="list.csv.gz").again


@pytest.mark.parametrize(
    "text", ["name;count\na;1\n", "name\tcount\r\na\t1\r\n", '\ufeff"name","count"\n"a","1"\n', "name|count\na|1.0\n"]
)
def test_other_dialects_of_tables_are_read(tmp_path: Path, text: str) -> None:
    brought(tmp_path, text)
    assert rows(tmp_path, RANKING) == [(1, "a", 1)]


def test_rows_that_cannot_be_read_are_rejected_each_with_its_reason(tmp_path: Path) -> None:
    text = "name,count\n" + "".join(f"p{number},{number}\n" for number in range(3000)) + "bad,many\n,7\nneg,-1\n"
    done = brought(tmp_path, text)
    assert (done.status, done.listed) == ("complete", 3003)  # three places stay empty
    assert rows(tmp_path, "SELECT reason FROM reject ORDER BY position") == [
        ("count is not a number: 'many'",),
        ("no name, or none that can be stored",),
        ("count is not a count: '-1'",),
    ]


def test_a_list_with_many_bad_rows_is_partial(tmp_path: Path) -> None:
    done = brought(tmp_path, "name,count\na,1\nb,many\n")
    assert (done.status, "G10 rejects" in str(done.reason)) == ("partial", True)


@pytest.mark.parametrize(
    ("text", "columns", "word"),
    [
        ("name,count\na,1\n", {"id": "nmae", "value": "count", "rank": None}, "name, count"),
        ("name,count\na,1\n", {"id": None, "value": None, "rank": None}, "--id"),
        ("name,count\n", NAMES, "Look at the file"),
        ("", NAMES, "Look at the file"),
        (b"\xff\xfe\x00", NAMES, "Convert"),
        (gzip.compress(b"name,count\na,1\n", mtime=0)[:-12], NAMES, "whole"),
    ],
)
def test_a_file_that_is_not_what_it_is_said_to_be_ends_in_a_clear_error_and_leaves_nothing(
    tmp_path: Path, text: str | bytes, columns: dict[str, str | None], word: str
) -> None:
    with pytest.raises(ImportFailedError) as caught:
        brought(tmp_path, text, columns=columns)
    assert word in caught.value.fix
    assert not (tmp_path / "store.db").exists()


def test_what_the_counts_are_of_is_the_hubs_own_meaning_or_is_not_guessed(tmp_path: Path) -> None:
    brought(tmp_path, "name,count\na/b,1\n", registry="huggingface/models")
    unstated = brought(tmp_path, "name,count\na,1\n", registry="npm", file="n.csv")
    brought(tmp_path, "name,count\na,2\n", registry="npm", file="m.csv", counter="last-week")
    assert rows(tmp_path, "SELECT counter FROM v1_snapshot ORDER BY snapshot") == [
        ("last-30-days",),
        ("unstated",),
        ("last-week",),
    ]
    assert "--counter" in unstated.as_text()


def body(**more: object) -> dict[str, object]:
    return {
        "_id": "63728becacef705233c7d920",
        "id": "MIT/ast",
        "likes": 195,
        "downloads": 680,
        "createdAt": "2022-11-14T18:41:48.000Z",
        "tags": ["transformers", "license:bsd-3-clause", "base_model:finetune:a/b"],
        "pipeline_tag": "audio",
        **more,
    }


def test_parents_are_read_from_the_data_of_a_card_where_the_hub_resolved_none(tmp_path: Path) -> None:
    card = {"license": "mit", "base_model": ["a/b", "c/d"], "base_model_relation": "merge", "tags": ["x"]}
    hub(tmp_path, json.dumps([body(tags=["transformers"], cardData=card)]))
    assert rows(tmp_path, "SELECT parent_name, relation FROM lineage_edge ORDER BY parent_name") == [
        ("a/b", "merge"), ("c/d", "merge"),
    ]  # fmt: skip


def test_the_data_of_a_card_that_is_no_object_costs_no_row(tmp_path: Path) -> None:
    done = hub(tmp_path, json.dumps([body(cardData="none")]))
    assert done.status == "complete"
    assert rows(tmp_path, "SELECT parent_name FROM lineage_edge") == [("a/b",)]


def hub(tmp_path: Path, text: str, **more: object) -> ListImportOutcome:
    return brought(tmp_path, text, "huggingface/models", "2024-07-11", form="hub-api", columns={}, **more)


@pytest.mark.parametrize(
    "text",
    [json.dumps([body()]), json.dumps(body()), json.dumps(body()) + "\n", "\n".join([json.dumps([body()]), ""])],
    ids=["one body", "one row", "rows to a line", "bodies to a line"],
)
def test_bodies_of_the_hub_are_read_with_identity_attributes_and_lineage(tmp_path: Path, text: str) -> None:
    done = hub(tmp_path, text)
    assert done.status == "complete"
    assert rows(tmp_path, "SELECT rank, package, name, downloads, likes FROM v1_ranking") == [
        (1, "63728becacef705233c7d920", "MIT/ast", 680, 195)
    ]
    assert dict(rows(tmp_path, "SELECT name, value FROM attribute WHERE name <> 'tags'")) == {
        "task": "audio",
        "licence": "bsd-3-clause",
    }
    assert rows(tmp_path, "SELECT parent_name, relation, parent_id FROM lineage_edge") == [("a/b", "finetune", None)]
    assert "2022-11-14" in str(rows(tmp_path, "SELECT date_evidence FROM snapshot")[0][0])


@pytest.mark.fault("D12")
def test_rows_younger_than_the_stated_date_contradict_it_and_it_is_said(tmp_path: Path) -> None:
    done = hub(tmp_path, json.dumps([body(createdAt="2024-07-13T00:00:00.000Z")]))
    assert rows(tmp_path, "SELECT kind, before, after FROM quality_event") == [
        ("date_contradicted", "2024-07-11", "2024-07-13")
    ]
    assert "warning" in done.as_text()


def test_a_body_without_lineage_fields_says_nothing_of_lineage(tmp_path: Path) -> None:
    row = {key: value for key, value in body().items() if key != "tags"}
    hub(tmp_path, json.dumps([row]))
    assert rows(tmp_path, "SELECT count(*) FROM lineage_edge") == [(0,)]
    assert dict(rows(tmp_path, "SELECT name, value FROM attribute")) == {"task": "audio"}


@pytest.mark.fault("D12")
def test_an_import_is_dated_by_what_was_said_and_keeps_where_it_came_from(tmp_path: Path) -> None:
    brought(tmp_path, "name,count\na,1\n")
    assert rows(tmp_path, "SELECT date, origin, source, k, depth, taken_at FROM v1_snapshot") == [
        ("2022-07-01", "import", "list.csv", 1, 1, isoformat_utc(parse_day("2022-07-01")))
    ]


def test_an_import_is_not_held_against_the_fields_of_a_crawl(tmp_path: Path) -> None:
    brought(tmp_path, "name,count\n" + "".join(f"p{number},{number}\n" for number in range(50)))
    with sqlite3.connect(tmp_path / "store.db") as connection:  # as if it had been crawled, with a field more
        connection.execute("DROP TRIGGER snapshot_ended")
        connection.execute("UPDATE snapshot SET origin = 'crawl'")
        connection.execute("INSERT INTO field_coverage VALUES (1, 'dependents', 1.0)")
    later = brought(
        tmp_path, "name,count\n" + "".join(f"q{number},{number}\n" for number in range(50)), date="2022-08-01"
    )
    assert later.status == "complete"

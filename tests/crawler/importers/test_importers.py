"""A past list becomes a snapshot of its day, once, and nothing in it is guessed."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest

from crawler.importers import Importer, ImportFailedError, ImportSpec, ListImportOutcome, list_formats, load_importer
from db.cli import isoformat_utc, parse_day
from tests.crawler.importers.conftest import import_file, query

NAMES = {"id": "name", "value": "count", "rank": None}


def import_text(
    tmp_path: Path, text: str | bytes, registry: str = "pypi", date: str = "2022-07-01", file: str = "list.csv",
    format_name: str = "csv", by: str = "downloads", counter: str | None = None,
    columns: Mapping[str, str | None] = NAMES,
) -> ListImportOutcome:  # fmt: skip
    path = tmp_path / file
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    spec = ImportSpec(registry, parse_day(date), by, counter, None, columns)
    outcome = import_file(tmp_path, format_name, str(path), spec)
    assert isinstance(outcome, ListImportOutcome)
    return outcome


RANKING = "SELECT rank, package, downloads FROM v1_ranking ORDER BY snapshot, rank"


def test_each_file_of_the_folder_is_a_format_with_an_importer() -> None:
    assert {"csv", "hub-api", "hub-stats", "peatmoss", "top-pypi-packages"} <= set(list_formats())
    for format_name in list_formats():
        assert isinstance(load_importer(format_name), Importer), format_name


def test_rows_are_ranked_by_count_and_equal_counts_by_name(tmp_path: Path) -> None:
    import_text(tmp_path, "name,count\nb,5\na,5\nc,9\nnone,\n")
    assert query(tmp_path, RANKING) == [(1, "c", 9), (2, "a", 5), (3, "b", 5), (4, "none", None)]


def test_a_list_of_ranks_keeps_its_order_and_has_no_counts(tmp_path: Path) -> None:
    import_text(tmp_path, "rank,name\n2,b\n1,z\n", columns={"id": "name", "value": None, "rank": "rank"})
    assert query(tmp_path, RANKING) == [(1, "z", None), (2, "b", None)]


RANKS = {"id": "name", "value": "count", "rank": "rank"}


@pytest.mark.parametrize(("last_rank", "status"), [(4, "complete"), (9, "partial")])
def test_a_list_with_a_missing_rank_is_partial(tmp_path: Path, last_rank: int, status: str) -> None:
    done = import_text(tmp_path, f"rank,name,count\n1,a,9\n2,b,5\n2,c,5\n{last_rank},d,3\n", columns=RANKS)
    assert (done.status, done.reason) == (
        status,
        None if status == "complete" else "the file has no row of the ranks 3 to 8",
    )


def test_ranks_that_contradict_the_counts_make_a_list_partial(tmp_path: Path) -> None:
    rows = "".join(f"{101 - number},p{number},{1000 - number}\n" for number in range(1, 101))
    done = import_text(tmp_path, f"rank,name,count\n{rows}", columns=RANKS)
    assert (done.status, "G3 order: 99 inversions" in str(done.reason)) == ("partial", True)


def test_ranks_that_rows_share_without_equal_counts_are_reported(tmp_path: Path) -> None:
    done = import_text(tmp_path, "rank,name,count\n1,a,\n2,b,\n2,c,\n", columns={**RANKS, "value": None})
    assert done.status == "complete"
    assert done.warnings[0] == "warning: 2 rows share a rank with another row, and their order is that of the file"


def test_a_named_heading_that_stands_twice_is_refused_and_another_is_not(tmp_path: Path) -> None:
    text = "name,count,more,more\na,3,x,y\n"
    assert import_text(tmp_path, text).status == "complete"
    with pytest.raises(ImportFailedError, match="The heading 'count' stands 2 times"):
        import_text(tmp_path, text.replace("more", "count", 1), date="2022-07-02")


def test_a_quotation_mark_that_is_not_closed_makes_a_list_partial(tmp_path: Path) -> None:
    rows = [f"p{number}\t{1000 - number}\ta library" for number in range(50)]
    rows[40] = 'p40\t960\t"the best'
    done = import_text(tmp_path, "\n".join(["name\tcount\twords", *rows]))
    assert (done.status, done.reason) == (
        "partial",
        "a quotation mark in row 41 may not be closed: a line in its cell reads like a row",
    )
    for day, cell in ((2, '"the best,\n1, 2, 3"'), (3, '"it has\n\t9\tlines\ntall\t-7\tfeet"')):
        rows[40] = f"p40\t960\t{cell}"
        text = "\n".join(["name\tcount\twords", *rows])
        assert import_text(tmp_path, text, date=f"2022-07-0{day}").status == "complete"


def test_names_of_pypi_are_normalised_and_names_of_npm_are_not(tmp_path: Path) -> None:
    more_rows = "".join(f"p{number},0\n" for number in range(200))
    import_text(tmp_path, f"name,count\nZope.Interface,3\nzope_interface,2\nFlask,1\n{more_rows}")
    assert query(tmp_path, RANKING)[:2] == [(1, "zope-interface", 3), (2, "flask", 1)]
    assert query(tmp_path, "SELECT duplicates FROM page") == [(1,)]
    import_text(tmp_path, "name,count\nJSONStream,3\njsonstream,2\n", registry="npm", file="b.csv")
    assert query(tmp_path, "SELECT package FROM v1_ranking WHERE registry = 'npm'") == [
        ("JSONStream",),
        ("jsonstream",),
    ]


@pytest.mark.parametrize(
    ("registry", "names"),
    [
        ("nuget", ("Newtonsoft.Json", "newtonsoft.json")),
        ("packagist", ("Acme/Tool", "acme/tool")),
        ("hex", ("Plug", "plug")),
        ("cargo", ("Serde_Json", "serde-json")),
    ],
)
def test_two_spellings_of_a_package_are_one_package_as_its_registry_compares_names(
    tmp_path: Path, registry: str, names: tuple[str, str]
) -> None:
    for number, name in enumerate(names):
        text = f"name,count\n{name},3\nother,2\n"
        import_text(tmp_path, text, registry=registry, date=f"2022-07-0{number + 1}", file=f"{number}.csv")
    rows = query(tmp_path, "SELECT date, package, name FROM v1_ranking WHERE rank = 1 ORDER BY date")
    assert [(date, name) for date, _, name in rows] == [("2022-07-01", names[0]), ("2022-07-02", names[1])]
    assert len({package for _, package, _ in rows}) == 1


def test_the_same_file_twice_changes_nothing(tmp_path: Path) -> None:
    first = import_text(tmp_path, "name,count\na,1\n")
    before = query(tmp_path, "SELECT * FROM snapshot")
    again = import_text(tmp_path, "name,count\na,1\n", file="copy.csv")
    assert (again.again, again.snapshot, first.again) == (True, first.snapshot, False)
    assert query(tmp_path, "SELECT * FROM snapshot") == before
    assert "nothing was changed" in again.as_text()


def test_a_gzip_file_and_a_plain_file_are_the_same_list(tmp_path: Path) -> None:
    import_text(tmp_path, "name,count\na,1\n")
    assert import_text(tmp_path, gzip.compress(b"name,count\na,1\n"), file="list.csv.gz").again


@pytest.mark.parametrize(
    "text", ["name;count\na;1\n", "name\tcount\r\na\t1\r\n", '\ufeff"name","count"\n"a","1"\n', "name|count\na|1.0\n"]
)
def test_other_dialects_of_tables_are_read(tmp_path: Path, text: str) -> None:
    import_text(tmp_path, text)
    assert query(tmp_path, RANKING) == [(1, "a", 1)]


def test_unreadable_rows_are_rejected_with_their_reasons(tmp_path: Path) -> None:
    text = "name,count\n" + "".join(f"p{number},{number}\n" for number in range(3000)) + "bad,many\n,7\nneg,-1\n"
    done = import_text(tmp_path, text)
    assert (done.status, done.listed) == ("complete", 3003)  # three ranks stay empty
    assert "note: 3 rows could not be read; the first is row 3,001: count is not a number: 'many'" in done.warnings
    assert query(tmp_path, "SELECT reason FROM reject ORDER BY position") == [
        ("count is not a number: 'many'",),
        ("no name, or a name that cannot be stored: ''",),
        ("count is not a count: '-1'",),
    ]


def test_a_list_with_many_bad_rows_is_partial(tmp_path: Path) -> None:
    done = import_text(tmp_path, "name,count\na,1\nb,many\n")
    assert (done.status, "G10 rejects" in str(done.reason)) == ("partial", True)


@pytest.mark.parametrize(
    ("text", "columns", "word"),
    [
        ("name,count\na,1\n", {"id": "nmae", "value": "count", "rank": None}, "name, count"),
        ("name,count\na,1\n", {"id": None, "value": None, "rank": None}, "--id"),
        ("name,count\n", NAMES, "Check the file"),
        ("", NAMES, "Check the file"),
        (b"\xff\xfe\x00", NAMES, "Convert"),
        (gzip.compress(b"name,count\na,1\n", mtime=0)[:-12], NAMES, "whole"),
    ],
)
def test_a_file_that_is_not_as_stated_ends_in_a_clear_error_and_leaves_nothing(
    tmp_path: Path, text: str | bytes, columns: dict[str, str | None], word: str
) -> None:
    with pytest.raises(ImportFailedError) as caught:
        import_text(tmp_path, text, columns=columns)
    assert word in caught.value.fix
    assert not (tmp_path / "store.db").exists()


def test_an_unstated_counter_is_the_hubs_own_or_unstated(tmp_path: Path) -> None:
    import_text(tmp_path, "name,count\na/b,1\n", registry="huggingface/models")
    unstated = import_text(tmp_path, "name,count\na,1\n", registry="npm", file="n.csv")
    import_text(tmp_path, "name,count\na,2\n", registry="npm", file="m.csv", counter="last-week")
    assert query(tmp_path, "SELECT counter FROM v1_snapshot ORDER BY snapshot") == [
        ("last-30-days",),
        ("unstated",),
        ("last-week",),
    ]
    assert "--counter" in unstated.as_text()


def make_row(**more: object) -> dict[str, object]:
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


def test_parents_are_read_from_card_data_if_the_hub_resolved_none(tmp_path: Path) -> None:
    card = {"license": "mit", "base_model": ["a/b", "c/d"], "base_model_relation": "merge", "tags": ["x"]}
    import_body(tmp_path, json.dumps([make_row(tags=["transformers"], cardData=card)]))
    assert query(tmp_path, "SELECT parent_name, relation FROM lineage_edge ORDER BY parent_name") == [
        ("a/b", "merge"),
        ("c/d", "merge"),
    ]


def test_card_data_that_is_not_an_object_rejects_no_row(tmp_path: Path) -> None:
    done = import_body(tmp_path, json.dumps([make_row(cardData="none")]))
    assert done.status == "complete"
    assert query(tmp_path, "SELECT parent_name FROM lineage_edge") == [("a/b",)]


def import_body(tmp_path: Path, text: str) -> ListImportOutcome:
    return import_text(tmp_path, text, "huggingface/models", "2024-07-11", format_name="hub-api", columns={})


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([make_row()]),
        json.dumps(make_row()),
        json.dumps(make_row()) + "\n",
        "\n".join([json.dumps([make_row()]), ""]),
    ],
    ids=["one body", "one row", "rows to a line", "bodies to a line"],
)
def test_bodies_of_the_hub_are_read_with_identity_attributes_and_lineage(tmp_path: Path, text: str) -> None:
    done = import_body(tmp_path, text)
    assert done.status == "complete"
    assert query(tmp_path, "SELECT rank, package, name, downloads, likes FROM v1_ranking") == [
        (1, "63728becacef705233c7d920", "MIT/ast", 680, 195)
    ]
    assert dict(query(tmp_path, "SELECT name, value FROM attribute WHERE name <> 'tags'")) == {
        "task": "audio",
        "licence": "bsd-3-clause",
    }
    assert query(tmp_path, "SELECT parent_name, relation, parent_id FROM lineage_edge") == [("a/b", "finetune", None)]
    assert "2022-11-14" in str(query(tmp_path, "SELECT date_evidence FROM snapshot")[0][0])


@pytest.mark.fault("D12")
def test_rows_younger_than_the_stated_date_are_reported(tmp_path: Path) -> None:
    done = import_body(tmp_path, json.dumps([make_row(createdAt="2024-07-13T00:00:00.000Z")]))
    assert query(tmp_path, "SELECT kind, before, after FROM quality_event") == [
        ("date_contradicted", "2024-07-11", "2024-07-13")
    ]
    assert "warning" in done.as_text()


def test_a_body_without_lineage_fields_gives_no_lineage(tmp_path: Path) -> None:
    row = {key: value for key, value in make_row().items() if key != "tags"}
    import_body(tmp_path, json.dumps([row]))
    assert query(tmp_path, "SELECT count(*) FROM lineage_edge") == [(0,)]
    assert dict(query(tmp_path, "SELECT name, value FROM attribute")) == {"task": "audio"}


@pytest.mark.fault("D12")
def test_an_import_has_the_stated_date_and_its_source(tmp_path: Path) -> None:
    import_text(tmp_path, "name,count\na,1\n")
    assert query(tmp_path, "SELECT date, origin, source, k, depth, taken_at FROM v1_snapshot") == [
        ("2022-07-01", "import", "list.csv", 1, 1, isoformat_utc(parse_day("2022-07-01")))
    ]


def test_an_import_is_not_compared_with_the_fields_of_a_crawl(tmp_path: Path) -> None:
    import_text(tmp_path, "name,count\n" + "".join(f"p{number},{number}\n" for number in range(50)))
    with sqlite3.connect(tmp_path / "store.db") as connection:  # as if it had been crawled, with a field more
        connection.execute("DROP TRIGGER snapshot_ended")
        connection.execute("UPDATE snapshot SET origin = 'crawl'")
        connection.execute("INSERT INTO field_coverage VALUES (1, 'dependents', 1.0)")
    later = import_text(
        tmp_path, "name,count\n" + "".join(f"q{number},{number}\n" for number in range(50)), date="2022-08-01"
    )
    assert later.status == "complete"

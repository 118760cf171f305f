"""A list is complete only if it is one: one command imports a file of each fault, and tells what each of them is."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from crawler.importers import list_formats
from tests.simulated import ROOT

MODELS = "huggingface/models"
COUNT = 150
RELEASE = "ID,Ecosystem,Name,Downloads,Downloads Period,Dependent Packages Count,Description"
DUMP_END = "-- Dump completed on 2024-10-01\n"
ALPHABET = "the rows stand in the order of their names, and that is no ranking"


def make_table(change: Callable[[int], str] = "{}".format, head: str = "rank,name,count,words") -> str:
    rows = [f"{number + 1},p{number * 7 % COUNT:03},{9000 - number},{change(number)}" for number in range(COUNT)]
    return "\n".join([head, *rows, ""])


def make_release(words: Mapping[int, str] = {}, count: Callable[[int], object] = lambda number: 9000 - number) -> str:
    rows = [f"{n},npm,p{n * 7 % COUNT:03},{count(n)},total,3,{words.get(n, 'one')}" for n in range(COUNT)]
    return "\n".join([RELEASE, *rows, ""])


def make_row(number: int, **more: object) -> dict[str, object]:
    return {"_id": f"{number:024x}", "id": f"a/m{number * 7 % 40}", "downloads": 9000 - number, "likes": 1, **more}


def make_body(at: int = -1, more: Mapping[str, object] = {}) -> str:
    return json.dumps([make_row(number, **(more if number == at else {})) for number in range(40)])


def make_top(rows: object = None, **changes: object) -> str:
    projects = [{"project": f"p{n * 7 % COUNT}", "download_count": 9000 - n} for n in range(COUNT)]
    return json.dumps(projects if rows is None else {"rows": rows} | changes)


def make_parquet(columns: Mapping[str, object] = {}, rename: Mapping[str, str] = {}) -> bytes:
    rows = [make_row(number) for number in range(40)]
    table = {name: [row[name] for row in rows] for name in rows[0]} | columns
    stream = io.BytesIO()
    arrow = pyarrow.table(list(table.values()), names=[rename.get(name, name) for name in table])
    pyarrow.parquet.write_table(arrow, stream)
    return stream.getvalue()


def make_cards(**more: object) -> str:
    lines = [json.dumps({"modelId": f"a/m{n * 7 % 40}", "card": "# T", "downloads": 900 - n}) for n in range(39)]
    return "\n".join([*lines, json.dumps({"modelId": "a/last", "card": "# T", "downloads": 7, **more}), ""])


def make_dump(end: str = DUMP_END, count: str = "{}") -> str:
    models = [f"('models/m{n * 7 % 40}',{count.format(900 - n)})" for n in range(40)]
    repositories = [f"('models/m{n * 7 % 40}','m{n * 7 % 40}','model')" for n in range(40)]
    return (
        "-- MySQL dump 10.13\nCREATE TABLE `model` (\n  `model_id` text,\n  `downloads` int\n);\n"
        f"INSERT INTO `model` VALUES {','.join(models)};\n"
        "CREATE TABLE `repository` (\n  `id` text,\n  `name` text,\n  `type` text\n);\n"
        f"INSERT INTO `repository` VALUES {','.join(repositories)};\n{end}"
    )


def make_database(count: Callable[[int], object] = lambda number: 900 - number) -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE model (context_id, downloads)")
        connection.executemany("INSERT INTO model VALUES (?, ?)", [(f"m{n * 7 % 40}", count(n)) for n in range(40)])
        return connection.serialize()


def damage(content: str) -> bytes:
    """Return content as gzip whose middle cannot be unpacked."""
    packed = gzip.compress(content.encode(), mtime=0)
    for position in range(11, len(packed) - 8):
        changed = packed[:position] + bytes([packed[position] ^ 0xFF]) + packed[position + 1 :]
        try:
            gzip.decompress(changed)
        except zlib.error:
            return changed
        except (OSError, EOFError):
            continue
    raise AssertionError("no change of a byte breaks the deflate stream")


CSV = {"format": "csv", "registry": "npm", "id": "name", "value": "count"}
RANKED = {**CSV, "rank": "rank"}
RANKS = {**RANKED, "value": ""}
ECO = {"format": "ecosystems-csv", "registry": "npm", "counter": "total"}
BODY = {"format": "hub-api", "registry": MODELS}
PTM = {"format": "ptmtorrent", "registry": MODELS}
TOP = {"format": "top-pypi-packages", "registry": "pypi", "counter": "last-30-days"}
STATS = {"format": "hub-stats", "registry": MODELS}
LIBRARIAN = {"format": "librarian-bots", "registry": MODELS, "value": "downloads"}
CARDS = {"format": "cards", "registry": MODELS, "value": "downloads"}
SQL = {"format": "hfcommunity", "registry": MODELS}
DATABASE = {"format": "peatmoss", "registry": MODELS}
# The name of the case: how the file is read, its content, its status, and words of its reason.
CASES: dict[str, tuple[dict[str, str], str | bytes, str, str]] = {
    "a table": (RANKED, make_table(), "complete", ""),
    "ranks alone": (RANKS, make_table(), "complete", ""),
    "counts nobody has": (CSV, "name,count\n" + "".join(f"p{n},\n" for n in range(99)), "failed", "No row of the"),
    "counts few have": (CSV, "name,count\n" + "".join(f"p{n},{9 - n if n < 9 else ''}\n" for n in range(99)),
                        "partial", "only 9 of 99 rows have a number of downloads"),
    "equal counts": (CSV, "name,count\n" + "".join(f"p{n},0\n" for n in range(99)), "partial", ALPHABET),
    "an alphabet with ranks": (RANKS, "rank,name\n" + "".join(f"{n + 1},p{n:03}\n" for n in range(99)),
                               "partial", ALPHABET),
    "an alphabet of both cases": (RANKS, "rank,name\n" + "".join(f"{n + 1},{'pP'[n % 2]}{n:03}\n" for n in range(99)),
                                  "partial", ALPHABET),
    "a hole in the ranks": (RANKS, make_table().replace("\n150,", "\n950,"), "partial", "the ranks 150 to 949"),
    "ranks from 501 on": (RANKS, "rank,name\n" + "".join(f"{501 + n},p{n * 7 % 99}\n" for n in range(99)),
                          "partial", "no row of the ranks 1 to 500"),
    "ranks against counts": (RANKED, "rank,name,count\n" + "".join(f"{n},p{n},{n}\n" for n in range(1, 99)),
                             "partial", "G3 order"),
    "a heading twice": (CSV, make_table(head="count,name,count,words"), "failed", "stands 2 times"),
    "a table cut in a row": (CSV, make_table()[:-9], "partial", "cut in its last row"),
    "cells without headings": (CSV, make_table(lambda n: "a, b" if n in (3, 9) else "a"), "partial", "more cells"),
    "an empty cell without a heading": (CSV, make_table(lambda n: "a,"), "complete", ""),
    "counts with fractions": (CSV, make_table().replace(",9000,", ",9000.5,"), "partial", "not a count"),
    "counts of every form": (CSV, make_table().replace(",9000,", ',"9,000",').replace(",8999,", ",8999.0,"),
                             "complete", ""),
    "headings with spaces": (CSV, make_table(head="rank, name , count,words"), "complete", ""),
    "a heading twice but for spaces": (CSV, make_table(head="count,name, count ,words"), "failed", "stands 2 times"),
    "a package twice": (CSV, make_table().replace("p007", "p000"), "complete", "1 row left out: an earlier row has"),
    "half an address as a count": (CSV, make_table().replace(",9000,", f",{'x' * 40} jo.doe@laboratory.example,"),
                                   "partial", "xxx [address removed]'"),
    "a table as damaged gzip": (CSV, damage(make_table()), "failed", "cut off or damaged"),
    "a release": (ECO, make_release(), "complete", ""),
    "a release with counts like 12.0": (ECO, make_release(count=lambda n: f"{9000 - n}.0"), "complete", ""),
    "a release with words as counts": (ECO, make_release(count=lambda n: "many" if n == 3 else 99), "partial", "many"),
    "a release without downloads": (ECO, make_release(count=lambda n: ""), "failed", "No row of the file"),
    "a release by likes": ({**ECO, "by": "likes"}, make_release(), "failed", "No row of the file"),
    "a release with a stray quote": (ECO, make_release({60: '"the best'}), "partial", "quotation mark in row 61"),
    "a release with two stray quotes": (ECO, make_release({60: '"the', 90: '"best'}), "partial", "quotation mark"),
    "a release that hides one row": (ECO, make_release({60: '"the best', 61: '"a list"'}), "partial", "quotation mark"),
    "a release with a cell of two lines": (ECO, make_release({60: '"one\n2, two, three"'}), "complete", ""),
    "a release with a blank line": (ECO, make_release().replace("\n70,", "\n\n70,"), "complete", ""),
    "a release cut in a row": (ECO, make_release()[:-20], "partial", "cut in its last row"),
    "a release with a heading twice": (ECO, make_release().replace("Description", "Downloads"), "failed",
                                       "stands 2 times"),
    "projects of two lists": (TOP, make_top([{"project": "a", "download_count": 5}])[:-1] + ', "rows": []}', "failed",
                              "The key 'rows' stands 2 times"),
    "records with a name twice": (PTM, '{"a": {"modelId": "a", "downloads": 2}, "a": {}}', "failed", "stands 2 times"),
    "a body": (BODY, make_body(), "complete", ""),
    "a body with text as a count": (BODY, make_body(5, {"downloads": "12"}), "complete", ""),
    "a body with a name of spaces": (BODY, make_body(5, {"id": "  "}), "partial", "id"),
    "a body with words as a count": (BODY, make_body(5, {"downloads": "many"}), "partial", "downloads is not a number"),
    "a body with null as a count": (BODY, make_body(5, {"downloads": None}), "partial", "downloads is missing"),
    "a body without counts": (BODY, json.dumps([{"_id": f"{n:024x}", "id": f"m{n}"} for n in range(20)]), "failed",
                              "downloads is missing"),
    "a body that nests": (BODY, "[" * 50_000, "failed", "neither JSON nor JSON lines"),
    "a row that nests": (BODY, make_body()[:-1] + ',{"_id": "0", "a": ' + "[" * 600 + "]" * 600 + "}]", "partial", ""),
    "half a character as a name": (BODY, make_body(5, {"id": "a/\ud800"}), "partial", "surrogates not allowed"),
    "lines of a body, one cut": (BODY, make_body()[1:-1].replace("}, {", "}\n{")[:-3], "failed", "is not JSON"),
    "records": (PTM, make_body(), "complete", ""),
    "records with NaN": (PTM, make_body(5, {"downloads": float("nan")}), "complete", ""),
    "records with infinity": (PTM, make_body(5, {"downloads": float("inf")}), "partial", "not a count"),
    "records without counts": (PTM, make_body().replace("downloads", "other"), "failed", "No row of the file"),
    "records and a number": (PTM, make_body()[:-1] + ", 17]", "partial", "not an object but int"),
    "a record with half an address": (PTM, make_body(5, {"ModelURL": "http://[::1"}), "partial", "id"),
    "records that nest": (PTM, "[" * 50_000, "failed", "not JSON"),
    "a plain list of projects": (TOP, make_top(), "complete", ""),
    "projects with text as counts": (TOP, make_top([{"project": f"p{n * 7 % 99}", "download_count": f"{900 - n}"}
                                                    for n in range(99)]), "complete", ""),
    "a project of null": (TOP, make_top([{"project": None}, {"project": "a", "download_count": 7}]),
                          "partial", "no name"),
    "a project called None": (TOP, make_top([{"project": "None", "download_count": 5}]), "complete", ""),
    "output of another program": (TOP, make_top(150, data=[]), "failed", "no list of `rows`"),
    "a plain list of something else": (TOP, make_body(), "failed", "has a `project`"),
    "projects that nest": (TOP, "[" * 50_000, "failed", "not JSON"),
    "a week": (STATS, make_parquet(), "complete", ""),
    "a week of another data set": ({**STATS, "format": "hub-weekly-snapshots"}, make_parquet(), "complete", ""),
    "a week with text as counts": (STATS, make_parquet({"downloads": list(map(str, range(40)))}), "complete", ""),
    "a week with decimals as counts": (STATS, make_parquet({"downloads": [Decimal(900 - n) for n in range(40)]}),
                                       "complete", ""),
    "a week with floats and NaN": (STATS, make_parquet({"downloads": [float("nan"), *map(float, range(39))]}),
                                   "complete", ""),
    "a week with bytes as names": (STATS, make_parquet({"id": [b"a/m%d" % (n * 7 % 40) for n in range(40)]}),
                                   "complete", ""),
    "a week with a name of broken text": (STATS, make_parquet({"id": [b"\xff", *[b"m%d" % n for n in range(39)]]}),
                                          "partial", "surrogates not allowed"),
    "a week with a column twice": (STATS, make_parquet({"more": [7] * 40}, {"more": "downloads"}), "failed",
                                   "stands 2 times"),
    "a week without counts": (STATS, make_parquet({"downloads": pyarrow.nulls(40, pyarrow.int64())}), "failed",
                              "No row of the file"),
    "a week cut in the middle": (STATS, make_parquet()[:900], "failed", "not a readable Parquet file"),
    "cards": (CARDS, make_cards(), "complete", ""),
    "cards with a line cut": (CARDS, make_cards()[:-9], "partial", "1 line could not be read"),
    "cards with a line that nests": (CARDS, make_cards().replace("7}", "[" * 5000), "partial", "1 line"),
    "cards without a name": (CARDS, make_cards(modelId=" "), "partial", "1 line could not be read"),
    "cards cut in an emoji": (CARDS, make_cards(card="a film \ud83d"), "complete", ""),
    "cards with text as counts": (CARDS, make_cards(downloads="7"), "complete", ""),
    "cards with words as counts": (CARDS, make_cards(downloads="many"), "partial", ""),
    "parquet of cards": (LIBRARIAN, make_parquet({"card": ["# T"] * 40}, {"id": "modelId"}), "complete", ""),
    "parquet of cards that are numbers": (LIBRARIAN, make_parquet({"card": [1] * 40}, {"id": "modelId"}), "failed",
                                          "no row with a `modelId`"),
    "parquet of cards, a name twice": (LIBRARIAN, make_parquet({"card": ["#"] * 40, "more": ["a"] * 40},
                                                               {"id": "modelId", "more": "modelId"}),
                                       "failed", "stands 2 times"),
    "a dump": (SQL, make_dump(), "complete", ""),
    "a dump cut between two statements": (SQL, make_dump(end=""), "partial", "the dump is cut"),
    "a dump cut in a row": (SQL, make_dump()[:-70], "failed", "cut within the rows"),
    "a dump with another row": (SQL, make_dump().replace("('models/m7',", "('models/m7',1,"), "failed", "3 values"),
    "a dump with text as counts": (SQL, make_dump(count="'{}'"), "complete", ""),
    "a dump with a line break in a text": (SQL, make_dump().replace("'models/m7'", "'models/;\n7'"), "failed",
                                           "a line break"),
    "a dump with bytes as counts": (SQL, make_dump(count="_binary '{}'"), "complete", ""),
    "a dump that replaces": (SQL, make_dump().replace("INSERT INTO `model", "REPLACE INTO `model"), "complete", ""),
    "a dump with a foreign digit": (SQL, make_dump().replace(",899)", ",'²')"), "partial", "not a number"),
    "a database": (DATABASE, make_database(), "complete", ""),
    "a database with text as counts": (DATABASE, make_database(lambda n: f"{900 - n}.0"), "complete", ""),
    "a database with bytes as counts": (DATABASE, make_database(lambda n: 900 - n if n != 4 else b"\xff"), "partial",
                                        "not a number"),
    "a database without counts": (DATABASE, make_database(lambda n: None), "failed", "No row of the file"),
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Import the file of each case by one command, and return its outcomes by the name of the case."""
    folder = tmp_path_factory.mktemp("lists")
    rows, first = [], date(2023, 1, 1)
    for number, (name, (columns, content, _, _)) in enumerate(CASES.items()):
        file = folder / f"{number}.dat"
        file.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        rows.append({**columns, "file": file.name, "date": str(first + timedelta(number)), "source": name})
    with (folder / "manifest.csv").open("w", newline="") as stream:
        headings = ("file", "date", "format", "registry", "by", "counter", "source", "id", "value", "rank")
        writer = csv.DictWriter(stream, headings, restval="")
        writer.writeheader()
        writer.writerows(rows)
    command = ["-m", "schedules.cli", "crawl", "import", "--manifest", "manifest.csv", "--format", "json", "--quiet"]
    done = subprocess.run(
        [sys.executable, *command, "--db", "s.db"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3, done.stderr
    results = json.loads(done.stdout)["imports"]
    return dict(zip(CASES, results, strict=True))


def test_each_format_has_a_whole_list_among_the_files() -> None:
    whole = {columns["format"] for columns, _, status, _ in CASES.values() if status == "complete"}
    assert whole == set(list_formats())


@pytest.mark.fault("D13")
@pytest.mark.parametrize("name", CASES)
def test_a_file_is_complete_only_if_it_is_a_whole_list(outcomes: dict[str, dict[str, Any]], name: str) -> None:
    _, _, status, words = CASES[name]
    outcome = outcomes[name]
    told = " ".join([str(outcome.get("reason") or ""), *outcome["warnings"]])
    assert "Unexpected" not in told
    assert outcome["status"] == status, told
    if "cards" not in outcome:
        assert words in told and bool(outcome.get("reason")) == (status != "complete")

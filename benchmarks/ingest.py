"""From the bytes of a page to committed rows: CPU a page, of a first and of a second census, beside the usual ways."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path

import pandas
from huggingface_hub import ModelInfo
from sqlite_utils import Database

from benchmarks.population import Day, encode_page, generate_days, make_package_id
from benchmarks.timing import format_spread, make_parser, measure_in_turns, print_table
from crawler.parsing.census_rows import CensusRow, make_census_page, read_census_rows
from crawler.parsing.huggingface_rows import HuggingFaceRow
from crawler.plan import CrawlPlan
from crawler.quality.census_events import find_census_events
from crawler.response import HttpResponse, Registry
from crawler.spiders.huggingface_census import HuggingFaceCensusSpider
from db.census.writer import CensusStore
from db.connection import open_for_writing
from db.rows import GateResult, SnapshotSpec

ROWS = 1000
CUT = "f" * 24
FIRST_DAY = 1_790_000_000  # a moment of September 2026
FIELDS = ("id", "downloads", "likes", "last_modified", "sha", "library_name", "pipeline_tag", "gated", "tags")


def main() -> None:
    """Print the table."""
    options = make_parser(__doc__, pages=30, turns=5).parse_args()
    one, two = list(generate_days(options.pages * ROWS, 2))
    pages = [
        [encode_page(day, start, start + ROWS) for start in range(0, len(day.packages), ROWS)] for day in (one, two)
    ]
    with tempfile.TemporaryDirectory() as name:
        turn, folder = iter(range(10**6)), Path(name)
        first = measure_in_turns({
            "ours": lambda: census(folder / f"{next(turn)}.db", [pages[0]]),
            "list_models + insert_all": lambda: list_models(folder / f"{next(turn)}.db", pages[0]),
            "plain pages + pandas to_sql": lambda: to_sql(folder / f"{next(turn)}.db", pages[0]),
        }, options.turns)  # fmt: skip
        kept = folder / "kept.db"
        census(kept, [pages[0]])
        ends: list[float] = []
        second = measure_in_turns({
            "ours": lambda: ends.append(census(kept, [pages[next(turn) % 2]])),
            "list_models + insert_all": lambda: list_models(folder / f"{next(turn)}.db", pages[1]),
            "plain pages + pandas to_sql": lambda: to_sql(folder / f"{next(turn)}.db", pages[1]),
            "floor: msgspec decode + bare executemany of what changed": floor(folder / "floor.db", one, two, pages[1]),
        }, options.turns)  # fmt: skip
    pages_alone = [took - end for took, end in zip(second["ours"], ends, strict=True)]
    second["ours, up to the commit of the last page"] = pages_alone
    for title, found in (
        ("First census", first),
        ("Second census: 22 % of the counters, 0.5 % of the rows changed", second),
    ):
        least = sorted(found["ours"])[len(found["ours"]) // 2]
        rows = [
            (name, *format_spread(took, options.pages / 1000), f"{sorted(took)[len(took) // 2] / least:.2f}")
            for name, took in found.items()
        ]
        print_table(
            f"{title} ({options.pages} pages of {ROWS})", ("CPU ms a page", "min", "median", "max", "x ours"), rows
        )


def census(path: Path, censuses: Sequence[Sequence[bytes]]) -> float:
    """Our way, with everything: rows, names, attributes, lineage, provenance, blocks. CPU seconds of what ends them."""
    with open_for_writing(path) as database:
        store = CensusStore(database)
        return sum(store_census(store, pages) for pages in censuses)


def store_census(
    store: CensusStore, pages: Iterable[bytes], show: Callable[[int], None] = lambda number: None
) -> float:
    """One census of the bytes of its pages; the CPU seconds that its end took, after its last page."""
    (day,) = store.connection.execute("SELECT count(*) FROM snapshot").fetchone()
    at = FIRST_DAY + day * 86_400
    spider = HuggingFaceCensusSpider(CrawlPlan("huggingface/models", None, endpoint="https://hub.example"))
    snapshot = store.begin_snapshot(
        SnapshotSpec(Registry("huggingface/models", "huggingface"), "downloads", "census:x", None, "x", "x", at, at)
    )
    last = ""
    for number, content in enumerate(pages):
        answer = HttpResponse("https://hub.example/api/models", 200, {}, content, at)
        page = make_census_page(
            answer, read_census_rows(content, HuggingFaceRow), last, CUT, spider._make_observation, None
        )
        last = page.stable_ids[-1]
        store.save_page(snapshot, page)
        show(number)
    began = time.process_time()
    store.end_snapshot(snapshot, "complete", [GateResult("all", "pass", "", "")], None, at)
    find_census_events(store, snapshot)
    return time.process_time() - began


def list_models(path: Path, pages: Sequence[bytes]) -> None:
    """What `HfApi.list_models` makes of a page, into sqlite-utils' rows."""
    database = Database(path)
    for content in pages:
        models = [ModelInfo(**row) for row in json.loads(content)]
        rows = ({name: getattr(model, name) for name in FIELDS} for model in models)
        database["model"].insert_all(rows, pk="id", replace=True, batch_size=ROWS)
    database.close()


def to_sql(path: Path, pages: Sequence[bytes]) -> None:
    """Plain pages, four columns."""
    with closing(sqlite3.connect(path)) as connection:
        for content in pages:
            frame = pandas.DataFrame(json.loads(content), columns=["id", "downloads", "likes", "lastModified"])
            frame.to_sql("model", connection, if_exists="append", index=False)


def floor(path: Path, one: Day, two: Day, pages: Sequence[bytes]) -> Callable[[], None]:
    """The least: decode the counters, write those that are others, and nothing more."""
    import msgspec

    known = {
        make_package_id(p): (p, d, k)
        for p, d, k in zip(*(column.tolist() for column in (one.packages, one.downloads, one.likes)), strict=True)
    }
    decoder = msgspec.json.Decoder(list[CensusRow])

    def write() -> None:
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE o (p INTEGER PRIMARY KEY, d INTEGER, k INTEGER)")
            for content in pages:
                rows = [
                    (row[0], line.downloads, line.likes)
                    for line in decoder.decode(content)
                    if (row := known.get(line.key)) and (row[1] != line.downloads or row[2] != line.likes)
                ]
                with connection:
                    connection.executemany("INSERT OR REPLACE INTO o VALUES (?, ?, ?)", rows)

    return write


if __name__ == "__main__":
    main()

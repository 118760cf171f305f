"""The cards of the data set model_cards_with_metadata of librarian-bots (Parquet, one file or one of its parts).

Eras: `library_name`, `pipeline_tag` and `createdAt` came later; `modelId` and `card` were always there. A card that
could not be fetched is the text of the answer, `Entry not found`. Its newest change is held against the date it was
given.

With `--value downloads` (or likes) its rows are stored as a list too, with their tags. It lists only packages with a
card, so the counter of that list says so, and no list of a whole registry is held against it: the week of
hub-weekly-snapshots is that list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from crawler.cards.content import card_text
from crawler.importers import ImportFailed, Wanted, counter_of, store_list, warnings
from crawler.importers._dating import Content, dated, known
from crawler.importers._hub import past as past_of
from crawler.importers.cards import BroughtIn, collection
from crawler.parsing.redact import without_addresses
from db.connection import writing
from db.identity import stable_id
from db.store import Store
from db.store.cards import SAMPLE, Cards, Collection, Look

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

BATCH = 1_000
NO_CARD = ("", "Entry not found")
MOMENTS = ("last_modified", "createdAt")
LISTED = {"modelId": "id", "last_modified": "lastModified"} | {
    name: name for name in ("downloads", "likes", "library_name", "tags", "pipeline_tag", "createdAt")
}
Row = tuple[str | None, str | None]


def bring_in(path: Path, file: str, wanted: Wanted) -> BroughtIn:
    """Store the cards of a file as of its day, in one transaction. The same file again changes nothing.

    Raises:
        ImportFailed: the file cannot be read, or is not of the Hub.
    """
    asked, value, parquet = collection(file, wanted), wanted.columns.get("value"), _opened(file)
    _refuse_part(file, value, parquet)
    with writing(path) as database:
        store = Store(database)
        with store.transaction():
            cards = Cards(store, database.conn)
            number, again = cards.begin(asked)
            if again:
                brought = BroughtIn(file, wanted.registry, "complete", 0, 0, 0, again=True)
            else:
                label = datetime.fromtimestamp(wanted.taken_at, UTC).date()
                events = dated(_content(parquet), label, known(wanted.registry)).events
                store.note(asked.registry, events, asked.started_at)
                cards.learn(_some(parquet))
                brought = replace(_store(cards, number, asked, file, rows(parquet)), warnings=warnings(events, wanted))
            return replace(brought, **_as_list(store, parquet, asked, file, wanted)) if value else brought


def rows(parquet: ParquetFile) -> Iterator[Row]:
    """Name and card of each row, a part of the file at a time."""
    for batch in parquet.iter_batches(BATCH, columns=["modelId", "card"]):
        yield from zip(batch["modelId"].to_pylist(), batch["card"].to_pylist(), strict=True)


def _refuse_part(file: str, value: str | None, parquet: ParquetFile) -> None:
    """Refuse to make a list of a file that cannot be one.

    Raises:
        ImportFailed: it is a part of several, or has no such column.
    """
    if value and value not in parquet.schema_arrow.names:
        raise ImportFailed(f"The file has no column {value!r}, so there is no list.", fix="Leave --value out.")
    if value and re.search("-of-0*([2-9]|[1-9][0-9]+)[^0-9]", Path(file).name):
        raise ImportFailed(
            f"{Path(file).name} is one of several parts, and a list of it would lack the others.",
            fix="Leave --value out, or write the parts into one file first.",
        )


def _as_list(store: Store, parquet: ParquetFile, asked: Collection, file: str, wanted: Wanted) -> Mapping[str, object]:
    """Store the rows as the list they are; nothing where there is a list of that day."""
    there = store.ask("list_of_day", registry=wanted.registry, by=wanted.ordered_by, at=wanted.taken_at)
    if there:
        return {"warnings": (f"note: there is a list of that day already, snapshot {there[0][0]}",)}
    of_cards = replace(wanted, counter=wanted.counter or f"{counter_of(wanted)}-with-a-card", columns={})
    names = [name for name in LISTED if name in parquet.schema_arrow.names]
    walk = (
        {LISTED[name]: value for name, value in row.items()}
        for batch in parquet.iter_batches(BATCH, columns=names) for row in batch.to_pylist()
    )  # fmt: skip
    past = past_of(walk, of_cards, {LISTED[name] for name in names})
    made = store_list(store, file, Path(file).stat().st_size, str(asked.file_sha256), past, of_cards, "librarian-bots")
    return {"snapshot": made.snapshot, "listed": made.listed, "status": made.status, "warnings": made.warnings}


def _opened(file: str) -> ParquetFile:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        parquet = ParquetFile(file)
    except (ArrowException, OSError) as error:
        raise ImportFailed(
            f"{file} is not a Parquet file that can be read.", why=str(error).split("\n")[0],
            fix="Fetch it again, and do not unpack it.",
        ) from error  # fmt: skip
    there = parquet.schema_arrow.names
    if not {"modelId", "card"} <= set(there):
        raise ImportFailed(
            "The file is not a collection of cards of librarian-bots.",
            why=f"Its columns are: {', '.join(there[:20])}.", fix="Name a Parquet file with `modelId` and `card`.",
        )  # fmt: skip
    return parquet


def _content(parquet: ParquetFile) -> Content:
    """What of a file bears on its day: its names, and its newest change."""
    from pyarrow.compute import max as newest_of

    table = parquet.read(columns=[name for name in ("modelId", *MOMENTS) if name in parquet.schema_arrow.names])
    moments = [newest_of(column).as_py() for name, column in zip(table.column_names, table.columns, strict=True)
               if name in MOMENTS]  # fmt: skip
    newest = max((_day(moment) for moment in moments if moment), default=None)
    return Content(len(table), 0, set(table["modelId"].to_pylist()), newest)


def _day(moment: datetime | str) -> date:
    read = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return read.astimezone(UTC).date() if read.tzinfo else read.date()


def _some(parquet: ParquetFile) -> Iterator[bytes]:
    """Cards from the whole file, as they are kept, to learn from: one in four, by their hash, and not too many."""
    found = (card.encode("utf-8") for _, card in rows(parquet) if card and card not in NO_CARD)
    return islice((without_addresses(card) for card in found if crc32(card) % 4 == 0), SAMPLE)


def _store(cards: Cards, number: int, asked: Collection, file: str, walk: Iterator[Row]) -> BroughtIn:
    counts = {"card": 0, "none": 0}
    nameless = 0
    for name, card in walk:
        if not name:
            nameless += 1
            continue
        text = None if card is None or card in NO_CARD else card_text(card.encode("utf-8"))
        package = cards.package(asked.registry, stable_id(asked.registry.name, name), name, asked.taken_at)
        look = Look(package, asked.taken_at, "card" if text else "none", text, fetched_at=asked.started_at)
        cards.put(number, look)
        counts[look.state] += 1
    if not sum(counts.values()):
        raise ImportFailed("The file holds no row with a `modelId`.", fix="Look at the file.")
    cards.finish()
    return BroughtIn(file, asked.registry.name, "complete", counts["card"], counts["none"], nameless)

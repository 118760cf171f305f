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

from crawler.cards.content import parse_card
from crawler.importers import ImportFailedError, ImportSpec, format_warnings, resolve_counter, store_list
from crawler.importers._dating import ListContent, date_content, load_reference_points
from crawler.importers._hub import parse_rows as past_of
from crawler.importers.cards import CardImportOutcome, make_collection
from crawler.parsing.redact import redact_bytes
from db.connection import open_for_writing
from db.identity import derive_stable_id
from db.store import Store
from db.store.cards import TRAINING_SAMPLE_SIZE, CardCollection, CardObservation, CardStore

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

BATCH_ROWS = 1_000
NO_CARD_TEXTS = ("", "Entry not found")
TIME_COLUMNS = ("last_modified", "createdAt")
LIST_COLUMNS = {"modelId": "id", "last_modified": "lastModified"} | {
    name: name for name in ("downloads", "likes", "library_name", "tags", "pipeline_tag", "createdAt")
}
NameAndCard = tuple[str | None, str | None]


def import_file(path: Path, file: str, spec: ImportSpec) -> CardImportOutcome:
    """Store the cards of a file as of its day, in one transaction. The same file again changes nothing.

    Raises:
        ImportFailed: the file cannot be read, or is not of the Hub.
    """
    asked, value, parquet = make_collection(file, spec), spec.columns.get("value"), _open_parquet(file)
    _refuse_part(file, value, parquet)
    with open_for_writing(path) as database:
        store = Store(database)
        with store.transaction():
            cards = CardStore(store)
            number, again = cards.begin_collection(asked)
            if again:
                brought = CardImportOutcome(file, spec.registry, "complete", 0, 0, 0, again=True)
            else:
                label = datetime.fromtimestamp(spec.taken_at, UTC).date()
                events = date_content(_summarize_content(parquet), label, load_reference_points(spec.registry)).events
                store.add_quality_events(asked.registry, events, asked.started_at)
                cards.train_dictionary(_sample_cards(parquet))
                brought = replace(
                    _store_cards(cards, number, asked, file, iter_rows(parquet)), warnings=format_warnings(events, spec)
                )
            return replace(brought, **_store_as_list(store, parquet, asked, file, spec)) if value else brought


def iter_rows(parquet: ParquetFile) -> Iterator[NameAndCard]:
    """Name and card of each row, a part of the file at a time."""
    for batch in parquet.iter_batches(BATCH_ROWS, columns=["modelId", "card"]):
        yield from zip(batch["modelId"].to_pylist(), batch["card"].to_pylist(), strict=True)


def _refuse_part(file: str, value: str | None, parquet: ParquetFile) -> None:
    """Refuse to make a list of a file that cannot be one.

    Raises:
        ImportFailed: it is a part of several, or has no such column.
    """
    if value and value not in parquet.schema_arrow.names:
        raise ImportFailedError(f"The file has no column {value!r}, so there is no list.", fix="Leave --value out.")
    if value and re.search("-of-0*([2-9]|[1-9][0-9]+)[^0-9]", Path(file).name):
        raise ImportFailedError(
            f"{Path(file).name} is one of several parts, and a list of it would lack the others.",
            fix="Leave --value out, or write the parts into one file first.",
        )


def _store_as_list(
    store: Store, parquet: ParquetFile, collection: CardCollection, file: str, spec: ImportSpec
) -> Mapping[str, object]:
    """Store the rows as the list they are; nothing where there is a list of that day."""
    there = store.query("find_ranking", registry=spec.registry, by=spec.ordered_by, at=spec.taken_at)
    if there:
        return {"warnings": (f"note: there is a list of that day already, snapshot {there[0][0]}",)}
    of_cards = replace(spec, counter=spec.counter or f"{resolve_counter(spec)}-with-a-card", columns={})
    names = [name for name in LIST_COLUMNS if name in parquet.schema_arrow.names]
    walk = (
        {LIST_COLUMNS[name]: value for name, value in row.items()}
        for batch in parquet.iter_batches(BATCH_ROWS, columns=names) for row in batch.to_pylist()
    )  # fmt: skip
    past = past_of(walk, of_cards, {LIST_COLUMNS[name] for name in names})
    made = store_list(
        store, file, Path(file).stat().st_size, str(collection.file_sha256), past, of_cards, "librarian-bots"
    )
    return {"snapshot": made.snapshot, "listed": made.listed, "status": made.status, "warnings": made.warnings}


def _open_parquet(file: str) -> ParquetFile:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        parquet = ParquetFile(file)
    except (ArrowException, OSError) as error:
        raise ImportFailedError(
            f"{file} is not a Parquet file that can be read.", why=str(error).split("\n")[0],
            fix="Fetch it again, and do not unpack it.",
        ) from error  # fmt: skip
    there = parquet.schema_arrow.names
    if not {"modelId", "card"} <= set(there):
        raise ImportFailedError(
            "The file is not a collection of cards of librarian-bots.",
            why=f"Its columns are: {', '.join(there[:20])}.", fix="Name a Parquet file with `modelId` and `card`.",
        )  # fmt: skip
    return parquet


def _summarize_content(parquet: ParquetFile) -> ListContent:
    """What of a file bears on its day: its names, and its newest change."""
    from pyarrow.compute import max as newest_of

    table = parquet.read(columns=[name for name in ("modelId", *TIME_COLUMNS) if name in parquet.schema_arrow.names])
    moments = [newest_of(column).as_py() for name, column in zip(table.column_names, table.columns, strict=True)
               if name in TIME_COLUMNS]  # fmt: skip
    newest = max((_utc_date(moment) for moment in moments if moment), default=None)
    return ListContent(len(table), 0, set(table["modelId"].to_pylist()), newest)


def _utc_date(moment: datetime | str) -> date:
    read = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return read.astimezone(UTC).date() if read.tzinfo else read.date()


def _sample_cards(parquet: ParquetFile) -> Iterator[bytes]:
    """Cards from the whole file, as they are kept, to learn from: one in four, by their hash, and not too many."""
    found = (card.encode("utf-8") for _, card in iter_rows(parquet) if card and card not in NO_CARD_TEXTS)
    return islice((redact_bytes(card) for card in found if crc32(card) % 4 == 0), TRAINING_SAMPLE_SIZE)


def _store_cards(
    cards: CardStore, number: int, collection: CardCollection, file: str, walk: Iterator[NameAndCard]
) -> CardImportOutcome:
    counts = {"card": 0, "none": 0}
    nameless = 0
    for name, card in walk:
        if not name:
            nameless += 1
            continue
        text = None if card is None or card in NO_CARD_TEXTS else parse_card(card.encode("utf-8"))
        package = cards.find_or_add_package(
            collection.registry, derive_stable_id(collection.registry.name, name), name, collection.taken_at
        )
        look = CardObservation(
            package, collection.taken_at, "card" if text else "none", text, fetched_at=collection.started_at
        )
        cards.save_observation(number, look)
        counts[look.state] += 1
    if not sum(counts.values()):
        raise ImportFailedError("The file holds no row with a `modelId`.", fix="Look at the file.")
    cards.finish_collection()
    return CardImportOutcome(file, collection.registry.name, "complete", counts["card"], counts["none"], nameless)

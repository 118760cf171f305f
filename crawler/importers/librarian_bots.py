"""The cards of the data set model_cards_with_metadata of librarian-bots (Parquet, one file or one of its parts).

Eras: `library_name`, `pipeline_tag` and `createdAt` came later. `modelId` and `card` are in every era. A card that
could not be fetched is the text of the response, `Entry not found`. The newest change in the file is compared with
the stated date.

With `--value downloads` (or likes) the rows are also stored as a list, with their tags. The file lists only packages
with a card, so the counter of that list says so, and the list is not compared with lists of a whole registry. The
week of hub-weekly-snapshots is the list of the whole registry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.importers import ImportFailedError, ImportSpec, ParsedList, resolve_counter
from crawler.importers._dating import ListContent, date_content, load_reference_points
from crawler.importers._hub import parse_rows
from crawler.importers._parquet import iter_batch, list_values, open_parquet
from crawler.importers.cards import CardImporter, NamedCard
from crawler.response import Event

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

BATCH_ROWS = 1_000
NO_CARD_TEXTS = ("", "Entry not found")
TIME_COLUMNS = ("last_modified", "createdAt")
LIST_COLUMNS = {"modelId": "id", "last_modified": "lastModified"} | {
    name: name for name in ("downloads", "likes", "library_name", "tags", "pipeline_tag", "createdAt")
}
PART_OF_SEVERAL = re.compile("-of-0*([2-9]|[1-9][0-9]+)[^0-9]")


class ParquetCards:
    """A Parquet file of cards."""

    def __init__(self, file: Path, spec: ImportSpec) -> None:
        """Open the file.

        Raises:
            ImportFailedError: the file is not a collection of librarian-bots, or cannot be stored as a list.
        """
        self._file = open_parquet(file)
        self._columns: list[str] = self._file.schema_arrow.names
        if not {"modelId", "card"} <= set(self._columns):
            raise ImportFailedError(
                "The file is not a collection of cards of librarian-bots.",
                why=f"Its columns are: {', '.join(self._columns[:20])}.",
                fix="Name a Parquet file with `modelId` and `card`.",
            )
        value = spec.columns.get("value")
        if value:
            self._check_list(file, value)

    def _check_list(self, file: Path, value: str) -> None:
        if value not in self._columns:
            raise ImportFailedError(f"The file has no column {value!r}, so there is no list.", fix="Leave --value out.")
        if PART_OF_SEVERAL.search(file.name):
            raise ImportFailedError(
                f"{file.name} is one of several parts, so its list would lack the rows of the others.",
                fix="Leave --value out, or write the parts into one file first.",
            )

    def iter_cards(self) -> Iterator[NamedCard | None]:
        """Yield the card of each row, None for a row without a name."""
        for batch in self._file.iter_batches(BATCH_ROWS, columns=["modelId", "card"]):
            for name, card in zip(batch["modelId"].to_pylist(), batch["card"].to_pylist(), strict=True):
                has_card = card is not None and card not in NO_CARD_TEXTS
                yield NamedCard(name, card.encode("utf-8") if has_card else None) if name else None

    def find_events(self, spec: ImportSpec) -> tuple[Event, ...]:
        """Return the events of a file whose newest change contradicts the stated day."""
        stated_day = datetime.fromtimestamp(spec.taken_at, UTC).date()
        return date_content(_summarize_content(self._file), stated_day, load_reference_points(spec.registry)).events

    def as_list(self, spec: ImportSpec) -> tuple[ParsedList, ImportSpec]:
        """Return the rows as a list of packages with a card."""
        counter = spec.counter or f"{resolve_counter(spec)}-with-a-card"
        list_spec = replace(spec, counter=counter, columns={})
        fields = {LIST_COLUMNS[name] for name in LIST_COLUMNS if name in self._columns}
        return parse_rows(self._iter_list_rows(), list_spec, fields), list_spec

    def _iter_list_rows(self) -> Iterator[Mapping[str, object]]:
        columns = [name for name in LIST_COLUMNS if name in self._columns]
        for batch in self._file.iter_batches(BATCH_ROWS, columns=columns):
            for row in iter_batch(batch):
                yield {LIST_COLUMNS[name]: value for name, value in row.items()}


IMPORTER = CardImporter(ParquetCards)


def _summarize_content(parquet: ParquetFile) -> ListContent:
    """Return the names and the newest change of a file."""
    from pyarrow.compute import select_k_unstable

    columns = [name for name in ("modelId", *TIME_COLUMNS) if name in parquet.schema_arrow.names]
    table = parquet.read(columns=columns)
    moments = [
        moment
        for name in columns
        if name in TIME_COLUMNS
        for moment in list_values(table[name].take(select_k_unstable(table[name], 1, [("", "descending")])))
    ]
    newest = max((_utc_date(moment) for moment in moments if moment), default=None)
    return ListContent(len(table), 0, set(table["modelId"].to_pylist()), newest)


def _utc_date(value: datetime | str) -> date:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.astimezone(UTC).date() if moment.tzinfo else moment.date()

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
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.importers import ImportFailedError, ImportSpec, ParsedList, resolve_counter
from crawler.importers._card_lines import NamedCard
from crawler.importers._cells import check_name
from crawler.importers._dating import ListContent, date_content, load_reference_points
from crawler.importers._hub import parse_rows
from crawler.importers._moments import parse_moment
from crawler.importers._parquet import (
    check_columns,
    foreseen_damage,
    iter_batch,
    iter_batches,
    list_values,
    open_parquet,
)
from crawler.importers.cards import CardImporter
from crawler.response import Event

if TYPE_CHECKING:
    from pyarrow import ChunkedArray
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
        self._path, self._file = file, open_parquet(file)
        self._columns: list[str] = self._file.schema_arrow.names
        if not {"modelId", "card"} <= set(self._columns):
            raise ImportFailedError(
                "The file is not a collection of cards of librarian-bots.",
                why=f"Its columns are: {', '.join(self._columns[:20])}.",
                fix="Name a Parquet file with `modelId` and `card`.",
            )
        check_columns(self._columns, ("modelId", "card", *LIST_COLUMNS))
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
        for batch in iter_batches(self._path, self._file, BATCH_ROWS, ["modelId", "card"]):
            for name, card in zip(list_values(batch["modelId"]), list_values(batch["card"]), strict=True):
                yield _make_card(name, card)

    def find_events(self, spec: ImportSpec) -> tuple[Event, ...]:
        """Return the events of a file whose newest change contradicts the stated day."""
        stated_day = datetime.fromtimestamp(spec.taken_at, UTC).date()
        with foreseen_damage(self._path):
            content = _summarize_content(self._file)
        return date_content(content, stated_day, load_reference_points(spec.registry)).events

    def as_list(self, spec: ImportSpec) -> tuple[ParsedList, ImportSpec]:
        """Return the rows as a list of packages with a card."""
        counter = spec.counter or f"{resolve_counter(spec)}-with-a-card"
        list_spec = replace(spec, counter=counter, columns={})
        fields = {LIST_COLUMNS[name] for name in LIST_COLUMNS if name in self._columns}
        with foreseen_damage(self._path):
            return parse_rows(self._iter_list_rows(), list_spec, fields), list_spec

    def _iter_list_rows(self) -> Iterator[Mapping[str, object]]:
        columns = [name for name in LIST_COLUMNS if name in self._columns]
        for batch in iter_batches(self._path, self._file, BATCH_ROWS, columns):
            for row in iter_batch(batch):
                yield {LIST_COLUMNS[name]: value for name, value in row.items()}


IMPORTER = CardImporter(ParquetCards)


def _make_card(name: object, card: object) -> NamedCard | None:
    """Return the card of a row, None if its name or its card cannot be stored."""
    with suppress(ValueError):
        text = card.decode("utf-8") if isinstance(card, bytes) else card
        if text is None or isinstance(text, str):
            content = None if text is None or text in NO_CARD_TEXTS else text.encode("utf-8")
            return NamedCard(check_name(name), content)
    return None


def _summarize_content(parquet: ParquetFile) -> ListContent:
    """Return the names and the newest change of a file."""
    columns = [name for name in ("modelId", *TIME_COLUMNS) if name in parquet.schema_arrow.names]
    table = parquet.read(columns=columns)
    moments = [moment for name in columns if name in TIME_COLUMNS for moment in _iter_moments(table[name])]
    names = {name for chunk in table["modelId"].chunks for name in list_values(chunk) if isinstance(name, str)}
    return ListContent(len(table), 0, names, max((moment.date() for moment in moments), default=None))


def _iter_moments(column: ChunkedArray) -> Iterator[datetime]:
    """Yield the moments of a column. Values that are no moments are passed over."""
    for value in set(chain.from_iterable(map(list_values, column.chunks))):
        with suppress(ValueError):
            moment = parse_moment(value)
            if moment:
                yield moment

"""A past collection of cards: JSON lines with `modelId` and `card`, in no order.

A collection becomes cards of packages, and not a snapshot. A line with an empty card means that the package had no
card, unless `has_readme_file` says that its card was empty. If the lines are all packages of the day with their
counters, `--value downloads` (or `likes`) also stores them as a list, unless the store already has a list of that day.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol
from zlib import crc32

from crawler.cards.content import parse_card
from crawler.importers import (
    ImportFailedError,
    ImportSession,
    ImportSpec,
    ParsedList,
    find_list,
    format_warnings,
    store_list,
)
from crawler.importers._card_lines import COUNTERS, JsonLinesCards, NamedCard
from crawler.importers._counters import counter_value
from crawler.importers._files import FileIdentity, identify_file
from crawler.importers._judging import judge_list
from crawler.parsing.redact import redact_bytes
from crawler.response import Event, Registry
from db.cli import pluralize
from db.identity import derive_stable_id
from db.store import Store
from db.store.cards import TRAINING_SAMPLE_SIZE, CardCollection, CardObservation, CardStore

HUB_PREFIX = "huggingface/"


class CardSource(Protocol):
    """A file of cards."""

    def iter_cards(self) -> Iterator[NamedCard | None]:
        """Yield the cards of the file, None for a row that cannot be read."""

    def find_events(self, spec: ImportSpec) -> tuple[Event, ...]:
        """Return the events of a file whose content contradicts its stated day."""

    def as_list(self, spec: ImportSpec) -> tuple[ParsedList, ImportSpec]:
        """Return the file as a list, with the spec of the list."""


@dataclass(frozen=True)
class CardImportOutcome:
    """The result of importing a collection of cards. The names of the fields are the documented JSON keys."""

    file: str
    registry: str
    status: str
    cards: int
    none: int
    rejected: int
    again: bool = False
    snapshot: int | None = None
    listed: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """The number of rows that could be read."""
        return self.cards + self.none

    @property
    def remark(self) -> str:
        """What else is known of the rows, or that the file was stored before."""
        if self.again:
            return "already stored"
        return f"{pluralize(self.rejected, 'line')} could not be read" if self.rejected else ""

    def as_json(self) -> dict[str, object]:
        """Return the documented JSON object, version 1."""
        return asdict(self)

    def as_text(self) -> str:
        """Return the outcome as one line, with a line for each warning."""
        head = f"{self.status:<9}{self.registry}"
        if self.again and not self.snapshot:
            return f"{head}  {self.file} is already stored; nothing was changed"
        rejected = f", {pluralize(self.rejected, 'line')} that could not be read" if self.rejected else ""
        listed, without = pluralize(self.listed, "package"), pluralize(self.none, "package")
        as_list = f"; as a list, snapshot {self.snapshot} with {listed}" if self.snapshot else ""
        cards = f"{pluralize(self.cards, 'card')}, {without} without one"
        line = f"{head}  {cards}{rejected}, from {self.file}{as_list}"
        return "\n         ".join([line, *self.warnings])


@dataclass(frozen=True)
class CardImporter:
    """Importer of a collection of cards."""

    open_source: Callable[[Path, ImportSpec], CardSource]

    def import_file(self, session: ImportSession, file: str, spec: ImportSpec, format_name: str) -> CardImportOutcome:
        """Store the cards of a file as of its day, in one transaction. A file that is already stored changes nothing.

        Raises:
            ImportFailedError: the file cannot be read, or is not of the Hub.
        """
        identity, collection = make_collection(Path(file), spec)
        source = self.open_source(Path(file), spec)
        store = session.store
        with store.transaction():
            cards = CardStore(store)
            collection_id, is_stored = cards.begin_collection(collection)
            if is_stored:
                outcome = CardImportOutcome(file, spec.registry, "complete", 0, 0, 0, again=True)
            else:
                events = source.find_events(spec)
                store.add_quality_events(collection.registry, events, collection.started_at)
                outcome = _store_cards(cards, collection_id, collection, source, file)
                outcome = replace(outcome, warnings=format_warnings(events, spec) if events else ())
            if not spec.columns.get("value"):
                return outcome
            return _store_as_list(outcome, store, source, identity, spec, format_name)


def make_collection(file: Path, spec: ImportSpec) -> tuple[FileIdentity, CardCollection]:
    """Return the identity of a file of cards, and the collection that the file becomes.

    Raises:
        ImportFailedError: the file cannot be read, the registry is not of the Hub, or cards lack the counter.
    """
    if not spec.registry.startswith(HUB_PREFIX):
        raise ImportFailedError(f"{spec.registry} has no cards.", fix="Use --registry huggingface/models.")
    value = spec.columns.get("value")
    if value not in (None, spec.ordered_by) or value not in (None, *COUNTERS):
        raise ImportFailedError(
            f"Cards cannot be stored as a list by {value}.",
            fix="Use --value downloads, or --by likes --value likes, or leave --value out.",
        )
    registry = Registry(spec.registry, "huggingface", spec.registry.removeprefix(HUB_PREFIX))
    identity, source, now = identify_file(file), spec.source or file.name, int(time.time())
    return identity, CardCollection(registry, "import", source, spec.taken_at, now, identity.sha256)


def _store_cards(
    cards: CardStore, collection_id: int, collection: CardCollection, source: CardSource, file: str
) -> CardImportOutcome:
    cards.train_dictionary(sample_cards(source.iter_cards()))
    registry, taken_at = collection.registry, collection.taken_at
    counts = {"card": 0, "none": 0, "rejected": 0}
    for card in source.iter_cards():
        if card is None:
            counts["rejected"] += 1
            continue
        package = cards.find_or_add_package(registry, derive_stable_id(registry.name, card.name), card.name, taken_at)
        state, text = ("none", None) if card.content is None else ("card", parse_card(card.content))
        observation = CardObservation(package, taken_at, state, text, fetched_at=collection.started_at)
        cards.save_observation(collection_id, observation)
        counts[state] += 1
    if not counts["card"] + counts["none"]:
        raise ImportFailedError("The file holds no row with a `modelId`.", fix="Check the file.")
    cards.finish_collection()
    status = "partial" if counts["rejected"] else "complete"
    return CardImportOutcome(file, registry.name, status, counts["card"], counts["none"], counts["rejected"])


def sample_cards(cards: Iterable[NamedCard | None]) -> Iterator[bytes]:
    """Yield redacted cards from the whole file to train a dictionary: one in four, chosen by their hash."""
    contents = (card.content for card in cards if card and card.content)
    return islice((redact_bytes(content) for content in contents if crc32(content) % 4 == 0), TRAINING_SAMPLE_SIZE)


def _store_as_list(
    outcome: CardImportOutcome, store: Store, source: CardSource, identity: FileIdentity, spec: ImportSpec,
    format_name: str,
) -> CardImportOutcome:  # fmt: skip
    """Store the rows as a list too, unless the store has a list of that day, or no row has a counter.

    The collection is partial if its cards or its list are.
    """
    snapshot = find_list(store, spec)
    if snapshot is not None:
        return replace(outcome, warnings=(f"note: the store already has a list of that day, snapshot {snapshot}",))
    parsed, list_spec = source.as_list(spec)
    if all(counter_value(observation, spec.ordered_by) is None for observation in parsed.observations):
        return replace(outcome, warnings=(f"note: no line has {spec.ordered_by}, so there is no list",))
    result = store_list(store, outcome.file, identity, judge_list(parsed, list_spec), list_spec, format_name)
    is_complete = result.status == "complete"
    reasons = () if is_complete else (f"warning: the list is {result.status}: {result.reason}",)
    return replace(
        outcome, snapshot=result.snapshot, listed=result.listed,
        status=outcome.status if is_complete else result.status, warnings=(*reasons, *result.warnings),
    )  # fmt: skip


IMPORTER = CardImporter(JsonLinesCards)

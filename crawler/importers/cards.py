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

import msgspec

from crawler.cards.content import parse_card
from crawler.importers import (
    ImportFailedError,
    ImportSession,
    ImportSpec,
    ListImportOutcome,
    ParsedList,
    find_list,
    format_warnings,
    sort_by_counter,
    store_list,
)
from crawler.importers._counters import counter_value
from crawler.importers._files import READ_ERRORS, FileIdentity, identify_file, open_binary, unreadable_file_error
from crawler.parsing.redact import redact_bytes
from crawler.parsing.visibility import is_public_record
from crawler.response import Event, Observation, Registry
from db.cli import pluralize
from db.identity import derive_stable_id
from db.store import Store
from db.store.cards import TRAINING_SAMPLE_SIZE, CardCollection, CardObservation, CardStore

MAX_LINE_BYTES = 32 * 1024 * 1024
MAX_COUNTER = 2**63 - 1
HUB_PREFIX = "huggingface/"
COUNTERS = ("downloads", "likes")


@dataclass(frozen=True, slots=True)
class NamedCard:
    """The name of a package and the content of its card, None if the package had no card."""

    name: str
    content: bytes | None


class CardSource(Protocol):
    """A file of cards."""

    def iter_cards(self) -> Iterator[NamedCard | None]:
        """Yield the cards of the file, None for a row that cannot be read."""

    def find_events(self, spec: ImportSpec) -> tuple[Event, ...]:
        """Return the events of a file whose content contradicts its stated day."""

    def as_list(self, spec: ImportSpec) -> tuple[ParsedList, ImportSpec] | None:
        """Return the file as a list with the spec of the list, or None if no row has a counter."""


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
    return CardImportOutcome(file, registry.name, "complete", counts["card"], counts["none"], counts["rejected"])


def sample_cards(cards: Iterable[NamedCard | None]) -> Iterator[bytes]:
    """Yield redacted cards from the whole file to train a dictionary: one in four, chosen by their hash."""
    contents = (card.content for card in cards if card and card.content)
    return islice((redact_bytes(content) for content in contents if crc32(content) % 4 == 0), TRAINING_SAMPLE_SIZE)


def _store_as_list(
    outcome: CardImportOutcome, store: Store, source: CardSource, identity: FileIdentity, spec: ImportSpec,
    format_name: str,
) -> CardImportOutcome:  # fmt: skip
    """Store the rows as a list too, unless the store has a list of that day, or no row has a counter."""
    snapshot = find_list(store, spec)
    if snapshot is not None:
        return replace(outcome, warnings=(f"note: the store already has a list of that day, snapshot {snapshot}",))
    listed = source.as_list(spec)
    if listed is None:
        return replace(outcome, warnings=(f"note: no line has {spec.ordered_by}, so there is no list",))
    result: ListImportOutcome = store_list(store, outcome.file, identity, *listed, format_name)
    return replace(
        outcome, snapshot=result.snapshot, listed=result.listed, status=result.status, warnings=result.warnings
    )


class CardLine(msgspec.Struct, gc=False):
    """One line of the file."""

    name: str = msgspec.field(name="modelId")
    card: str | None = None
    has_card: bool | None = msgspec.field(name="has_readme_file", default=None)
    downloads: object = None
    likes: object = None
    private: object = None


class JsonLinesCards:
    """A file of JSON lines."""

    def __init__(self, file: Path, spec: ImportSpec) -> None:
        self._file = file

    def iter_cards(self) -> Iterator[NamedCard | None]:
        """Yield the card of each line, None for a line that cannot be read or is of a private repository."""
        for line in iter_lines(self._file):
            if line is None:
                yield None
            elif line.card or line.has_card:
                yield NamedCard(line.name, (line.card or "").encode("utf-8"))
            else:
                yield NamedCard(line.name, None)

    def find_events(self, spec: ImportSpec) -> tuple[Event, ...]:
        """Return no event: the lines have no dates."""
        return ()

    def as_list(self, spec: ImportSpec) -> tuple[ParsedList, ImportSpec] | None:
        """Return the lines as a list, or None if no line has the counter."""
        observations = [
            Observation(derive_stable_id(spec.registry, line.name), line.name,
                        _valid_counter(line.downloads), _valid_counter(line.likes))
            for line in iter_lines(self._file) if line is not None
        ]  # fmt: skip
        if all(counter_value(observation, spec.ordered_by) is None for observation in observations):
            return None
        return ParsedList(len(observations), sort_by_counter(observations, spec.ordered_by)), spec


IMPORTER = CardImporter(JsonLinesCards)


def iter_lines(file: Path) -> Iterator[CardLine | None]:
    """Yield the lines of a file one at a time, None for a line that cannot be read or is of a private repository.

    Raises:
        ImportFailedError: the file cannot be read, or a line is longer than 32 MiB.
    """
    decoder = msgspec.json.Decoder(CardLine)
    try:
        with open_binary(file) as stream:
            while line := stream.readline(MAX_LINE_BYTES + 1):
                if len(line) > MAX_LINE_BYTES:
                    raise ImportFailedError(f"{file} has a line longer than {MAX_LINE_BYTES >> 20} MiB.")
                if line.strip():
                    yield _decode_line(decoder, line)
    except READ_ERRORS as error:
        raise unreadable_file_error(file, error) from error


def _decode_line(decoder: msgspec.json.Decoder[CardLine], line: bytes) -> CardLine | None:
    try:
        card = decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return card if is_public_record({"private": card.private}) else None


def _valid_counter(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNTER else None

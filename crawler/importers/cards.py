"""A past collection of cards: JSON lines with `modelId` and `card`, and no order.

It becomes cards of packages, not a snapshot. A line with an empty card says that the package had none, unless
`has_readme_file` says that it had one, with nothing in it. Where the lines are all packages of the day with their
counters (`--value downloads`, or `likes`), they are that list too, unless the store has one of that day already.
"""

from __future__ import annotations

import gzip
import hashlib
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from zlib import crc32

import msgspec

from crawler.cards.content import parse_card
from crawler.importers import ImportFailedError, ImportSpec, ParsedList, sort_by_counter, store_list
from crawler.parsing.redact import redact_bytes
from crawler.response import Observation, Registry
from db.connection import open_for_writing
from db.identity import derive_stable_id
from db.store import Store
from db.store.cards import TRAINING_SAMPLE_SIZE, CardCollection, CardObservation, CardStore

MAX_LINE_BYTES = 32 * 1024 * 1024
HUB_PREFIX = "huggingface/"
COUNTERS = ("downloads", "likes")


class CardLine(msgspec.Struct, gc=False):
    """One line."""

    name: str = msgspec.field(name="modelId")
    card: str | None = None
    has_card: bool | None = msgspec.field(name="has_readme_file", default=None)
    downloads: object = None
    likes: object = None


@dataclass(frozen=True)
class CardImportOutcome:
    """How the import of a collection went."""

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

    def as_json(self) -> dict[str, object]:
        """The documented shape, version 1."""
        return asdict(self)

    def as_text(self) -> str:
        """In one line."""
        head = f"{self.status:<9}{self.registry}"
        if self.again and not self.snapshot:
            return f"{head}  {self.file} is there already; nothing was changed"
        rejected = f", {self.rejected:,} lines that could not be read" if self.rejected else ""
        as_list = f"; as a list, snapshot {self.snapshot} with {self.listed:,} packages" if self.snapshot else ""
        told = f"{head}  {self.cards:,} cards, {self.none:,} packages without one{rejected}, from {self.file}{as_list}"
        return "\n         ".join([told, *self.warnings])


def import_file(path: Path, file: str, spec: ImportSpec) -> CardImportOutcome:
    """Store the cards of a file as of its day, in one transaction. The same file again changes nothing.

    Raises:
        ImportFailed: the file cannot be read, or is not of the Hub.
    """
    asked, value = make_collection(file, spec), spec.columns.get("value")
    with open_for_writing(path) as database:
        store = Store(database)
        with store.transaction():
            cards = CardStore(store)
            number, again = cards.begin_collection(asked)
            brought = _unchanged_outcome(asked, file) if again else _store_cards(cards, number, asked, file)
            return replace(brought, **_store_as_list(store, file, asked, spec)) if value else brought


def make_collection(file: str, spec: ImportSpec) -> CardCollection:
    """What a file of cards is as a collection.

    Raises:
        ImportFailed: it cannot be read, is not of the Hub, or is to be a list by what cards do not come with.
    """
    if not spec.registry.startswith(HUB_PREFIX):
        raise ImportFailedError(f"{spec.registry} has no cards.", fix="Use --registry huggingface/models.")
    value = spec.columns.get("value")
    if value not in (None, spec.ordered_by) or value not in (None, *COUNTERS):
        raise ImportFailedError(
            f"Cards make no list by {value}.",
            fix="Say --value downloads, or --by likes --value likes; or leave it out.",
        )
    registry = Registry(spec.registry, "huggingface", spec.registry.removeprefix(HUB_PREFIX))
    return CardCollection(registry, "import", spec.source or Path(file).name, spec.taken_at, int(time.time()),
                      hash_file(file))  # fmt: skip


def iter_lines(file: str) -> Iterator[CardLine | None]:
    """The lines of a file, one at a time; None for one that cannot be read.

    Raises:
        ImportFailed: the file cannot be read, or a line is longer than 32 MiB.
    """
    decoder = msgspec.json.Decoder(CardLine)
    try:
        packed = Path(file).open("rb").read(2) == b"\x1f\x8b"
        with gzip.open(file) if packed else open(file, "rb") as stream:
            while line := stream.readline(MAX_LINE_BYTES + 1):
                if len(line) > MAX_LINE_BYTES:
                    raise ImportFailedError(f"{file} has a line longer than {MAX_LINE_BYTES >> 20} MiB.")
                if line.strip():
                    yield _decode_line(decoder, line)
    except (OSError, EOFError) as error:
        raise ImportFailedError(
            f"{file} cannot be read: {error}.", fix="Look at the file's name and whether it is whole."
        ) from error


def hash_file(file: str) -> str:
    """The hash of a file as it lies on the disk.

    Raises:
        ImportFailed: it cannot be read.
    """
    try:
        with open(file, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ImportFailedError(f"{file} cannot be read: {error}.", fix="Look at the file's name.") from error


def _unchanged_outcome(collection: CardCollection, file: str) -> CardImportOutcome:
    return CardImportOutcome(file, collection.registry.name, "complete", 0, 0, 0, again=True)


def _store_as_list(store: Store, file: str, collection: CardCollection, spec: ImportSpec) -> dict[str, object]:
    """Store the lines as the list they are; nothing where there is one of that day, or no line has a counter."""
    known = store.query("find_ranking", registry=spec.registry, by=spec.ordered_by, at=spec.taken_at)
    if known:
        return {"warnings": (f"note: there is a list of that day already, snapshot {known[0][0]}",)}
    seen = [
        Observation(derive_stable_id(spec.registry, line.name), line.name, _valid_counter(line.downloads), _valid_counter(line.likes))
        for line in iter_lines(file) if line is not None
    ]  # fmt: skip
    if all(getattr(one, spec.ordered_by) is None for one in seen):
        return {"warnings": (f"note: no line has {spec.ordered_by}, so there is no list",)}
    past = ParsedList(len(seen), sort_by_counter(seen, spec.ordered_by))
    made = store_list(store, file, Path(file).stat().st_size, str(collection.file_sha256), past, spec, "cards")
    return {"snapshot": made.snapshot, "listed": made.listed, "status": made.status, "warnings": made.warnings}


def _valid_counter(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None


def _store_cards(cards: CardStore, number: int, collection: CardCollection, file: str) -> CardImportOutcome:
    cards.train_dictionary(_sample_cards(file))
    counts = {"card": 0, "none": 0, "rejected": 0}
    for line in iter_lines(file):
        if line is None:
            counts["rejected"] += 1
            continue
        package = cards.find_or_add_package(
            collection.registry, derive_stable_id(collection.registry.name, line.name), line.name, collection.taken_at
        )
        look = _make_observation(package, line, collection)
        cards.save_observation(number, look)
        counts[look.state] += 1
    if not counts["card"] + counts["none"]:
        raise ImportFailedError("The file holds no line with a `modelId`.", fix="Look at the file.")
    cards.finish_collection()
    return CardImportOutcome(
        file, collection.registry.name, "complete", counts["card"], counts["none"], counts["rejected"]
    )


def _sample_cards(file: str) -> Iterator[bytes]:
    """Cards from the whole file, as they are kept, to learn from: one in four, by their hash, and not too many."""
    found = (line.card.encode("utf-8") for line in iter_lines(file) if line and line.card)
    return islice((redact_bytes(card) for card in found if crc32(card) % 4 == 0), TRAINING_SAMPLE_SIZE)


def _make_observation(package: int, line: CardLine, collection: CardCollection) -> CardObservation:
    if not line.card and not line.has_card:
        return CardObservation(package, collection.taken_at, "none", fetched_at=collection.started_at)
    text = parse_card((line.card or "").encode("utf-8"))
    return CardObservation(package, collection.taken_at, "card", text, fetched_at=collection.started_at)


def _decode_line(decoder: msgspec.json.Decoder[CardLine], line: bytes) -> CardLine | None:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None

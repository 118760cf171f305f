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

from crawler.cards.content import card_text
from crawler.importers import ImportFailed, Past, Wanted, by_counter, store_list
from crawler.parsing.redact import without_addresses
from crawler.response import Observation, Registry
from db.connection import writing
from db.identity import stable_id
from db.store import Store
from db.store.cards import SAMPLE, Cards, Collection, Look

LONGEST_LINE = 32 * 1024 * 1024
HUB = "huggingface/"
COUNTERS = ("downloads", "likes")


class Line(msgspec.Struct, gc=False):
    """One line."""

    name: str = msgspec.field(name="modelId")
    card: str | None = None
    has_card: bool | None = msgspec.field(name="has_readme_file", default=None)
    downloads: object = None
    likes: object = None


@dataclass(frozen=True)
class BroughtIn:
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

    def line(self) -> str:
        """In one line."""
        head = f"{self.status:<9}{self.registry}"
        if self.again and not self.snapshot:
            return f"{head}  {self.file} is there already; nothing was changed"
        rejected = f", {self.rejected:,} lines that could not be read" if self.rejected else ""
        as_list = f"; as a list, snapshot {self.snapshot} with {self.listed:,} packages" if self.snapshot else ""
        told = f"{head}  {self.cards:,} cards, {self.none:,} packages without one{rejected}, from {self.file}{as_list}"
        return "\n         ".join([told, *self.warnings])


def bring_in(path: Path, file: str, wanted: Wanted) -> BroughtIn:
    """Store the cards of a file as of its day, in one transaction. The same file again changes nothing.

    Raises:
        ImportFailed: the file cannot be read, or is not of the Hub.
    """
    asked, value = collection(file, wanted), wanted.columns.get("value")
    with writing(path) as database:
        store = Store(database)
        with store.transaction():
            cards = Cards(store, database.conn)
            number, again = cards.begin(asked)
            brought = _known(asked, file) if again else _store(cards, number, asked, file)
            return replace(brought, **_as_list(store, file, asked, wanted)) if value else brought


def collection(file: str, wanted: Wanted) -> Collection:
    """What a file of cards is as a collection.

    Raises:
        ImportFailed: it cannot be read, is not of the Hub, or is to be a list by what cards do not come with.
    """
    if not wanted.registry.startswith(HUB):
        raise ImportFailed(f"{wanted.registry} has no cards.", fix="Use --registry huggingface/models.")
    value = wanted.columns.get("value")
    if value not in (None, wanted.ordered_by) or value not in (None, *COUNTERS):
        raise ImportFailed(
            f"Cards make no list by {value}.",
            fix="Say --value downloads, or --by likes --value likes; or leave it out.",
        )
    registry = Registry(wanted.registry, "huggingface", wanted.registry.removeprefix(HUB))
    return Collection(registry, "import", wanted.source or Path(file).name, wanted.taken_at, int(time.time()),
                      sha256_of(file))  # fmt: skip


def lines_of(file: str) -> Iterator[Line | None]:
    """The lines of a file, one at a time; None for one that cannot be read.

    Raises:
        ImportFailed: the file cannot be read, or a line is longer than 32 MiB.
    """
    decoder = msgspec.json.Decoder(Line)
    try:
        packed = Path(file).open("rb").read(2) == b"\x1f\x8b"
        with gzip.open(file) if packed else open(file, "rb") as stream:
            while line := stream.readline(LONGEST_LINE + 1):
                if len(line) > LONGEST_LINE:
                    raise ImportFailed(f"{file} has a line longer than {LONGEST_LINE >> 20} MiB.")
                if line.strip():
                    yield _decoded(decoder, line)
    except (OSError, EOFError) as error:
        raise ImportFailed(
            f"{file} cannot be read: {error}.", fix="Look at the file's name and whether it is whole."
        ) from error


def sha256_of(file: str) -> str:
    """The hash of a file as it lies on the disk.

    Raises:
        ImportFailed: it cannot be read.
    """
    try:
        with open(file, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ImportFailed(f"{file} cannot be read: {error}.", fix="Look at the file's name.") from error


def _known(asked: Collection, file: str) -> BroughtIn:
    return BroughtIn(file, asked.registry.name, "complete", 0, 0, 0, again=True)


def _as_list(store: Store, file: str, asked: Collection, wanted: Wanted) -> dict[str, object]:
    """Store the lines as the list they are; nothing where there is one of that day, or no line has a counter."""
    known = store.ask("list_of_day", registry=wanted.registry, by=wanted.ordered_by, at=wanted.taken_at)
    if known:
        return {"warnings": (f"note: there is a list of that day already, snapshot {known[0][0]}",)}
    seen = [
        Observation(stable_id(wanted.registry, line.name), line.name, _counter(line.downloads), _counter(line.likes))
        for line in lines_of(file) if line is not None
    ]  # fmt: skip
    if all(getattr(one, wanted.ordered_by) is None for one in seen):
        return {"warnings": (f"note: no line has {wanted.ordered_by}, so there is no list",)}
    past = Past(len(seen), by_counter(seen, wanted.ordered_by))
    made = store_list(store, file, Path(file).stat().st_size, str(asked.file_sha256), past, wanted, "cards")
    return {"snapshot": made.snapshot, "listed": made.listed, "status": made.status, "warnings": made.warnings}


def _counter(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None


def _store(cards: Cards, number: int, asked: Collection, file: str) -> BroughtIn:
    cards.learn(_some(file))
    counts = {"card": 0, "none": 0, "rejected": 0}
    for line in lines_of(file):
        if line is None:
            counts["rejected"] += 1
            continue
        package = cards.package(asked.registry, stable_id(asked.registry.name, line.name), line.name, asked.taken_at)
        look = _look(package, line, asked)
        cards.put(number, look)
        counts[look.state] += 1
    if not counts["card"] + counts["none"]:
        raise ImportFailed("The file holds no line with a `modelId`.", fix="Look at the file.")
    cards.finish()
    return BroughtIn(file, asked.registry.name, "complete", counts["card"], counts["none"], counts["rejected"])


def _some(file: str) -> Iterator[bytes]:
    """Cards from the whole file, as they are kept, to learn from: one in four, by their hash, and not too many."""
    found = (line.card.encode("utf-8") for line in lines_of(file) if line and line.card)
    return islice((without_addresses(card) for card in found if crc32(card) % 4 == 0), SAMPLE)


def _look(package: int, line: Line, asked: Collection) -> Look:
    if not line.card and not line.has_card:
        return Look(package, asked.taken_at, "none", fetched_at=asked.started_at)
    text = card_text((line.card or "").encode("utf-8"))
    return Look(package, asked.taken_at, "card", text, fetched_at=asked.started_at)


def _decoded(decoder: msgspec.json.Decoder[Line], line: bytes) -> Line | None:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None

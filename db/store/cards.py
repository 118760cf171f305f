"""Cards: each text once, by the hash git gives it; who had which at what time.

A text is kept without addresses of people, up to a size, and packed with a dictionary of what cards have in common.
Its identity is the hash of the whole file as it was published, so that the same file is the same card everywhere.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import zstandard

from db.ids import compact_id, short_hash
from db.rows import Registry
from db.store import Store, load_statements

MAX_CARD_BYTES = 1_000_000  # bytes of a card's text
MIN_TRAINING_CARDS = 1_000  # cards to train a dictionary on
TRAINING_SAMPLE_SIZE = 4_000
TRAINING_PREFIX_BYTES = 20_000
BATCH_SIZE = 1_000
DICTIONARY_BYTES = 110_000
COMPRESSION_LEVEL = 9

Compressor = zstandard.ZstdCompressor
Decompressor = zstandard.ZstdDecompressor


@dataclass(frozen=True, slots=True)
class CardCollection:
    """One look at many cards: a crawl of an endpoint, or an imported file. `taken_at` is the instant it shows."""

    registry: Registry
    origin: str
    source: str
    taken_at: int
    started_at: int
    file_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class CardText:
    """A card as it may be kept: its hash and size are of the whole file, its content may be less."""

    blob: str
    size: int
    content: bytes
    redacted: bool = False
    front: str = "none"
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CardObservation:
    """What was found where a package's card should be.

    `state` is card, none (it has none), gated, missing (the repository or its commit is not there for us), huge or
    elsewhere (kept on another host). `at` is the instant of the commit `sha`.
    """

    package: int
    at: int
    state: str
    text: CardText | None = None
    sha: str | None = None
    fetched_at: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class StoredCard:
    """A card that is in the store, with its text."""

    card: int
    blob: str
    truncated: bool
    content: bytes

    @property
    def text(self) -> str:
        """The text, without a byte order mark; what is not UTF-8 is shown as U+FFFD."""
        return self.content.decode("utf-8-sig", "replace")


@dataclass(frozen=True, slots=True)
class PendingCard:
    """A package whose repository has changed since its card was looked at."""

    package: int
    name: str
    sha: str
    at: int


def blob_hash(content: bytes) -> str:
    """The name git gives a file.

    >>> blob_hash(b"hello\\n")
    'ce013625030ba8dba906f756967f9e9ca394464a'
    """
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class CardStore:
    """The writer's side: a collection is begun, looks are put into it one after another, it is finished."""

    def __init__(self, store: Store, connection: sqlite3.Connection) -> None:
        """`connection` is the one the store writes to."""
        self._store, self._connection = store, connection
        self._compressor, self._dictionary_id = self._newest_compressor()

    def begin_collection(self, collection: CardCollection) -> tuple[int, bool]:
        """Open a collection; its number, and whether this very file was brought in for this very instant before."""
        with self._store.transaction():
            registry = self._ensure_registry(collection.registry)
            known = self._query_value(
                "SELECT collection_id FROM card_collection WHERE registry_id = ? AND taken_at = ? AND file_sha256 = ?",
                registry, collection.taken_at, collection.file_sha256,
            )  # fmt: skip
            if known is not None:
                return known, True
            made = self._connection.execute(
                "INSERT INTO card_collection (registry_id, origin, source, file_sha256, taken_at, started_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    registry,
                    collection.origin,
                    collection.source,
                    collection.file_sha256,
                    collection.taken_at,
                    collection.started_at,
                ),
            )
            for statement in load_statements("invalidate_card_results"):
                self._connection.execute(statement)
            return made.lastrowid or 0, False

    def find_or_add_package(self, registry: Registry, stable_id: str, name: str, at: int) -> int:
        """The package that had a name at an instant, or the nearest to it; a new one if the name is not known."""
        (row,) = self._store.query("package_by_name", registry=registry.name, package=name, at=at) or (None,)
        if row is not None:
            return row["package_id"]
        with self._store.transaction():
            made = self._connection.execute(
                "INSERT INTO package (registry_id, key, name, name_hash, first_seen_at, seen_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (self._ensure_registry(registry), compact_id(stable_id), name, short_hash(name), at, at),
            ).lastrowid
            return made or 0

    def save_observation(self, collection: int, observation: CardObservation) -> None:
        """Write what was found of one package. The same again only notes that it was looked at."""
        with self._store.transaction():
            card = None if observation.text is None else self._ensure_card(observation.text)
            values = {
                "package": observation.package, "at": observation.at, "state": observation.state, "card": card, "sha": observation.sha,
                "fetched_at": observation.fetched_at, "collection": collection, "note": observation.note,
            }  # fmt: skip
            for statement in load_statements("save_card_revision"):
                self._connection.execute(statement, values)

    def train_dictionary(self, contents: Iterable[bytes]) -> bool:
        """Train a dictionary on some cards, if there is none yet and they are enough; whether one was made.

        Cards that come after it are packed with it. `contents` must be as cards are kept, without addresses.
        """
        beginnings = [content[:TRAINING_PREFIX_BYTES] for content in contents if content]
        if self._dictionary_id is not None or len(beginnings) < MIN_TRAINING_CARDS:
            return False
        try:
            made = zstandard.train_dictionary(DICTIONARY_BYTES, beginnings)
        except zstandard.ZstdError:  # they have too little in common, or too little in them
            return False
        with self._store.transaction():
            self._connection.execute(
                "INSERT INTO card_dictionary (content, cards, made_at)"
                " VALUES (?, ?, (SELECT max(started_at) FROM card_collection))",
                (made.as_bytes(), len(beginnings)),
            )
        self._compressor, self._dictionary_id = self._newest_compressor()
        return True

    def finish_collection(self) -> None:
        """End a collection: once there are enough cards, learn what they have in common, and pack them with it."""
        if self._dictionary_id is None:
            with self._store.transaction():
                readers = load_decompressors(self._connection)
                rows = self._store.query("sample_cards", limit=TRAINING_SAMPLE_SIZE)
                if self.train_dictionary(_decompress_card(readers, row).content for row in rows):
                    self._recompress_cards()

    def _recompress_cards(self) -> None:
        readers, after = load_decompressors(self._connection), 0
        while rows := self._store.query("cards_without_dictionary", after=after, limit=BATCH_SIZE):
            self._connection.executemany(
                "UPDATE card SET content = ?, dictionary_id = ? WHERE card_id = ?",
                [(self._compressor.compress(_decompress_card(readers, row).content), self._dictionary_id, row["card_id"])
                 for row in rows],
            )  # fmt: skip
            after = rows[-1]["card_id"]

    def _ensure_card(self, text: CardText) -> int:
        known = find_card_by_blob(self._connection, text.blob)
        if known is not None:
            return known
        kept = text.content[:MAX_CARD_BYTES]
        number = self._connection.execute(
            "INSERT INTO card (blob, size, truncated, redacted, front, dictionary_id, content)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (text.blob, text.size, len(kept) < len(text.content), text.redacted, text.front, self._dictionary_id,
             self._compressor.compress(kept)),
        ).lastrowid or 0  # fmt: skip
        self._connection.executemany(
            "INSERT INTO card_field (card_id, field) VALUES (?, ?)", [(number, field) for field in text.fields]
        )
        return number

    def _newest_compressor(self) -> tuple[Compressor, int | None]:
        row = self._connection.execute(
            "SELECT dictionary_id, content FROM card_dictionary ORDER BY dictionary_id DESC LIMIT 1"
        ).fetchone()
        if row is None:
            return Compressor(level=COMPRESSION_LEVEL), None
        return Compressor(level=COMPRESSION_LEVEL, dict_data=zstandard.ZstdCompressionDict(row["content"])), row[
            "dictionary_id"
        ]

    def _ensure_registry(self, registry: Registry) -> int:
        self._connection.execute(
            "INSERT INTO registry (name, service, service_name) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
            (registry.name, registry.service, registry.service_name),
        )
        return self._query_value("SELECT registry_id FROM registry WHERE name = ?", registry.name) or 0

    def _query_value(self, statement: str, *values: object) -> int | None:
        row = self._connection.execute(statement, values).fetchone()
        return None if row is None else row[0]


def pending_cards(store: Store, registry: str, k: int) -> list[PendingCard]:
    """The packages of the newest complete top-K list whose repository changed since their card was looked at."""
    rows = store.query("outdated_cards", registry=registry, k=k)
    return [PendingCard(row["package_id"], row["name"], row["sha"], row["at"]) for row in rows]


def count_listed_packages(store: Store, registry: str, k: int) -> int:
    """How many packages that list has in its first k."""
    return store.query("count_ranked_packages", registry=registry, k=k)[0]["places"]


def unscored_cards(connection: sqlite3.Connection, scorer: str, version: str, limit: int = -1) -> Iterator[StoredCard]:
    """The cards that a scorer, at one version, has not read yet; at most `limit` of them if it is not negative.

    They are read in parts of a thousand, so that scores may be put between them.
    """
    readers, after, left = load_decompressors(connection), 0, limit
    (statement,) = load_statements("unscored_cards")
    while left != 0:
        part = BATCH_SIZE if left < 0 else min(BATCH_SIZE, left)
        values = {"scorer": scorer, "version": version, "after": after, "limit": part}
        rows = connection.execute(statement, values).fetchall()
        yield from (_decompress_card(readers, row) for row in rows)
        if len(rows) < part:
            return
        after, left = rows[-1]["card_id"], left if left < 0 else left - part


def find_card_by_blob(connection: sqlite3.Connection, blob: str) -> int | None:
    """The number of a text by its git blob hash; None if it is not in the store."""
    row = connection.execute("SELECT card_id FROM card WHERE blob = ?", (blob,)).fetchone()
    return None if row is None else row[0]


def read_card(connection: sqlite3.Connection, package: int, at: int) -> StoredCard | None:
    """A package's card at an instant; None if it had none, or nobody looked."""
    row = connection.execute(
        "SELECT c.card_id, c.blob, c.truncated, c.dictionary_id, c.content"
        " FROM card_revision v JOIN card c ON c.card_id = v.card_id"
        " WHERE v.package_id = ? AND v.valid_from <= ? AND (v.valid_to IS NULL OR v.valid_to > ?)",
        (package, at, at),
    ).fetchone()
    return None if row is None else _decompress_card(load_decompressors(connection), row)


def load_decompressors(connection: sqlite3.Connection) -> dict[int | None, Decompressor]:
    """What unpacks cards, by dictionary."""
    rows = connection.execute("SELECT dictionary_id, content FROM card_dictionary").fetchall()
    made: dict[int | None, Decompressor] = {
        row["dictionary_id"]: Decompressor(dict_data=zstandard.ZstdCompressionDict(row["content"])) for row in rows
    }
    return {None: Decompressor(), **made}


def _decompress_card(decompressors: dict[int | None, Decompressor], row: sqlite3.Row) -> StoredCard:
    content = decompressors[row["dictionary_id"]].decompress(row["content"], max_output_size=MAX_CARD_BYTES)
    return StoredCard(row["card_id"], row["blob"], bool(row["truncated"]), content)

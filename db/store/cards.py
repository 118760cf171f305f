"""The cards of packages: each text is stored once, by its git blob hash, with the interval in which a package had it.

A text is stored without e-mail addresses and up to a maximum size. It is compressed with a dictionary that is trained
on other cards. Its identity is the hash of the whole published file, so that equal files are one card in every store.
"""

from __future__ import annotations

import hashlib
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import zstandard

from db.ids import compact_id, short_hash
from db.rows import Registry
from db.sql_files import load_statements
from db.store import Store
from db.store.scores import invalidate_results

MAX_CARD_BYTES = 1_000_000
MIN_TRAINING_CARDS = 1_000
TRAINING_SAMPLE_SIZE = 4_000
TRAINING_PREFIX_BYTES = 20_000
BATCH_SIZE = 1_000
DICTIONARY_BYTES = 110_000
COMPRESSION_LEVEL = 9

Compressor = zstandard.ZstdCompressor
Decompressor = zstandard.ZstdDecompressor


@dataclass(frozen=True, slots=True)
class CardCollection:
    """Many cards of one instant, `taken_at`: a crawl of an endpoint, or an imported file."""

    registry: Registry
    origin: str
    source: str
    taken_at: int
    started_at: int
    file_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class CardText:
    """The text of a card as it may be stored. Hash and size are of the whole file, the content may be shorter."""

    blob: str
    size: int
    content: bytes
    redacted: bool = False
    front: str = "none"
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CardObservation:
    """The card of one package as it was observed.

    `state` is card, none (the package has none), gated, missing (the repository or its commit does not exist or is
    private), huge or elsewhere (on another host). `at` is the instant of the commit `sha`.
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
    """A card of the store with its text."""

    card: int
    blob: str
    truncated: bool
    content: bytes

    @property
    def text(self) -> str:
        """The text without a byte order mark. Bytes that are not UTF-8 become U+FFFD."""
        return self.content.decode("utf-8-sig", "replace")


@dataclass(frozen=True, slots=True)
class PendingCard:
    """A package whose repository has changed since its card was fetched."""

    package: int
    name: str
    sha: str
    at: int


def blob_hash(content: bytes) -> str:
    """Return the hash by which git names a file.

    >>> blob_hash(b"hello\\n")
    'ce013625030ba8dba906f756967f9e9ca394464a'
    """
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class CardStore:
    """The writer of cards: begin a collection, save its observations one by one, finish the collection."""

    def __init__(self, store: Store) -> None:
        self._store, self._connection = store, store.connection
        self._compressor, self._dictionary_id = self._newest_compressor()
        self._invalid_since = math.inf  # no result depends on a card since then, and only this process writes

    def begin_collection(self, collection: CardCollection) -> tuple[int, bool]:
        """Open a collection. Return its number, and whether the same file was imported for the same instant before."""
        with self._store.transaction():
            registry = self._store.ensure_registry(collection.registry)
            stored_number = self._find_collection(registry, collection)
            if stored_number is not None:
                return stored_number, True
            number = self._connection.execute(
                "INSERT INTO card_collection (registry_id, origin, source, file_sha256, taken_at, started_at,"
                " is_public) VALUES (?, ?, ?, ?, ?, ?, 1)",
                (registry, collection.origin, collection.source, collection.file_sha256, collection.taken_at,
                 collection.started_at),
            ).lastrowid or 0  # fmt: skip
            return number, False

    def _find_collection(self, registry: int, collection: CardCollection) -> int | None:
        row = self._connection.execute(
            "SELECT collection_id FROM card_collection WHERE registry_id = ? AND taken_at = ? AND file_sha256 = ?",
            (registry, collection.taken_at, collection.file_sha256),
        ).fetchone()
        return None if row is None else int(row[0])

    def find_or_add_package(self, registry: Registry, stable_id: str, name: str, at: int) -> int:
        """Return the package that had a name at an instant or nearest to it. Add one if the name is unknown."""
        rows = self._store.query("package_by_name", registry=registry.name, package=name, at=at)
        if rows:
            number: int = rows[0]["package_id"]
            return number
        with self._store.transaction():
            return self._connection.execute(
                "INSERT INTO package (registry_id, key, name, name_hash, first_seen_at, seen_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (self._store.ensure_registry(registry), compact_id(stable_id), name, short_hash(name), at, at),
            ).lastrowid or 0  # fmt: skip

    def save_observation(self, collection: int, observation: CardObservation) -> None:
        """Save the observed card of one package. An unchanged card only gets a new time of its last observation."""
        with self._store.transaction():
            card = None if observation.text is None else self._ensure_card(observation.text)
            values = {
                "package": observation.package, "at": observation.at, "state": observation.state, "card": card,
                "sha": observation.sha, "fetched_at": observation.fetched_at, "collection": collection,
                "note": observation.note,
            }  # fmt: skip
            since = self._store.query("card_change", **values)[0]["since"]
            is_earlier = since is not None and since < self._invalid_since
            if is_earlier:
                invalidate_results(self._connection, since)
            for statement in load_statements("save_card_revision"):
                self._connection.execute(statement, values)
        if is_earlier:
            self._invalid_since = since

    def train_dictionary(self, contents: Iterable[bytes]) -> bool:
        """Train a dictionary on cards, if there is none yet and there are enough cards. Return whether it was trained.

        Later cards are compressed with it. `contents` must be as cards are stored, without e-mail addresses.
        """
        samples: list[bytes | bytearray | memoryview[int]] = [
            content[:TRAINING_PREFIX_BYTES] for content in contents if content
        ]
        if self._dictionary_id is not None or len(samples) < MIN_TRAINING_CARDS:
            return False
        try:
            dictionary = zstandard.train_dictionary(DICTIONARY_BYTES, samples)
        except zstandard.ZstdError:  # the cards have too little in common, or too little text
            return False
        with self._store.transaction():
            self._connection.execute(
                "INSERT INTO card_dictionary (content, cards, made_at)"
                " VALUES (?, ?, (SELECT max(started_at) FROM card_collection))",
                (dictionary.as_bytes(), len(samples)),
            )
        self._compressor, self._dictionary_id = self._newest_compressor()
        return True

    def finish_collection(self) -> None:
        """End a collection. As soon as there are enough cards, train a dictionary and compress all cards with it."""
        if self._dictionary_id is None:
            with self._store.transaction():
                decompressors = load_decompressors(self._connection)
                rows = self._store.query("sample_cards", limit=TRAINING_SAMPLE_SIZE)
                if self.train_dictionary(decompress_card(decompressors, row).content for row in rows):
                    self._recompress_cards()

    def _recompress_cards(self) -> None:
        decompressors, after = load_decompressors(self._connection), 0
        while rows := self._store.query("cards_without_dictionary", after=after, limit=BATCH_SIZE):
            contents = [decompress_card(decompressors, row).content for row in rows]
            self._connection.executemany(
                "UPDATE card SET content = ?, dictionary_id = ? WHERE card_id = ?",
                [
                    (self._compressor.compress(content), self._dictionary_id, row["card_id"])
                    for row, content in zip(rows, contents, strict=True)
                ],
            )
            after = rows[-1]["card_id"]

    def _ensure_card(self, text: CardText) -> int:
        """Return the number of a card, which is added if its text is new."""
        card = find_card_by_blob(self._connection, text.blob)
        if card is not None:
            return card
        number = self._insert_card(text)
        self._connection.executemany(
            "INSERT INTO card_field (card_id, field) VALUES (?, ?)", [(number, field) for field in text.fields]
        )
        return number

    def _insert_card(self, text: CardText) -> int:
        content = text.content[:MAX_CARD_BYTES]
        return self._connection.execute(
            "INSERT INTO card (blob, size, truncated, redacted, front, dictionary_id, content)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (text.blob, text.size, len(content) < len(text.content), text.redacted, text.front, self._dictionary_id,
             self._compressor.compress(content)),
        ).lastrowid or 0  # fmt: skip

    def _newest_compressor(self) -> tuple[Compressor, int | None]:
        row = self._connection.execute(
            "SELECT dictionary_id, content FROM card_dictionary ORDER BY dictionary_id DESC LIMIT 1"
        ).fetchone()
        if row is None:
            return Compressor(level=COMPRESSION_LEVEL), None
        dictionary = zstandard.ZstdCompressionDict(row["content"])
        return Compressor(level=COMPRESSION_LEVEL, dict_data=dictionary), row["dictionary_id"]


def pending_cards(store: Store, registry: str, k: int) -> list[PendingCard]:
    """Return the packages of the newest complete top-K list that changed since their card was fetched."""
    rows = store.query("outdated_cards", registry=registry, k=k)
    return [PendingCard(row["package_id"], row["name"], row["sha"], row["at"]) for row in rows]


def count_listed_packages(store: Store, registry: str, k: int) -> int:
    """Return how many packages the newest complete top-K list has in its first k places."""
    count: int = store.query("count_ranked_packages", registry=registry, k=k)[0]["places"]
    return count


def unscored_cards(
    connection: sqlite3.Connection, scorer: str, version: str, limit: int = -1, public_only: bool = False
) -> Iterator[StoredCard]:
    """Yield the cards that a scorer, at one version, has not scored yet: at most `limit` unless it is negative.

    With `public_only`, cards of gated and missing packages are skipped, and cards that only a token may show. The cards
    are read a thousand at a time, so that scores can be saved in between.
    """
    decompressors, after, remaining = load_decompressors(connection), 0, limit
    (statement,) = load_statements("unscored_cards")
    while remaining != 0:
        batch_size = BATCH_SIZE if remaining < 0 else min(BATCH_SIZE, remaining)
        values = {
            "scorer": scorer, "version": version, "after": after, "limit": batch_size, "public_only": public_only
        }  # fmt: skip
        rows = connection.execute(statement, values).fetchall()
        yield from (decompress_card(decompressors, row) for row in rows)
        if len(rows) < batch_size:
            return
        after, remaining = rows[-1]["card_id"], remaining if remaining < 0 else remaining - batch_size


def find_card_by_blob(connection: sqlite3.Connection, blob: str) -> int | None:
    """Return the number of the card with a git blob hash, None if the store does not have it."""
    row = connection.execute("SELECT card_id FROM card WHERE blob = ?", (blob,)).fetchone()
    return None if row is None else row[0]


def load_decompressors(connection: sqlite3.Connection) -> dict[int | None, Decompressor]:
    """Return the decompressors of all cards, by dictionary."""
    rows = connection.execute("SELECT dictionary_id, content FROM card_dictionary").fetchall()
    contents = {row["dictionary_id"]: zstandard.ZstdCompressionDict(row["content"]) for row in rows}
    return {None: Decompressor(), **{number: Decompressor(dict_data=content) for number, content in contents.items()}}


def decompress_card(decompressors: Mapping[int | None, Decompressor], row: sqlite3.Row) -> StoredCard:
    """Return the card of a row with card_id, blob, truncated, dictionary_id and content."""
    content = decompressors[row["dictionary_id"]].decompress(row["content"], max_output_size=MAX_CARD_BYTES)
    return StoredCard(row["card_id"], row["blob"], bool(row["truncated"]), content)

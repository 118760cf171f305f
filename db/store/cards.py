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

from db.ids import compact, short_hash
from db.rows import Registry
from db.store import Store, script

LARGEST_KEPT = 1_000_000  # bytes of a card's text
ENOUGH = 1_000  # cards to train a dictionary on
SAMPLE = 4_000
SAMPLED_BYTES = 20_000
PART = 1_000
DICTIONARY_BYTES = 110_000
LEVEL = 9

Packer = zstandard.ZstdCompressor
Unpacker = zstandard.ZstdDecompressor


@dataclass(frozen=True, slots=True)
class Collection:
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
class Look:
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
class WantedCard:
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


class Cards:
    """The writer's side: a collection is begun, looks are put into it one after another, it is finished."""

    def __init__(self, store: Store, connection: sqlite3.Connection) -> None:
        """`connection` is the one the store writes to."""
        self._store, self._connection = store, connection
        self._packer, self._dictionary = self._newest_packer()

    def begin(self, asked: Collection) -> tuple[int, bool]:
        """Open a collection; its number, and whether this very file was brought in for this very instant before."""
        with self._store.transaction():
            registry = self._registry(asked.registry)
            known = self._one(
                "SELECT collection_id FROM card_collection WHERE registry_id = ? AND taken_at = ? AND file_sha256 = ?",
                registry, asked.taken_at, asked.file_sha256,
            )  # fmt: skip
            if known is not None:
                return known, True
            made = self._connection.execute(
                "INSERT INTO card_collection (registry_id, origin, source, file_sha256, taken_at, started_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (registry, asked.origin, asked.source, asked.file_sha256, asked.taken_at, asked.started_at),
            )
            for statement in script("cards_changed"):
                self._connection.execute(statement)
            return made.lastrowid or 0, False

    def package(self, registry: Registry, stable_id: str, name: str, at: int) -> int:
        """The package that had a name at an instant, or the nearest to it; a new one if the name is not known."""
        (row,) = self._store.ask("card_package", registry=registry.name, package=name, at=at) or (None,)
        if row is not None:
            return row["package_id"]
        with self._store.transaction():
            made = self._connection.execute(
                "INSERT INTO package (registry_id, key, name, name_hash, known_at, seen_at) VALUES (?, ?, ?, ?, ?, ?)",
                (self._registry(registry), compact(stable_id), name, short_hash(name), at, at),
            ).lastrowid
            return made or 0

    def put(self, collection: int, look: Look) -> None:
        """Write what was found of one package. The same again only notes that it was looked at."""
        with self._store.transaction():
            card = None if look.text is None else self._card(look.text)
            values = {
                "package": look.package, "at": look.at, "state": look.state, "card": card, "sha": look.sha,
                "fetched_at": look.fetched_at, "collection": collection, "note": look.note,
            }  # fmt: skip
            for statement in script("card_revision"):
                self._connection.execute(statement, values)

    def learn(self, contents: Iterable[bytes]) -> bool:
        """Train a dictionary on some cards, if there is none yet and they are enough; whether one was made.

        Cards that come after it are packed with it. `contents` must be as cards are kept, without addresses.
        """
        beginnings = [content[:SAMPLED_BYTES] for content in contents if content]
        if self._dictionary is not None or len(beginnings) < ENOUGH:
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
        self._packer, self._dictionary = self._newest_packer()
        return True

    def finish(self) -> None:
        """End a collection: once there are enough cards, learn what they have in common, and pack them with it."""
        if self._dictionary is None:
            with self._store.transaction():
                readers = unpackers(self._connection)
                rows = self._store.ask("cards_sample", limit=SAMPLE)
                if self.learn(_read(readers, row).content for row in rows):
                    self._repack()

    def _repack(self) -> None:
        readers, after = unpackers(self._connection), 0
        while rows := self._store.ask("cards_loose", after=after, limit=PART):
            self._connection.executemany(
                "UPDATE card SET content = ?, dictionary_id = ? WHERE card_id = ?",
                [(self._packer.compress(_read(readers, row).content), self._dictionary, row["card_id"])
                 for row in rows],
            )  # fmt: skip
            after = rows[-1]["card_id"]

    def _card(self, text: CardText) -> int:
        known = card_of_blob(self._connection, text.blob)
        if known is not None:
            return known
        kept = text.content[:LARGEST_KEPT]
        number = self._connection.execute(
            "INSERT INTO card (blob, size, truncated, redacted, front, dictionary_id, content)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (text.blob, text.size, len(kept) < len(text.content), text.redacted, text.front, self._dictionary,
             self._packer.compress(kept)),
        ).lastrowid or 0  # fmt: skip
        self._connection.executemany(
            "INSERT INTO card_field (card_id, field) VALUES (?, ?)", [(number, field) for field in text.fields]
        )
        return number

    def _newest_packer(self) -> tuple[Packer, int | None]:
        row = self._connection.execute(
            "SELECT dictionary_id, content FROM card_dictionary ORDER BY dictionary_id DESC LIMIT 1"
        ).fetchone()
        if row is None:
            return Packer(level=LEVEL), None
        return Packer(level=LEVEL, dict_data=zstandard.ZstdCompressionDict(row["content"])), row["dictionary_id"]

    def _registry(self, registry: Registry) -> int:
        self._connection.execute(
            "INSERT INTO registry (name, service, service_name) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
            (registry.name, registry.service, registry.service_name),
        )
        return self._one("SELECT registry_id FROM registry WHERE name = ?", registry.name) or 0

    def _one(self, statement: str, *values: object) -> int | None:
        row = self._connection.execute(statement, values).fetchone()
        return None if row is None else row[0]


def wanted(store: Store, registry: str, k: int) -> list[WantedCard]:
    """The packages of the newest complete top-K list whose repository changed since their card was looked at."""
    rows = store.ask("cards_wanted", registry=registry, k=k)
    return [WantedCard(row["package_id"], row["name"], row["sha"], row["at"]) for row in rows]


def listed(store: Store, registry: str, k: int) -> int:
    """How many packages that list has in its first k."""
    return store.ask("cards_listed", registry=registry, k=k)[0]["places"]


def unscored(connection: sqlite3.Connection, scorer: str, version: str, limit: int = -1) -> Iterator[StoredCard]:
    """The cards that a scorer, at one version, has not read yet; at most `limit` of them if it is not negative.

    They are read in parts of a thousand, so that scores may be put between them.
    """
    readers, after, left = unpackers(connection), 0, limit
    (statement,) = script("cards_unscored")
    while left != 0:
        part = PART if left < 0 else min(PART, left)
        values = {"scorer": scorer, "version": version, "after": after, "limit": part}
        rows = connection.execute(statement, values).fetchall()
        yield from (_read(readers, row) for row in rows)
        if len(rows) < part:
            return
        after, left = rows[-1]["card_id"], left if left < 0 else left - part


def card_of_blob(connection: sqlite3.Connection, blob: str) -> int | None:
    """The number of a text by its git blob hash; None if it is not in the store."""
    row = connection.execute("SELECT card_id FROM card WHERE blob = ?", (blob,)).fetchone()
    return None if row is None else row[0]


def read_card(connection: sqlite3.Connection, package: int, at: int) -> StoredCard | None:
    """A package's card at an instant; None if it had none, or nobody looked."""
    row = connection.execute(
        "SELECT c.card_id, c.blob, c.truncated, c.dictionary_id, c.content"
        " FROM card_revision v JOIN card c ON c.card_id = v.card_id"
        " WHERE v.package_id = ? AND v.since <= ? AND (v.until IS NULL OR v.until > ?)",
        (package, at, at),
    ).fetchone()
    return None if row is None else _read(unpackers(connection), row)


def unpackers(connection: sqlite3.Connection) -> dict[int | None, Unpacker]:
    """What unpacks cards, by dictionary."""
    rows = connection.execute("SELECT dictionary_id, content FROM card_dictionary").fetchall()
    made: dict[int | None, Unpacker] = {
        row["dictionary_id"]: Unpacker(dict_data=zstandard.ZstdCompressionDict(row["content"])) for row in rows
    }
    return {None: Unpacker(), **made}


def _read(readers: dict[int | None, Unpacker], row: sqlite3.Row) -> StoredCard:
    content = readers[row["dictionary_id"]].decompress(row["content"], max_output_size=LARGEST_KEPT)
    return StoredCard(row["card_id"], row["blob"], bool(row["truncated"]), content)

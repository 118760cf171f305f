"""Read JSON lines of cards one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from crawler.importers import ImportFailedError, ImportSpec, ParsedList, sort_by_counter
from crawler.importers._cells import check_name, parse_count
from crawler.importers._files import READ_ERRORS, open_binary, unreadable_file_error
from crawler.importers._json import parse_json
from crawler.parsing.visibility import is_public_record
from crawler.response import Event, Observation, Reject
from db.identity import derive_stable_id

MAX_LINE_BYTES = 32 * 1024 * 1024
COUNTERS = ("downloads", "likes")


@dataclass(frozen=True, slots=True)
class NamedCard:
    """The name of a package and the content of its card, None if the package had no card."""

    name: str
    content: bytes | None


class CardLine(msgspec.Struct, gc=False):
    """One line of the file."""

    name: str = msgspec.field(name="modelId")
    card: str | None = None
    has_card: bool | None = msgspec.field(name="has_readme_file", default=None)
    downloads: object = None
    likes: object = None
    private: object = None

    @property
    def is_public(self) -> bool:
        """Whether the line says nothing but that everyone sees the package."""
        return is_public_record({"private": self.private})


class JsonLinesCards:
    """A file of JSON lines."""

    def __init__(self, file: Path, spec: ImportSpec) -> None:
        self._file = file

    def iter_cards(self) -> Iterator[NamedCard | None]:
        """Yield the card of each line, None for a line that cannot be read or is of a private package."""
        for line in iter_lines(self._file):
            if line is None or not line.is_public:
                yield None
            elif line.card or line.has_card:
                yield NamedCard(line.name, (line.card or "").encode("utf-8", "replace"))
            else:
                yield NamedCard(line.name, None)

    def find_events(self, spec: ImportSpec) -> tuple[Event, ...]:
        """Return no event: the lines have no dates."""
        return ()

    def as_list(self, spec: ImportSpec) -> tuple[ParsedList, ImportSpec]:
        """Return the lines as a list."""
        observations: list[Observation] = []
        rejects: list[Reject] = []
        hidden = 0
        for position, line in enumerate(iter_lines(self._file)):
            if line is not None and not line.is_public:
                hidden += 1
                continue
            try:
                observations.append(_make_observation(line, spec))
            except ValueError as error:
                rejects.append(Reject(position - hidden, str(error), ""))
        ordered = sort_by_counter(observations, spec.ordered_by)
        received = len(observations) + len(rejects)
        return ParsedList(received, ordered, tuple(rejects), hidden=hidden), spec


def iter_lines(file: Path) -> Iterator[CardLine | None]:
    """Yield the lines of a file one at a time, None for a line that cannot be read.

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
    with suppress(msgspec.DecodeError, ValueError, RecursionError, ImportFailedError):
        card_line = _decode_tolerantly(decoder, line)
        return msgspec.structs.replace(card_line, name=check_name(card_line.name))
    return None


def _decode_tolerantly(decoder: msgspec.json.Decoder[CardLine], line: bytes) -> CardLine:
    """Decode a line with Python's reader if it has half of a character, as a card that was cut in an emoji has."""
    try:
        return decoder.decode(line)
    except msgspec.DecodeError:
        return msgspec.convert(parse_json(line), CardLine)


def _make_observation(line: CardLine | None, spec: ImportSpec) -> Observation:
    """Return the observation of a line. The counter that orders the list must be a number, if there is one.

    Raises:
        ValueError: the line cannot be read, or its counter is no number.
    """
    if line is None:
        raise ValueError("a line that cannot be read")
    counts: dict[str, int | None] = dict.fromkeys(COUNTERS)
    for counter, value in (("downloads", line.downloads), ("likes", line.likes)):
        try:
            counts[counter] = parse_count(value, counter)
        except ValueError:
            if counter == spec.ordered_by:
                raise
    return Observation(
        derive_stable_id(spec.registry, line.name), line.name, downloads=counts["downloads"], likes=counts["likes"]
    )

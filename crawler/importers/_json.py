"""Parse the JSON of a file (pure)."""

from __future__ import annotations

import json

from crawler.importers._files import ImportFailedError


def parse_json(content: bytes) -> object:
    """Return the document that content holds.

    Raises:
        ValueError: the content is not JSON, or nests deeper than a list of packages can.
        ImportFailedError: an object has two values for a key.
    """
    try:
        return json.loads(content, object_pairs_hook=_make_object)
    except RecursionError:
        raise ValueError("it nests too deeply") from None


def _make_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ImportFailedError(
            f"The key {repeated[:60]!r} stands {names.count(repeated)} times in an object of the file.",
            why="Which of its values is meant cannot be known.",
            fix="Give each value its own key.",
        )
    return fields

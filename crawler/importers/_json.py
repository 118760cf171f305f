"""Parse the JSON of a file (pure)."""

from __future__ import annotations

import json


def parse_json(content: bytes) -> object:
    """Return the document that content holds.

    Raises:
        ValueError: the content is not JSON, or nests deeper than a list of packages can.
    """
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("it nests too deeply") from None

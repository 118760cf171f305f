"""Split a JSON list by its brackets, commas and texts, without reading what is inside its rows (pure)."""

from __future__ import annotations

import re

_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["\[\]{},]', re.DOTALL)
_SPACES = b" \t\r\n"


def split_deep_list(body: bytes) -> list[bytes] | None:
    """Return the rows of a list, whatever they are, or None if the body is not one list with closed brackets.

    >>> split_deep_list(b'[{"a": "],["}, [[]]]'), split_deep_list(b'[{"a": 1}'), split_deep_list(b'[1], [2]')
    ([b'{"a": "],["}', b'[[]]'], None, None)
    """
    body = body.strip(_SPACES)
    if not body.startswith(b"["):
        return None
    rows, depth, start = [], 0, 1
    for token in _TOKEN.finditer(body):
        sign = token[0]
        depth += (sign in (b"[", b"{")) - (sign in (b"]", b"}"))
        if sign == b'"' or (depth == 0 and token.end() < len(body)):  # a text without end, or more than one list
            return None
        if depth == 0 or (depth == 1 and sign == b","):
            rows.append(body[start : token.start()].strip(_SPACES))
            start = token.end()
    return rows if depth == 0 and all(rows) else None

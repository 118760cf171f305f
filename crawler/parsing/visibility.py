"""Decide which rows of the Hub's lists everyone sees (pure).

A response to a request with a token also lists what only the owner of the token sees. The rows say so in `private`, and
rows of the resource group of an organization name the group. A base model that only the owner sees is resolved, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec

from crawler.parsing.rows import NotAListError, split_json_rows
from crawler.response import HttpResponse

PUBLIC = False  # the only value of `private` that makes a row public
PUBLIC_TEXTS = ("none", "false", "0", "0.0", "")
PRIVATE_KEY = re.compile(rb'"private"\s{0,9}:\s{0,9}(?!false\b)')


class ShownRow(msgspec.Struct, gc=False):
    """What a row states about who sees it. The values are of any type."""

    name: object = msgspec.field(name="id", default="")
    key: object = msgspec.field(name="_id", default="")
    private: object = None
    group: object = msgspec.field(name="resourceGroup", default=None)
    bases: object = msgspec.field(name="baseModels", default=None)
    gated: object = None


UNREADABLE = ShownRow()
_LIST_DECODER = msgspec.json.Decoder(list[ShownRow])
_ROW_DECODER = msgspec.json.Decoder(ShownRow)


def read_shown_rows(body: bytes) -> Sequence[ShownRow]:
    """Return what each row of a list states about who sees it. A body that is not a list has no rows."""
    try:
        return _LIST_DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass
    try:
        return [_read_shown_row(raw) for raw in split_json_rows(body)]
    except NotAListError:
        return []


def _read_shown_row(raw: bytes) -> ShownRow:
    try:
        return _ROW_DECODER.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _read_tolerantly(raw)


def _read_tolerantly(raw: bytes) -> ShownRow:
    """Read a row with Python's reader, which accepts NaN and lone surrogates."""
    try:
        row = json.loads(raw)
    except (ValueError, RecursionError):
        return UNREADABLE
    if not isinstance(row, dict):
        return UNREADABLE
    return ShownRow(*map(row.get, ShownRow.__struct_encode_fields__))


def is_private(row: ShownRow) -> bool:
    """Return whether a row states anything but that everyone sees it.

    >>> [is_private(ShownRow(private=value)) for value in (None, False, True, "false", {})]
    [False, False, True, True, True]
    """
    return row.private is not None and row.private is not PUBLIC


def is_members_only(row: ShownRow) -> bool:
    """Return whether a row with a token may be visible to some only: private, of a resource group, or unreadable.

    >>> rows = ShownRow(private=False), ShownRow(private=False, group={"id": "7"}), ShownRow()
    >>> [is_members_only(row) for row in rows]
    [False, True, True]
    """
    return row.private is not PUBLIC or bool(row.group)


def is_public_record(record: Mapping[str, object]) -> bool:
    """Return whether a row of a file says nothing but that everyone sees it. Files write the flag in many ways.

    >>> [is_public_record({"private": value}) for value in (None, False, 0, "0", "False", True, 1, "1", "yes")]
    [True, True, True, True, True, False, False, False, False]
    >>> is_public_record({"private": False, "resourceGroup": {"id": "7"}})
    False
    """
    return str(record.get("private")).lower() in PUBLIC_TEXTS and not record.get("resourceGroup")


def find_doubt(
    rows: Sequence[ShownRow], owned: Collection[str] | None, names_last_row: bool, known: Collection[str]
) -> str:
    """Return why a response to a request with a token cannot be reduced to what everyone sees, '' if it can be.

    `owned` are the namespaces in which the token may show private repositories, None if nothing tells. `known` are ids
    of public repositories. If `names_last_row`, the URL of the next page has the id of the last row.

    >>> find_doubt([ShownRow(private=False), ShownRow(private=True)], (), False, ())
    ''
    >>> find_doubt([ShownRow(private=False), ShownRow(private=True)], (), True, ())
    'the last row of the page is private'
    """
    if any(not is_private(row) and row.private is None for row in rows):
        return "a row does not state whether it is private"
    if any(not is_private(row) and row.group for row in rows):
        return "a repository belongs to a resource group"
    if names_last_row and rows and is_private(rows[-1]):
        return "the last row of the page is private"
    if any(has_doubtful_base(row, owned, known) for row in rows if not is_private(row)):
        return "a base model may be private"
    return ""


def has_doubtful_base(row: ShownRow, owned: Collection[str] | None, known: Collection[str]) -> bool:
    """Return whether a base model that the Hub resolved may be one that only the owner of the token sees.

    >>> row = ShownRow(bases={"relation": "adapter", "models": [{"_id": "7", "id": "lab/base"}]})
    >>> has_doubtful_base(row, {"lab"}, ()), has_doubtful_base(row, {"lab"}, {"7"}), has_doubtful_base(row, {"me"}, ())
    (True, False, False)
    """
    return any(
        base.get("_id") not in known and (owned is None or namespace(base.get("id")) in owned)
        for base in _resolved_bases(row)
    )


def _resolved_bases(row: ShownRow) -> Iterator[Mapping[str, object]]:
    models = row.bases.get("models") if isinstance(row.bases, dict) else None
    for base in models if isinstance(models, list) else ():
        if isinstance(base, dict):
            yield base


def namespace(name: object) -> str:
    """Return the user or organization of a repository, in lower case. A name without one is its own.

    >>> namespace("Lab/base"), namespace("gpt2")
    ('lab', 'gpt2')
    """
    return str(name or "").partition("/")[0].lower()


def public_ids(rows: Sequence[ShownRow], owned: Collection[str] | None) -> set[str]:
    """Return the ids of the public rows of owned namespaces, of all namespaces if `owned` is None."""
    return {
        str(row.key) for row in rows if not is_members_only(row) and (owned is None or namespace(row.name) in owned)
    }


def keep_public_rows(response: HttpResponse, owned: Collection[str] | None, is_member: bool) -> HttpResponse:
    """Return a response with the rows that everyone sees. `hidden` counts the others.

    If `is_member`, the registry answers only with a token. Then doubtful rows are dropped as well, and rows lose base
    models that may be private.
    """
    if not is_member and not PRIVATE_KEY.search(response.body):
        return response
    rows = read_shown_rows(response.body)
    is_dropped = [(is_members_only if is_member else is_private)(row) for row in rows]
    known = public_ids(rows, owned)
    loses_bases = [is_member and has_doubtful_base(row, owned, known) for row in rows]
    if not any(is_dropped) and not any(loses_bases):
        return response
    kept = [
        _without_bases(raw) if loses else raw
        for raw, dropped, loses in zip(split_json_rows(response.body), is_dropped, loses_bases, strict=True)
        if not dropped
    ]
    return replace(
        response, body=b"[" + b",".join(kept) + b"]", hidden=sum(is_dropped), ends_hidden=is_dropped[-1],
        received_sha256=response.sha256,
    )  # fmt: skip


def _without_bases(raw: bytes) -> bytes:
    row = json.loads(raw)
    del row["baseModels"]
    return json.dumps(row).encode("ascii")


def read_owned_namespaces(body: bytes) -> frozenset[str] | None:
    """Return the names of the owner of a token and of the owner's organizations, None if the response is another.

    >>> sorted(read_owned_namespaces(b'{"name": "Me", "orgs": [{"name": "lab"}, {}]}') or ())
    ['lab', 'me']
    """
    try:
        owner = json.loads(body)
        names = [owner["name"], *(organization.get("name") for organization in owner.get("orgs") or ())]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return frozenset(name.lower() for name in names if isinstance(name, str) and name)

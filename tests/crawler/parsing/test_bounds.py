"""A body of any size and shape is read within bounds, or refused in words."""

from __future__ import annotations

import json

import pytest

from crawler.parsing.census_rows import read_census_rows
from crawler.parsing.ecosystems_rows import EcosystemsRow, read_period, reduce_body
from crawler.parsing.huggingface_rows import CardData, HuggingFaceRow, find_parents, make_observation
from crawler.parsing.rows import (
    MAX_NAME_LENGTH,
    MAX_ROW_BYTES,
    MAX_ROWS,
    MAX_TEXT_LENGTH,
    MAX_TEXTS,
    MAX_VALUES,
    NotAListError,
    ParsedRows,
    UnreadableRowError,
    read_row,
    read_rows,
)
from crawler.parsing.rows import split_json_rows as split

DEEP = b'{"name": "a", "downloads": 3, "downloads_period": "total", "x": ' + b"[" * 1500 + b"]" * 1500 + b"}"
HUGE = b'{"name": "a", "downloads": 3, "downloads_period": "total", "x": ' + b"9" * 10_000 + b"}"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[" + b"[]," * (MAX_VALUES + 1) + b"[]]", "too large: it has more than 1,000,000 values"),
        (b"[" + b"1," * MAX_ROWS + b"1]", "too large: it has 20,001 rows"),
        (b"[" + b"1," * MAX_ROWS + b"NaN]", "too large: it has 20,001 rows"),
        (b"[" * 100_000, "not JSON"),
    ],
    ids=["values", "rows", "rows with NaN", "depth"],
)
@pytest.mark.fault("C11")
def test_a_page_of_too_many_rows_or_values_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(NotAListError, match=reason):
        split(body)


@pytest.mark.fault("C11")
def test_a_row_that_is_too_large_is_rejected() -> None:
    row = json.dumps({"id": "a/b", "_id": "0" * 24, "sha": "0" * MAX_ROW_BYTES}).encode()
    with pytest.raises(UnreadableRowError, match="the row is too large"):
        read_row(row, HuggingFaceRow, frozenset({"id"}), [])


@pytest.mark.parametrize("row", [DEEP, HUGE], ids=["deep", "huge number"])
@pytest.mark.fault("C11")
def test_a_field_of_any_depth_or_size_that_is_not_stored_costs_at_most_its_row(row: bytes) -> None:
    other = b'{"name": "b", "downloads": 2, "maintainers": [{"email": "c@d.example"}]}'
    reduced = json.loads(reduce_body(row[:-1] + b"}"))
    assert reduced in ([None], [{"name": "a", "downloads": 3, "downloads_period": "total"}])
    assert json.loads(reduce_body(b"[" + other + b"]")) == [{"name": "b", "downloads": 2}]


def test_the_period_of_a_row_with_a_huge_number_is_read() -> None:
    assert read_period(b"[" + HUGE + b"]", 3) == "total"
    assert read_period(b'[{"name": "a", "downloads_period": 7}]', 3) == "unstated"


REQUIRED = frozenset({"id", "_id"})
FIRST, LAST = ({"id": name, "_id": f"{number:024x}", "sha": "0f"} for number, name in ((1, "a/b"), (3, "a/d")))
DEEP_ROW = b'{"id": "a/c", "x": "],[\\"", "y": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def read_hub_rows(body: bytes) -> ParsedRows:
    """Return the rows of a page of the Hub."""
    fields = {"sha", "tags", "library_name"}
    return read_rows(body, HuggingFaceRow, REQUIRED, lambda row, dropped: make_observation(row, fields, dropped))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sha", "0" * (MAX_TEXT_LENGTH + 1)),
        ("library_name", "@" * (MAX_TEXT_LENGTH + 1)),
        ("tags", ["a", "b" * (MAX_TEXT_LENGTH + 1)]),
        ("tags", ["a"] * (MAX_TEXTS + 1)),
    ],
    ids=["sha", "library", "tag", "tags"],
)
@pytest.mark.fault("C11")
def test_a_text_that_is_too_long_is_unknown_and_its_row_is_kept(field: str, value: object) -> None:
    rows = read_hub_rows(json.dumps([{**FIRST, field: value}, LAST]).encode())
    assert ([row.name for row in rows.observations], rows.rejects) == (["a/b", "a/d"], ())
    (event,) = rows.events
    assert (event.kind, event.after) == ("schema_type_change", field)
    assert "of length <=" in event.evidence
    assert {"sha": rows.observations[0].sha is None, "library_name": "library" not in rows.observations[0].attributes,
            "tags": "tags" not in rows.observations[0].attributes}[field]  # fmt: skip


def test_a_status_or_a_licence_of_ecosystems_that_is_too_long_is_unknown() -> None:
    raw = json.dumps({"name": "six", "status": "x" * 10**5, "normalized_licenses": ["y" * 10**5]}).encode()
    dropped: list[tuple[str, str]] = []
    read_row(raw, EcosystemsRow, frozenset({"name"}), dropped)
    assert [field for field, _ in dropped] == ["status", "normalized_licenses"]


def test_a_base_model_whose_name_is_too_long_is_no_name() -> None:
    card = CardData(["a/b", "c" * (MAX_NAME_LENGTH + 1)])
    assert [parent.name for parent in find_parents(None, [], card)] == ["a/b"]


@pytest.mark.parametrize("other", [b"", b"NaN, "], ids=["deep", "deep and NaN"])
@pytest.mark.fault("C11")
def test_a_row_that_is_too_deep_is_rejected_alone(other: bytes) -> None:
    first, last = (json.dumps(row).encode() for row in (FIRST, LAST))
    body = b" [" + other + first + b" ," + DEEP_ROW + b", " + last + b"]\n"
    rows, census = read_hub_rows(body), read_census_rows(body, HuggingFaceRow)
    assert [row.name for row in rows.observations] == ["a/b", "a/d"]
    assert [(reject.position, "recursion" in reject.reason) for reject in rows.rejects][-1] == (1 + bool(other), True)
    assert (list(census.columns.id), len(census.rejects)) == (["a/b", "a/d"], len(rows.rejects))


@pytest.mark.parametrize(
    "body",
    [
        DEEP_ROW,
        b"[" + DEEP_ROW,
        b"[" + DEEP_ROW + b"],[]",
        b"[" + DEEP_ROW + b",,1]",
        b"[" + DEEP_ROW + b', "a]',
        b"[" * (MAX_VALUES + 1) + b"]" * (MAX_VALUES + 1),
        b"[" + DEEP_ROW + b', "' + b'\\"' * 10**6 + b"]",
    ],
    ids=["object", "cut", "two lists", "no row", "cut text", "brackets", "quotes"],
)
@pytest.mark.fault("C11")
def test_a_deep_body_that_is_no_list_is_refused_in_linear_time(body: bytes) -> None:
    with pytest.raises(NotAListError, match="not JSON"):
        split(body)

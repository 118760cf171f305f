"""Rows that everyone sees are kept as they came, whatever the other rows hold."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.hub_access import EVERYONE, OWNER, HubAccess
from crawler.parsing.visibility import find_doubt, keep_public_rows, read_shown_rows
from crawler.response import HttpResponse

PRIVATE_VALUES = (True, "true", "false", 1, 0, 1.5, [], {}, "")


def make_response(rows: list[dict[str, object]]) -> HttpResponse:
    """Return a response with a list."""
    return HttpResponse("https://hub.example/api/models", 200, {}, json.dumps(rows).encode(), 0)


def make_row(number: int, private: object, **fields: object) -> dict[str, object]:
    """Return a row of a list."""
    return {"_id": f"{number:024x}", "id": f"lab/{number}", "private": private, **fields}


@given(st.lists(st.sampled_from((False, *PRIVATE_VALUES)), max_size=8), st.booleans())
@pytest.mark.fault("G8")
def test_the_rows_of_a_page_are_kept_or_counted(flags: list[object], is_member: bool) -> None:
    rows = [make_row(number, flag, tags=['"private": true']) for number, flag in enumerate(flags)]
    response = make_response(rows)
    public = keep_public_rows(response, None, is_member)
    assert json.loads(public.body) == [row for row, flag in zip(rows, flags, strict=True) if flag is False]
    assert public.hidden == len(flags) - sum(flag is False for flag in flags)
    assert public.ends_hidden == bool(flags and flags[-1] is not False)
    assert public.sha256 == response.sha256


@pytest.mark.parametrize(
    "row", [b'{"id": "a/b", "private": true, "score": NaN}', b'{"id": "\\ud800", "private": true}']
)
@pytest.mark.fault("G8")
def test_a_private_row_that_no_strict_reader_reads_is_dropped(row: bytes) -> None:
    response = HttpResponse("https://hub.example/api/models", 200, {}, b"[" + row + b', {"id": "c/d"}]', 0)
    assert json.loads(keep_public_rows(response, None, False).body) == [{"id": "c/d"}]


@pytest.mark.parametrize("row", [{}, {"private": None}, {"private": False, "resourceGroup": {"id": "7"}}, 5, None])
@pytest.mark.fault("G8")
def test_a_row_of_which_a_token_may_show_more_leaves_a_doubt(row: object) -> None:
    rows = read_shown_rows(json.dumps([make_row(1, False), row, make_row(2, False)]).encode())
    assert find_doubt(rows, (), True, ())
    body = json.dumps([row, make_row(2, False)]).encode()
    assert keep_public_rows(HttpResponse("", 200, {}, body, 0), (), True).hidden == 1


@pytest.mark.fault("G8")
def test_a_base_is_known_to_be_public_from_its_own_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_pretend")
    base = {"relation": "adapter", "models": [{"_id": f"{1:024x}", "id": "lab/1"}]}
    pages = [read_shown_rows(json.dumps([row]).encode())
             for row in (make_row(1, False), make_row(2, False, baseModels=base))]  # fmt: skip
    for order, view in ((pages, OWNER), (pages[::-1], EVERYONE)):
        access = HubAccess()
        assert [access.needs_owner(page) for page in pages] == [False, True]
        access.owned = frozenset({"lab"})
        for page in order:
            access.leaves_doubt(page, True)
        assert access.view == view


@pytest.mark.fault("G8")
def test_a_page_whose_position_only_the_owner_has_loses_its_doubtful_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_pretend")
    access, response = HubAccess(), make_response([make_row(1, False), make_row(2, False, resourceGroup={"id": "7"})])
    assert not access.leaves_doubt(read_shown_rows(response.body), True, is_movable=False)
    assert keep_public_rows(response, access.owned, access.is_member).hidden == 1

"""D1: any field of a row goes away, changes its name, its type or its size. It is never a crash and never silent."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from crawler.parsing import ecosystems_rows as ecosystems
from crawler.parsing import huggingface_rows as huggingface
from crawler.parsing.rows import ParsedRows, read_rows

HUB = {
    "_id": "621ffdc036468d709f17434d", "id": "a/b", "downloads": 50, "likes": 5, "downloadsAllTime": 500,
    "trendingScore": 1.5, "createdAt": "2022-03-02T23:29:04.000Z", "lastModified": "2024-03-02T23:29:04.000Z",
    "sha": "0" * 40, "gated": False, "disabled": False, "library_name": "transformers", "pipeline_tag": "fill-mask",
    "sdk": "gradio", "safetensors": {"total": 7}, "tags": ["pytorch", "license:mit"],
    "baseModels": {"relation": "finetune", "models": [{"id": "c/d", "_id": "621ffdc036468d709f17434e"}]},
}  # fmt: skip
PACKAGE = {
    "name": "left-pad", "downloads": 50, "downloads_period": "last-month", "dependent_packages_count": 5,
    "dependent_repos_count": 6, "status": None, "last_synced_at": "2024-03-02T23:29:04.000Z",
    "first_release_published_at": "2014-03-02T23:29:04.000Z",
    "latest_release_published_at": "2024-03-02T23:29:04.000Z", "normalized_licenses": ["MIT"],
}  # fmt: skip
LONG = "x" * 10**5
REQUIRED = {"_id", "id", "name"}
OTHERS = ("text", 7, -1, 1.5, 2**70, True, None, [], ["x"], {}, {"a": {"b": ["c"]}}, LONG, [[[[1]]]])
ALSO_FITS = {  # values that are of the field's own type, or mean that there is none
    "gated": ("text", True, LONG), "disabled": (True,), "trendingScore": (7, -1, 1.5, 2**70),
    "tags": (["x"], []), "normalized_licenses": (["x"], []), "safetensors": ({}, {"a": {"b": ["c"]}}),
    **dict.fromkeys(("downloads", "likes", "downloadsAllTime", "dependent_packages_count", "dependent_repos_count"),
                    (7,)),
    **dict.fromkeys(("sha", "library_name", "pipeline_tag", "sdk", "status", "downloads_period", "name", "id"),
                    ("text", LONG)),
}  # fmt: skip


def hub(rows: list[dict[str, object]]) -> ParsedRows:
    known = set(huggingface.EXPAND_FIELDS["models"])
    return read_rows(
        json.dumps(rows).encode(), huggingface.HuggingFaceRow, frozenset({"_id", "id"}),
        lambda row: huggingface.make_observation(row, known),
    )  # fmt: skip


def package(rows: list[dict[str, object]]) -> ParsedRows:
    return read_rows(
        json.dumps(rows).encode(),
        ecosystems.EcosystemsRow,
        frozenset({"name"}),
        lambda row: ecosystems.make_observation(row, "npm"),
    )


CASES = [(hub, HUB, field) for field in HUB] + [(package, PACKAGE, field) for field in PACKAGE]
EACH = pytest.mark.parametrize(("read", "row", "field"), CASES, ids=lambda part: part if isinstance(part, str) else "")
Read = Callable[[list[dict[str, object]]], ParsedRows]


@EACH
@pytest.mark.fault("D1")
def test_a_field_of_another_type_or_size_is_kept_where_it_fits_and_noted_where_it_does_not(
    read: Read, row: dict[str, object], field: str
) -> None:
    for value in OTHERS:
        found = read([{**row, field: value}, row])
        assert (found.received, len(found.observations) + len(found.rejects)) == (2, 2), value
        fits = value is None or any(value is one or value == one for one in ALSO_FITS.get(field, ()))
        noted = [event.after for event in found.events]
        if field in REQUIRED:
            assert bool(found.rejects) != (value in ("text", LONG) and field != "_id" and len(str(value)) < 301)
            assert all(reject.reason for reject in found.rejects)
        else:
            assert noted == ([] if fits else [field]), value


@EACH
@pytest.mark.fault("D1")
def test_a_field_that_is_gone_or_has_another_name_is_unknown_or_refuses_its_row(
    read: Read, row: dict[str, object], field: str
) -> None:
    without = {name: value for name, value in row.items() if name != field}
    for changed in (without, {**without, f"{field}s": row[field]}):
        found = read([changed, row])
        assert bool(found.rejects) == (field in REQUIRED), field
        assert not found.events


@pytest.mark.parametrize(("read", "row"), [(hub, HUB), (package, PACKAGE)], ids=["hub", "package"])
@pytest.mark.fault("D1")
def test_rows_that_are_no_objects_are_refused_one_by_one(read: Read, row: dict[str, object]) -> None:
    others: list[object] = [None, 7, "text", [], True, [row], {}]
    found = read([row, *others, row])  # type: ignore[list-item]
    assert (len(found.observations), len(found.rejects)) == (2, len(others))

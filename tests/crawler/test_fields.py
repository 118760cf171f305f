"""A field of a row that vanishes or changes its name, type or size is noted, and never crashes the reader."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from crawler.parsing.ecosystems_rows import EcosystemsRow
from crawler.parsing.ecosystems_rows import make_observation as observe_package
from crawler.parsing.huggingface_rows import EXPAND_FIELDS, HuggingFaceRow
from crawler.parsing.huggingface_rows import make_observation as observe_model
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
LONG, TOO_LONG = "x" * 10_000, "x" * 10_001
REQUIRED = {"_id", "id", "name"}
NEVER_NULL = {"tags", "normalized_licenses"}  # an empty list is the value for none
OTHER_VALUES = ("text", 7, -1, 1.5, 2**70, True, None, [], ["x"], {}, {"a": {"b": ["c"]}}, LONG, TOO_LONG, [[[[1]]]])
ALSO_FITS = {  # values of the field's own type, or values that mean no value
    "gated": ("text", True, LONG), "disabled": (True,), "trendingScore": (7, -1, 1.5, 2**70),
    "tags": (["x"], []), "normalized_licenses": (["x"], []), "safetensors": ({}, {"a": {"b": ["c"]}}),
    **dict.fromkeys(("downloads", "likes", "downloadsAllTime", "dependent_packages_count", "dependent_repos_count"),
                    (7,)),
    **dict.fromkeys(("sha", "library_name", "pipeline_tag", "sdk", "status", "downloads_period", "name", "id"),
                    ("text", LONG)),
}  # fmt: skip


def read_hub_rows(rows: Sequence[object]) -> ParsedRows:
    fields = set(EXPAND_FIELDS["models"])
    return read_rows(
        json.dumps(rows).encode(),
        HuggingFaceRow,
        frozenset({"_id", "id"}),
        lambda row, dropped: observe_model(row, fields, dropped),
    )


def read_package_rows(rows: Sequence[object]) -> ParsedRows:
    return read_rows(
        json.dumps(rows).encode(), EcosystemsRow, frozenset({"name"}), lambda row, _: observe_package(row, "npm")
    )


ReadRows = Callable[[Sequence[object]], ParsedRows]
CASES = [(read_hub_rows, HUB, field) for field in HUB] + [(read_package_rows, PACKAGE, field) for field in PACKAGE]
EACH = pytest.mark.parametrize(("read", "row", "field"), CASES, ids=lambda part: part if isinstance(part, str) else "")


@EACH
@pytest.mark.fault("D1")
def test_a_field_of_another_type_or_size_is_stored_if_it_fits_and_noted_otherwise(
    read: ReadRows, row: dict[str, object], field: str
) -> None:
    for value in OTHER_VALUES:
        rows = read([{**row, field: value}, row])
        assert (rows.received, len(rows.observations) + len(rows.rejects)) == (2, 2), value
        also_fits = any(value is fit or value == fit for fit in ALSO_FITS.get(field, ()))
        fits = also_fits or (value is None and field not in NEVER_NULL)
        if field in REQUIRED:
            assert bool(rows.rejects) != (value in ("text", LONG) and field != "_id" and len(str(value)) < 301)
            assert all(reject.reason for reject in rows.rejects)
        else:
            assert [event.after for event in rows.events] == ([] if fits else [field]), value


@EACH
@pytest.mark.fault("D1")
def test_a_missing_or_renamed_field_is_unknown_and_rejects_its_row_if_required(
    read: ReadRows, row: dict[str, object], field: str
) -> None:
    without = {name: value for name, value in row.items() if name != field}
    for changed in (without, {**without, f"{field}s": row[field]}):
        rows = read([changed, row])
        assert bool(rows.rejects) == (field in REQUIRED), field
        assert not rows.events


@pytest.mark.parametrize(("read", "row"), [(read_hub_rows, HUB), (read_package_rows, PACKAGE)], ids=["hub", "package"])
@pytest.mark.fault("D1")
def test_rows_that_are_not_objects_are_rejected_one_by_one(read: ReadRows, row: dict[str, object]) -> None:
    invalid_rows: list[object] = [None, 7, "text", [], True, [row], {}]
    rows = read([row, *invalid_rows, row])
    assert (len(rows.observations), len(rows.rejects)) == (2, len(invalid_rows))

"""Metrics are found by their folder, and results are checked."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from pandas import DataFrame

from analysis.compute.metric import Metric, Result, list_metrics, select_metrics
from analysis.metrics import turnover
from db import UsageError


def empty_metric(ranking: DataFrame) -> Iterator[Result]:
    yield from ()


def test_every_public_function_of_the_folder_is_a_metric() -> None:
    assert [metric.name for metric in list_metrics()] == [
        "agreement", "concentration", "descendants", "descendants_as_published", "documentation",
        "documentation_as_published", "kinship", "population", "preservation", "preservation_as_published", "turnover",
        "turnover_as_published",
    ]  # fmt: skip


def test_parameter_names_are_relations():
    relations = ("flows", "ranking", "previous_ranking", "renames")
    assert select_metrics("turnover_as_published")[0].relations == relations


def test_the_version_is_that_of_the_file(monkeypatch):
    monkeypatch.setattr(turnover, "VERSION", 7)
    assert {metric.version for metric in list_metrics() if metric.name.startswith("turnover")} == {7}


def test_an_unknown_metric_is_a_usage_error_with_a_suggestion():
    with pytest.raises(UsageError) as error:
        select_metrics("turnvoer")
    assert error.value.why == "Did you mean turnover?"


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_not_finite_is_rejected(value):
    with pytest.raises(ValueError, match="not finite"):
        Result("turnover", value, note="a note")


def test_an_undefined_value_needs_a_note():
    with pytest.raises(ValueError, match="no note says why"):
        Result("turnover", None)


def test_a_metric_that_yields_nothing_still_has_a_result():
    (result,) = Metric("silent", 1, empty_metric, ("ranking",)).compute(3, lambda _: DataFrame())
    assert (result.snapshot, result.name, result.value) == (3, "silent", None)
    assert result.note

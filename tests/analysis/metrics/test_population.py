"""Rates a week between two censuses, and why there is none where there is none."""

from __future__ import annotations

from pandas import DataFrame

from analysis.metrics.population import FIRST_CENSUS, NAMES_ONLY, NO_CENSUS, OVERWRITTEN, population

COLUMNS = ("dimension", "category", "packages", "births", "returns", "deaths", "edits", "days", "previous")


def results(*rows):
    return {one.name: one for one in population(DataFrame(rows, columns=COLUMNS))}


def test_a_rate_is_of_seven_days_and_says_what_it_counts():
    found = results(("", "", 100, 10, 1, 4, 30, 14.0, 5), ("task", "text-generation", 40, 6, 0, 2, 9, 14.0, 5))
    assert {name: one.value for name, one in found.items()} == {
        "population": 100.0, "births": 5.0, "returns": 0.5, "deaths": 2.0, "edits": 15.0,
        "population.task.text-generation": 40.0, "births.task.text-generation": 3.0,
        "returns.task.text-generation": 0.0, "deaths.task.text-generation": 1.0, "edits.task.text-generation": 4.5,
    }  # fmt: skip
    assert (
        found["births"].note.startswith("a week, over 14.0 days; births: ") and found["births"].previous_snapshot == 5
    )
    assert {one.n for one in found.values()} == {100, 40}
    assert {(one.low, one.high) for one in found.values()} == {(None, None)}


def test_the_first_census_has_no_rates():
    found = results(("", "", 7, 0, 0, 0, 0, -1.0, -1))
    assert found["population"].value == 7
    assert {found[name].value for name in ("births", "deaths", "edits")} == {None}
    assert found["births"].note == FIRST_CENSUS


def test_edits_that_a_later_census_has_overwritten_are_undefined():
    found = results(("", "", 7, 1, 0, 0, -1, 7.0, 2))
    assert (found["edits"].value, found["edits"].note, found["births"].value) == (None, OVERWRITTEN, 1.0)


def test_edits_of_a_census_of_names_are_undefined_and_not_none():
    found = results(("", "", 7, 1, 0, 0, -2, 7.0, 2))
    assert (found["edits"].value, found["edits"].note, found["births"].value) == (None, NAMES_ONLY, 1.0)


def test_what_is_no_census_has_one_line():
    assert [(one.name, one.value, one.note) for one in results().values()] == [("population", None, NO_CENSUS)]

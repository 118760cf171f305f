"""Rates per week between two censuses, and the notes of undefined rates."""

from __future__ import annotations

from pandas import DataFrame

from analysis.metrics.population import FIRST_CENSUS, NAMES_ONLY, NO_CENSUS, OVERWRITTEN, population

COLUMNS = ("dimension", "category", "packages", "births", "returns", "deaths", "edits", "days", "previous")


def results(*rows):
    return {result.name: result for result in population(DataFrame(rows, columns=COLUMNS))}


def test_a_rate_is_per_week_and_its_note_defines_it():
    by_name = results(("", "", 100, 10, 1, 4, 30, 14.0, 5), ("task", "text-generation", 40, 6, 0, 2, 9, 14.0, 5))
    assert {name: result.value for name, result in by_name.items()} == {
        "population": 100.0, "births": 5.0, "returns": 0.5, "deaths": 2.0, "edits": 15.0,
        "population.task.text-generation": 40.0, "births.task.text-generation": 3.0,
        "returns.task.text-generation": 0.0, "deaths.task.text-generation": 1.0, "edits.task.text-generation": 4.5,
    }  # fmt: skip
    assert (
        by_name["births"].note.startswith("per week, over 14.0 days; births: ")
        and by_name["births"].previous_snapshot == 5
    )
    assert {result.n for result in by_name.values()} == {100, 40}
    assert {(result.low, result.high) for result in by_name.values()} == {(None, None)}


def test_the_first_census_has_no_rates():
    by_name = results(("", "", 7, 0, 0, 0, 0, -1.0, -1))
    assert by_name["population"].value == 7
    assert {by_name[name].value for name in ("births", "deaths", "edits")} == {None}
    assert by_name["births"].note == FIRST_CENSUS


def test_edits_that_a_later_census_has_overwritten_are_undefined():
    by_name = results(("", "", 7, 1, 0, 0, -1, 7.0, 2))
    assert (by_name["edits"].value, by_name["edits"].note, by_name["births"].value) == (None, OVERWRITTEN, 1.0)


def test_edits_of_a_census_of_names_are_undefined_and_not_zero():
    by_name = results(("", "", 7, 1, 0, 0, -2, 7.0, 2))
    assert (by_name["edits"].value, by_name["edits"].note, by_name["births"].value) == (None, NAMES_ONLY, 1.0)


def test_a_snapshot_that_is_not_a_census_has_one_undefined_result():
    assert [(result.name, result.value, result.note) for result in results().values()] == [
        ("population", None, NO_CENSUS)
    ]

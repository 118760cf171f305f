"""`observatory top`: one list, and who came and went since another, in a new process."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from tests.analysis.conftest import History
from tests.analysis.lookups import read_lookup, run_lookup

HUB = "huggingface/models"


def test_the_newest_list_is_compared_with_the_list_of_an_earlier_day(lookup_store: Path) -> None:
    document = read_lookup(lookup_store, "top", HUB, "--limit", "3")
    assert (document["list"]["date"], document["list"]["depth"], document["previous"]["date"]) == (
        "2026-03-02", 4, "2026-02-01",
    )  # fmt: skip
    assert [(row["rank"], row["name"], row["value"], row["rise"], row["change"]) for row in document["packages"]] == [
        (1, "owner/beta", 300, 5, "returned"),
        (2, "owner/gamma", 200, -1, None),
        (3, "owner/alpha-v2", 120, -1, None),
    ]
    assert [(move["change"], move["name"], move["reason"]) for move in document["moves"]] == [
        ("returned", "owner/beta", "last in the top 3 on 2026-01-01"),
        ("left", "owner/epsilon", "dropped below rank 4, or removed"),
    ]


def test_dates_choose_both_lists_and_a_partial_list_is_never_used(lookup_store: Path) -> None:
    document = read_lookup(lookup_store, "top", HUB, "--date", "2026-03-01", "--since", "2026-01-20", "--limit", "3")
    assert (document["list"]["date"], document["previous"]["date"]) == ("2026-02-01", "2026-01-01")
    assert [(move["change"], move["name"], move["reason"]) for move in document["moves"]] == [
        ("renamed", "owner/alpha-v2", "renamed, not counted: owner/alpha → owner/alpha-v2"),
        ("entered", "owner/epsilon", "listed for the first time"),
        ("left", "owner/beta", "fell to rank 6"),
    ]


def test_a_package_that_came_between_two_compared_lists_has_entered(lookup_store: Path) -> None:
    document = read_lookup(lookup_store, "top", HUB, "--since", "2026-01-01", "--limit", "4")
    assert {move["name"]: move["change"] for move in document["moves"]} == {
        "owner/alpha-v2": "renamed",
        "owner/zeta": "entered",
        "twin": "left",
    }


def test_the_first_stored_list_stands_for_its_day_and_the_other_is_not_its_previous_list(lookup_store: Path) -> None:
    document = read_lookup(lookup_store, "top", HUB, "--limit", "2")
    assert (document["list"]["depth"], document["previous"]["date"]) == (4, "2026-02-01")


def test_ties_and_a_short_list_are_said(lookup_store: Path) -> None:
    document = read_lookup(lookup_store, "top", HUB, "--limit", "3")
    assert document["ties"] == [{"first": 3, "last": 3, "value": 120, "is_open": True}]
    document = read_lookup(lookup_store, "top", HUB, "--limit", "10")
    assert (document["requested"], document["k"]) == (10, 4)
    assert document["ties"] == [{"first": 3, "last": 4, "value": 120, "is_open": False}]
    text = " ".join(run_lookup(lookup_store, "top", HUB, "--limit", "10").stdout.split())
    assert "The list has 4 ranks, not 10." in text
    assert "Ties: ranks 3 to 4 have 120. The order of equal counters has no meaning." in text
    assert read_lookup(lookup_store, "top", "npm")["ties"][0]["is_open"]


def test_a_first_list_has_nothing_to_compare_with(lookup_store: Path) -> None:
    document = read_lookup(lookup_store, "top", "npm")
    assert (document["previous"], document["moves"]) == (None, [])
    assert {row["change"] for row in document["packages"]} == {None}
    words = " ".join(run_lookup(lookup_store, "top", "npm").stdout.split())
    assert "has 3 ranks and the same counter. So nothing is compared." in words


def test_a_redacted_package_leaves_its_rank_empty(lookup_store: Path) -> None:
    document = read_lookup(lookup_store, "top", HUB, "--date", "2026-01-01")
    assert [row["rank"] for row in document["packages"]] == [1, 2, 3, 4, 6]
    assert document["missing_ranks"] == 1


def test_csv_has_a_row_for_each_package_of_both_lists(lookup_store: Path) -> None:
    text = run_lookup(lookup_store, "top", HUB, "--limit", "3", "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["name"], row["rank"], row["previous_rank"], row["change"], row["value"]) for row in rows] == [
        ("owner/beta", "1", "6", "returned", "300"),
        ("owner/gamma", "2", "1", "", "200"),
        ("owner/alpha-v2", "3", "2", "", "120"),
        ("owner/epsilon", "", "3", "left", ""),
    ]


@pytest.mark.fault("E5")
def test_no_cell_of_the_csv_of_a_list_is_a_formula(history: History) -> None:
    names = ("=HYPERLINK(1)", "@scope/a", "+b", "-c", "plain")
    history.add_snapshot("2026-01-01", [(name, 9 - rank) for rank, name in enumerate(names)])
    text = run_lookup(history.path, "top", HUB, "--format", "csv").stdout
    assert [row["name"] for row in csv.DictReader(io.StringIO(text))] == [
        "'=HYPERLINK(1)", "'@scope/a", "'+b", "'-c", "plain",
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["text", "csv", "json"])
def test_no_name_controls_the_terminal(lookup_store: Path, form: str) -> None:
    output = run_lookup(lookup_store, "top", "npm", "--format", form).stdout
    assert "red" in output
    assert not {"\x1b", "\u202e"} & set(output)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("nmp",), 2, "Did you mean npm?"),
        ((HUB, "--since", "2026-03-02"), 2, "--since 2026-03-02 is not before the day of the list, 2026-03-02."),
        ((HUB, "--date", "2026-03-01", "--since", "2026-02-15"), 2, "is not before the day of the list, 2026-02-01."),
        ((HUB, "--by", "likes"), 1, "It has: 4 by downloads of the last 30 days, from 2026-01-01 to 2026-03-02."),
        ((HUB, "--date", "2025-12-31"), 1, "of 2025-12-31 or earlier"),
    ],
)
def test_what_the_store_does_not_have_is_an_error(
    lookup_store: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    process = run_lookup(lookup_store, "top", *words)
    assert (process.returncode, message in process.stderr) == (code, True), process.stderr


@pytest.mark.parametrize("columns", [60, 80])
def test_no_line_of_a_list_is_longer_than_the_terminal(lookup_store: Path, columns: int) -> None:
    lines = run_lookup(lookup_store, "top", HUB, "--limit", "4", columns=columns).stdout.splitlines()
    assert [line for line in lines if len(line) > columns] == []
    assert "     3      -1  owner/alpha-v2        120" in lines
    assert "     4     new  owner/zeta            120" in lines


def test_a_simulated_list_says_so_and_links_to_no_page(history: History) -> None:
    history.add_snapshot("2026-01-01", [("owner/a", 2), ("owner/b", 1)], source="http://127.0.0.1:4711")
    document, package = read_lookup(history.path, "top", HUB), read_lookup(history.path, "show", "owner/a")
    for warning in (document["warning"], package["warning"]):
        assert warning.startswith(
            "Simulated or local, not a public registry: snapshots come from http://127.0.0.1:4711."
        )
    assert [row["url"] for row in document["packages"]] == [package["url"]] * 2 == [None, None]
    for command in (("top", HUB), ("show", "owner/a")):
        assert "Simulated or local, not a public registry" in run_lookup(history.path, *command).stdout


def test_each_counter_of_an_order_has_its_line_in_the_error(history: History) -> None:
    for day, counter in enumerate(("last-30-days", "total"), 1):
        history.add_snapshot(f"2026-01-0{day}", [("a", 2)], counter=counter)
    why = run_lookup(history.path, "top", HUB, "--by", "likes").stderr
    assert "1 by downloads of all time, from 2026-01-02 to 2026-01-02; 1 by downloads of the last 30 days" in why


def test_the_headings_of_moves_are_those_of_the_report(lookup_store: Path) -> None:
    lines = run_lookup(lookup_store, "top", HUB, "--limit", "3").stdout.splitlines()
    assert [line for line in lines if "compared with" in line and line.endswith(": 1")] == [
        "Back in the top 3, compared with 2026-02-01: 1",
        "Left the top 3, compared with 2026-02-01: 1",
    ]

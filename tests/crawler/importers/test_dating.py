"""Of which day a past list is, by what it holds."""

from __future__ import annotations

from datetime import date

import pytest

from crawler.importers._dating import ListContent, date_content, load_reference_points
from crawler.response import Observation

HUB = "huggingface/models"


def told(rows: int, label: str, hardly: float = 0.2, names: tuple[str, ...] = (), newest: str | None = None, of=HUB):
    content = ListContent(rows, int(rows * hardly), set(names), newest and date.fromisoformat(newest))
    return date_content(content, date.fromisoformat(label), load_reference_points(of))


@pytest.mark.parametrize(
    ("rows", "label"),
    [(10_406, "2021-06-19"), (29_432, "2022-02-15"), (55_524, "2022-07-02"), (41_000, "2022-05-01"),
     (2_161_698, "2025-10-23"), (3_250_000, "2026-11-20"), (9_000, "2021-05-01")],
)  # fmt: skip
def test_a_whole_list_of_about_the_size_the_hub_had_is_believed(rows: int, label: str) -> None:
    assert told(rows, label).events == ()
    assert "fit its date" in told(rows, label).summary


@pytest.mark.parametrize(
    ("rows", "label", "found"),
    [(10_406, "2022-06-19", "2021-06-19"), (55_524, "2021-06-19", "2022-07-02"), (29_432, "2022-07-02", "2022-02-15"),
     (289_000, "2025-11-24", "2023-09-22"), (55_524, "2020-01-01", "2022-07-02")],
)  # fmt: skip
def test_a_whole_list_of_another_size_is_dated_by_it_and_the_label_is_contradicted(
    rows: int, label: str, found: str
) -> None:
    (event,) = told(rows, label).events
    assert (event.kind, event.severity, event.before, event.after) == ("date_contradicted", "error", label, found)
    assert f"{rows:,} packages" in event.evidence


def test_the_reason_names_well_known_packages_that_are_lacking() -> None:
    (event,) = told(10_406, "2022-06-19", names=tuple(map(str, range(10_406)))).events
    assert "lacks 4 well-known packages" in event.evidence
    assert "all-MiniLM-L6-v2" in event.evidence


def test_the_size_of_a_top_does_not_date_it_and_that_is_said() -> None:
    for content in (told(1000, "2022-06-19"), told(10_406, "2022-06-19", hardly=0)):
        assert content.events == ()
        assert "top only" in content.summary


def test_the_size_of_a_selection_with_younger_packages_does_not_date_it() -> None:
    content = told(15_904, "2026-08-22", names=("moonshotai/Kimi-K3",))
    assert content.events == ()
    assert "selection" in content.summary


def test_a_top_that_names_a_package_made_later_is_younger_than_its_label() -> None:
    (event,) = told(1000, "2022-06-19", names=("meta-llama/Llama-2-7b-chat-hf",)).events
    assert (event.after, "meta-llama" in event.evidence) == ("2023-07-13", True)


def test_a_long_list_without_a_row_of_its_last_weeks_is_older_than_its_label() -> None:
    (event,) = told(1000, "2022-06-19", newest="2021-06-19").events
    assert "365 days older" in event.evidence
    assert told(1000, "2022-06-19", newest="2022-05-30").events == ()
    assert told(20, "2022-06-19", newest="2021-06-19").events == ()


def test_the_size_of_a_registry_nobody_counted_says_nothing() -> None:
    assert told(10_406, "2022-06-19", of="npm").events == ()
    assert "not known" in told(10_406, "2022-06-19", of="npm").summary


def test_a_list_of_ranks_alone_does_not_show_its_end() -> None:
    from crawler.importers._dating import summarize_content

    rows = [Observation(f"name:{number}", str(number)) for number in range(6000)]
    assert summarize_content(rows, "downloads", None, None).near_zero == 0
    counted = [Observation(f"name:{number}", str(number), downloads=number) for number in range(6000)]
    assert summarize_content(counted, "downloads", 7000, None).near_zero == 2 + 1000

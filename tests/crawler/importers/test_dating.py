"""The content of a past list confirms or contradicts its date."""

from __future__ import annotations

from datetime import date

import pytest

from crawler.importers._dating import DatingResult, ListContent, date_content, load_reference_points, summarize_content
from crawler.response import Observation

HUB = "huggingface/models"


def date_list(
    rows: int, label: str, near_zero_share: float = 0.2, names: tuple[str, ...] = (), newest: str | None = None,
    registry: str = HUB,
) -> DatingResult:  # fmt: skip
    newest_day = date.fromisoformat(newest) if newest else None
    content = ListContent(rows, int(rows * near_zero_share), set(names), newest_day)
    return date_content(content, date.fromisoformat(label), load_reference_points(registry))


@pytest.mark.parametrize(
    ("rows", "label"),
    [(10_406, "2021-06-19"), (29_432, "2022-02-15"), (55_524, "2022-07-02"), (41_000, "2022-05-01"),
     (2_161_698, "2025-10-23"), (3_250_000, "2026-11-20"), (9_000, "2021-05-01")],
)  # fmt: skip
def test_a_whole_list_of_about_the_expected_size_fits_its_date(rows: int, label: str) -> None:
    assert date_list(rows, label).events == ()
    assert "fit its date" in date_list(rows, label).summary


@pytest.mark.parametrize(
    ("rows", "label", "implied"),
    [(10_406, "2022-06-19", "2021-06-19"), (55_524, "2021-06-19", "2022-07-02"), (29_432, "2022-07-02", "2022-02-15"),
     (289_000, "2025-11-24", "2023-09-22"), (55_524, "2020-01-01", "2022-07-02")],
)  # fmt: skip
def test_a_whole_list_of_another_size_contradicts_its_label(rows: int, label: str, implied: str) -> None:
    (event,) = date_list(rows, label).events
    assert (event.kind, event.severity, event.before, event.after) == ("date_contradicted", "error", label, implied)
    assert f"{rows:,} packages" in event.evidence


def test_the_evidence_names_missing_well_known_packages() -> None:
    (event,) = date_list(10_406, "2022-06-19", names=tuple(map(str, range(10_406)))).events
    assert "lacks 4 well-known packages" in event.evidence
    assert "all-MiniLM-L6-v2" in event.evidence


def test_the_size_of_a_top_does_not_date_it() -> None:
    for result in (date_list(1000, "2022-06-19"), date_list(10_406, "2022-06-19", near_zero_share=0)):
        assert result.events == ()
        assert "only the top" in result.summary


def test_the_size_of_a_selection_with_younger_packages_does_not_date_it() -> None:
    result = date_list(15_904, "2026-08-22", names=("moonshotai/Kimi-K3",))
    assert result.events == ()
    assert "selection" in result.summary


def test_a_top_with_a_package_created_later_is_younger_than_its_label() -> None:
    (event,) = date_list(1000, "2022-06-19", names=("meta-llama/Llama-2-7b-chat-hf",)).events
    assert (event.after, "meta-llama" in event.evidence) == ("2023-07-13", True)


def test_a_long_list_without_rows_of_its_last_weeks_is_older_than_its_label() -> None:
    (event,) = date_list(1000, "2022-06-19", newest="2021-06-19").events
    assert "365 days older" in event.evidence
    assert date_list(1000, "2022-06-19", newest="2022-05-30").events == ()
    assert date_list(20, "2022-06-19", newest="2021-06-19").events == ()


def test_a_registry_without_known_counts_does_not_date_a_list() -> None:
    assert date_list(10_406, "2022-06-19", registry="npm").events == ()
    assert "not known" in date_list(10_406, "2022-06-19", registry="npm").summary


def test_a_list_of_ranks_alone_does_not_show_its_end() -> None:
    rows = [Observation(f"name:{number}", str(number)) for number in range(6000)]
    assert summarize_content(rows, "downloads", None, None).near_zero == 0
    observations = [Observation(f"name:{number}", str(number), downloads=number) for number in range(6000)]
    assert summarize_content(observations, "downloads", 7000, None).near_zero == 2 + 1000

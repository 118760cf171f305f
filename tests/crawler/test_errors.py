"""Errors of a crawl: redaction, advice, and their form in JSON."""

from __future__ import annotations

import json

import pytest

from crawler.errors import (
    CrawlError,
    UnexpectedPageError,
    UnknownRegistryError,
    error_as_json,
    error_from_json,
    not_a_list_error,
    program_error,
    resume_hint,
    unexpected_error,
)
from db import ObservatoryError

TOKEN = "hf_" + "aB3" * 12


def test_an_error_survives_the_way_through_json_with_all_four_parts() -> None:
    error = ObservatoryError("npm answered 500.", "Its message: “no”", "Wait.", "docs/faults.md")
    parts = json.loads(json.dumps(error_as_json(error)))
    assert parts == {"what": "npm answered 500.", "why": "Its message: “no”", "fix": "Wait.", "more": "docs/faults.md"}
    again = error_from_json(parts)
    assert (again.message, again.why, again.fix, again.more) == (error.message, error.why, error.fix, error.more)
    assert error_as_json(again) == parts


def test_an_error_never_repeats_an_address_or_a_token_that_the_registry_sent() -> None:
    error = CrawlError("npm answered: ask jo@mail.example", why=f"The token {TOKEN} is invalid.", fix="Wait.")
    assert (error.message, error.why) == (
        "npm answered: ask [address removed]",
        "The token [token removed] is invalid.",
    )
    assert (error.is_permanent, error.gate, error.exit_code) == (True, "protocol", 1)


def test_an_unknown_registry_is_wrong_usage_and_an_unexpected_page_is_a_failure() -> None:
    assert (UnknownRegistryError("x").exit_code, UnexpectedPageError("x").exit_code) == (2, 1)


@pytest.mark.parametrize(("has_resume_option", "hint"), [(True, "with --resume"), (False, "again")])
def test_the_advice_names_the_resume_option_only_where_the_command_has_one(has_resume_option: bool, hint: str) -> None:
    assert resume_hint(has_resume_option) == f"run the same command {hint}"
    failure = unexpected_error(OSError("broken pipe"), has_resume_option)
    assert (failure.message, failure.fix) == (
        "A page could not be fetched: OSError: broken pipe",
        f"Nothing is lost: run the same command {hint}.",
    )
    page = not_a_list_error("npm", ValueError("truncated"), has_resume_option)
    assert page.fix.startswith(f"Later, run the same command {hint}. ")
    assert (page.message, page.why, page.is_permanent) == ("The response of npm is not a list.", "truncated", False)


def test_long_texts_of_a_cause_are_cut() -> None:
    assert unexpected_error(OSError("x" * 999)).message == f"A page could not be fetched: OSError: {'x' * 200}"
    assert program_error(TypeError("x" * 999)).message == f"The crawl failed: TypeError: {'x' * 200}."
    assert len(not_a_list_error("npm", ValueError("x" * 999)).why) == 300


@pytest.mark.parametrize("bug", [AttributeError("a"), KeyError("a"), IndexError("a"), NameError("a"), TypeError("a")])
def test_a_bug_is_not_reported_as_a_page_that_could_not_be_fetched(bug: Exception) -> None:
    error = unexpected_error(bug)
    assert error.message == f"The crawl failed: {type(bug).__name__}: {bug}."
    assert (error.gate, error.is_permanent, error.__cause__) == ("program", False, bug)


def test_a_crawl_that_never_began_is_reported_without_an_exception() -> None:
    error = program_error(None)
    assert (error.message, error.__cause__) == ("The crawl failed: Scrapy did not start the spider.", None)

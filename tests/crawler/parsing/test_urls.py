"""Parameters of a URL, which a registry may have written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.parsing.urls import int_parameter, url_parameter, url_parameters

BASE = "https://eco.example/packages?"


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("page=12&per_page=100", 12),
        ("per_page=100", 0),
        ("page=", 0),
        ("page=-3", 0),
        ("page=1.5", 0),
        ("page=٣", 0),  # a digit, but not of ASCII
        ("page=%C2%B2", 0),  # a superscript two, which `isdigit` accepts and `int` does not
        ("page=007", 7),
        ("page=1&page=2", 2),
        ("PAGE=4", 0),
        ("page=" + "9" * 18, 10**18 - 1),
        ("page=" + "9" * 5_000, 0),
    ],
)
def test_a_numeric_parameter_is_a_number_or_zero(query: str, number: int) -> None:
    assert int_parameter(BASE + query, "page") == number


def test_a_parameter_is_decoded_and_the_first_of_its_name_is_returned() -> None:
    url = f"{BASE}sort=created%20At&sort=name&cursor=a%3D%3D+b#sort=other"
    assert (url_parameter(url, "sort"), url_parameter(url, "cursor")) == ("created At", "a== b")
    assert url_parameter(url, "order") is None


def test_the_parameters_keep_their_order_and_repetitions() -> None:
    assert url_parameters(f"{BASE}expand=likes&limit=5&expand=downloads") == [
        ("expand", "likes"),
        ("limit", "5"),
        ("expand", "downloads"),
    ]
    assert url_parameters("https://eco.example/packages") == []


@given(st.text(max_size=40))
def test_any_value_of_a_number_can_be_read(value: str) -> None:
    assert int_parameter(f"https://eco.example/?page={value.replace('[', '').replace(']', '')}", "page") >= 0

"""Parameters of a URL, which a registry may have written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.parsing.urls import int_parameter, url_on_endpoint, url_parameter, url_parameters

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


HUB, PUBLIC = "http://mirror.example:8080/hub", "https://huggingface.co"
NEXT = "http://mirror.example:8080/hub/api/models?cursor=a"


@pytest.mark.parametrize(
    "url",
    [
        NEXT,
        "https://mirror.example:8080/hub/api/models?cursor=a",  # TLS ends at a proxy
        "https://mirror.example/hub/api/models?cursor=a",  # the proxy drops the port
        "http://mirror.example:80/hub/api/models?cursor=a",
        "https://mirror.example:443/hub/api/models?cursor=a",
        "http://MIRROR.example.:8080/hub/api/models?cursor=a",
        "//mirror.example:8080/hub/api/models?cursor=a",
        "/hub/api/models?cursor=a",
        "/api/models?cursor=a",  # the proxy strips the prefix, and the service does not know of it
        "http://mirror.example:8080/api/models?cursor=a",
        "models?cursor=a",
        "?cursor=a",
        "https://huggingface.co/api/models?cursor=a",
        "http://huggingface.co/api/models?cursor=a",
        "https://huggingface.co:443/api/models?cursor=a",
    ],
)
def test_every_way_to_name_the_next_page_leads_to_the_endpoint(url: str) -> None:
    assert url_on_endpoint(url, f"{HUB}/api/models?limit=1", HUB, PUBLIC) == NEXT


@pytest.mark.parametrize(
    "url",
    [
        "https://mirror.example.evil.example/api/models", "https://evil.example/hub/api/models", "//evil.example/hub",
        "http://mirror.example:9/hub/api/models", "ftp://mirror.example:8080/hub", "http://me@mirror.example:8080/hub",
        "http://mirror.example:8080@evil.example/hub", "http://mirror.example:port/hub", "http://[::1/hub",
        "https://cdn.huggingface.co/x", "javascript:alert(1)", "http://mirror.example:99999/hub",
    ],
)  # fmt: skip
@pytest.mark.fault("C10", "E11")
def test_a_url_on_another_host_or_port_has_no_place_on_the_endpoint(url: str) -> None:
    assert url_on_endpoint(url, f"{HUB}/api/models", HUB, PUBLIC) is None


@pytest.mark.parametrize(
    ("endpoint", "url", "expected"),
    [
        ("http://a.example/b/api/v1", "https://packages.ecosyste.ms/api/v1/x?page=2", "http://a.example/b/api/v1/x?page=2"),
        ("http://a.example/b/api/v1", "/api/v1/x?page=2", "http://a.example/b/api/v1/x?page=2"),
        ("http://a.example/packages/api/v1", "/packages/api/v1/x", "http://a.example/packages/api/v1/x"),
        ("https://packages.ecosyste.ms/api/v1", "/sign-in", "https://packages.ecosyste.ms/sign-in"),
        ("http://[::1]:8080/api/v1", "https://[::1]:8080/api/v1/x", "http://[::1]:8080/api/v1/x"),
    ],
)  # fmt: skip
def test_the_path_of_the_public_service_is_taken_to_the_path_of_the_endpoint(
    endpoint: str, url: str, expected: str
) -> None:
    assert url_on_endpoint(url, f"{endpoint}/x", endpoint, "https://packages.ecosyste.ms/api/v1") == expected

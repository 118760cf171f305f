"""The proxy of a request is the one that requests and curl would use, or is refused in words."""

from __future__ import annotations

import pytest

from crawler.fetching.proxies import find_proxy, shown_proxy
from db import UsageError

HUB = "https://hub.example:8443/api/models"
PROXY = "http://me:word%40@proxy.example:3128"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start without the proxies of this computer."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("text", [PROXY, f" {PROXY} ", PROXY.removeprefix("http://")])
def test_the_proxy_of_any_usual_variable_is_used(monkeypatch: pytest.MonkeyPatch, variable: str, text: str) -> None:
    monkeypatch.setenv(variable, text)
    assert find_proxy(HUB) == PROXY
    assert shown_proxy(HUB) == "proxy.example:3128"


@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize(
    ("url", "exceptions"),
    [
        (HUB, "*"), (HUB, "hub.example"), (HUB, ".example"), (HUB, "a.example, hub.example:8443"),
        ("https://10.1.2.3/", "10.0.0.0/8"), ("https://10.1.2.3:80/", "10.1.2.3:80"), ("https://[::1]:80/", "[::1]"),
        ("https://[::1]:80/", "::1"),
    ],
)  # fmt: skip
def test_an_exception_has_no_proxy(monkeypatch: pytest.MonkeyPatch, variable: str, url: str, exceptions: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv(variable, exceptions)
    assert find_proxy(url) is None


@pytest.mark.parametrize(
    "text",
    ["socks5://me:hidden@proxy.example:1080", "https://me:hidden@proxy.example", "http://me:hidden@proxy.example:port",
     '"http://me:hidden@proxy.example"', "/var/run/proxy.sock", "http://me:hidden@:3128", "http://[::1"],
)  # fmt: skip
def test_a_proxy_that_cannot_be_used_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", text)
    with pytest.raises(UsageError) as refusal:
        find_proxy(HUB)
    assert refusal.value.message == "HTTPS_PROXY or ALL_PROXY names a proxy that cannot be used."
    assert "hidden" not in f"{refusal.value.why}{refusal.value.fix}"

"""The address of a service from the environment: taken as a person means it, or refused in words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crawler.endpoints import endpoint_url
from crawler.spiders.ecosystems import EcosystemsSpider
from crawler.spiders.huggingface import HuggingFaceSpider
from db import UsageError


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("", "https://huggingface.co"),
        ("  ", "https://huggingface.co"),
        ("https://huggingface.co/", "https://huggingface.co"),
        (" https://mirror.example/hub// ", "https://mirror.example/hub"),
        ("HTTPS://Mirror.example:8443", "https://Mirror.example:8443"),
        ("https://mirror.example/@scope", "https://mirror.example/@scope"),
        ("https://mirror.example/artifactory/api/huggingfaceml/hub", "https://mirror.example/artifactory/api/huggingfaceml/hub"),
        ("http://[::1]:8080/a", "http://[::1]:8080/a"),
        ("http://hub_1:80", "http://hub_1:80"),
    ],
)  # fmt: skip
def test_an_endpoint_is_taken_as_it_is_meant(monkeypatch: pytest.MonkeyPatch, text: str, endpoint: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", text)
    assert endpoint_url(HuggingFaceSpider) == endpoint


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("huggingface.co", "The scheme"),
        ("https:/huggingface.co", "The scheme"),
        ("htps://huggingface.co", "The scheme"),
        ("ftp://mirror.example", "The scheme"),
        ("https//huggingface.co", "The scheme"),
        ('"https://huggingface.co"', "It begins with a quotation mark"),
        ("'https://huggingface.co", "It begins with a quotation mark"),
        ("\u201chttps://huggingface.co\u201d", "It begins with a quotation mark"),
        ("https://huggingface.co'", "It has no host"),
        ("https://", "It has no host"),
        ("https:///models", "It has no host"),
        ("https://:8080", "It has no host"),
        ("https://a.example,https://b.example", "It has no host"),
        ("https://mirror example", "It has a space"),
        ("https://mirror.example/a b", "It has a space"),
        ("https://mirror\x01.example", "It has a space"),
        ("https://mirror.example\nhttps://b.example", "It has a space"),
        ("https://mirror.example?token=secret-word", "It has a query"),
        ("https://mirror.example/#top", "It has a query"),
        ("https://mirror.example:port", "Port could not be cast"),
        ("https://mirror.example:99999", "Port out of range"),
        ("https://mirror.example:", "A colon"),
        ("http://[::1", "Invalid IPv6"),
        ("http://[wrong]", "'wrong' does not appear to be an IPv4 or IPv6 address"),
        ("https://https://huggingface.co", "A colon"),
        ("https://mirror.example//hub", "Its path has //"),
        ("https://mirror.example/{org}", "Its path has //"),
        ("https://huggingface.co/models", "The public service has the path '/'"),
        ("https://mirror.example/api", "It ends with /api"),
        ("https://mirror.example/hub/api/models/", "It ends with /api"),
    ],
)
def test_a_misspelt_endpoint_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, text: str, why: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", text)
    with pytest.raises(UsageError) as refusal:
        endpoint_url(HuggingFaceSpider)
    assert refusal.value.message.startswith("HF_ENDPOINT is not a URL of a service: ")
    assert refusal.value.why.startswith(why) and "huggingface.co" in refusal.value.fix
    assert "secret-word" not in f"{refusal.value.message}{refusal.value.why}"


def test_the_public_ecosystems_without_its_path_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOSYSTEMS_ENDPOINT", "https://packages.ecosyste.ms")
    with pytest.raises(UsageError, match="ECOSYSTEMS_ENDPOINT") as refusal:
        endpoint_url(EcosystemsSpider)
    assert refusal.value.why == "The public service has the path '/api/v1', and not '/'."


@pytest.mark.parametrize(
    "text",
    ["https://jo:hidden@mirror.example", "https://hidden@mirror.example", "jo:hidden@mirror.example",
     "'https://jo:hidden@mirror.example'", "https:jo:hidden@mirror.example", "https//jo:hidden@mirror.example"],
)  # fmt: skip
@pytest.mark.fault("E10")
def test_an_endpoint_with_a_login_is_refused_without_showing_the_login(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", text)
    with pytest.raises(UsageError) as refusal:
        endpoint_url(HuggingFaceSpider)
    assert "hidden" not in f"{refusal.value.message}{refusal.value.why}"
    assert "HF_ENDPOINT" in refusal.value.message


@pytest.mark.ci
@pytest.mark.parametrize("variable", ["https://mirror.example:99999", "http://[::1"])
@pytest.mark.parametrize(
    "command",
    [
        "snapshot huggingface/models",
        "changes huggingface/models",
        "cards huggingface/models",
        "snapshot npm",
        "registries",
    ],
)
def test_an_endpoint_that_a_library_reads_when_imported_is_refused_in_words_by_each_command(
    tmp_path: Path, command: str, variable: str
) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "schedules.cli", "crawl", *command.split()],
        env={**os.environ, "HF_ENDPOINT": variable, "OBSERVATORY_DB": str(tmp_path / "store.db")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 2 and run.stderr.startswith("error: HF_ENDPOINT is not a URL of a service: "), run.stderr

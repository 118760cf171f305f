"""The host of a snapshot's source tells a public registry from a mirror and from a simulation."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import crawler.spiders
from db.sources import PUBLIC_HOSTS, StandIn, describe_stand_ins, find_stand_in

PUBLIC = [
    ("https://huggingface.co", "huggingface", "crawl"),
    ("https://packages.ecosyste.ms/api/v1", "ecosystems", "crawl"),
    ("https://shelf.example.org", "shelf", "crawl"),
    ("a file", "huggingface", "import"),
    ("https://data.example/list.csv", "huggingface", "import"),
    ("http://[broken", "huggingface", "crawl"),
    ("http://huggingface.co:99999", "huggingface", "crawl"),
]
LOCAL = ["http://127.0.0.1:4711", "http://localhost/api", "http://[::1]:80", "http://10.1.2.3", "http://simulation:8000",
         "http://hub.localhost:9", "http://0.0.0.0:4711"]  # fmt: skip


@pytest.mark.parametrize(("source", "service", "origin"), PUBLIC)
def test_a_public_registry_an_imported_file_and_an_unknown_service_need_no_notice(
    source: str, service: str, origin: str
) -> None:
    assert find_stand_in(source, service, origin) is None


@pytest.mark.parametrize("source", LOCAL)
@pytest.mark.parametrize("origin", ["crawl", "import"])
def test_a_url_of_this_machine_or_network_is_local(source: str, origin: str) -> None:
    stand_in = find_stand_in(source, "huggingface", origin)
    assert stand_in is not None and stand_in.is_local


def test_another_host_is_a_mirror_and_its_credentials_are_not_repeated() -> None:
    stand_in = find_stand_in("https://user:secret@hf-mirror.example:8443/a?b", "huggingface", "crawl")
    assert stand_in == StandIn("https://hf-mirror.example:8443", is_local=False)
    assert find_stand_in("https://huggingface.co", "ecosystems", "crawl") == StandIn("https://huggingface.co", False)


def test_the_notice_names_each_endpoint_once() -> None:
    simulated, mirror = StandIn("http://127.0.0.1:1", True), StandIn("https://mirror.example", False)
    assert describe_stand_ins([]) == ""
    assert describe_stand_ins(iter([simulated, mirror, simulated])) == (
        "Simulated or local, not a public registry: snapshots come from http://127.0.0.1:1. "
        "They say nothing about the real registries. "
        "Not the public registry: snapshots come from https://mirror.example, which may differ from the registry."
    )


def test_the_public_hosts_are_those_that_the_spiders_crawl() -> None:
    spiders = [
        value
        for path in Path(crawler.spiders.__file__).parent.glob("[a-z]*.py")
        for value in vars(import_module(f"crawler.spiders.{path.stem}")).values()
        if isinstance(value, type) and getattr(value, "public_endpoint", "")
    ]
    assert {spider.service: urlsplit(spider.public_endpoint).hostname for spider in spiders} == PUBLIC_HOSTS

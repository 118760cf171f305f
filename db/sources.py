"""The sources of snapshots: a public registry, a mirror of it, or a local endpoint such as a simulation."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from urllib.parse import urlsplit

PUBLIC_HOSTS = {"huggingface": "huggingface.co", "ecosystems": "packages.ecosyste.ms"}
LOCAL_DOMAINS = (".localhost", ".local", ".internal", ".lan")


@dataclass(frozen=True, order=True)
class StandIn:
    """An endpoint that stands in for a public registry. It is local if it can only be reached from near its machine."""

    url: str
    is_local: bool

    def __str__(self) -> str:
        """Describe the endpoint in a few words."""
        return f"simulated or local: {self.url}" if self.is_local else f"not the public registry: {self.url}"


@cache
def find_stand_in(source: str, service: str, origin: str) -> StandIn | None:
    """Return the endpoint that a snapshot comes from, or None if it is the public registry or an imported file.

    The host decides. A mirror is known only for services whose public host is known here.

    >>> find_stand_in("https://huggingface.co", "huggingface", "crawl")
    >>> str(find_stand_in("http://127.0.0.1:4711/api", "ecosystems", "crawl"))
    'simulated or local: http://127.0.0.1:4711'
    >>> str(find_stand_in("https://hf-mirror.example", "huggingface", "crawl"))
    'not the public registry: https://hf-mirror.example'
    """
    try:
        url = urlsplit(source)
        host, port = url.hostname or "", url.port
    except ValueError:
        return None
    if url.scheme not in ("http", "https") or not host:
        return None
    address = f"[{host}]" if ":" in host else host
    endpoint = f"{url.scheme}://{address}" + (f":{port}" if port else "")
    if is_local_host(host):
        return StandIn(endpoint, is_local=True)
    is_mirror = origin == "crawl" and host != PUBLIC_HOSTS.get(service, host)
    return StandIn(endpoint, is_local=False) if is_mirror else None


def is_from_ecosystems(service: str, origin: str, stand_in: StandIn | None) -> bool:
    """Return whether a snapshot is a crawl of Ecosyste.ms or of a mirror of it, whose licence then applies.

    >>> [is_from_ecosystems(service, "crawl", None) for service in ("ecosystems", "huggingface", "shelf")]
    [True, False, False]
    """
    return service == "ecosystems" and origin == "crawl" and not (stand_in and stand_in.is_local)


def is_local_host(host: str) -> bool:
    """Return whether a host can only be reached from its own machine or network.

    >>> [is_local_host(host) for host in ("localhost", "::1", "10.0.0.7", "simulation", "huggingface.co")]
    [True, True, True, True, False]
    """
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(LOCAL_DOMAINS)


def describe_stand_ins(stand_ins: Iterable[StandIn]) -> str:
    """Return what a reader must know of snapshots that are not from the public registries, '' if all of them are."""
    distinct = sorted(set(stand_ins))
    local = [stand_in.url for stand_in in distinct if stand_in.is_local]
    mirrors = [stand_in.url for stand_in in distinct if not stand_in.is_local]
    return " ".join((*_describe_local(local), *_describe_mirrors(mirrors)))


def _describe_local(urls: Sequence[str]) -> Iterable[str]:
    if urls:
        yield (
            f"Simulated or local, not a public registry: snapshots come from {', '.join(urls)}. "
            "They say nothing about the real registries."
        )


def _describe_mirrors(urls: Sequence[str]) -> Iterable[str]:
    if urls:
        yield f"Not the public registry: snapshots come from {', '.join(urls)}, which may differ from the registry."


def load_stand_ins(connection: sqlite3.Connection) -> dict[int, StandIn]:
    """Return the endpoint of each snapshot of the store that is not from a public registry."""
    rows = connection.execute(
        "SELECT s.snapshot_id, s.source, r.service, s.origin FROM snapshot s JOIN registry r USING (registry_id)"
        " ORDER BY s.snapshot_id"
    )
    stand_ins = {number: find_stand_in(source, service, origin) for number, source, service, origin in rows}
    return {number: stand_in for number, stand_in in stand_ins.items() if stand_in is not None}

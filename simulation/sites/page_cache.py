"""Pages of a census, made once for each state of their registry: what makes a walk over 300,000 models fast."""

from __future__ import annotations

import gzip
from dataclasses import replace

from simulation.http.messages import SMALLEST_GZIP, Ask, Reply, as_bytes, content_type, weak_etag
from simulation.population.hub import HubRegistry
from simulation.sites.hub_lists import list_page

MOST = 4000


class KeptPages:
    """The bytes of every page of a census that was asked for since its registry last changed."""

    def __init__(self, refused: tuple[str, ...]) -> None:
        self.refused = refused
        self._of: dict[tuple[str, str, str, bool], Reply] = {}
        self._versions: dict[str, int] = {}

    def page(self, hub: HubRegistry, ask: Ask) -> Reply:
        """Answer one page of a list; a page that a fault strikes, or that is of another order, is made anew."""
        if ask.struck or ask.method != "GET" or ask.one("sort") != "createdAt" or ask.largest:
            return list_page(hub, ask, self.refused)
        if self._versions.get(hub.kind) != hub.version:
            self._of = {key: reply for key, reply in self._of.items() if key[0] != hub.kind}
            self._versions[hub.kind] = hub.version
        key = (hub.kind, ask.host, ask.query, "gzip" in ask.headers.get("Accept-Encoding", ""))
        kept = self._of.get(key)
        if kept is None:
            kept = packed(list_page(hub, ask, self.refused), key[-1])
            if kept.status == 200 and len(self._of) < MOST:
                self._of[key] = kept
        return replace(kept, headers=dict(kept.headers))

    def prepare(self, hub: HubRegistry, ask: Ask) -> int:
        """Make every page from an address to the end of its list; return how many there are."""
        pages, following = 0, ask
        while True:
            pages += 1
            link = self.page(hub, following).headers.get("Link", "")
            if not link:
                return pages
            following = replace(following, query=link.partition("?")[2].partition(">")[0])


def packed(reply: Reply, zipped: bool) -> Reply:
    """Return an answer as the bytes that leave, with the headers that go with them."""
    if reply.status != 200:
        return reply
    body = as_bytes(reply.content)
    headers = {"Content-Type": content_type(reply.content), "ETag": weak_etag(body), **reply.headers}
    if zipped and len(body) >= SMALLEST_GZIP:
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers |= {"Content-Encoding": "gzip", "Vary": "Origin, Accept-Encoding"}
    return Reply(200, body, headers, zipped=False)

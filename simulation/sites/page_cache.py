"""Pages of a census, made once for each state of their registry: what makes a walk over 300,000 models fast."""

from __future__ import annotations

import gzip
from dataclasses import replace

from simulation.http.messages import (
    MIN_GZIP_BYTES,
    Request,
    Response,
    default_content_type,
    encode_body,
    make_weak_etag,
)
from simulation.population.hub import HubRegistry
from simulation.sites.hub_lists import make_list_page

MAX_PAGES = 4000


class PageCache:
    """The bytes of every page of a census that was asked for since its registry last changed."""

    def __init__(self, refused: tuple[str, ...]) -> None:
        self.refused_properties = refused
        self._responses: dict[tuple[str, str, str, bool], Response] = {}
        self._versions: dict[str, int] = {}

    def get_page(self, hub: HubRegistry, ask: Request) -> Response:
        """Answer one page of a list; a page that a fault strikes, or that is of another order, is made anew."""
        if ask.has_fault or ask.method != "GET" or ask.parameter("sort") != "createdAt" or ask.max_page_size:
            return make_list_page(hub, ask, self.refused_properties)
        if self._versions.get(hub.kind) != hub.version:
            self._responses = {key: reply for key, reply in self._responses.items() if key[0] != hub.kind}
            self._versions[hub.kind] = hub.version
        key = (hub.kind, ask.host, ask.query, "gzip" in ask.headers.get("Accept-Encoding", ""))
        kept = self._responses.get(key)
        if kept is None:
            kept = pack_response(make_list_page(hub, ask, self.refused_properties), key[-1])
            if kept.status == 200 and len(self._responses) < MAX_PAGES:
                self._responses[key] = kept
        return replace(kept, headers=dict(kept.headers))

    def prepare_pages(self, hub: HubRegistry, ask: Request) -> int:
        """Make every page from an address to the end of its list; return how many there are."""
        pages, following = 0, ask
        while True:
            pages += 1
            link = self.get_page(hub, following).headers.get("Link", "")
            if not link:
                return pages
            following = replace(following, query=link.partition("?")[2].partition(">")[0])


def pack_response(reply: Response, compress: bool) -> Response:
    """Return an answer as the bytes that leave, with the headers that go with them."""
    if reply.status != 200:
        return reply
    body = encode_body(reply.content)
    headers = {"Content-Type": default_content_type(reply.content), "ETag": make_weak_etag(body), **reply.headers}
    if compress and len(body) >= MIN_GZIP_BYTES:
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers |= {"Content-Encoding": "gzip", "Vary": "Origin, Accept-Encoding"}
    return Response(200, body, headers, compress=False)

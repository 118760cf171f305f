"""A cache of census pages, for each state of their registry. It makes a census of 300,000 models fast."""

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
    """The bytes of the census pages that were requested since their registry last changed."""

    def __init__(self, refused: tuple[str, ...]) -> None:
        self.refused_properties = refused
        self._responses: dict[tuple[str, str, str, bool, bool], Response] = {}
        self._versions: dict[str, int] = {}

    def get_page(self, hub: HubRegistry, request: Request) -> Response:
        """Return one page of a list. A page with a fault, or of another order, is not cached."""
        if (
            request.has_fault
            or request.method != "GET"
            or request.parameter("sort") != "createdAt"
            or request.max_page_size
        ):
            return make_list_page(hub, request, self.refused_properties)
        if self._versions.get(hub.kind) != hub.version:
            self._responses = {key: response for key, response in self._responses.items() if key[0] != hub.kind}
            self._versions[hub.kind] = hub.version
        accepts_gzip = "gzip" in request.headers.get("Accept-Encoding", "")
        key = (hub.kind, request.host, request.query, hub.is_owner_view, accepts_gzip)
        response = self._responses.get(key)
        if response is None:
            response = pack_response(make_list_page(hub, request, self.refused_properties), key[-1])
            if response.status == 200 and len(self._responses) < MAX_PAGES:
                self._responses[key] = response
        return replace(response, headers=dict(response.headers))

    def prepare_pages(self, hub: HubRegistry, request: Request) -> int:
        """Make every page from a request to the end of its list, and return their number."""
        pages, following = 0, request
        while True:
            pages += 1
            link = self.get_page(hub, following).headers.get("Link", "")
            if not link:
                return pages
            following = replace(following, query=link.partition("?")[2].partition(">")[0])


def pack_response(response: Response, compress: bool) -> Response:
    """Return a response with its body as the bytes to send, and their headers."""
    if response.status != 200:
        return response
    body = encode_body(response.content)
    headers = {"Content-Type": default_content_type(response.content), "ETag": make_weak_etag(body), **response.headers}
    if compress and len(body) >= MIN_GZIP_BYTES:
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers |= {"Content-Encoding": "gzip", "Vary": "Origin, Accept-Encoding"}
    return Response(200, body, headers, compress=False)

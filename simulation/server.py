"""Two loopback servers over one world. Each response is made whole and sent in one piece."""

from __future__ import annotations

import socket
import struct
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

from simulation.clock import format_iso
from simulation.control import PREFIX, Control
from simulation.faults.script import FaultScript, apply_request_faults, apply_response_faults
from simulation.http.messages import Request, Response, encode_response
from simulation.options import SimulationOptions
from simulation.population.world import SimulatedWorld
from simulation.sites.ecosystems import BASE, EcosystemsSite
from simulation.sites.hub import HubSite


class Site(Protocol):
    """One of the two sites."""

    api: str

    def respond(self, request: Request) -> tuple[Response, str, bool]:
        """Return the response, the bucket it was charged to, and whether the quota was exceeded."""


class SimulationServers:
    """The world, the scripted faults, and the two servers in front of them."""

    def __init__(self, options: SimulationOptions) -> None:
        self.world = SimulatedWorld(options)
        self.fault_script = FaultScript()
        site = HubSite(self.world)
        self.control = Control(self.world, self.fault_script, site.page_cache)
        self.stopping = threading.Event()
        self.hub_server = SiteServer(("127.0.0.1", options.port), site, self)
        self.ecosystems_server = SiteServer(("127.0.0.1", options.eco_port), EcosystemsSite(self.world), self)

    def urls(self) -> dict[str, str]:
        """Return the URLs of both sites and of the control endpoint."""
        hub = f"http://127.0.0.1:{self.hub_server.server_port}"
        return {
            "huggingface": hub,
            "ecosystems": f"http://127.0.0.1:{self.ecosystems_server.server_port}{BASE}",
            "control": hub + PREFIX,
        }

    def start(self) -> None:
        """Serve both sites, each in a thread."""
        for server in (self.hub_server, self.ecosystems_server):
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Release stalled responses. The threads and sockets end with the process."""
        self.stopping.set()

    def respond(self, site: Site, request: Request) -> Response:
        """Return the response of the control endpoint, or of a site with its scripted faults."""
        with self.world.lock:
            if request.path.startswith(PREFIX):
                return self.control.respond(request)
            number, due = self.fault_script.match_request(request)
            response, bucket, over = site.respond(
                apply_request_faults(replace(request, has_fault=True), due) if due else request
            )
            apply_response_faults(response, request, due)
            self._log_request(request, response, number, bucket, over)
            return response

    def _log_request(self, request: Request, response: Response, number: int, bucket: str, over: bool) -> None:
        self.control.requests.append(
            {
                "n": number,
                "api": request.api,
                "method": request.method,
                "path": request.path,
                "query": request.query,
                "status": response.status,
                "bucket": bucket,
                "over_quota": over,
                "at": format_iso(self.world.clock.now()),
                "user_agent": request.headers.get("User-Agent", ""),
                "authorization": bool(request.token),
                "host": request.host,
            }
        )


class SiteServer(ThreadingHTTPServer):
    """The server of one site, on one port."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], site: Site, simulation: SimulationServers) -> None:
        self.site = site
        self.simulation = simulation
        super().__init__(address, ConnectionHandler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Print an error, but not that a client has cut its connection, as every client may."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class ConnectionHandler(BaseHTTPRequestHandler):
    """One connection of one client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 0
    server: SiteServer

    def serve_request(self) -> None:
        """Read one request, and send its response."""
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.server.site.api, self.command, path, query, self.headers, body)
        response = self.server.simulation.respond(self.server.site, request)
        try:
            response.delivery(self, *encode_response(request, response))
        except OSError:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_DELETE = do_PUT = serve_request  # noqa: N815 - names of http.server

    def log_message(self, *arguments: object) -> None:
        """Log nothing: the log of requests is at /_simulation/requests."""

    def wait(self, seconds: float) -> None:
        """Wait, but not longer than the simulation runs."""
        self.server.simulation.stopping.wait(seconds)

    def reset_connection(self) -> None:
        """Cut the connection with a TCP reset."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

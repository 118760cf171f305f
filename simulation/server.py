"""Two loopback servers over one world; each request is answered whole and sent in one piece."""

from __future__ import annotations

import socket
import struct
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

    def respond(self, ask: Request) -> tuple[Response, str, bool]:
        """Return the answer, the bucket it was charged to, and whether that was over the quota."""


class SimulationServers:
    """The world, what is scripted against it, and the two servers in front of it."""

    def __init__(self, options: SimulationOptions) -> None:
        self.world = SimulatedWorld(options)
        self.fault_script = FaultScript()
        site = HubSite(self.world)
        self.control = Control(self.world, self.fault_script, site.page_cache)
        self.stopping = threading.Event()
        self.hub_server = SiteServer(("127.0.0.1", options.port), site, self)
        self.ecosystems_server = SiteServer(("127.0.0.1", options.eco_port), EcosystemsSite(self.world), self)

    def urls(self) -> dict[str, str]:
        """Return where everything is."""
        hub = f"http://127.0.0.1:{self.hub_server.server_port}"
        return {
            "huggingface": hub,
            "ecosystems": f"http://127.0.0.1:{self.ecosystems_server.server_port}{BASE}",
            "control": hub + PREFIX,
        }

    def start(self) -> None:
        """Serve both, in threads of their own."""
        for one in (self.hub_server, self.ecosystems_server):
            threading.Thread(target=one.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Let stalled answers go; the threads and the sockets end with the process."""
        self.stopping.set()

    def respond(self, site: Site, ask: Request) -> Response:
        """Answer one request: control, or the site with the faults scripted against it."""
        with self.world.lock:
            if ask.path.startswith(PREFIX):
                return self.control.respond(ask)
            number, due = self.fault_script.match_request(ask)
            reply, bucket, over = site.respond(apply_request_faults(replace(ask, has_fault=True), due) if due else ask)
            apply_response_faults(reply, ask, due)
            self._log_request(ask, reply, number, bucket, over)
            return reply

    def _log_request(self, ask: Request, reply: Response, number: int, bucket: str, over: bool) -> None:
        self.control.requests.append(
            {
                "n": number,
                "api": ask.api,
                "method": ask.method,
                "path": ask.path,
                "query": ask.query,
                "status": reply.status,
                "bucket": bucket,
                "over_quota": over,
                "at": format_iso(self.world.clock.now()),
                "user_agent": ask.headers.get("User-Agent", ""),
                "authorization": bool(ask.token),
                "host": ask.host,
            }
        )


class SiteServer(ThreadingHTTPServer):
    """One port."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], site: Site, simulation: SimulationServers) -> None:
        self.site = site
        self.simulation = simulation
        super().__init__(address, ConnectionHandler)


class ConnectionHandler(BaseHTTPRequestHandler):
    """One connection of one client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 0
    server: SiteServer

    def serve_request(self) -> None:
        """Answer one request."""
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        ask = Request(self.server.site.api, self.command, path, query, self.headers, body)
        reply = self.server.simulation.respond(self.server.site, ask)
        try:
            reply.delivery(self, *encode_response(ask, reply))
        except OSError:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_DELETE = do_PUT = serve_request

    def log_message(self, *arguments: object) -> None:
        """Stay silent: the request log is at /_simulation/requests."""

    def wait(self, seconds: float) -> None:
        """Wait, but not longer than the simulation lives."""
        self.server.simulation.stopping.wait(seconds)

    def reset_connection(self) -> None:
        """Cut the connection with a TCP reset."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

"""Two loopback servers over one world; each request is answered whole and sent in one piece."""

from __future__ import annotations

import socket
import struct
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

from simulation.clock import iso
from simulation.control import PREFIX, Control
from simulation.faults.script import FaultBook, misread, spoil
from simulation.http.messages import Ask, Reply, encode
from simulation.options import Options
from simulation.population.world import World
from simulation.sites.ecosystems import BASE, EcosystemsSite
from simulation.sites.hub import HubSite


class Site(Protocol):
    """One of the two sites."""

    api: str

    def answer(self, ask: Ask) -> tuple[Reply, str, bool]:
        """Return the answer, the bucket it was charged to, and whether that was over the quota."""


class Simulation:
    """The world, what is scripted against it, and the two servers in front of it."""

    def __init__(self, options: Options) -> None:
        self.world = World(options)
        self.book = FaultBook()
        site = HubSite(self.world)
        self.control = Control(self.world, self.book, site.lists)
        self.ending = threading.Event()
        self.hub = Listener(("127.0.0.1", options.port), site, self)
        self.ecosystems = Listener(("127.0.0.1", options.eco_port), EcosystemsSite(self.world), self)

    def addresses(self) -> dict[str, str]:
        """Return where everything is."""
        hub = f"http://127.0.0.1:{self.hub.server_port}"
        return {
            "huggingface": hub,
            "ecosystems": f"http://127.0.0.1:{self.ecosystems.server_port}{BASE}",
            "control": hub + PREFIX,
        }

    def start(self) -> None:
        """Serve both, in threads of their own."""
        for one in (self.hub, self.ecosystems):
            threading.Thread(target=one.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Let stalled answers go; the threads and the sockets end with the process."""
        self.ending.set()

    def answer(self, site: Site, ask: Ask) -> Reply:
        """Answer one request: control, or the site with the faults scripted against it."""
        with self.world.lock:
            if ask.path.startswith(PREFIX):
                return self.control.answer(ask)
            number, due = self.book.due(ask)
            reply, bucket, over = site.answer(misread(replace(ask, struck=True), due) if due else ask)
            spoil(reply, ask, due)
            self._log(ask, reply, number, bucket, over)
            return reply

    def _log(self, ask: Ask, reply: Reply, number: int, bucket: str, over: bool) -> None:
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
                "at": iso(self.world.clock.now()),
                "user_agent": ask.headers.get("User-Agent", ""),
                "authorization": bool(ask.token),
                "host": ask.host,
            }
        )


class Listener(ThreadingHTTPServer):
    """One port."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], site: Site, simulation: Simulation) -> None:
        self.site = site
        self.simulation = simulation
        super().__init__(address, Conversation)


class Conversation(BaseHTTPRequestHandler):
    """One connection of one client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 0
    server: Listener

    def respond(self) -> None:
        """Answer one request."""
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        ask = Ask(self.server.site.api, self.command, path, query, self.headers, body)
        reply = self.server.simulation.answer(self.server.site, ask)
        try:
            reply.delivery(self, *encode(ask, reply))
        except OSError:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_DELETE = do_PUT = respond  # noqa: N815

    def log_message(self, *arguments: object) -> None:
        """Stay silent: the request log is at /_simulation/requests."""

    def hold(self, seconds: float) -> None:
        """Wait, but not longer than the simulation lives."""
        self.server.simulation.ending.wait(seconds)

    def reset(self) -> None:
        """Cut the connection with a TCP reset."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

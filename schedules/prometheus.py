"""The status for Prometheus: an endpoint on loopback, which reads the status anew for each request.

A few requests are answered at once, and each has a time limit, however slowly its client sends or reads.
"""

from __future__ import annotations

import io
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from db import ObservatoryError
from db.causes import describe_cause
from schedules.config import Schedule
from schedules.status import Status, status_or_error

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from prometheus_client import Metric

LOOPBACK = "127.0.0.1"
MAX_REQUESTS = 4  # answered at once
MAX_REQUEST_SECONDS = 10.0


def serve_metrics(port: int, store: Path, schedules: Callable[[], Mapping[str, Schedule]]) -> int:
    """Serve the metrics on a port of loopback until the process ends, and return the port.

    Raises:
        ObservatoryError: the port is taken.
    """
    from prometheus_client import CollectorRegistry, make_wsgi_app

    registry = CollectorRegistry(auto_describe=False)
    registry.register(StatusCollector(store, schedules))
    try:
        app = require_loopback_host(make_wsgi_app(registry))
        server = make_server(LOOPBACK, port, app, BoundedServer, QuietRequestHandler)
    except OSError as error:
        raise ObservatoryError(
            f"Cannot listen on {LOOPBACK}:{port}.", why=describe_cause(error), fix="Choose another port."
        ) from error
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_port)


def require_loopback_host(app: WSGIApplication) -> WSGIApplication:
    """Reject requests whose Host header is not loopback (protection against DNS rebinding)."""

    def respond(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if re.fullmatch(r"(127\.0\.0\.1|localhost)(:\d{1,5})?", environ.get("HTTP_HOST", "")):
            return app(environ, start_response)
        start_response("421 Misdirected Request", [("Content-Type", "text/plain")])
        return [b"use the host 127.0.0.1\n"]

    return respond


class BoundedServer(ThreadingMixIn, WSGIServer):
    """A server with a few threads, whose requests end in time. A further request waits for one of them."""

    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        self._free_threads = threading.BoundedSemaphore(MAX_REQUESTS)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a request in a thread, once fewer than `MAX_REQUESTS` are being answered."""
        self._free_threads.acquire()
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # the system has no thread to give
            self._free_threads.release()
            self.shutdown_request(request)

    def process_request_thread(self, request: socket.socket, client_address: Any) -> None:  # type: ignore[override]
        """Answer a request, and cut its connection off when its time is over."""
        alarm = threading.Timer(MAX_REQUEST_SECONDS, _cut_off, (request,))
        alarm.daemon = True
        try:
            alarm.start()
            super().process_request_thread(request, client_address)
        finally:
            alarm.cancel()
            self._free_threads.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a request whose client went away, instead of printing a traceback into the log."""


def _cut_off(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class QuietRequestHandler(WSGIRequestHandler):
    """A handler that does not log requests, and prints no traceback into the log."""

    def get_stderr(self) -> Any:
        """Return a stream that nobody reads."""
        return io.StringIO()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


class MetricFamily(NamedTuple):
    """One metric: its name, its meaning, the name of its label, and a value for each label."""

    name: str
    description: str
    label: str
    values: Sequence[tuple[str, float]]


class StatusCollector:
    """A collector for Prometheus that reads the status."""

    def __init__(self, store: Path, schedules: Callable[[], Mapping[str, Schedule]]) -> None:
        self._store, self._schedules = store, schedules

    def describe(self) -> list[Metric]:
        """Return nothing: otherwise the client would read the status when it registers the collector."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of the status now."""
        from prometheus_client.core import GaugeMetricFamily

        status, _ = status_or_error(self._store, self._schedules())
        is_readable = float(status is not None)
        yield GaugeMetricFamily("observatory_store_readable", "1 if the store could be read", value=is_readable)
        for family in metric_families(status) if status else ():
            gauge = GaugeMetricFamily(
                f"observatory_{family.name}", family.description, labels=[family.label] if family.label else []
            )
            for label, value in family.values:
                gauge.add_metric([label] if family.label else [], value)
            yield gauge


def metric_families(status: Status) -> Iterator[MetricFamily]:
    """Yield the metrics of a status (pure)."""
    schedules, store = status["schedules"], status["store"]
    ages = [(row["schedule"], float(row["age_seconds"])) for row in schedules if row["age_seconds"] is not None]
    stale = [(row["schedule"], float(row["stale"])) for row in schedules]
    gaps = [(row["schedule"], float(sum(tick["outcome"] == "gap" for tick in row["ticks"]))) for row in schedules]
    complete = [(row["registry"], float(row["age_seconds"])) for row in status["registries"]]
    events: Counter[str] = Counter()
    for row in status["events"]:
        events[row["kind"]] += row["count"]
    open_events = [(kind, float(count)) for kind, count in sorted(events.items())]
    yield MetricFamily("schedule_age_seconds", "seconds since the last success of this schedule", "schedule", ages)
    yield MetricFamily("schedule_stale", "1 if the last success is more than 1.5 intervals ago", "schedule", stale)
    yield MetricFamily("schedule_gaps", "gaps among the newest 30 ticks of this schedule", "schedule", gaps)
    yield MetricFamily("last_complete_age_seconds", "age of the newest complete snapshot", "registry", complete)
    yield MetricFamily("quality_events", "open quality events of the last 30 days", "kind", open_events)
    sizes = {
        "bytes": store["bytes"],
        "wal_bytes": store["wal_bytes"],
        "free_bytes": store["free_bytes"],
        "journal_ticks": store["journal_ticks"],
    }
    for name, size in sizes.items():
        yield MetricFamily(f"store_{name}", f"{name.replace('_', ' ')} of the store", "", [("", float(size))])

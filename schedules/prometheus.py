"""The daemon's state for Prometheus: an endpoint on loopback, made anew from one look each time it is asked."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, make_server

from db import ObservatoryError
from schedules.config import Schedule
from schedules.status import Row, status_or_error

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from prometheus_client import Metric

LOOPBACK = "127.0.0.1"


def serve_metrics(port: int, store: Path, schedules: Callable[[], Mapping[str, Schedule]]) -> int:
    """Answer on this port of loopback until the process ends; the port.

    Raises:
        ObservatoryError: prometheus-client is not installed, or the port is taken.
    """
    try:
        from prometheus_client import CollectorRegistry, make_wsgi_app
        from prometheus_client.exposition import ThreadingWSGIServer
    except ImportError as error:
        raise ObservatoryError(
            "There is no prometheus-client.", why="It comes with an extra.", fix="pip install 'hub-observatory[watch]'"
        ) from error
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StatusCollector(store, schedules))
    try:
        app = require_loopback_host(make_wsgi_app(registry))
        server = make_server(LOOPBACK, port, app, ThreadingWSGIServer, QuietRequestHandler)
    except OSError as error:
        raise ObservatoryError(
            f"Nobody can listen on {LOOPBACK}:{port}.", why=error.strerror or "", fix="Choose another port."
        ) from error
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_port)


def require_loopback_host(app: WSGIApplication) -> WSGIApplication:
    """Answer only who has asked for this very address: a page of the web that has itself led here by another name is
    told nothing."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if re.fullmatch(r"(127\.0\.0\.1|localhost)(:\d{1,5})?", environ.get("HTTP_HOST", "")):
            return app(environ, start_response)
        start_response("421 Misdirected Request", [("Content-Type", "text/plain")])
        return [b"ask for 127.0.0.1\n"]

    return answer


class QuietRequestHandler(WSGIRequestHandler):
    """What is asked is not told in the log."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class StatusCollector:
    """What Prometheus collects."""

    def __init__(self, store: Path, schedules: Callable[[], Mapping[str, Schedule]]) -> None:
        self._store, self._schedules = store, schedules

    def describe(self) -> list[Metric]:
        """Nothing in advance: to register is not to look."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One look, as metrics."""
        from prometheus_client.core import GaugeMetricFamily

        found, _ = status_or_error(self._store, self._schedules())
        yield GaugeMetricFamily(
            "observatory_store_readable", "1 if the store could be read", value=float(found is not None)
        )
        for name, about, label, values in metric_families(found) if found else ():
            family = GaugeMetricFamily(f"observatory_{name}", about, labels=[label] if label else [])
            for of, value in values:
                family.add_metric([of] if label else [], value)
            yield family


def metric_families(status: Row) -> Iterator[tuple[str, str, str, list[tuple[str, float]]]]:
    """Name, meaning, label and values of each metric in one look (pure)."""
    schedules, store = list(status["schedules"]), dict(status["store"])  # type: ignore[call-overload]
    ages = [(row["schedule"], float(row["age_seconds"])) for row in schedules if row["age_seconds"] is not None]
    late = [(row["schedule"], float(row["stale"])) for row in schedules]
    gaps = [(row["schedule"], float(sum(t["outcome"] == "gap" for t in row["ticks"]))) for row in schedules]
    complete = [(row["registry"], float(row["age_seconds"])) for row in status["registries"]]  # type: ignore[attr-defined]
    events: dict[str, float] = {}
    for row in status["events"]:  # type: ignore[attr-defined]
        events[row["kind"]] = events.get(row["kind"], 0.0) + row["count"]
    yield "schedule_age_seconds", "since this schedule last ended well", "schedule", ages
    yield "schedule_stale", "1 if that is more than 1.5 intervals ago", "schedule", late
    yield "schedule_gaps", "gaps among its newest 30 ticks", "schedule", gaps
    yield "last_complete_age_seconds", "age of the newest complete snapshot", "registry", complete
    yield "quality_events", "open quality events of the last 30 days", "kind", sorted(events.items())
    for name in ("bytes", "wal_bytes", "free_bytes", "journal_ticks"):
        yield f"store_{name}", f"the store's {name.replace('_', ' ')}", "", [("", float(store[name]))]

"""Start `python -m simulation` as a child process, and control it over HTTP.

    with Simulation(models=200, start="2026-01-05") as simulation:
        simulation.advance(7)
        simulation.truth("huggingface/models", by="downloads", k=10)

Keyword arguments are the command's options with underscores: `quota=20, window=2, churn=0.01`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


class Simulation:
    """A running simulation. It ends with `close()`, with the `with` block, or with this process."""

    def __init__(self, **options: object) -> None:
        command = [sys.executable, "-m", "simulation", "--until-stdin-closes", *format_arguments(options)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the simulation did not start: exit code {self.process.wait()}")
        ready = json.loads(line)
        self.huggingface: str = ready["huggingface"]
        self.ecosystems: str = ready["ecosystems"]
        self.control: str = ready["control"]
        self.pid: int = ready["pid"]

    def advance(self, days: int = 1) -> dict[str, Any]:
        """Advance the time by some days, and return the new `now` and the number of events."""
        return self._request("POST", "advance", days=days)

    def set_clock(self, instant: float) -> None:
        """Set the simulated time, in seconds since 1970, without letting days pass for the registries."""
        self._request("POST", "clock", now=instant)

    def now(self) -> str:
        """Return the simulated time."""
        return self._request("GET", "clock")["now"]

    def truth(self, registry: str, by: str = "downloads", k: int = 1000) -> list[dict[str, Any]]:
        """Return the ranking that a perfect crawler would see now."""
        return self._request("GET", "truth", registry=registry, by=by, k=k)["ranking"]

    def events(self, since: str = "") -> list[dict[str, Any]]:
        """Return the events since a day."""
        return self._request("GET", "events", since=since)

    def repository(self, registry: str, **key: str) -> dict[str, Any]:
        """Return everything about one repository or package, by `id=` or `name=`."""
        return self._request("GET", "repository", registry=registry, **key)

    def census(self, registry: str) -> dict[str, Any]:
        """Return the number of visible repositories of a Hub registry, and the sha256 of their ids."""
        return self._request("GET", "census", registry=registry)

    def prepare(self, url: str) -> int:
        """Make every page of a census before it is requested, and return their number."""
        return self._request("POST", "prepare", {"url": url})["pages"]

    def faults(self, script: list[dict[str, Any]]) -> None:
        """Add scripted faults."""
        self._request("POST", "faults", script)

    def package_names(self, registry: str) -> set[str]:
        """Return the present names of the packages of a registry of Ecosyste.ms."""
        return {row["id"] for row in self.truth(registry, k=10**9)}

    def requests(self, api: str = "") -> list[dict[str, Any]]:
        """Return the requests since the last reset, to both sites or to one."""
        return [entry for entry in self._request("GET", "requests") if api in ("", entry["api"])]

    def reset(self) -> None:
        """Clear the requests, their numbers and the faults."""
        self._request("DELETE", "requests")

    def mutate(self, **change: Any) -> dict[str, Any]:
        """Change one row now: `registry=, id= or name=`, and `set={…}` or `action=, to=`."""
        return self._request("POST", "mutate", change)

    def close(self) -> None:
        """End the process."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Simulation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _request(self, method: str, verb: str, body: object = None, **query: object) -> Any:
        url = f"{self.control}/{verb}?{urllib.parse.urlencode(query)}"
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=content, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=600) as response:
                return json.load(response)
        except urllib.error.HTTPError as problem:
            raise ValueError(json.load(problem)["error"]) from None


def format_arguments(options: dict[str, object]) -> list[str]:
    """Return options as arguments of the command line. A list repeats its option."""
    arguments: list[str] = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        for item in value if isinstance(value, list | tuple) else [value]:
            arguments += [flag] if item is True else [flag, str(item)]
    return arguments

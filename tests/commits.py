"""A Hub that accepts datasets: it creates repositories, accepts files and large files, commits and tags.

It responds to the requests of huggingface_hub for the upload of a folder, and records them. `faults` are pairs of a
part of a path and a status. Each fault applies once. `private` are the names of private models that the token shows.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LARGE_SUFFIXES = (".parquet", ".sqlite")


class FakeHub:
    """The content of the Hub: repositories with their files, commits and tags."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.large: dict[str, bytes] = {}
        self.commits: list[str] = []
        self.tags: dict[str, str] = {}
        self.requests: list[str] = []
        self.faults: list[tuple[str, int]] = []
        self.private: list[str] = []
        self.endpoint = ""

    def respond(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Return status and content."""
        path, *_ = path.split("?")
        self.requests.append(f"{method} {path}")
        for fault in self.faults:
            if fault[0] in path:
                self.faults.remove(fault)
                return fault[1], {"error": "not now"}
        if path.startswith("/large/"):
            self.large[path.removeprefix("/large/")] = body
            return 200, {}
        lines = [json.loads(line) for line in body.splitlines() if line.strip()] if b"{" in body[:1] else []
        if path == "/api/whoami-v2":
            return 200, {"type": "user", "name": "lab", "orgs": [{"name": "maker"}]}
        if path in ("/api/models", "/api/datasets", "/api/spaces"):
            rows = self.private if path == "/api/models" else []
            return 200, [{"_id": f"{n:024x}", "id": name, "private": True} for n, name in enumerate(rows)]
        if path == "/api/repos/create":
            return self._create_repository(lines[0])
        if path == "/api/validate-yaml":
            return 200, {"warnings": [], "errors": []}
        if path.endswith("/info/lfs/objects/batch"):
            return 200, {"transfer": "basic", "objects": [self._upload_action(file) for file in lines[0]["objects"]]}
        _, _, owner, name, verb, *_ = [*path.removeprefix("/").split("/"), ""]
        return self._respond_to_repository(f"{owner}/{name}", verb, path, lines)

    def _respond_to_repository(self, name: str, verb: str, path: str, lines: list[Any]) -> tuple[int, Any]:
        files = self.repositories.get(name)
        if files is None:
            return 404, {"error": "Repository not found"}
        if verb == "preupload":
            return 200, {"files": [self._upload_mode(file, files) for file in lines[0]["files"]]}
        if verb == "tree":
            return 200, [
                {"type": "file", "path": file, "size": len(files[file]), "oid": git_hash(files[file])} for file in files
            ]
        if verb == "commit":
            return 200, self._apply_commit(name, files, lines)
        if verb == "tag":
            if lines[0]["tag"] in self.tags:
                return 409, {"error": "Tag exists"}
            self.tags[lines[0]["tag"]] = path.rpartition("/")[2]
            return 200, {}
        return 200, {"id": name, "sha": self.commits[-1] if self.commits else "0" * 40, "siblings": []}

    def _create_repository(self, description: dict[str, Any]) -> tuple[int, Any]:
        name = f"{description['organization']}/{description['name']}"
        exists = name in self.repositories
        self.repositories.setdefault(name, {})
        return (409 if exists else 200), {"url": f"{self.endpoint}/datasets/{name}", "id": name}

    def _upload_action(self, file: dict[str, Any]) -> dict[str, Any]:
        if file["oid"] in self.large:
            return file
        return {**file, "actions": {"upload": {"href": f"{self.endpoint}/large/{file['oid']}", "header": {}}}}

    def _upload_mode(self, file: dict[str, Any], files: dict[str, bytes]) -> dict[str, Any]:
        large, content = file["path"].endswith(LARGE_SUFFIXES), files.get(file["path"])
        oid = None if content is None else hashlib.sha256(content).hexdigest() if large else git_hash(content)
        return {"path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False, "oid": oid}

    def _apply_commit(self, name: str, files: dict[str, bytes], lines: list[Any]) -> dict[str, str]:
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.large[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        self.commits.append(hashlib.sha1(f"{len(self.commits)}".encode()).hexdigest())
        return {
            "commitUrl": f"{self.endpoint}/datasets/{name}/commit/{self.commits[-1]}",
            "commitOid": self.commits[-1],
        }


def git_hash(content: bytes) -> str:
    """Return git's hash of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextmanager
def run_fake_hub() -> Iterator[FakeHub]:
    """Run a Hub on loopback."""
    hub = FakeHub()

    class HubHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve_request(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content = hub.respond(self.command, self.path, body)
            body_bytes = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body_bytes)))
            self.end_headers()
            self.wfile.write(body_bytes)

        do_GET = do_POST = do_PUT = serve_request  # noqa: N815 - names of http.server

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), HubHandler)
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()

"""Tokens and addresses of people are planted in all inputs, and must be nowhere in the output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyarrow.parquet import read_table
from zstandard import decompress

from db.connection import open_for_reading
from db.store.cards import unscored_cards
from tests.db.builders import query
from tests.simulated import ROOT, Simulation

HUB = "huggingface/models"
PLANTED = {
    "body": ("hf_" + "bodyTOKEN0" * 3 + "1234", "author.of.body@planted.example"),
    "header": ("hf_" + "headTOKEN0" * 3 + "1234", "author.of.header@planted.example"),
    "error": ("hf_" + "failTOKEN0" * 3 + "1234", "author.of.error@planted.example"),
    "environment": ("hf_" + "ownTOKEN00" * 3 + "1234", "me.myself@planted.example"),
    "key": ("sk-proj-Planted0Key" + "Aa1" * 8, "sk-proj-Planted0Key" + "Bb2" * 8),
}
SECRETS = [secret for secrets in PLANTED.values() for secret in secrets]


class CommandFolder:
    """A folder with the files and the output of commands."""

    def __init__(self, folder: Path, hub: Simulation) -> None:
        self.folder, self.store, self.command_count = folder, folder / "observatory.db", 0
        token, address = PLANTED["environment"]
        self.environment = {
            **os.environ, "HF_ENDPOINT": hub.huggingface, "ECOSYSTEMS_ENDPOINT": hub.ecosystems, "HF_TOKEN": token,
            "OBSERVATORY_CONTACT": address, "OPENAI_API_KEY": PLANTED["key"][0], "PYTHONPATH": str(ROOT),
            "OBSERVATORY_DB": str(self.store),
        }  # fmt: skip

    def run_cli(self, *arguments: str) -> int:
        """Run a command, write its output to a file, and return its exit code."""
        self.command_count += 1
        with (self.folder / f"output-{self.command_count}").open("wb") as output:
            line = [sys.executable, "-m", "schedules.cli", *arguments]
            return subprocess.run(line, cwd=self.folder, env=self.environment, stdout=output, stderr=output).returncode

    def kill_crawl(self, hub: Simulation) -> None:
        """Kill a crawl between two pages, so that its write-ahead log stays."""
        hub.faults([{"api": "huggingface", "kind": "stall", "request": 3, "seconds": 30}])
        line = [sys.executable, "-m", "crawler", "snapshot", HUB, "--top", "1500", "--quiet"]
        child = subprocess.Popen(line, cwd=ROOT, env=self.environment)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not (
            pages := self.query("SELECT max(snapshot_id) FROM page WHERE number")
        ):
            time.sleep(0.02)
        time.sleep(1.0)
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert pages

    def query(self, statement: str) -> list[tuple[object, ...]]:
        return query(self.store, statement)

    def iter_contents(self) -> Iterator[tuple[str, bytes]]:
        """Yield the bytes of every file, and the unpacked content of some."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                yield str(path), path.read_bytes()
            if path.suffix == ".parquet":
                yield f"{path} unpacked", repr(read_table(path, partitioning=None).to_pylist()).encode()
        for (content,) in self.query("SELECT content FROM body"):
            yield "body", decompress(bytes(content))  # type: ignore[arg-type]
        with open_for_reading(self.store) as connection:
            for card in unscored_cards(connection, "nobody", "0"):
                yield "card", card.content
        for name in self.query("SELECT name FROM sqlite_master WHERE type = 'table'"):
            yield f"table {name[0]}", repr(self.query(f'SELECT * FROM "{name[0]}"')).encode()


def plant_secrets(hub: Simulation) -> None:
    """Plant secrets in tags, fields and cards of the first models, and in headers of every response."""
    token, address = PLANTED["body"]
    text = f"ask {address}, and use {token}"
    for row in hub.truth(HUB, k=3):
        fields = {"tags": ["pytorch", text, token, address], "library_name": address, "pipeline_tag": token}
        card = f"---\nlicense: mit\ntags: [{token}]\n---\n# A model\n\n{text}\n"
        hub.mutate(registry=HUB, id=row["id"], set={**fields, "card": card})
    token, address = PLANTED["header"]
    headers = {"x-request-id": token, "etag": address, "x-ratelimit-tier": f"{token} of {address}"}
    hub.faults(
        [{"api": "huggingface", "path": "/api/models", "kind": "ratelimit_headers", "times": -1, "headers": headers}]
    )


def leaking_faults() -> list[dict[str, object]]:
    """Return faults whose responses contain secrets."""
    token, address = PLANTED["error"]
    text = f"{token} of {address} is not accepted"
    return [
        {"kind": "status", "code": 401, "body": text, "request": 1},
        {"kind": "status", "code": 400, "body": text, "request": 1},
        {"kind": "status", "code": 200, "body": text, "request": 2, "times": -1},
        {"kind": "status", "code": 200, "body": text, "request": 2, "times": -1, "content_type": "application/json"},
        {"kind": "next_other_host", "host": f"http://{address}/{token}", "request": 2},
        {"kind": "redirect", "location": f"http://{address}/{token}", "request": 2},
        {"kind": "change_type", "field": "createdAt", "value": text, "request": 2},
        {"kind": "drop_field", "field": "_id", "request": 2},
    ]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.fault("E10", "G1")
def test_planted_secrets_are_nowhere_in_the_output(tmp_path: Path) -> None:
    with Simulation(models=1700, datasets=5, spaces=5, packages=50) as hub:
        folder = CommandFolder(tmp_path, hub)
        plant_secrets(hub)
        assert folder.run_cli("crawl", "snapshot", HUB, "--top", "1500") == 0
        assert folder.run_cli("crawl", "changes", HUB) == 0
        assert folder.run_cli("crawl", "cards", HUB, "--top", "5") == 0
        assert folder.run_cli("crawl", "snapshot", HUB, "--full") == 0
        folder.run_cli("crawl", "check", HUB)
        for fault in leaking_faults():
            hub.reset()
            plant_secrets(hub)
            hub.faults([{"api": "huggingface", **fault}])
            folder.run_cli("crawl", "snapshot", HUB, "--top", "1500", "--retry-for", "0.5")
        hub.reset()
        plant_secrets(hub)
        folder.kill_crawl(hub)
    for arguments in (
        ("compute",),
        ("score",),
        ("export", "bundle"),
        ("store", "check"),
        ("store", "backup", "copy.db"),
    ):
        assert folder.run_cli(*arguments) == 0, arguments
    for report_format in ("text", "html", "markdown", "json"):
        assert folder.run_cli("report", "--format", report_format, "--out", f"report.{report_format}") == 0
    contents = list(folder.iter_contents())
    assert len(contents) > 60 and any("removed]" in str(content) for _, content in contents)
    assert [(source, secret) for source, content in contents for secret in SECRETS if secret.encode() in content] == []


@pytest.mark.fault("E10")
def test_an_endpoint_with_a_password_is_refused(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "crawler", "snapshot", HUB, "--db", str(tmp_path / "s.db")]
    environment = {**os.environ, "HF_ENDPOINT": "https://me:hidden-word@mirror.example"}
    completed = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (
        completed.returncode == 2 and "HF_ENDPOINT holds" in completed.stderr and "hidden-word" not in completed.stderr
    )
    assert not (tmp_path / "s.db").exists()


@pytest.mark.parametrize("endpoint", ["mirror.example", "ftp://mirror.example", "https://"])
def test_an_endpoint_that_is_not_a_url_is_refused_before_the_store_is_opened(endpoint: str, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "crawler", "snapshot", HUB, "--db", str(tmp_path / "s.db")]
    environment = {**os.environ, "HF_ENDPOINT": endpoint}
    completed = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert completed.returncode == 2 and "HF_ENDPOINT is not a URL" in completed.stderr
    assert not (tmp_path / "s.db").exists()

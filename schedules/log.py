"""The log of the daemon on stderr: JSON for a program, text for a person. The system rotates it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping

from db.cli import escape_control_characters, isoformat_utc
from schedules.log_redaction import redact, secret_values


class DaemonLog:
    """One line for each event, without secrets and addresses of people."""

    def __init__(self, line_format: str) -> None:
        self._format = line_format
        self._secrets = secret_values(os.environ)

    def write(self, event: str, **fields: object) -> None:
        """Write one line."""
        line = self.format_json(event, fields) if self._format == "json" else self._format_text(event, fields)
        print(line, file=sys.stderr, flush=True)

    def format_json(self, event: str, fields: Mapping[str, object]) -> str:
        """Return one event as JSON."""
        content = {"at": isoformat_utc(int(time.time())), "event": event, **fields}
        return redact(json.dumps(content, default=str), self._secrets)

    def _format_text(self, event: str, fields: Mapping[str, object]) -> str:
        pairs = "  ".join(f"{name} {value}" for name, value in fields.items())
        line = f"{isoformat_utc(int(time.time()))}  {event}  {pairs}".rstrip()
        return escape_control_characters(redact(line, self._secrets))

"""What the daemon says: a line of JSON for a program, a line of text for a person. Rotation is the system's."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping

from db.cli import escape_control_characters, isoformat_utc
from schedules.log_redaction import redact, secret_values


class DaemonLog:
    """Lines on stderr, one for each event, without secrets and addresses."""

    def __init__(self, form: str) -> None:
        self._format = form
        self._secrets = secret_values(os.environ)

    def write(self, event: str, **fields: object) -> None:
        """Write one line."""
        text = self.format_json(event, fields) if self._format == "json" else self._format_text(event, fields)
        print(text, file=sys.stderr, flush=True)

    def format_json(self, event: str, fields: Mapping[str, object]) -> str:
        """One event as JSON."""
        return redact(
            json.dumps({"at": isoformat_utc(int(time.time())), "event": event, **fields}, default=str), self._secrets
        )

    def _format_text(self, event: str, more: Mapping[str, object]) -> str:
        said = "  ".join(f"{name} {value}" for name, value in more.items())
        return escape_control_characters(
            redact(f"{isoformat_utc(int(time.time()))}  {event}  {said}".rstrip(), self._secrets)
        )

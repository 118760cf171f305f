"""What the daemon says: a line of JSON for a program, a line of text for a person. Rotation is the system's."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping

from db.cli import instant, plain
from schedules.log_redaction import hushed, secrets


class Log:
    """Lines on stderr, one for each event, without secrets and addresses."""

    def __init__(self, form: str) -> None:
        self._form = form
        self._hidden = secrets(os.environ)

    def say(self, event: str, **more: object) -> None:
        """Write one line."""
        text = self.line(event, more) if self._form == "json" else self._text(event, more)
        print(text, file=sys.stderr, flush=True)

    def line(self, event: str, more: Mapping[str, object]) -> str:
        """One event as JSON."""
        return hushed(json.dumps({"at": instant(int(time.time())), "event": event, **more}, default=str), self._hidden)

    def _text(self, event: str, more: Mapping[str, object]) -> str:
        said = "  ".join(f"{name} {value}" for name, value in more.items())
        return plain(hushed(f"{instant(int(time.time()))}  {event}  {said}".rstrip(), self._hidden))

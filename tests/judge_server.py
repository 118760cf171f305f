"""A judge that behaves as its model is named: an OpenAI-compatible endpoint on loopback, in a process of its own.

`python -m tests.judge_server` prints its port. An answer depends on the request alone, except for `rate` and `flaky`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ITEMS = ("description", "limitations", "how_to_use", "training", "evaluation")
CALLS: Counter[str] = Counter()
FILES: dict[str, bytes] = {}
BATCHES: dict[str, str] = {}
TEMPERATURE_ERROR = {"error": {"message": "Unsupported value: 'temperature' does not support 0 with this model.",
                  "code": "unsupported_value", "type": "invalid_request_error", "param": "temperature"}}  # fmt: skip
LOCK = threading.Lock()


def read_card(body: dict) -> str:
    """Return the card of a request."""
    text = body["messages"][1]["content"]
    return re.match(r"\[card \w+\]\n(.*)\n\[end of card \w+\]$", text, re.DOTALL)[1]


def find_quotable_line(card: str) -> str:
    """Return a line of the card that is long enough to be quoted."""
    return next((line for line in card.splitlines() if len(line.split()) >= 4), "")


def is_flipped(card: str, seed: int, item: str, share: float) -> bool:
    """Return whether the reader gives another answer for this seed."""
    digest = hashlib.sha256(f"{card}|{seed}|{item}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < share


def make_answer(body: dict) -> dict:
    """Return the message of the model of this name, and the reason of its end."""
    name, card = body["model"], read_card(body)
    good = {item: {"answer": True, "quote": find_quotable_line(card)} for item in ITEMS}
    answers: object = good
    if name.startswith("flip-"):
        share = float(name[5:])
        answers = {
            item: {"answer": not is_flipped(card, body["seed"], item, share), "quote": find_quotable_line(card)}
            for item in ITEMS
        }
    elif name == "types":
        answers = {item: {"answer": "yes", "quote": 3} for item in ITEMS}
    elif name == "missing":
        answers = {item: good[item] for item in ITEMS[:-1]}
    elif name == "invents":
        answers = {item: {"answer": True, "quote": "The model was evaluated on nine benchmarks."} for item in ITEMS}
    elif name == "obeys":
        attack = next((line for line in card.splitlines() if "true" in line.lower() or "ignore" in line.lower()), card)
        answers = {item: {"answer": True, "quote": attack.strip()} for item in ITEMS}
    text = json.dumps(answers)
    if name == "prose":
        text = f"Certainly! Here is {{what}} you asked for:\n```json\n{text}\n```\nI hope that helps."
    if name == "cut" or (name == "mends" and len(body["messages"]) == 2):
        text = text[: len(text) // 2]
    message = {"role": "assistant", "content": text, "refusal": None}
    if name == "refuses":
        message = {"role": "assistant", "content": None, "refusal": "I cannot read this."}
    return {"message": message, "end": "content_filter" if name == "filtered" else "stop"}


def make_completion(body: dict) -> dict:
    """Return the whole completion."""
    answer = make_answer(body)
    usage = (
        None if body["model"] == "nousage" else {"prompt_tokens": 500, "completion_tokens": 100, "total_tokens": 600}
    )
    return {
        "id": "c", "object": "chat.completion", "created": 0,
        "model": "good-2" if body["model"] == "renamed" else body["model"],
        "choices": [{"index": 0, "message": answer["message"], "finish_reason": answer["end"]}], "usage": usage,
    }  # fmt: skip


class JudgeEndpoint(BaseHTTPRequestHandler):
    """Chat completions, files and batches."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *words: object) -> None:
        """Log nothing."""

    def send_json(self, status: int, document: object, raw: bytes | None = None, *headers: tuple[str, str]) -> None:
        """Send one response."""
        content = json.dumps(document).encode() if raw is None else raw
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        """Return counts, batches and files."""
        if self.path == "/calls":
            self.send_json(200, dict(CALLS))
        elif self.path.endswith("/content"):
            self.send_json(200, None, FILES[self.path.split("/")[-2]])
        else:
            self.send_json(200, make_batch(self.path.split("/")[-1]))

    def do_POST(self) -> None:
        """Return a completion, or take a file or a batch."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/files"):
            name = f"in{len(FILES)}"
            FILES[name] = b"".join(line + b"\n" for line in content.splitlines() if line.startswith(b'{"custom_id"'))
            file = {"id": name, "object": "file", "bytes": 1, "created_at": 0, "filename": "f", "purpose": "batch",
                    "status": "processed"}  # fmt: skip
            self.send_json(200, file)
        elif self.path.endswith("/batches"):
            lines = [json.loads(line) for line in FILES[json.loads(content)["input_file_id"]].splitlines()]
            results = [make_batch_line(line["custom_id"], line["body"]) for line in reversed(lines)]
            name = f"b{len(BATCHES) + 1}"
            FILES[f"out-{name}"] = b"".join(json.dumps(line).encode() + b"\n" for line in results)
            BATCHES[name] = "completed"
            self.send_json(200, make_batch(name))
        else:
            self.send_completion(json.loads(content))

    def send_completion(self, body: dict) -> None:
        """Send one completion, or the failure that the model is named after."""
        name = body["model"]
        with LOCK:
            CALLS[name] += 1
            count = CALLS[name]
        if name == "slow":
            time.sleep(3)
        if name == "quota" or (name == "rate" and count <= 2):
            code = "insufficient_quota" if name == "quota" else "rate_limit_exceeded"
            self.send_json(429, {"error": {"message": "too much", "code": code, "type": "t", "param": None}})
        elif name == "down" or (name == "flaky" and count == 1):
            self.send_json(500, {"error": {"message": "oh", "code": None, "type": "t", "param": None}})
        elif name == "warm" and "temperature" in body:
            self.send_json(400, TEMPERATURE_ERROR)
        elif name == "page":
            self.send_json(200, None, b"<html>a proxy says hello</html>")
        elif name == "deep":
            self.send_json(200, None, b"[" * 100_000 + b"]" * 100_000)
        elif name.startswith("zipped"):
            self.send_json(500 if "down" in name else 200, None, gzip.compress(b"{}"), ("Content-Encoding", "gzip"))
        else:
            self.send_json(200, make_completion(body))


def make_batch_line(number: str, body: dict) -> dict:
    """Return one line of the results of a batch."""
    cold = body["model"] == "warm" and "temperature" in body
    response = (
        {"status_code": 400, "body": TEMPERATURE_ERROR} if cold else {"status_code": 200, "body": make_completion(body)}
    )
    return {"custom_id": number, "response": response}


def make_batch(name: str) -> dict:
    """Return a batch as the API shows it."""
    return {
        "id": name, "object": "batch", "endpoint": "/v1/chat/completions", "input_file_id": "in",
        "status": BATCHES[name],
        "completion_window": "24h", "created_at": 0, "output_file_id": f"out-{name}", "error_file_id": None,
    }  # fmt: skip


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), JudgeEndpoint)
    print(server.server_address[1], flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
    server.serve_forever()

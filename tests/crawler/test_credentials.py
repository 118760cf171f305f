"""The credentials of a crawl, and what people write of themselves, are stored nowhere, whatever an answer echoes."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from zstandard import decompress

from crawler.parsing.redact import redact_response
from crawler.response import HttpResponse
from tests.crawler.conftest import HUB, Crawl, CrawlRun, environment
from tests.simulated import Simulation

TOKEN = "mirror/key=of-ours"
ADDRESSES = ["jo\uff20lab.example", "jo&#64;lab.example", "用户@例子.广告", "jo@[192.168.0.1]"]
LEAKED = ["ghp_" + "a1B2" * 9, "AKIA" + "A1B2" * 4]


def stored_text(crawled: CrawlRun) -> str:
    """Return everything that a crawl has printed and stored, its bodies unpacked."""
    tables = [name for (name,) in crawled.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    bodies = [decompress(bytes(content)) for (content,) in crawled.rows("SELECT content FROM body")]  # type: ignore[arg-type]
    rows = [row for table in tables for row in crawled.rows(f'SELECT * FROM "{table}"')]
    return "\n".join([crawled.output, crawled.errors, repr(rows), *(body.decode("utf-8") for body in bodies)])


@pytest.mark.fault("E10", "G1")
def test_what_an_answer_echoes_of_the_token_or_quotes_of_a_person_is_not_stored(
    crawl: Crawl, pretend: Simulation
) -> None:
    row = pretend.truth(HUB, k=1)[0]
    tags = ["pytorch", TOKEN, quote(TOKEN, safe=""), *ADDRESSES, *LEAKED]
    fields = {"tags": tags, "library_name": TOKEN, "pipeline_tag": ADDRESSES[0], "sha": ADDRESSES[1]}
    pretend.mutate(registry=HUB, id=row["id"], set=fields)
    headers = {"x-request-id": f"of {TOKEN}", "etag": quote(TOKEN, safe="")}
    echo = {"api": "huggingface", "path": "/api/models", "kind": "ratelimit_headers", "times": -1, "headers": headers}
    pretend.faults([echo])
    crawled = crawl("snapshot", HUB, "--top", "500", "--quiet", env=environment(pretend, HF_TOKEN=TOKEN))
    assert crawled.exit_code == 0
    text = stored_text(crawled)
    leaks = [secret for secret in ("of-ours", "%3Dof", *ADDRESSES, "lab.example", *LEAKED) if secret in text]
    assert leaks == [] and text.count("[token removed]") >= 5 and "[address removed]" in text


@pytest.mark.fault("E10")
def test_a_refusal_that_quotes_the_token_is_stored_without_it(crawl: Crawl, pretend: Simulation) -> None:
    message = f"{'x' * 190} {TOKEN} is not known"
    pretend.faults([{"api": "huggingface", "kind": "status", "code": 401, "body": message, "request": 1}])
    crawled = crawl("snapshot", HUB, "--top", "500", "--quiet", env=environment(pretend, HF_TOKEN=TOKEN))
    assert crawled.exit_code == 1
    assert "mirror" not in stored_text(crawled), "half a token is a leak too"


@pytest.mark.parametrize(
    "echo",
    [TOKEN, quote(TOKEN, safe=""), quote(quote(TOKEN, safe=""), safe=""), "mirror\\/key=of-ours",
     "\\u006dirror\\u002fkey=of-ours", "mirror&#x2F;key&equals;of-ours"],
)  # fmt: skip
@pytest.mark.fault("E10")
def test_a_credential_is_removed_however_it_is_escaped(echo: str) -> None:
    body = f'[{{"a": "{echo}"}}]'.encode()
    response = HttpResponse("u", 200, {"x-error-message": f"not {echo}"}, body, 0)
    clean = redact_response(response, (TOKEN,))
    assert clean.body == b'[{"a": "[token removed]"}]' and clean.headers == {"x-error-message": "not [token removed]"}
    assert clean.sha256 == response.sha256, "the hash is of the body as received"


def test_a_short_credential_that_is_part_of_a_word_changes_no_name() -> None:
    response = HttpResponse("u", 200, {}, b'["lab/password1234"]', 0)
    assert redact_response(response, ("password1",)) is response

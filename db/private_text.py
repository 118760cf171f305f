"""E-mail addresses, tokens and passwords: found and removed before a text is stored or published (pure).

An address may have any letters, a full-width or an escaped @, a quoted name, or the address of a machine as its domain.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from urllib.parse import urlsplit

from db.escaped_text import PlainText, Span, cut_spans, find_values, replace_escapes
from db.token_patterns import ALL_PATTERNS, OTHER_TOKEN, UNMISTAKABLE, Service, find_tokens

ADDRESS = "an e-mail address"
ADDRESS_REMOVED, TOKEN_REMOVED = "[address removed]", "[token removed]"
CREDENTIAL_NAMES = ("TOKEN", "KEY", "SECRET", "PASSWORD", "PASSWD", "CREDENTIALS")
PROXY_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
MIN_CREDENTIAL_LENGTH = 8
MIN_LENGTH_INSIDE_WORDS = 16
# Letters beyond ASCII: punctuation and spaces of other scripts end an address.
_WIDE = (
    "\x80-\x9f\xa1-\u1fff\u2c00-\u2fff\u3021-\ud7ff\uf900-\ufdff\ufe70-\ufefe\uff10-\uff19\uff21-\uff3a\uff41-\uff5a"
    "\uff66-\uffdc\udc80-\udcff\U00010000-\U0010ffff"  # the lone surrogates stand for bytes that are no UTF-8
)
_HIDDEN = "[\u00ad\u200b-\u200d\u2060\ufeff]{0,3}"
_DOT = "[.\uff0e\u3002\uff61]"
_AT = re.compile("[@\uff20\ufe6b]")
_NAME_BACKWARDS = rf"{_HIDDEN}(?:[A-Za-z0-9._%+'{_WIDE}-]{{0,63}}[A-Za-z0-9_{_WIDE}]|\"[^\"\\\n]{{0,62}}\w\")"
_LABEL = rf"[A-Za-z0-9{_WIDE}](?:[A-Za-z0-9_{_WIDE}-]{{0,61}}[A-Za-z0-9{_WIDE}])?"
_DOMAIN = (
    rf"{_HIDDEN}(?!v?[0-9]+\.[0-9])(?:{_LABEL}{_HIDDEN}{_DOT}{_HIDDEN}){{1,8}}"
    rf"(?:xn--[A-Za-z0-9-]{{2,59}}|[A-Za-z{_WIDE}]{{2,24}})(?![A-Za-z0-9])"
    r"|\[(?:IPv6:)?[0-9A-Fa-f:.]{2,45}\]"
)
MAX_NAME = 68
# An address has an @, which may be escaped, and a token has a long run. Most texts have neither.
_SUSPICIOUS = re.compile("[@\uff20\ufe6b\\\\%&]|[A-Za-z0-9_.-]{16}|-----B")


def find_addresses(text: str) -> Iterator[Span]:
    """Yield where a text without escapes has an e-mail address.

    >>> [list(find_addresses(text)) for text in ("ask jo@lab.example!", "react@18.2.0-rc.alpha", "@types/node")]
    [[(4, 18)], [], []]
    """
    for at in _AT.finditer(text):
        name = _compile(_NAME_BACKWARDS).match(text[max(0, at.start() - MAX_NAME) : at.start()][::-1])
        domain = _compile(_DOMAIN).match(text, at.end()) if name else None
        if name and domain:
            yield at.start() - name.end(), domain.end()


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    """Compile a pattern at its first use: that takes milliseconds, and most commands read no address."""
    return re.compile(pattern)


def find_private_text(text: str, credentials: Collection[str] = ()) -> str | None:
    """Return the kind of private content in a text, or None.

    >>> [find_private_text(text) for text in ("write to jo.doe@mail.example.org", "@types/node", "task-sk-learn")]
    ['an e-mail address', None, None]
    """
    return next((kind for _, kind in _find_private_spans(text, credentials)), None)


def find_unmistakable(text: str, credentials: Collection[str] = ()) -> str | None:
    """Return the kind of private content in a text that may be a name, or None. A name may resemble some tokens.

    >>> find_unmistakable("lab/sk-Mistral7BInstructV02"), find_unmistakable("lab/hf_" + "aB3" * 12)
    (None, 'a token of the Hub')
    """
    return next((kind for _, kind in _find_private_spans(text, credentials, UNMISTAKABLE)), None)


def remove_private_text(text: str, credentials: Collection[str] = ()) -> str:
    r"""Return a text with a mark in the place of each address, token and credential.

    >>> remove_private_text("jo@lab.example, jo&#64;lab.example, jo\\u0040lab.example")
    '[address removed], [address removed], [address removed]'
    """
    return _cut(text, list(_find_private_spans(text, credentials)))


def remove_values(text: str, credentials: Collection[str]) -> str:
    """Return a text with a mark in the place of each credential, escaped or not."""
    plain_texts = replace_escapes(text) if credentials else []
    spans = [
        (_span_in_original(span, plain_texts[: number + 1]), OTHER_TOKEN)
        for number, plain in enumerate(plain_texts)
        for span in find_values(plain.text, credentials, MIN_LENGTH_INSIDE_WORDS)
    ]
    return _cut(text, spans)


def remove_addresses(name: str) -> str:
    """Return the name of a package with a mark in the place of each address. A name is not searched for tokens."""
    return _cut(name, list(_find_private_spans(name, (), ())))


def _cut(text: str, spans: Collection[tuple[Span, str]]) -> str:
    if not spans:
        return text
    return cut_spans(text, ((span, ADDRESS_REMOVED if kind == ADDRESS else TOKEN_REMOVED) for span, kind in spans))


def _find_private_spans(
    text: str, credentials: Collection[str], patterns: tuple[Service, ...] = ALL_PATTERNS
) -> Iterator[tuple[Span, str]]:
    """Yield where a text has private content, whichever of its characters are escaped."""
    if not credentials and not _SUSPICIOUS.search(text):
        return
    plain_texts = replace_escapes(text)
    for number, plain in enumerate(plain_texts):
        spans = [(span, OTHER_TOKEN) for span in find_values(plain.text, credentials, MIN_LENGTH_INSIDE_WORDS)]
        spans += find_tokens(plain.text, patterns)
        spans += ((span, ADDRESS) for span in find_addresses(plain.text))
        yield from ((_span_in_original(span, plain_texts[: number + 1]), kind) for span, kind in spans)


def _span_in_original(span: Span, plain_texts: Sequence[PlainText]) -> Span:
    """Return where the first of some texts, each with fewer escapes, has what the last has at a span."""
    for plain in plain_texts[:0:-1]:
        span = plain.original_span(span)
    return span


def list_credentials(
    environment: Mapping[str, str], *others: str | None, min_length: int = MIN_CREDENTIAL_LENGTH
) -> tuple[str, ...]:
    """Return the credentials of this run, the longest first.

    They are the values of the environment variables with a name of a secret, the passwords of proxies, and others.

    >>> list_credentials({"HF_TOKEN": "of-the-mirror", "HTTPS_PROXY": "http://me:password@proxy", "HOME": "/home/me"})
    ('of-the-mirror', 'password')
    """
    values = {value.strip() for name, value in environment.items() if name.upper().endswith(CREDENTIAL_NAMES)}
    values |= {_password_of(value) for name, value in environment.items() if name.upper() in PROXY_NAMES}
    values |= {other.strip() for other in others if other}
    return tuple(sorted((value for value in values if len(value) >= min_length), key=lambda v: (-len(v), v)))


def _password_of(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""

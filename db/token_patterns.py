"""What tokens and passwords look like: those of the Hub, of judges, and of services whose tokens leak most (pure).

Each pattern has a literal that the text must have, so that most texts are searched for literals only. Every repetition
is bounded, so that a long text takes linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

HUB_TOKEN, JUDGE_KEY, OTHER_TOKEN = "a token of the Hub", "a key of a judge", "a token or a password"
_START = r"(?<![A-Za-z0-9_])"
_MIXED = r"(?=[A-Za-z0-9_-]{0,60}[0-9])(?=[A-Za-z0-9_-]{0,60}[A-Z])"
_ISSUED_FOR = "(?:proj|svcacct|admin|ant|or)"
_PRIVATE_KEY = "[A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
_LONG_RUN = r"(?=[A-Za-z0-9_-]{0,200}?[A-Za-z0-9_]{16})"  # names have shorter words
_SERVICES = (
    ("hf_", HUB_TOKEN, r"hf_[A-Za-z0-9]{30,200}"),
    ("api_org_", HUB_TOKEN, r"api_org_[A-Za-z0-9]{30,200}"),
    ("sk-", JUDGE_KEY, rf"sk-{_ISSUED_FOR}-{_MIXED}(?:[A-Za-z0-9_-]{{40,250}}|{_LONG_RUN}[A-Za-z0-9_-]{{20,40}})"),
    ("gsk_", JUDGE_KEY, r"gsk_[A-Za-z0-9]{40,100}"),
    ("r8_", JUDGE_KEY, r"r8_[A-Za-z0-9]{37,60}"),
    ("xai-", JUDGE_KEY, r"xai-[A-Za-z0-9]{60,120}"),
    ("pplx-", JUDGE_KEY, r"pplx-[A-Za-z0-9]{40,80}"),
    ("nvapi-", JUDGE_KEY, r"nvapi-[A-Za-z0-9_-]{50,120}"),
    ("gh", OTHER_TOKEN, r"gh[oprsu]_[A-Za-z0-9]{36,255}"),
    ("github_pat_", OTHER_TOKEN, r"github_pat_[A-Za-z0-9_]{36,255}"),
    ("glpat-", OTHER_TOKEN, r"glpat-[A-Za-z0-9_.-]{20,64}"),
    ("npm_", OTHER_TOKEN, r"npm_[A-Za-z0-9]{36,64}"),
    ("pypi-AgE", OTHER_TOKEN, r"pypi-AgE[A-Za-z0-9_-]{40,400}"),
    ("rubygems_", OTHER_TOKEN, r"rubygems_[a-f0-9]{48}"),
    ("dckr_", OTHER_TOKEN, r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,64}"),
    ("IA", OTHER_TOKEN, r"A(?:KIA|SIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("AIza", OTHER_TOKEN, r"AIza[A-Za-z0-9_-]{35}"),
    ("ya29.", OTHER_TOKEN, r"ya29\.[A-Za-z0-9_-]{20,300}"),
    ("xox", OTHER_TOKEN, r"xox[abeoprs]-[A-Za-z0-9-]{10,250}"),
    ("xapp-", OTHER_TOKEN, r"xapp-[0-9]-[A-Za-z0-9-]{20,250}"),
    ("hooks.slack.com/", OTHER_TOKEN, r"hooks\.slack\.com/services/[A-Za-z0-9/]{20,100}"),
    ("_live_", OTHER_TOKEN, r"[srp]k_live_[A-Za-z0-9]{16,120}"),
    ("_test_", OTHER_TOKEN, r"[sr]k_test_[A-Za-z0-9]{16,120}"),
    ("whsec_", OTHER_TOKEN, r"whsec_[A-Za-z0-9+/=]{24,64}"),
    ("SG.", OTHER_TOKEN, r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}"),
    ("dop_v1_", OTHER_TOKEN, r"dop_v1_[a-f0-9]{64}"),
    ("shp", OTHER_TOKEN, r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    ("hvs.", OTHER_TOKEN, r"hvs\.[A-Za-z0-9_-]{24,200}"),
    ("dapi", OTHER_TOKEN, r"dapi[a-f0-9]{32}"),
    ("glsa_", OTHER_TOKEN, r"glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"),
    ("lin_api_", OTHER_TOKEN, r"lin_api_[A-Za-z0-9]{32,64}"),
    ("sntry", OTHER_TOKEN, r"sntry[su]_[A-Za-z0-9+/=_-]{32,300}"),
    ("cio", OTHER_TOKEN, r"cio(?=[A-Za-z]{0,31}[0-9])(?=[A-Za-z0-9]{0,31}[A-Z])[A-Za-z0-9]{32}(?![A-Za-z0-9])"),
    (":AA", OTHER_TOKEN, r"[0-9]{8,10}:AA[A-Za-z0-9_-]{32,36}"),
    ("eyJ", OTHER_TOKEN, r"eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}(?:\.[A-Za-z0-9_-]{0,2000})?"),
    ("PRIVATE KEY", OTHER_TOKEN,
     rf"-----BEGIN {_PRIVATE_KEY}[^-]{{0,10000}}(?:-----END {_PRIVATE_KEY})?"),
    ("://", OTHER_TOKEN, r"(?<=://)[^\s/@\"'<>]{1,256}(?=@)"),
)  # fmt: skip
# These may be words of a name or of a text about tokens: a name is not searched for them.
_GUESSES = (
    ("sk-", JUDGE_KEY, rf"(?<![A-Za-z0-9_/-])sk-{_MIXED}{_LONG_RUN}[A-Za-z0-9_-]{{20,250}}"),
    ("sk-", JUDGE_KEY, r"(?<![A-Za-z0-9_/-])sk-[a-f0-9]{32,64}(?![A-Za-z0-9])"),
    ("earer ", OTHER_TOKEN, r"(?<=[Bb]earer )(?=[A-Za-z._~+/=-]{0,60}[0-9])[A-Za-z0-9._~+/=-]{16,4000}"),
)
Service = tuple[str, str, str]  # a literal of the token, the kind, and the pattern
UNMISTAKABLE: tuple[Service, ...] = _SERVICES
ALL_PATTERNS: tuple[Service, ...] = _SERVICES + _GUESSES


def find_tokens(text: str, services: tuple[Service, ...] = ALL_PATTERNS) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield where a text has a token or a password, and the kind of each.

    >>> texts = ("of hf_" + "aB3" * 12 + "!", "lab/sk-Mistral-7B-v02", "AKIA" + "A1B2" * 4)
    >>> [(text[slice(*span)], kind) for text in texts for span, kind in find_tokens(text)][1:]
    [('AKIAA1B2A1B2A1B2A1B2', 'a token or a password')]
    """
    for marker, kind, pattern in services:
        if marker in text:
            yield from ((match.span(), kind) for match in _compile(pattern).finditer(text))


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    begins_with_letter = pattern[0].isalnum() or pattern[0] == "["
    return re.compile(f"{_START if begins_with_letter else ''}{pattern}")

"""The authors of a bundle: those who exported it, as they name themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from db import UsageError

AUTHOR_VARIABLE = "OBSERVATORY_AUTHOR"
NO_AUTHOR = "No author given"
ORCID = re.compile(r"(?:https?://orcid\.org/)?(\d{4}-\d{4}-\d{4}-\d{3}[\dX])")
AUTHOR = re.compile(r"\s*([^<>@]*[^<>@\s])\s*(?:<([^<>]*)>)?\s*")


@dataclass(frozen=True)
class BundleAuthor:
    """A person or an organisation, with a URL if there is one. An ORCID is a URL."""

    name: str
    url: str = ""

    @property
    def orcid(self) -> str:
        """The URL if it is an ORCID, or ''."""
        return self.url if ORCID.fullmatch(self.url) else ""


def parse_author(text: str) -> BundleAuthor:
    """Return an author written as `Name <ORCID or URL>`.

    >>> parse_author("Ada Lovelace <0000-0002-1825-0097>")
    BundleAuthor(name='Ada Lovelace', url='https://orcid.org/0000-0002-1825-0097')
    >>> parse_author("The Registry Lab")
    BundleAuthor(name='The Registry Lab', url='')

    Raises:
        UsageError: the text is no name, or has an e-mail address or something else that is no URL.
    """
    match = AUTHOR.fullmatch(text)
    url = (match[2] or "").strip() if match else ""
    orcid = ORCID.fullmatch(url)
    if match and (not url or orcid or re.fullmatch(r"https?://[^\s@]+", url)):
        return BundleAuthor(" ".join(match[1].split()), f"https://orcid.org/{orcid[1]}" if orcid else url)
    raise UsageError(
        f"{text!r} is not an author.",
        why="E-mail addresses are not kept." if "@" in text else "",
        fix='Write it like --author "Ada Lovelace <https://orcid.org/0000-0002-1825-0097>", or a name alone.',
        more="docs/exports.md",
    )


def choose_authors(options: Iterable[str], variable: str | None) -> tuple[BundleAuthor, ...]:
    """Return the authors of the command line, or those of the environment, which are separated by semicolons."""
    texts = [*options] or [text for text in (variable or "").split(";") if text.strip()]
    return tuple(map(parse_author, texts))

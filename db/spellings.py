"""Spellings of a name: which names a redaction covers, and which texts quote one of them (pure)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

MIN_DISTINCTIVE_LENGTH = 6
MIN_OWNER_LENGTH = 3
# The same replacements as `folded_text_sql`, which a stable view needs because it may call no function of ours.
FOLDED_PIECES = (("_", "-"), (".", "-"), ("%2f", "/"), ("%40", "@"))
_NOT_IN_GLOB = re.compile(r"[*?\[]")


def fold_text(text: str) -> str:
    """Return a text in which the spellings of a name are equal.

    >>> fold_text("see Some_One%2FMy.Model")
    'see some-one/my-model'
    """
    text = text.lower()
    for piece, replacement in FOLDED_PIECES:
        text = text.replace(piece, replacement)
    return text


def folded_text_sql(column: str) -> str:
    """Return the SQL of a folded text between two spaces. SQLite lowers ASCII letters only."""
    sql = f"lower({column})"
    for piece, replacement in FOLDED_PIECES:
        sql = f"replace({sql}, '{piece}', '{replacement}')"
    return f"' ' || {sql} || ' '"


def spell_cases(name: str) -> frozenset[str]:
    """Return a name as it is, in lower case, and as SQLite lowers it whichever case a letter beyond ASCII has.

    >>> sorted(spell_cases("Ab")), sorted(spell_cases("É"))
    (['Ab', 'ab'], ['É', 'é'])
    """
    return frozenset((name, name.lower(), _lower_ascii(name), _lower_ascii(name.upper())))


def _lower_ascii(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def list_owners(name: str) -> frozenset[str]:
    """Return the accounts that own a package, by its name, in lower case.

    >>> list_owners("Google/bert"), list_owners("@Scope/name"), list_owners("six")
    (frozenset({'google'}), frozenset({'scope'}), frozenset())
    >>> sorted(list_owners("github.com/Someone/tool/v2")), list_owners("org.apache:core")
    (['github.com', 'someone'], frozenset({'org.apache'}))
    """
    parts = name.removeprefix("name:").lower().split("/")
    if len(parts) == 1:
        owner, colon, _ = parts[0].partition(":")
        return frozenset((owner,)) if colon and owner else frozenset()
    is_host = "." in parts[0] and len(parts) > 2
    return frozenset(part.removeprefix("@") for part in parts[: 2 if is_host else 1])


@dataclass(frozen=True)
class Quotations:
    """What a folded text has if it quotes a name: a piece, a whole word, or the beginning of a word."""

    pieces: frozenset[str]
    words: frozenset[str]
    beginnings: frozenset[str] = frozenset()

    def are_in(self, text: str) -> bool:
        """Return whether a text quotes a name.

        >>> quotations = find_quotations({"lodash", "six"}, {"someone"})
        >>> [quotations.are_in(text) for text in ("Lodash-es", "six of one", "sixty", "from someone/x", "someones")]
        [True, True, False, True, False]
        """
        folded = fold_text(text)
        return any(piece in folded for piece in self.pieces) or any(
            text in folded and re.search(f"(?<![a-z0-9]){re.escape(text)}{end}", folded) for text, end in self._words()
        )

    def globs(self) -> Iterator[str]:
        """Yield the patterns of SQLite's GLOB for a folded text between two spaces."""
        yield from (f"*{_escape_glob(piece)}*" for piece in self.pieces)
        yield from (f"*[^a-z0-9]{_escape_glob(word)}[^a-z0-9]*" for word in self.words)
        yield from (f"*[^a-z0-9]{_escape_glob(beginning)}*" for beginning in self.beginnings)

    def _words(self) -> Iterator[tuple[str, str]]:
        yield from ((word, "(?![a-z0-9])") for word in self.words)
        yield from ((beginning, "") for beginning in self.beginnings)


def find_quotations(names: Collection[str], owners: Collection[str]) -> Quotations:
    """Return what quotes these names and accounts.

    A short name of letters and digits, and an account, count only as a whole word. A shorter account needs its slash.
    """
    accounts = frozenset(map(str.lower, owners))
    pieces: set[str] = set()
    words = {account for account in accounts if len(account) >= MIN_OWNER_LENGTH}
    beginnings = {f"{account}/" for account in accounts - words}
    for name in names:
        bare = name.removeprefix("name:")
        if list_owners(bare).isdisjoint(accounts):
            is_distinctive = len(bare) >= MIN_DISTINCTIVE_LENGTH or not bare.isalnum()
            (pieces if is_distinctive else words).add(bare)
    return Quotations(*(frozenset(fold_text(text) for text in texts) - {""} for texts in (pieces, words, beginnings)))


def _escape_glob(text: str) -> str:
    return _NOT_IN_GLOB.sub(lambda match: f"[{match[0]}]", text)

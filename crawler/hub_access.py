"""When requests to the Hub carry a token.

A token raises the quota, and shows its owner private repositories. Rows that the public does not see are dropped. Where
a page leaves a doubt, the page and all later ones are requested without the token. Only a registry that answers nobody
without a token gets the token again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from huggingface_hub import constants, get_token

from crawler.parsing.visibility import ShownRow, find_doubt, has_doubtful_base, is_members_only, public_ids
from crawler.response import Event

OWNER_PATH = "/api/whoami-v2"
REFUSED_STATUSES = (401, 403)
EVERYONE, OWNER, MEMBERS = "everyone", "owner", "members"


def read_token() -> str | None:
    """Return the token that huggingface_hub would send."""
    return None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()


class HubAccess:
    """Whose view of the Hub a crawl requests.

    `view` is everyone (without a token), owner (with a token, and the rest of the view can be had without) or members
    (with a token, because the registry answers nobody without one, or its pages cannot be had without).
    """

    def __init__(self) -> None:
        self.has_token = read_token() is not None
        self.view = OWNER if self.has_token else EVERYONE
        self.owned: frozenset[str] | None = None
        self._is_owner_asked = False
        self._known: set[str] = set()
        self._doubt = ""
        self._doubtful_ids: set[str] = set()
        self._is_answered = not self.has_token

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a request in the present view."""
        token = None if self.view == EVERYONE else read_token()
        return {"Authorization": f"Bearer {token}"} if token else {}

    @property
    def is_member(self) -> bool:
        """Whether doubtful rows are dropped, because the same page cannot be had without a token."""
        return self.view == MEMBERS

    @property
    def is_unproved(self) -> bool:
        """Whether the registry has not answered without a token yet, although there is one."""
        return self.view == EVERYONE and not self._is_answered

    def become_member(self) -> None:
        """Send the token from now on: the registry answers nobody without one."""
        self.view = MEMBERS

    def needs_owner(self, rows: Sequence[ShownRow]) -> bool:
        """Return whether to ask for the owner of the token: once, as soon as a row has a base that may be private."""
        if self._is_owner_asked:
            return False
        known = public_ids(rows, None)
        self._is_owner_asked = any(has_doubtful_base(row, None, known) for row in rows)
        return self._is_owner_asked

    def leaves_doubt(self, rows: Sequence[ShownRow], names_last_row: bool, is_movable: bool = True) -> bool:
        """Return whether rows of the owner's view leave a doubt. Then requests carry no token from now on.

        If the position of a page is not `is_movable`, because only the owner's list has it, doubtful rows are dropped.
        """
        if self.view != OWNER:
            return False
        known = self._known | public_ids(rows, self.owned)
        if self.owned is not None:  # of all namespaces there would be too many
            self._known = known
        self._doubt = find_doubt(rows, self.owned, names_last_row, known)
        if self._doubt and not is_movable:
            self.view, self._doubt = MEMBERS, ""
        if self._doubt:
            self.view = EVERYONE
            self._doubtful_ids = {str(row.key) for row in rows if is_members_only(row)}
        return bool(self._doubt)

    def explain_doubt(self, read_public_rows: Callable[[], Sequence[ShownRow]]) -> tuple[Event, ...]:
        """Return the event of the first page that was requested again, with the number of rows that are not public."""
        if self.view != EVERYONE:
            return ()
        self._is_answered = True
        if not self._doubt:
            return ()
        hidden = self._doubtful_ids - {str(row.key) for row in read_public_rows()}
        evidence = f"{self._doubt}, so requests carry no token from this page on"
        self._doubt, self._doubtful_ids = "", set()
        return (Event("without_token", "note", evidence, None, f"{len(hidden)} rows not public"),)

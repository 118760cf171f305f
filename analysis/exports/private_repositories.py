"""Compare a bundle with what only the publisher sees: an older version may have stored private repositories.

Versions before the column `hidden` of pages stored every row that a token showed. The token that publishes shows the
same repositories again, so their names and ids are looked up in the files of the bundle.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.exports.leak_scan import PrivateContentError, read_texts

if TYPE_CHECKING:
    from huggingface_hub import HfApi

ACCESS_FIELDS: list[Any] = ["private", "resourceGroup"]  # a type of huggingface_hub lists the names of fields
IDENTIFIER = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}|\b[0-9a-f]{24}\b")


def find_private_repositories(hub: HfApi) -> set[str]:
    """Return the names and ids of the repositories that the token of a client shows and the public does not see.

    Private repositories are only in the namespaces of the owner of the token.
    """
    owner = hub.whoami()
    namespaces = [owner["name"], *(organization["name"] for organization in owner.get("orgs") or ())]
    identifiers: set[str] = set()
    for kind, list_repositories in _listings(hub):
        for namespace in namespaces:
            for row in list_repositories(author=namespace, expand=ACCESS_FIELDS):
                if row.private or (row.resource_group and not is_public(hub, row.id, kind)):
                    identifiers |= {row.id, str(getattr(row, "_id", row.id))}
    return identifiers


def _listings(hub: HfApi) -> Iterator[tuple[str, Any]]:
    yield "model", hub.list_models
    yield "dataset", hub.list_datasets
    yield "space", hub.list_spaces


def is_public(hub: HfApi, name: str, kind: str) -> bool:
    """Return whether a repository is shown without a token."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        hub.repo_info(name, repo_type=kind, token=False)
    except HfHubHTTPError:
        return False
    return True


def refuse_private_repositories(folder: Path, identifiers: Collection[str]) -> None:
    """Refuse a bundle that names one of these repositories by its name or id.

    Raises:
        PrivateContentError: with the first file that names one, never with the name.
    """
    for path in sorted(folder.rglob("*")) if identifiers else ():
        for text in read_texts(path) if path.is_file() else ():
            shown = {word for word in IDENTIFIER.findall(text) if word in identifiers}
            if shown:
                raise PrivateContentError(
                    f"The bundle names a repository that only you see, in {path.relative_to(folder)}.",
                    why="The Hub shows it to your token as private, or as one of a resource group. Nothing was sent.",
                    fix="Leave the package out with redactions.toml, export again, and then publish.",
                    more="docs/exports.md",
                )

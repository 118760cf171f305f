"""Publish a bundle as a dataset of the Hub, in one commit with a tag: a reader gets the old bundle or the new one.

Files that the dataset has are not sent again. After an interruption the same command resumes, and does not send large
files again. A tag is made of the last date and the content, and is never moved.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from analysis.exports.citation import short_digest
from analysis.exports.manifest import InvalidBundleError, Manifest, find_mismatches, read_manifest
from analysis.exports.private_repositories import find_private_repositories, refuse_private_repositories
from db import ObservatoryError, UsageError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MAX_ATTEMPTS, MIN_WAIT_SECONDS, MAX_WAIT_SECONDS = 6, 1, 60
RETRYABLE_STATUSES = frozenset((408, 429, 500, 502, 503, 504))
T = TypeVar("T")


class PublishError(ObservatoryError):
    """A bundle could not be published. The same command resumes."""


@dataclass(frozen=True)
class PublicationPlan:
    """The repository, the tag and the size of a bundle to publish."""

    repository: str
    tag: str
    files: int
    bytes: int
    title: str


def plan_publication(folder: Path, repository: str) -> PublicationPlan:
    """Return the plan for publishing a bundle, without a network.

    Raises:
        InvalidBundleError: the folder is not a bundle, or a file has changed since the export.
    """
    manifest = read_manifest(folder)
    if mismatch := next(find_mismatches(folder), None):
        raise InvalidBundleError(
            f"{folder} is not as it was exported: {mismatch}.",
            fix="Export it again, then publish.",
            more="docs/exports.md",
        )
    files = manifest["files"]
    size = sum(file["bytes"] for file in files)
    return PublicationPlan(repository, make_tag(manifest), len(files) + 1, size, manifest["title"])


def refuse_simulated(folder: Path) -> None:
    """Refuse to publish a bundle whose snapshots are not, or may not be, from public registries.

    Raises:
        UsageError: with the endpoints that the snapshots come from, if the bundle states them.
    """
    sources = read_manifest(folder).get("not_public")
    if sources is None:
        raise UsageError(
            f"{folder} is not published: it does not say where its snapshots come from.",
            why="An older version wrote this bundle.",
            fix="Export it again.",
            more="docs/exports.md",
        )
    if sources:
        raise UsageError(
            f"{folder} is not published: its snapshots are not from public registries.",
            why="; ".join(sources) + ".",
            fix="Add --allow-simulated if readers should have it all the same. The dataset card says what it is.",
            more="docs/exports.md",
        )


def make_tag(manifest: Manifest) -> str:
    """Return the tag of a bundle, made of the date of its last complete snapshot and of its content.

    >>> make_tag({"id": "00" * 32, "snapshots": [{"status": "complete", "date": "2026-01-08"}]})
    '2026-01-08-aaaaaaaa'
    """
    dates = [snapshot["date"] for snapshot in manifest["snapshots"] if snapshot["status"] == "complete"]
    return f"{max(dates, default='empty')}-{short_digest(manifest['id'])}"


def publish_bundle(folder: Path, plan: PublicationPlan, private: bool) -> str:
    """Publish a bundle in one commit with a tag, and return the URL of the commit.

    The repository is created if it does not exist. Only missing files are sent.

    Raises:
        PrivateContentError: the bundle names a repository that only the token shows.
        PublishError: there is no token, the Hub refused the bundle, or it was unavailable for too long.
    """
    from huggingface_hub import HfApi, get_token

    if get_token() is None:
        raise _missing_token_error()
    hub, name = HfApi(library_name="hub-observatory"), plan.repository
    refuse_private_repositories(folder, list_private_repositories(hub))
    _retry(lambda: hub.create_repo(name, repo_type="dataset", private=private, exist_ok=True))
    commit = _retry(
        lambda: hub.upload_folder(
            repo_id=name, repo_type="dataset", folder_path=folder, delete_patterns="*",
            commit_message=f"{plan.title} ({plan.tag})",
        )
    )  # fmt: skip
    _retry(lambda: hub.create_tag(name, repo_type="dataset", tag=plan.tag, revision=commit.oid, exist_ok=True))
    return str(commit.commit_url)


def list_private_repositories(hub: HfApi) -> set[str]:
    """Return the names and ids of the repositories that only the token shows. Print a note if there is no list."""
    try:
        return _retry(lambda: find_private_repositories(hub))
    except Exception as error:
        print(
            "note: the bundle was not compared with your private repositories, because the Hub did not list them"
            f" ({type(error).__name__})",
            file=sys.stderr,
        )
        return set()


def _missing_token_error() -> PublishError:
    return PublishError(
        "There is no token for the Hub.",
        why="Publishing needs a token with write access.",
        fix="Log in with `hf auth login`, or set HF_TOKEN.",
        more="docs/exports.md",
    )


def _retry(request: Callable[[], T]) -> T:
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

    retrying = Retrying(
        retry=retry_if_exception(is_retryable),
        stop=stop_after_attempt(MAX_ATTEMPTS),
        reraise=True,
        wait=wait_exponential(MIN_WAIT_SECONDS, max=MAX_WAIT_SECONDS),
    )
    try:
        return retrying(request)
    except Exception as error:
        status = _status_of(error)
        if status is None and not is_retryable(error):
            raise
        raise _refusal_error(error, status) from error


def _refusal_error(error: Exception, status: int | None) -> PublishError:
    message = str(error).strip() or type(error).__name__  # a timeout may have no message
    return PublishError(
        f"The Hub did not accept the bundle: {message.splitlines()[0]}",
        why="The token has no write access there." if status in (401, 403) else "It refused, or was unavailable.",
        fix="Run the same command again: files that were sent are not sent again.",
        more="docs/exports.md",
    )


def is_retryable(error: BaseException) -> bool:
    """Return whether an error may be temporary: the Hub is busy, or the network is down."""
    status = _status_of(error)
    if status is not None:
        return status in RETRYABLE_STATUSES
    return isinstance(error, ConnectionError | TimeoutError) or type(error).__module__.startswith("httpx")


def _status_of(error: BaseException) -> int | None:
    status: int | None = getattr(getattr(error, "response", None), "status_code", None)
    return status

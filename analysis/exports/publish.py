"""Publish a bundle as a dataset of the Hub: one commit, so that there is the old bundle or the new one, and a tag.

Files that are there already are not sent again, and large ones that were sent before an interruption neither: the same
command goes on where it was. A tag is made of the last date and the content, and is never moved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from analysis.exports.citation import short_digest
from analysis.exports.manifest import InvalidBundleError, find_mismatches, read_manifest
from db import ObservatoryError

MAX_ATTEMPTS, MIN_WAIT_SECONDS, MAX_WAIT_SECONDS = 6, 1, 60
RETRYABLE_STATUSES = frozenset((408, 429, 500, 502, 503, 504))
T = TypeVar("Answer")


class PublishError(ObservatoryError):
    """The bundle could not be published; the same command goes on."""


@dataclass(frozen=True)
class PublicationPlan:
    """What is to be published: where, under which tag, how many files and bytes."""

    repository: str
    tag: str
    files: int
    bytes: int
    title: str


def plan_publication(folder: Path, repository: str) -> PublicationPlan:
    """What publishing a bundle would do. Needs no network.

    Raises:
        NotABundle: the folder is none, or not as it was exported.
    """
    told = read_manifest(folder)
    if found := next(find_mismatches(folder), None):
        raise InvalidBundleError(
            f"{folder} is not as it was exported: {found}.",
            fix="Export it again, then publish.",
            more="docs/exports.md",
        )
    size = sum(int(one["bytes"]) for one in told["files"])
    return PublicationPlan(repository, make_tag(told), len(told["files"]) + 1, size, str(told["title"]))


def make_tag(manifest: Mapping[str, object]) -> str:
    """The tag of a bundle: the date of its last complete snapshot, and its content.

    >>> make_tag({"id": "00" * 32, "snapshots": [{"status": "complete", "date": "2026-01-08"}]})
    '2026-01-08-aaaaaaaa'
    """
    snapshots: list[Mapping[str, str]] = list(manifest["snapshots"])  # type: ignore[call-overload]
    dates = [one["date"] for one in snapshots if one["status"] == "complete"]
    return f"{max(dates, default='empty')}-{short_digest(str(manifest['id']))}"


def publish_bundle(folder: Path, plan: PublicationPlan, private: bool) -> str:
    """Make the repository if it is not there, send what it lacks in one commit, and tag it; the address of the commit.

    Raises:
        PublishFailed: the Hub refused, or did not answer often enough.
    """
    from huggingface_hub import HfApi, get_token

    if get_token() is None:
        raise PublishError(
            "There is no token for the Hub.",
            why="Publishing needs one that may write.",
            fix="Log in with `hf auth login`, or set HF_TOKEN.",
            more="docs/exports.md",
        )
    hub, name = HfApi(library_name="hub-observatory"), plan.repository
    _retry(lambda: hub.create_repo(name, repo_type="dataset", private=private, exist_ok=True))
    commit = _retry(
        lambda: hub.upload_folder(
            repo_id=name, repo_type="dataset", folder_path=folder, delete_patterns="*",
            commit_message=f"{plan.title} ({plan.tag})",
        )
    )  # fmt: skip
    _retry(lambda: hub.create_tag(name, repo_type="dataset", tag=plan.tag, revision=commit.oid, exist_ok=True))
    return str(commit.commit_url)


def _retry(request: Callable[[], T]) -> T:
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

    patient = Retrying(
        retry=retry_if_exception(is_retryable), stop=stop_after_attempt(MAX_ATTEMPTS), reraise=True,
        wait=wait_exponential(MIN_WAIT_SECONDS, max=MAX_WAIT_SECONDS),
    )  # fmt: skip
    try:
        return patient(request)
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status is None and not is_retryable(error):
            raise
        raise PublishError(
            f"The Hub did not take the bundle: {str(error).splitlines()[0]}",
            why="The token may not write there." if status in (401, 403) else "It refused, or it could not be reached.",
            fix="Run the same command again: what was sent already is not sent again.",
            more="docs/exports.md",
        ) from error


def is_retryable(error: BaseException) -> bool:
    """Whether an error may be another one next time: the Hub is busy, or the network is away."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return status in RETRYABLE_STATUSES
    return isinstance(error, ConnectionError | TimeoutError) or type(error).__module__.startswith("httpx")

"""Publish a bundle as a dataset of the Hub: one commit, so that there is the old bundle or the new one, and a tag.

Files that are there already are not sent again, and large ones that were sent before an interruption neither: the same
command goes on where it was. A tag is made of the last date and the content, and is never moved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from analysis.exports.citation import short
from analysis.exports.manifest import NotABundle, faults, read
from db import ObservatoryError

ATTEMPTS, FIRST_WAIT, LONGEST_WAIT = 6, 1, 60
PASSING = frozenset((408, 429, 500, 502, 503, 504))
Answer = TypeVar("Answer")


class PublishFailed(ObservatoryError):
    """The bundle could not be published; the same command goes on."""


@dataclass(frozen=True)
class Planned:
    """What is to be published: where, under which tag, how many files and bytes."""

    repository: str
    tag: str
    files: int
    bytes: int
    title: str


def plan(folder: Path, repository: str) -> Planned:
    """What publishing a bundle would do. Needs no network.

    Raises:
        NotABundle: the folder is none, or not as it was exported.
    """
    told = read(folder)
    if found := next(faults(folder), None):
        raise NotABundle(
            f"{folder} is not as it was exported: {found}.",
            fix="Export it again, then publish.",
            more="docs/exports.md",
        )
    size = sum(int(one["bytes"]) for one in told["files"])
    return Planned(repository, tag_of(told), len(told["files"]) + 1, size, str(told["title"]))


def tag_of(told: Mapping[str, object]) -> str:
    """The tag of a bundle: the date of its last complete snapshot, and its content.

    >>> tag_of({"id": "00" * 32, "snapshots": [{"status": "complete", "date": "2026-01-08"}]})
    '2026-01-08-aaaaaaaa'
    """
    snapshots: list[Mapping[str, str]] = list(told["snapshots"])  # type: ignore[call-overload]
    dates = [one["date"] for one in snapshots if one["status"] == "complete"]
    return f"{max(dates, default='empty')}-{short(str(told['id']))}"


def publish(folder: Path, planned: Planned, private: bool) -> str:
    """Make the repository if it is not there, send what it lacks in one commit, and tag it; the address of the commit.

    Raises:
        PublishFailed: the Hub refused, or did not answer often enough.
    """
    from huggingface_hub import HfApi, get_token

    if get_token() is None:
        raise PublishFailed(
            "There is no token for the Hub.",
            why="Publishing needs one that may write.",
            fix="Log in with `hf auth login`, or set HF_TOKEN.",
            more="docs/exports.md",
        )
    hub, name = HfApi(library_name="hub-observatory"), planned.repository
    _patiently(lambda: hub.create_repo(name, repo_type="dataset", private=private, exist_ok=True))
    commit = _patiently(
        lambda: hub.upload_folder(
            repo_id=name, repo_type="dataset", folder_path=folder, delete_patterns="*",
            commit_message=f"{planned.title} ({planned.tag})",
        )
    )  # fmt: skip
    _patiently(lambda: hub.create_tag(name, repo_type="dataset", tag=planned.tag, revision=commit.oid, exist_ok=True))
    return str(commit.commit_url)


def _patiently(do: Callable[[], Answer]) -> Answer:
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

    patient = Retrying(
        retry=retry_if_exception(may_pass), stop=stop_after_attempt(ATTEMPTS), reraise=True,
        wait=wait_exponential(FIRST_WAIT, max=LONGEST_WAIT),
    )  # fmt: skip
    try:
        return patient(do)
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status is None and not may_pass(error):
            raise
        raise PublishFailed(
            f"The Hub did not take the bundle: {str(error).splitlines()[0]}",
            why="The token may not write there." if status in (401, 403) else "It refused, or it could not be reached.",
            fix="Run the same command again: what was sent already is not sent again.",
            more="docs/exports.md",
        ) from error


def may_pass(error: BaseException) -> bool:
    """Whether an error may be another one next time: the Hub is busy, or the network is away."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return status in PASSING
    return isinstance(error, ConnectionError | TimeoutError) or type(error).__module__.startswith("httpx")

"""Errors of a crawl."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from crawler.parsing.redact import excerpt, redact_text
from db import ObservatoryError
from db.cli import USAGE
from db.reasons import FailureReason, read_reason, report_reason

PROGRAM_FAULTS = (AssertionError, AttributeError, ImportError, LookupError, NameError, TypeError)  # never of a network


class CrawlError(ObservatoryError):
    """A registry did not respond as expected. If `is_permanent`, a later retry would not help.

    `gate` names the rule that the response breaks, and `reason` says what may pass.
    """

    def __init__(
        self, message: str, why: str = "", fix: str = "", is_permanent: bool = True, gate: str = "protocol",
        reason: FailureReason | None = None,
    ) -> None:  # fmt: skip
        super().__init__(redact_text(message), redact_text(why), redact_text(fix))  # they may quote the registry
        self.is_permanent, self.gate, self.reason = is_permanent, gate, reason


class CrawlStoppedError(Exception):
    """A request was not sent because the crawl is being stopped. The crawl itself has no fault."""


class UnknownRegistryError(CrawlError):
    """The registry, list or order does not exist. The store records nothing."""

    exit_code = USAGE


class UnexpectedPageError(CrawlError):
    """A page is not the requested one."""


def not_a_list_error(registry: str, error: Exception, has_resume_option: bool = True) -> UnexpectedPageError:
    """Return the error for a response that is not a list."""
    return UnexpectedPageError(
        f"The response of {registry} is not a list.",
        why=excerpt(str(error), 300),
        fix=f"Later, {resume_hint(has_resume_option)}. A proxy or a login page may have responded instead.",
        is_permanent=False,
        reason=FailureReason.SERVER_FAILING,
    )


def too_large_error(url: str, max_bytes: int) -> CrawlError:
    """Return the error for a response that is larger than any page should be."""
    return CrawlError(
        f"The response to {urlsplit(url).path[:200]} is too large.",
        why=f"Decoded it has over {max_bytes // 1024**2} MiB or 500,000 escapes, or it is encoded more than twice.",
        fix="Check the endpoint. If it is the right one, report this.",
        is_permanent=False,
        gate="too_large",
    )


def unexpected_error(error: BaseException, has_resume_option: bool = True) -> CrawlError:
    """Return the error for any other failure of a request. A retry may help, unless the program is at fault."""
    if isinstance(error, PROGRAM_FAULTS):
        return program_error(error)
    return CrawlError(
        f"A page could not be fetched: {type(error).__name__}: {excerpt(str(error), 200)}",
        why="The request failed before the response could be read.",
        fix=f"Nothing is lost: {resume_hint(has_resume_option)}.",
        is_permanent=False,
        reason=FailureReason.SERVER_FAILING,
    )


def program_error(error: BaseException | None) -> CrawlError:
    """Return the error of a crawl that failed because of a bug in the program. The cause of the error is the bug.

    >>> program_error(AttributeError("no attribute 'x'")).message
    "The crawl failed: AttributeError: no attribute 'x'."
    """
    cause = f"{type(error).__name__}: {excerpt(str(error), 200)}" if error else "Scrapy did not start the spider"
    crawl_error = CrawlError(
        f"The crawl failed: {cause}.",
        why="The program is at fault, not the registry.",
        fix="Run the same command with --debug and report the traceback.",
        is_permanent=False,
        gate="program",
    )
    crawl_error.__cause__ = error
    return crawl_error


def resume_hint(has_resume_option: bool) -> str:
    """Return how to resume a stopped crawl. Commands without --resume resume anyway."""
    return f"run the same command {'with --resume' if has_resume_option else 'again'}"


def error_as_json(error: ObservatoryError) -> dict[str, str]:
    """Return the four parts of an error for JSON output, and its reason if it may pass."""
    reason = {"reason": str(error.reason)} if error.reason else {}
    return {"what": error.message, "why": error.why, "fix": error.fix, "more": error.more, **reason}


def report_failure(parts: Mapping[str, str] | None) -> None:
    """Tell the daemon the reason of an error in JSON, if there is an error and it may pass."""
    report_reason(read_reason((parts or {}).get("reason")))


def error_from_json(parts: Mapping[str, str]) -> ObservatoryError:
    """Return the error of four parts in JSON.

    >>> error_from_json(error_as_json(CrawlError("npm answered 500."))).message
    'npm answered 500.'
    """
    error = ObservatoryError(parts["what"], parts["why"], parts["fix"], parts["more"])
    error.reason = read_reason(parts.get("reason"))
    return error

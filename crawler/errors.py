"""What can go wrong with a registry."""

from __future__ import annotations

from crawler.parsing.redact import redact_text
from db import ObservatoryError
from db.cli import USAGE


class CrawlError(ObservatoryError):
    """A registry did not answer as it should. `lasting` says that trying again later would not help."""

    def __init__(
        self, message: str, why: str = "", fix: str = "", is_permanent: bool = True, gate: str = "protocol"
    ) -> None:
        super().__init__(redact_text(message), redact_text(why), fix)  # a registry's own words may be in it
        self.is_permanent, self.gate = is_permanent, gate


class CrawlStopped(Exception):
    """The crawl is being stopped: this request was not sent, and nothing is wrong."""


class UnknownRegistryError(CrawlError):
    """What was asked for does not exist: nothing is recorded of it."""

    exit_code = USAGE


class UnexpectedPageError(CrawlError):
    """A page that is not what was asked for."""


def not_a_list_error(registry: str, error: Exception) -> UnexpectedPageError:
    """An answer that cannot be what was asked for."""
    return UnexpectedPageError(
        f"{registry} answered with something that is not a list.",
        why=str(error)[:300],
        fix="Try again later with --resume; a proxy or a login page may stand in between.",
        is_permanent=False,
    )


def unexpected_error(error: BaseException) -> CrawlError:
    """Any other failure of one request, as a CrawlError that may be tried again."""
    return CrawlError(
        f"A page could not be fetched: {type(error).__name__}: {str(error)[:200]}",
        why="The answer was refused before it could be read.",
        fix="Run the same command with --resume.",
        is_permanent=False,
    )


def resume_hint(has_resume_option: bool) -> str:
    """What to do after a crawl that was stopped: some commands have a --resume, others take up the rest anyway."""
    return f"run the same command {'with --resume' if has_resume_option else 'again'}"


def error_as_json(error: ObservatoryError) -> dict[str, str]:
    """An error as it is given to a program."""
    return {"what": error.message, "why": error.why, "fix": error.fix, "more": error.more}

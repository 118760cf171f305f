"""The store: the SQLite file, its writers and readers, and the command line that the whole program shares.

Every other package may import this package. It imports none of them. The errors of the whole program form one tree:

    ObservatoryError                what happened, why, how to fix it, where to read more
    ├── UsageError                  the command line names something that does not exist (exit code 2)
    ├── StoreError                  the file cannot be used as a store
    │   ├── StoreBusyError          another process is writing to it
    │   └── SchemaTooNewError       a newer version of this program wrote it
    ├── CrawlError                  crawler.errors: a registry did not respond as it should
    ├── ScheduleError               schedules.config: the schedules have faults, all of them listed (exit code 2)
    ├── ImportFailedError           crawler.importers: a past list cannot be read
    ├── EngineUnavailableError      analysis.compute.engines: an engine is not installed, or finds no lake
    ├── EngineQueryError            analysis.compute.engines: an engine could not run a query
    ├── InvalidRedactionsError      db.redactions: the list of redactions cannot be read
    └── InvalidBundleError, PublishError, PrivateContentError, MissingAttributionError, InvalidKeyError
                                    analysis.exports: a bundle cannot be read, written or published
"""

from __future__ import annotations

from db.reasons import FailureReason

__version__ = "0.1.0"
SECONDS_PER_DAY = 86_400

GUIDE = "docs/errors.md"


class ObservatoryError(Exception):
    """An error for a person, in four parts. `exit_code` is the exit code of the command.

    `reason` is the word for programs, if the failure may pass.
    """

    exit_code = 1
    reason: FailureReason | None = None

    def __init__(self, message: str, why: str = "", fix: str = "", more: str = GUIDE) -> None:
        super().__init__(message)
        self.message, self.why, self.fix, self.more = message, why, fix, more


class UsageError(ObservatoryError):
    """A command line that names something that does not exist."""

    exit_code = 2


class StoreError(ObservatoryError):
    """A file that cannot be used as a store."""


class StoreBusyError(StoreError):
    """A store whose writer's lock another process holds."""

    reason = FailureReason.ANOTHER_WRITER


class SchemaTooNewError(StoreError):
    """A store that a newer version of this program wrote. It is left untouched."""

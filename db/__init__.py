"""The one room everybody may enter: the SQLite file, what may be written to it and what may be asked of it.

It imports nothing of ours. The errors every room may raise are a small tree, drawn here:

    ObservatoryError            what happened, why, what to do, where to read more
    ├── UsageError              the command line asks for something that is not there (exit 2)
    ├── StoreError              the file cannot be used as it is
    │   ├── StoreBusyError           another process is writing to it
    │   └── SchemaTooNewError        it was written by a newer version
    ├── CrawlError              crawler.spiders: a registry did not answer as it should
    ├── ScheduleError           schedules.config: schedules with faults, every one of them told (exit 2)
    ├── ImportFailedError            crawler.importers: a past list cannot be read
    ├── EngineUnavailableError           analysis.engines: an engine is not installed, or finds no lake
    ├── EngineQueryError            analysis.engines: an engine could not answer a question
    ├── InvalidRedactionsError           db.redactions: the list of what is to be left out cannot be read
    └── InvalidBundleError, PublishError, PrivateContentError, MissingAttributionError, InvalidKeyError: analysis.exports
"""

from __future__ import annotations

__version__ = "0.1.0"

GUIDE = "docs/errors.md"


class ObservatoryError(Exception):
    """Bad news for a person, in four parts; `exit_code` is what the command ends with."""

    exit_code = 1

    def __init__(self, message: str, why: str = "", fix: str = "", more: str = GUIDE) -> None:
        super().__init__(message)
        self.message, self.why, self.fix, self.more = message, why, fix, more


class UsageError(ObservatoryError):
    """The command line asks for something that is not there."""

    exit_code = 2


class StoreError(ObservatoryError):
    """The file cannot be used as it is."""


class StoreBusyError(StoreError):
    """Another process holds the writer's lock."""


class SchemaTooNewError(StoreError):
    """The file was written by a newer version of this program; it is left untouched."""

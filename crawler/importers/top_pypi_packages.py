"""`top-pypi-packages-30-days.json` and its variants: the most downloaded projects of PyPI, with the day of the file.

Eras: weekly, then monthly. 4,000 rows, then 5,000, 8,000 and 15,000. Files of 365 days beside those of 30 until
2021-11. `last_update` is text. State the period with --counter: last-30-days or last-365-days.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from crawler.importers import ContentImporter, ImportFailedError, ImportSpec, ParsedList, sort_by_counter
from crawler.importers._cells import MAX_COUNT
from crawler.importers._files import suggest_format
from crawler.parsing.redact import excerpt
from crawler.parsing.rows import epoch_seconds
from crawler.response import Observation, Reject
from db.identity import derive_stable_id


def parse_content(content: bytes, spec: ImportSpec) -> ParsedList:
    """Parse the rows of the file, best first.

    Raises:
        ImportFailedError: the file is of another kind.
    """
    document, rows = _load_document(content)
    observations: list[Observation] = []
    rejects: list[Reject] = []
    for position, row in enumerate(rows):
        try:
            observations.append(_parse_row(row, spec))
        except ValueError as error:
            rejects.append(Reject(position, str(error), excerpt(json.dumps(row), 500)))
    ordered = sort_by_counter(observations, spec.ordered_by)
    return ParsedList(len(rows), ordered, tuple(rejects), newest=_last_update(document))


IMPORTER = ContentImporter(parse_content)


def _load_document(content: bytes) -> tuple[Mapping[str, object], Sequence[object]]:
    """Return the document and its rows."""
    try:
        document = json.loads(content)
    except ValueError as error:
        raise _other_kind_error("It is not JSON.", content) from error
    rows = document.get("rows") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise _other_kind_error("It has no list of `rows`.", content)
    return document, rows


def _other_kind_error(why: str, content: bytes) -> ImportFailedError:
    return ImportFailedError(
        "The file is not a list of top-pypi-packages.",
        why=why,
        fix=suggest_format(content, "top-pypi-packages")
        or "Name a file with `rows` of `project` and `download_count`. For other tables use `import csv`.",
    )


def _parse_row(row: object, spec: ImportSpec) -> Observation:
    name, count = (row.get("project"), row.get("download_count")) if isinstance(row, dict) else (None, None)
    if not isinstance(name, str) or not name.strip() or not _is_text(name):
        raise ValueError(f"no name: {str(name)[:60]!r}")
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MAX_COUNT:
        raise ValueError(f"not a count: {str(count)[:60]!r}")
    stable_id = derive_stable_id(spec.registry, name)
    return Observation(stable_id, stable_id, downloads=count)


def _is_text(name: str) -> bool:
    """Return whether a name can be stored. Half of a character, as JSON may escape it, cannot."""
    return not any("\ud800" <= character <= "\udfff" or character == "\0" for character in name)


def _last_update(document: Mapping[str, object]) -> int | None:
    try:
        return epoch_seconds(datetime.fromisoformat(str(document.get("last_update"))))
    except ValueError:
        return None

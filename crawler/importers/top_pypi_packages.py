"""`top-pypi-packages-30-days.json` and its variants: the most downloaded projects of PyPI, with the day of the file.

Eras: weekly, then monthly. 4,000 rows, then 5,000, 8,000 and 15,000. Files of 365 days beside those of 30 until
2021-11. `last_update` is text. State the period with --counter: last-30-days or last-365-days.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crawler.importers import ContentImporter, ImportFailedError, ImportSpec, ParsedList, sort_by_counter
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
        except (KeyError, TypeError, ValueError) as error:
            rejects.append(Reject(position, f"{type(error).__name__}: {error}", json.dumps(row)[:500]))
    ordered = sort_by_counter(observations, spec.ordered_by)
    return ParsedList(len(rows), ordered, tuple(rejects), newest=_last_update(document))


IMPORTER = ContentImporter(parse_content)


def _load_document(content: bytes) -> tuple[Any, Any]:
    """Return the document and its rows."""
    try:
        document = json.loads(content)
        return document, document["rows"]
    except (ValueError, KeyError, TypeError) as error:
        raise ImportFailedError(
            "The file is not a list of top-pypi-packages.",
            why=f"{type(error).__name__}: {error}",
            fix="Name a file with `rows` of `project` and `download_count`. For other tables use `import csv`.",
        ) from error


def _parse_row(row: Mapping[str, object], spec: ImportSpec) -> Observation:
    name, count = str(row["project"]), row["download_count"]
    if not name or isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ValueError(f"not a name and a count: {name!r}, {count!r}")
    stable_id = derive_stable_id(spec.registry, name)
    return Observation(stable_id, stable_id, downloads=count)


def _last_update(document: Mapping[str, object]) -> int | None:
    try:
        return epoch_seconds(datetime.fromisoformat(str(document.get("last_update"))))
    except ValueError:
        return None

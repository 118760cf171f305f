"""`top-pypi-packages-30-days.json` and its kin: the most downloaded projects of PyPI, with the day it was made.

Eras: weekly, then monthly; 4,000 rows, then 5,000, 8,000 and 15,000. Files of 365 days beside those of 30 until
2021-11. `last_update` is a text. Say with --counter of which days it is: last-30-days or last-365-days.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from crawler.importers import ImportFailedError, ImportSpec, ParsedList, sort_by_counter
from crawler.parsing.rows import epoch_seconds
from crawler.response import Observation, Reject
from db.identity import derive_stable_id


def parse_content(content: bytes, spec: ImportSpec) -> ParsedList:
    """Its rows, best first.

    Raises:
        ImportFailed: it is another kind of file.
    """
    try:
        whole = json.loads(content)
        rows = whole["rows"]
    except (ValueError, KeyError, TypeError) as error:
        raise ImportFailedError(
            "The file is not a list of top-pypi-packages.", why=f"{type(error).__name__}: {error}",
            fix="Name a file with `rows` of `project` and `download_count`; for other tables use `import csv`.",
        ) from error  # fmt: skip
    seen, rejects = [], []
    for position, row in enumerate(rows):
        try:
            seen.append(_parse_row(row, spec))
        except (KeyError, TypeError, ValueError) as error:
            rejects.append(Reject(position, f"{type(error).__name__}: {error}", json.dumps(row)[:500]))
    return ParsedList(len(rows), sort_by_counter(seen, spec.ordered_by), tuple(rejects), newest=_last_update(whole))


def _parse_row(row: Mapping[str, object], spec: ImportSpec) -> Observation:
    name, count = str(row["project"]), row["download_count"]
    if not name or isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ValueError(f"not a name and a count: {name!r}, {count!r}")
    identity = derive_stable_id(spec.registry, name)
    return Observation(identity, identity, downloads=count)


def _last_update(whole: Mapping[str, object]) -> int | None:
    try:
        return epoch_seconds(datetime.fromisoformat(str(whole.get("last_update"))))
    except ValueError:
        return None

"""`top-pypi-packages-30-days.json` and its variants: the most downloaded projects of PyPI, with the day of the file.

Eras: weekly, then monthly. 4,000 rows, then 5,000, 8,000 and 15,000. Files of 365 days beside those of 30 until
2021-11. `last_update` is text. Files before 2018-02-10 are the plain list of rows, without a day. State the period with
--counter: last-30-days or last-365-days.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from crawler.importers import ContentImporter, ImportFailedError, ImportSpec, ParsedList, sort_by_counter
from crawler.importers._cells import check_name, parse_count
from crawler.importers._files import suggest_format
from crawler.importers._json import parse_json
from crawler.importers._moments import parse_moment
from crawler.parsing.redact import excerpt
from crawler.parsing.rows import epoch_seconds
from crawler.response import Observation, Reject
from db.identity import derive_stable_id, name_to_show


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
        parsed = parse_json(content)
    except ValueError as error:
        raise _other_kind_error("It is not JSON.", content) from error
    document = parsed if isinstance(parsed, dict) else {"rows": parsed}
    rows = document.get("rows")
    if not isinstance(rows, list):
        raise _other_kind_error("It has no list of `rows`.", content)
    if not any(isinstance(row, dict) and "project" in row for row in rows):
        raise _other_kind_error("None of its rows has a `project`.", content)
    return document, rows


def _other_kind_error(why: str, content: bytes) -> ImportFailedError:
    return ImportFailedError(
        "The file is not a list of top-pypi-packages.",
        why=why,
        fix=suggest_format(content, "top-pypi-packages")
        or "Name a file with `rows` of `project` and `download_count`. For other tables use `import csv`.",
    )


def _parse_row(row: object, spec: ImportSpec) -> Observation:
    if not isinstance(row, dict):
        raise ValueError(f"a row that is not an object but {type(row).__name__}")
    name = check_name(row.get("project"))
    count = parse_count(row.get("download_count"), "download_count")
    return Observation(derive_stable_id(spec.registry, name), name_to_show(spec.registry, name), downloads=count)


def _last_update(document: Mapping[str, object]) -> int | None:
    try:
        return epoch_seconds(parse_moment(document.get("last_update")))
    except ValueError:
        return None

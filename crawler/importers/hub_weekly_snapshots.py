"""A week of the data set hub_weekly_snapshots: `models/2026-09-30/models.parquet` and the like.

Eras: `downloadsAllTime` exists since 2025-02-27. Weeks are missing in August 2024, June 2025, and April to June 2026.
The week of 2025-11-24 is partial, as its size shows. The folder of a file is a second label, and is compared with the
stated date.
"""

from __future__ import annotations

import re
from pathlib import Path

from crawler.importers import FileImporter, ImportSpec, ParsedList
from crawler.importers._parquet import read_parquet
from crawler.response import Event
from db.cli import isoformat_utc


def read_file(path: Path, spec: ImportSpec) -> ParsedList:
    """Read the rows of a week, best first, with an event if the folder contradicts the stated date."""
    folder, stated_date = path.resolve().parent.name, isoformat_utc(spec.taken_at)[:10]
    if re.fullmatch(r"\d{4}-\d\d-\d\d", folder) is None or folder == stated_date:
        return read_parquet(path, spec)
    evidence = "the file is in the folder of another week"
    return read_parquet(path, spec, (Event("date_contradicted", "error", evidence, stated_date, folder),))


IMPORTER = FileImporter(read_file)

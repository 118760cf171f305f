"""A week of the data set hub_weekly_snapshots: `models/2026-09-30/models.parquet` and the like.

Eras: `downloadsAllTime` since 2025-02-27; weeks are missing in August 2024, June 2025, and April to June 2026; the week
of 2025-11-24 is partial, which its size tells. The folder a file lies in is a second label, and is
held against the first.
"""

from __future__ import annotations

import re
from pathlib import Path

from crawler.importers import ImportSpec, ParsedList
from crawler.importers._parquet import read_parquet
from crawler.response import Event
from db.cli import isoformat_utc


def read_file(path: Path, spec: ImportSpec) -> ParsedList:
    """The rows of a week's file, best first; its folder may contradict the date it was given."""
    week, stated = path.resolve().parent.name, isoformat_utc(spec.taken_at)[:10]
    other = re.fullmatch(r"\d{4}-\d\d-\d\d", week) is not None and week != stated
    said = Event("date_contradicted", "error", "the file lies in the folder of another week", stated, week)
    return read_parquet(path, spec, (said,) if other else ())

"""`models.parquet`, `datasets.parquet` or `spaces.parquet` of the data set hub-stats, which is written anew every day.

Eras: `downloadsAllTime` and `baseModels` came later than the rest; models have no `sha` or `gated` at the top;
`mainSize` is new in 2026. What a file lacks was not asked. A day's file says its day only by its newest row.
"""

from __future__ import annotations

from pathlib import Path

from crawler.importers import ImportSpec, ParsedList
from crawler.importers._parquet import read_parquet


def read_file(path: Path, spec: ImportSpec) -> ParsedList:
    """The rows of a day's file, best first."""
    return read_parquet(path, spec)

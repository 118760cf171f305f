"""`models.parquet`, `datasets.parquet` or `spaces.parquet` of the data set hub-stats, which is rewritten every day.

Eras: `downloadsAllTime` and `baseModels` came later than the other columns. Models have no `sha` or `gated` at the
top level. `mainSize` is new in 2026. A column that a file lacks counts as not requested. Only the newest row of a
file tells its day.
"""

from __future__ import annotations

from crawler.importers import FileImporter
from crawler.importers._parquet import read_parquet

IMPORTER = FileImporter(read_parquet)

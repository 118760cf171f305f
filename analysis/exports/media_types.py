"""The media types of the formats. Croissant and Data Package use different names for two of them."""

from __future__ import annotations

COMMON_MEDIA_TYPES = {"csv": "text/csv", "graphml": "application/graphml+xml", "sqlite": "application/vnd.sqlite3"}
CROISSANT_MEDIA_TYPES = {**COMMON_MEDIA_TYPES, "jsonl": "application/jsonlines", "parquet": "application/x-parquet"}
DATAPACKAGE_MEDIA_TYPES = {
    **COMMON_MEDIA_TYPES,
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
}
DEFAULT_MEDIA_TYPE = "application/octet-stream"

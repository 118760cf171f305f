"""Read a manifest: a CSV file with a row for each list to import.

The columns `file` and `date` are required. `format`, `registry`, `by`, `counter`, `source`, `id`, `value` and `rank`
replace the option of the same name for one row, where an empty cell leaves the option as it is. The path of a file
is relative to the folder of the manifest.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from db import UsageError
from db.causes import describe_cause
from db.cli import did_you_mean

REQUIRED = ("file", "date")
OPTIONAL = ("format", "registry", "by", "counter", "source", "id", "value", "rank")


def read_manifest(path: Path) -> list[dict[str, str]]:
    """Return the filled cells of each row, with the path of its file.

    Raises:
        UsageError: the manifest cannot be read, or a heading is missing or unknown.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            _check_headings(path, reader.fieldnames or ())
            rows = [_clean_row(row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(
            f"The manifest {path} cannot be read.",
            why="It is not a table." if isinstance(error, csv.Error) else describe_cause(error),
            fix="Name a CSV file with the headings file and date.",
        ) from error
    if not rows:
        raise UsageError(f"The manifest {path} has no row.", fix="Add a row for each file.")
    return [{**row, "file": str(path.parent / row["file"])} if "file" in row else row for row in rows]


def _clean_row(row: Mapping[str | None, str | Sequence[str] | None]) -> dict[str, str]:
    """Return the date of a row, '' if its cell is empty, and the other filled cells that have a heading."""
    filled = {name: cell.strip() for name, cell in row.items() if name and isinstance(cell, str) and cell.strip()}
    return {"date": "", **filled}


def _check_headings(path: Path, headings: Sequence[str]) -> None:
    missing = [name for name in REQUIRED if name not in headings]
    unknown = [name for name in headings if name not in (*REQUIRED, *OPTIONAL)]
    repeated = [name for name in (*REQUIRED, *OPTIONAL) if headings.count(name) > 1]
    if missing or unknown or repeated:
        faults = [f"There is no heading {name!r}." for name in missing]
        faults += [f"The heading {name!r} stands {headings.count(name)} times." for name in repeated]
        faults += [f"The heading {name!r} is not known. {did_you_mean(name, OPTIONAL)}".rstrip() for name in unknown]
        raise UsageError(
            f"The manifest {path} has other headings than expected.",
            why="\n       ".join(faults),
            fix=f"The headings are {', '.join(REQUIRED)} and, if needed, {', '.join(OPTIONAL)}.",
        )

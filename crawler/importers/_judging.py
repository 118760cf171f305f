"""Judge whether the rows of a file are a ranking, and keep the top of them (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from crawler.importers._counters import counter_value
from crawler.importers._files import ImportFailedError
from crawler.importers._spec import ImportSpec, ParsedList
from crawler.response import Reject

MIN_ALPHABET = 10  # names that stand in their own order by chance once in 3,628,800 lists
MAX_REJECTED = 0.001  # of the rows of a file, as the gate allows


def judge_list(parsed: ParsedList, spec: ImportSpec) -> ParsedList:
    """Return the top rows of a list, with the reason why their order is none, if it is none.

    Raises:
        ImportFailedError: the file has no row that can be read, or no row has the counter of the list.
    """
    if not parsed.observations:
        raise ImportFailedError(
            "The file holds no row that can be read.",
            why=parsed.rejects[0].reason if parsed.rejects else "The file is empty.",
            fix="Check the file, and the columns that were named.",
        )
    values = [counter_value(row, spec.ordered_by) for row in parsed.observations]
    if not parsed.is_ranked and all(value is None for value in values):
        raise ImportFailedError(
            f"No row of the file has a number of {spec.ordered_by}.",
            why="The rows would stand in the order of their names, and that is no ranking.",
            fix="Name another order with --by, or the column of the numbers.",
        )
    parsed = replace(parsed, fault=parsed.fault or find_order_fault(parsed, spec, values))
    return _limit_to_top(parsed, spec)


def find_order_fault(parsed: ParsedList, spec: ImportSpec, values: Sequence[float | None]) -> str | None:
    """Return the reason why the order of a list is that of its names, or None."""
    known = [value for value in values if value is not None]
    if not parsed.is_ranked and 2 * len(known) < len(values):
        return f"only {len(known):,} of {len(values):,} rows have a number of {spec.ordered_by}"
    if len(values) < MIN_ALPHABET or len(set(known)) > 1:
        return None
    names = [row.name for row in parsed.observations]
    if parsed.is_ranked and not (_is_sorted(names) or _is_sorted([name.lower() for name in names])):
        return None
    return "the rows stand in the order of their names, and that is no ranking"


def limit_rejects(rejects: Sequence[Reject], row_count: int, spec: ImportSpec) -> tuple[tuple[Reject, ...], str | None]:
    """Return the rejects of a list, and a fault. Of a top, the rejects are only a fault, if they are many."""
    if spec.top is None or row_count <= spec.top:
        return tuple(rejects), None
    is_fault = len(rejects) > MAX_REJECTED * row_count
    reason = f"{len(rejects):,} of {row_count:,} rows could not be read, and any of them may belong to the top"
    return (), f"{reason}; the first: {rejects[0].reason}" if is_fault else None


def repeated_heading_error(heading: str, count: int) -> ImportFailedError:
    """Return the error of a heading that names several columns."""
    return ImportFailedError(
        f"The heading {heading!r} stands {count} times.",
        why="Which of the columns is meant cannot be known.",
        fix="Give each column of the file its own heading.",
    )


def _limit_to_top(parsed: ParsedList, spec: ImportSpec) -> ParsedList:
    population = parsed.population or len(parsed.observations)
    if spec.top is None or len(parsed.observations) <= spec.top:
        return parsed
    rejects, fault = limit_rejects(parsed.rejects, parsed.received, spec)
    top_rows = parsed.observations[: spec.top]
    return replace(
        parsed, received=spec.top, observations=top_rows, rejects=rejects, population=population,
        fault=parsed.fault or fault,
    )  # fmt: skip


def _is_sorted(names: Sequence[str]) -> bool:
    return all(before <= after for before, after in pairwise(names))

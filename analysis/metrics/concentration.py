"""Concentration of downloads and likes on few packages of a whole registry."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame

from analysis.compute.metric import CENSUS_NOTE, NO_CENSUS, Result, join_notes
from analysis.statistics.inference import weighted_gini, weighted_top_share

VERSION = 1
APPLIES_TO = "census"

ALL_ZERO = "all known counters are zero"
NO_KNOWN_COUNTER = "no package has a known counter"


def concentration(census: DataFrame) -> Iterator[Result]:
    """Measure how concentrated downloads and likes are: share of zeros, share of the largest 1 %, Gini's coefficient.

        zero      = |{p : x_p = 0}| / n
        top_1pct  = the sum of the ceil(n / 100) largest / the sum of all
        gini      = sum_i (2i - n - 1) x_i / (n sum x),  x ascending, with zeros
        gini_without_zeros = the same over the counters above zero

    >>> rows = DataFrame({"package": range(4), "downloads": [0, 0, 0, 8], "likes": [1, 1, 1, 1]})
    >>> {result.name: result.value for result in concentration(rows)}["concentration.downloads.gini"]
    0.75

    Caveats: a census has no sampling error, so there is no interval. Zeros dominate, so read both coefficients.
    `downloads` is the Hub's rolling count of 30 days, which freezes and includes downloads by machines. n is the number
    of packages with a known counter (above zero for `gini_without_zeros`). Spaces have no downloads.

    After Osborne et al. 2024, arXiv 2405.13058 (1 % of the models have 99 % of the downloads).
    """
    if census.empty:
        yield Result("concentration", None, note=NO_CENSUS)
        return
    for counter in ("downloads", "likes"):
        values = census[counter].to_numpy()
        yield from _counter_results(f"concentration.{counter}", values[values >= 0], int((values < 0).sum()))


def _counter_results(name: str, values: NDArray[np.int64], unknown: int) -> Iterator[Result]:
    n = len(values)
    if n == 0:
        yield Result(f"{name}.zero", None, n=0, note=NO_KNOWN_COUNTER)
        return
    note = join_notes(CENSUS_NOTE, f"{unknown:,} packages without a counter left out" if unknown else "")
    distinct, counts = np.unique(values, return_counts=True)
    yield Result(f"{name}.zero", float(counts[distinct == 0].sum() / n), n=n, note=note)
    if distinct[-1] == 0:
        yield from (Result(f"{name}.{measure}", None, n=n, note=ALL_ZERO) for measure in ("top_1pct", "gini"))
        return
    column, weights, top = distinct.astype(float), counts.astype(float), -(-n // 100)
    yield Result(f"{name}.top_1pct", float(weighted_top_share(column, weights, top)), n=n, note=note)
    yield Result(f"{name}.gini", float(weighted_gini(column, weights)), n=n, note=note)
    positive = distinct > 0
    without_zeros = float(weighted_gini(column[positive], weights[positive]))
    yield Result(f"{name}.gini_without_zeros", without_zeros, n=int(counts[positive].sum()), note=note)

"""The benchmark of imports generates lists and imports them by the command."""

from __future__ import annotations

from pathlib import Path

from benchmarks.imports import KINDS, measure_kind


def test_the_benchmark_has_the_number_of_the_public_lists() -> None:
    assert sum(len(kind.sizes) for kind in KINDS) == 134


def test_the_benchmark_measures_two_imports_of_a_kind(tmp_path: Path) -> None:
    registry, lists, rows, *seconds = measure_kind(KINDS[1], tmp_path, 0.01)
    assert (registry, lists, rows) == ("npm", 2, 94)
    assert len(seconds) == 4
    assert min(seconds) > 0

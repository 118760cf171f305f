"""The benchmark of imports generates lists, imports them, and prints a line for each kind."""

from __future__ import annotations

import pytest

from benchmarks.imports import main


def test_the_benchmark_prints_a_line_for_each_kind_of_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--share", "0.01"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[4:]]
    assert [(row[0], int(row[1])) for row in rows] == [("pypi", 2), ("npm", 2), ("huggingface/models", 2), ("all", 6)]
    assert all(float(seconds) > 0 for row in rows for seconds in row[3:])

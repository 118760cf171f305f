"""The benchmark of one new snapshot runs, compares two ways that agree, and prints its table."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.refresh import build_store, count_as_artifact, generate_lists, list_dates, main, write_name_lists


def test_the_benchmark_prints_a_line_for_each_cost(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--k", "100", "--history", "2", "11", "--repeat", "1", "--churn", "0.1"]) == 0
    head, columns, *rows = capsys.readouterr().out.splitlines()
    assert "against H = 2" in head
    assert "median" in columns
    assert [row.split()[:3] for row in rows] == [
        [name, "100", history] for name in ("refresh", "artifact", "compute") for history in ("2", "11")
    ]


def test_the_way_of_the_artifact_counts_like_plain_sets(tmp_path: Path) -> None:
    lists = [set(packages) for packages in generate_lists(100, 12, 0.1)]
    newest = build_store(tmp_path / "a.db", 100, 12, 0.1)
    write_name_lists(tmp_path / "a.db", tmp_path / "names.db")
    entered, ever = lists[-1] - lists[-2], set().union(*lists[:-1])
    assert count_as_artifact(tmp_path / "names.db", 100, newest) == {
        "remained": len(lists[-1] & lists[-2]),
        "newcomers": len(entered - ever),
        "returning": len(entered & ever),
        "ever": len(ever | lists[-1]),
    }
    assert entered & ever, "some packages return, or the history would not be read"


def test_the_newest_ten_dates_are_those_of_every_history() -> None:
    assert list_dates(10) == list_dates(1000)[-11:]
    assert len(set(list_dates(1000))) == 1001

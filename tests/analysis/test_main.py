"""`python -m analysis` computes the pending results once."""

from __future__ import annotations

import json

import pytest

from analysis.__main__ import main
from analysis.metrics import turnover
from db.rows import Registry
from db.store import Store
from tests.analysis.conftest import descending_rows


@pytest.fixture
def run_cli(history, capsys):
    """Run the command, and return its exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main([*arguments, "--db", str(history.path)])
        return code, *capsys.readouterr()

    return run


def test_pending_results_are_computed_and_reported(history, run_cli):
    history.add_snapshot("2026-01-08", descending_rows("ab"))
    history.add_snapshot("2026-01-01", descending_rows("ab"))
    code, out, err = run_cli()
    assert (code, out) == (0, "Computed 34 results for 2 snapshots.\n")
    assert err.splitlines() == [
        "[1/2] huggingface/models 2026-01-01: 17 results",
        "[2/2] huggingface/models 2026-01-08: 17 results",
    ]


def test_computed_results_are_not_pending(history, run_cli):
    history.add_snapshot("2026-01-01", descending_rows("ab"))
    run_cli()
    assert run_cli() == (0, "No results are pending: every complete snapshot has its results.\n", "")


def test_adding_an_older_snapshot_makes_later_results_pending_again(history, run_cli):
    history.add_snapshot("2026-01-08", descending_rows("ab"))
    run_cli()
    history.add_snapshot("2026-01-01", descending_rows("ac"))
    assert run_cli()[1] == "Computed 34 results for 2 snapshots.\n"
    assert history.query_values(snapshot_id=1, k=2)["remained"] == 1


def test_metrics_of_cards_are_computed_for_lists_of_the_hub_only(history, run_cli):
    history.add_snapshot("2026-01-01", descending_rows("ab"))
    history.add_snapshot("2026-01-01", descending_rows("ab"), registry=Registry("npm", "ecosystems"))
    run_cli()
    of_cards = {"agreement", "documentation", "documentation_as_published"}
    assert {row["metric"] for row in history.query_results(snapshot_id=1)} >= of_cards
    assert not {row["metric"] for row in history.query_results(snapshot_id=2)} & of_cards
    assert history.query_results(snapshot_id=2, metric="turnover")
    assert run_cli()[1].startswith("No results are pending")


def test_a_raised_version_is_computed_beside_the_old_one(history, run_cli, monkeypatch):
    history.add_snapshot("2026-01-01", descending_rows("ab"))
    run_cli()
    monkeypatch.setattr(turnover, "VERSION", turnover.VERSION + 1)
    run_cli()
    assert {row["version"] for row in history.query_results(metric="turnover")} == {
        turnover.VERSION - 1,
        turnover.VERSION,
    }


def test_one_metric_can_be_selected(history, run_cli):
    history.add_snapshot("2026-01-01", descending_rows("ab"))
    run_cli("--metric", "turnover_as_published")
    assert {row["metric"] for row in history.query_results()} == {"turnover_as_published"}


def test_an_unknown_metric_is_a_usage_error(history, run_cli):
    code, out, err = run_cli("--metric", "turnoverr")
    assert (code, out) == (2, "")
    assert "Did you mean turnover?" in err


def test_the_summary_as_json(history, run_cli):
    history.add_snapshot("2026-01-01", descending_rows("ab"))
    document = json.loads(run_cli("--format", "json", "--metric", "turnover")[1])
    assert document == {"schema": 1, "computed": [
        {"registry": "huggingface/models", "snapshot": 1, "date": "2026-01-01", "metric": "turnover", "version": 2,
         "results": 6},
    ]}  # fmt: skip


def test_an_interrupted_run_keeps_the_stored_results(history, run_cli, monkeypatch):
    history.add_snapshot("2026-01-01", descending_rows("ab"))
    history.add_snapshot("2026-01-08", descending_rows("ab"))
    put, calls = Store.save_results, []

    def interrupted(self, results, at):
        calls.append(at)
        if len(calls) > 1:
            raise KeyboardInterrupt
        put(self, results, at)

    with monkeypatch.context() as patch:
        patch.setattr("db.store.Store.save_results", interrupted)
        assert run_cli()[0] == 3
    assert {row["snapshot_id"] for row in history.query_results()} == {1}
    assert run_cli()[1] == "Computed 17 results for 1 snapshot.\n"


def test_no_store_is_an_error_in_four_parts(tmp_path, capsys):
    assert main(["--db", str(tmp_path / "none.db")]) == 1
    assert "There is no store" in capsys.readouterr().err

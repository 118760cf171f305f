"""The labels of a reader are a scorer, and the agreement of the rules with a reader is printed with their scores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.scoring import ITEMS
from analysis.scoring.__main__ import main
from analysis.scoring.agreement import Agreement, agreement_intervals
from analysis.scoring.reference import format_agreement, load_measurements
from db.connection import open_for_reading
from tests.analysis.scoring.conftest import store_cards
from tests.db.builders import read_scores

OWL = "Owl is a small language model for Welsh."


def write_labels(tmp_path: Path, *rows: object) -> Path:
    file = tmp_path / "labels.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_labels_are_stored_as_scores_of_the_same_cards(tmp_path, capsys):
    store = store_cards(tmp_path / "o.db", OWL, "Buy our tea.")
    labels = dict.fromkeys(ITEMS, False) | {"description": True}
    file = write_labels(tmp_path, {"card": OWL, "labels": labels}, {"card": "another", "labels": labels})
    assert main(["--scorer", "reference", str(file), "--db", str(store), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "schema": 1,
        "scorer": "reference",
        "cards": 1,
        "not_in_the_store": 1,
    }
    with open_for_reading(store) as connection:
        ((version,),) = connection.execute("SELECT DISTINCT version FROM score WHERE scorer = 'reference'").fetchall()
        scores = read_scores(connection, "reference", version)
    assert {score.item: score.state for score in scores} == dict.fromkeys(ITEMS, "no") | {"description": "yes"}
    assert main(["--scorer", "reference", str(file), "--db", str(store)]) == 0
    assert "labels of 1 cards" in capsys.readouterr().out


@pytest.mark.parametrize("rows", [[{"card": OWL}], [{"card": OWL, "labels": {"training": True}}]])
def test_a_file_without_labels_is_refused(tmp_path, capsys, rows):
    store = store_cards(tmp_path / "o.db", OWL)
    assert main(["--scorer", "reference", str(write_labels(tmp_path, *rows)), "--db", str(store)]) == 1
    assert "No card can be read" in capsys.readouterr().err
    assert main(["--scorer", "reference", "--db", str(store)]) == 2


def test_the_printed_agreement_equals_the_measured_counts(tmp_path, capsys):
    for item in ITEMS:
        measurement = load_measurements()[item]
        assert sum(measurement["counts"]) == load_measurements()["cards"]
        estimates = agreement_intervals(Agreement(item, *measurement["counts"]))
        for measure in ("f1", "kappa"):
            estimate = estimates[measure]
            assert measurement[measure] == pytest.approx([estimate.value, estimate.low, estimate.high], abs=0.002)
    (tmp_path / "owl.md").write_text(OWL)
    main([str(tmp_path / "owl.md")])
    assert format_agreement() in capsys.readouterr().out
    main([str(tmp_path / "owl.md"), "--format", "json"])
    assert format_agreement() in capsys.readouterr().err

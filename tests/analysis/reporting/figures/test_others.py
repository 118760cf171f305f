"""What the other figures make of a document's numbers."""

from __future__ import annotations

from analysis.reporting.figures import claims, descendants, lineage, preservation, snapshots
from tests.analysis.reporting.figures.documents import empty, full, snapshot


def test_a_library_with_a_dot_in_its_name_is_one_library():
    (figure,) = preservation.draw(full())
    assert {row[0] for row in figure.rows} == {"transformers", "transformers.js", "timm"}


def test_lift_is_not_drawn_as_a_share_and_the_published_form_is_told_apart():
    (figure,) = preservation.draw(full())
    assert {row[1] for row in figure.rows} == {"adapter", "finetune", "all (Eq. 1)", "as published"}
    assert all(0 <= row[2] <= 1 for row in figure.rows)


def test_preservation_in_a_sentence():
    (figure,) = preservation.draw(full())
    assert figure.title == "huggingface/models: transformers is kept by 80.0% of adapters and 60.0% of finetunes"


def test_the_relation_mix_adds_up():
    (figure,) = lineage.draw(full())
    assert [row[0] for row in figure.rows] == ["adapter", "finetune", "merge"]
    assert sum(row[2] for row in figure.rows) == 1


def test_the_heat_map_counts_every_parent_once():
    (figure,) = descendants.draw(full())
    assert sum(row[-1] for row in figure.rows) == 5
    assert figure.title == "huggingface/models: 40.0% of 5 parents have exactly one descendant"


def test_without_points_there_is_no_heat_map():
    assert not list(descendants.draw(empty()))


def test_verdicts_are_drawn_once_there_are_two_dates():
    made = full()
    (figure,) = claims.draw(made)
    assert len(figure.rows) == 16
    for claim in made["claims"]:
        claim["trend"] = claim["trend"][:1]
    assert not list(claims.draw(made))


def test_states_in_a_sentence():
    assert snapshots.describe_snapshots(full()) == "11 of 12 snapshots are complete; 1 partial"
    rows = [snapshot(1, "npm", "2026-01-01", status="failed"), snapshot(2, "npm", "2026-01-02", status="open")]
    assert snapshots.describe_snapshots({"snapshots": rows}) == "0 of 2 snapshots are complete; 1 failed and 1 open"

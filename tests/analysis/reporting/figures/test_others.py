"""The numbers and titles of the other figures."""

from __future__ import annotations

from analysis.reporting.figures import _render, claims, descendants, lineage, preservation, snapshots
from tests.analysis.reporting.figures.documents import empty_report, full_report, make_claims, make_snapshot, report_of


def test_a_library_with_a_dot_in_its_name_is_one_library() -> None:
    (figure,) = preservation.draw(full_report())
    assert {row[0] for row in figure.rows} == {"transformers", "transformers.js", "timm"}


def test_lift_is_not_drawn_as_a_share_and_the_published_form_is_distinguished() -> None:
    (figure,) = preservation.draw(full_report())
    assert {row[1] for row in figure.rows} == {"adapter", "finetune", "all (Eq. 1)", "as published"}
    assert all(isinstance(row[2], float) and 0 <= row[2] <= 1 for row in figure.rows)


def test_the_title_of_preservation_names_the_highest_and_the_lowest_share() -> None:
    (figure,) = preservation.draw(full_report())
    assert figure.title == "Hugging Face: transformers is kept by 80.0% of adapters and 60.0% of finetunes"


def test_the_shares_of_the_relations_add_up_to_one() -> None:
    (figure,) = lineage.draw(full_report())
    assert [row[0] for row in figure.rows] == ["adapter", "finetune", "merge"]
    bars = lineage._rank_relations({"adapter": 420.0, "finetune": 360.0, "merge": 20.0})
    assert [row[2] for row in figure.rows] == [bar["share"] for bar in bars]
    assert sum(bar["share"] for bar in bars) == 1


def test_the_heat_map_counts_every_parent_once() -> None:
    (figure,) = descendants.draw(full_report())
    assert sum(cell["parents"] for cell in descendants._count_cells(full_report()["points"])) == 5
    assert figure.title == "Hugging Face: 40.0% of 5 parents have exactly one descendant"


def test_there_is_no_heat_map_without_points() -> None:
    assert not list(descendants.draw(empty_report()))


def test_verdicts_are_drawn_once_there_are_two_dates() -> None:
    report = full_report()
    (figure,) = claims.draw(report)
    assert len(figure.rows) == sum(len(claim["trend"]) for claim in report["claims"]) == 12
    assert figure.rows[0] == ("C0", "2026-01-05", "holds", 0.5, 15_000)
    for narrow in (False, True):
        drawing = _render.render_drawing(figure, narrow)
        assert ">Label 2</text>" in drawing and "Label 3" not in drawing  # the untestable claim has no point
    for claim in report["claims"]:
        claim["trend"] = claim["trend"][:1]
    assert not list(claims.draw(report))


def test_the_verdicts_are_counted_in_a_sentence() -> None:
    rows = list(make_claims([]))
    assert claims.describe_claims([rows[0], rows[1], rows[0]]) == (
        "On 2026-01-05, of 3 claims of the paper, 2 hold and 1 is weaker"
    )


def test_the_states_of_snapshots_are_counted_in_a_sentence() -> None:
    assert snapshots.describe_snapshots(full_report()) == "11 of 12 snapshots are complete; 1 partial"
    failed = make_snapshot(1, "npm", "2026-01-01", status="failed")
    unfinished = make_snapshot(2, "npm", "2026-01-02", status="open")
    assert snapshots.describe_snapshots(report_of(failed, unfinished)) == (
        "0 of 2 snapshots are complete; 1 failed and 1 open"
    )


def test_two_snapshots_of_a_date_are_drawn_above_each_other() -> None:
    days = ("2026-01-05", "2026-01-05", "2026-01-06")
    (figure,) = snapshots.draw(report_of(*(make_snapshot(number, "npm", day) for number, day in enumerate(days))))
    assert [(point["date"], point["place"]) for point in figure.wide["data"]["values"]] == [
        ("2026-01-05", 1), ("2026-01-05", 2), ("2026-01-06", 1),
    ]  # fmt: skip
    assert all(layer["encoding"]["yOffset"]["field"] == "place" for layer in figure.wide["layer"])

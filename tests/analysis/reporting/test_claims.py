"""The tables and sentences of the claims: plain units, equal decimals, and the dates of each number."""

from __future__ import annotations

from analysis.reporting.claims import claims_table, describe_claim, published_table
from tests.analysis.reporting.figures.documents import make_claims, make_number, make_snapshot

CLAIMS = list(make_claims([make_snapshot(1, "huggingface/models", "2026-01-05")]))


def read_rows(table: object) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]  # type: ignore[attr-defined]


def test_a_verdict_stands_beside_its_measure_and_its_date() -> None:
    rows = read_rows(claims_table(CLAIMS))
    assert rows[0] == ["C0: label 0", "holds", "share kept", "50.0%", "40.0% to 60.0%", "2,699", "2026-01-05", "15,000"]
    assert rows[3] == ["C3: label 3", "not testable", *["–"] * 6]


def test_a_number_of_two_lists_has_both_dates_and_a_coefficient_three_decimals() -> None:
    rho = {**make_number("as in the paper", 0.1479, "2026-01-05", since="2025-12-06"), "is_share": False}
    (row,) = read_rows(published_table([{**CLAIMS[0], "numbers": [rho]}]))  # type: ignore[list-item]
    assert row == ["C0: label 0", "share kept", "0.148", "0.048 to 0.248", "2,699", "2025-12-06 to 2026-01-05"]


def test_the_evidence_of_a_claim_names_each_number_and_the_paper() -> None:
    library = make_number("compared with", 0.9, "2026-01-05")
    registry = {**library, "metric": "turnover", "name": "turnover.91d", "registry": "npm", "low": None}
    detail = describe_claim({**CLAIMS[1], "numbers": [library, registry]})  # type: ignore[list-item]
    assert (detail.label, detail.quote, detail.is_testable) == ("C1 (Finding 4)", "“as the paper says”", True)
    assert detail.numbers == (
        "compared with transformers: share kept 90.0% (80.0% to 100.0%), n = 2,699, on 2026-01-05, depth 15,000",
        "compared with npm: share kept 90.0% (no interval), n = 2,699, on 2026-01-05, depth 15,000",
    )
    assert describe_claim({**CLAIMS[1], "claim": "Finding 4"}).label == "Finding 4"

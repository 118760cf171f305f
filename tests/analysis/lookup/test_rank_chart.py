"""The chart of ranks: every list has its mark, within the width."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.lookup.rank_chart import LISTED, UNLISTED, draw_ranks

DAY = 86_400
point_lists = st.lists(st.none() | st.integers(1, 100_000), min_size=2, max_size=60)


@given(point_lists, st.integers(60, 120))
@settings(deadline=None)
def test_a_chart_fits_and_marks_listed_and_unlisted_days(ranks: list[int | None], width: int) -> None:
    lines = draw_ranks([(day * DAY, rank) for day, rank in enumerate(ranks)], width)
    listed = [rank for rank in ranks if rank is not None]
    assert bool(lines) == (len(listed) > 1)
    assert all(len(line) <= width for line in lines)
    assert any(LISTED in line for line in lines) == bool(lines)
    assert any(UNLISTED in line for line in lines) == (bool(lines) and None in ranks)
    if lines:
        labels = [line.split("│")[0].strip() for line in lines if LISTED in line]
        assert (labels[0], labels[-1]) == (f"{min(listed):,}", f"{max(listed):,}")


def test_days_without_a_list_leave_their_room() -> None:
    lines = draw_ranks([(0, 1), (DAY, 2), (10 * DAY, 1)], 24)
    assert lines[:2] == ["     1 │ •             •", "     2 │  •"]

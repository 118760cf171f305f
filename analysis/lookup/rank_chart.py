"""A chart of ranks over time for a terminal (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from db.cli import isoformat_utc

HEIGHT = 7
LISTED, UNLISTED = "•", "×"
BELOW = "not in"

RankPoint = tuple[int, int | None]  # seconds since 1970, and the rank; None: not in the list


def draw_ranks(points: Sequence[RankPoint], width: int) -> list[str]:
    """Return the lines of a chart, the best rank at the top. There is no chart of fewer than two ranks.

    >>> print("\\n".join(draw_ranks([(0, 4), (86400, None), (172800, 1)], 20)))
         1 │           •
         2 │
         3 │
         4 │ •
    not in │      ×
             1970-01-01
    """
    ranks = sorted({rank for _, rank in points if rank is not None})
    if sum(rank is not None for _, rank in points) < 2:
        return []
    levels = rank_levels(ranks[0], ranks[-1])
    labels = [f"{level:,}" for level in levels]
    rows = [[" "] * _plot_width(width, labels) for _ in (*levels, BELOW)]
    for (_, rank), x in zip(points, column_positions([at for at, _ in points], len(rows[0])), strict=True):
        y = len(levels) if rank is None else nearest_level(rank, levels)
        rows[y][x] = UNLISTED if rank is None else LISTED
    return list(_format_chart(labels, rows, points))


def rank_levels(best: int, worst: int, height: int = HEIGHT) -> list[int]:
    """Return the ranks of the lines of a chart, from the best to the worst, at equal distances.

    >>> rank_levels(1, 4), rank_levels(10, 70), rank_levels(3, 3)
    ([1, 2, 3, 4], [10, 20, 30, 40, 50, 60, 70], [3])
    """
    steps = min(height - 1, worst - best)
    return [best + round((worst - best) * step / steps) for step in range(steps + 1)] if steps else [best]


def nearest_level(rank: int, levels: Sequence[int]) -> int:
    """Return the position of the level nearest to a rank."""
    return min(range(len(levels)), key=lambda position: abs(levels[position] - rank))


def column_positions(instants: Sequence[int], width: int) -> list[int]:
    """Return the column of each instant, in proportion to time.

    >>> column_positions([0, 50, 100], 11)
    [0, 5, 10]
    """
    first, span = instants[0], max(1, instants[-1] - instants[0])
    return [round((at - first) / span * (width - 1)) for at in instants]


def _plot_width(width: int, labels: Sequence[str]) -> int:
    return max(10, width - max(len(BELOW), *map(len, labels)) - 3)


def _format_chart(labels: Sequence[str], rows: Sequence[Sequence[str]], points: Sequence[RankPoint]) -> Iterator[str]:
    margin = max(len(BELOW), *map(len, labels))
    for label, row in zip((*labels, BELOW), rows, strict=True):
        if label != BELOW or UNLISTED in row:
            yield f"{label:>{margin}} │ {''.join(row)}".rstrip()
    first, last = (isoformat_utc(at)[:10] for at in (points[0][0], points[-1][0]))
    room = len(rows[0]) - len(first)
    dates = f"{first}{last:>{room}}" if room > len(last) else first
    yield f"{'':>{margin}}   {dates}"

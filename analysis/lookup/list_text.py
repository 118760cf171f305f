"""The document about one list as plain text and as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.exports.formats.csv import format_cell
from analysis.lookup.list_rows import ListDocument, RankedPackage, RankMove, RankTie
from analysis.lookup.plain_table import UNKNOWN, format_number, format_table, wrap_text
from analysis.reporting.movers import MOVE_CAPTIONS
from analysis.reporting.names import counter_words

CSV_COLUMNS = ("registry", "by", "counter", "date", "previous_date", "k", "change", "rank", "previous_rank", "name",
               "package", "value", "reason")  # fmt: skip
NAMED_TIES = 5
UNLIMITED_WIDTH = 10_000
REASON_INDENT = 18


def render_list(document: ListDocument, width: int) -> str:
    """Return the whole document for a terminal of a width."""
    return "\n".join(_iter_lines(document, width))


def _iter_lines(document: ListDocument, width: int) -> Iterator[str]:
    yield from wrap_text(describe_list(document), width, "")
    if document["warning"]:
        yield from wrap_text(document["warning"], width)
    yield ""
    rows = [
        (format_number(row["rank"]), describe_rise(row), row["name"], format_number(row["value"]))
        for row in document["packages"]
    ]
    yield from format_table(f"rank change NAME {document['by']}", rows, width, stretch=2)
    for sentence in iter_notes(document):
        yield from ("", *wrap_text(sentence, width, ""))
    for change, caption in MOVE_CAPTIONS.items():
        moves = [move for move in document["moves"] if move["change"] == change]
        if moves and document["previous"]:
            heading = caption.format(k=document["k"], since=document["previous"]["date"])
            yield from ("", *wrap_text(f"{heading}: {len(moves):,}", width, ""), *render_moves(moves, width))


def describe_list(document: ListDocument) -> str:
    """Return which list it is, how deep it is read, and what it is compared with."""
    order = counter_words(document["by"], document["counter"])
    previous = document["previous"]
    compared = f", compared with {previous['date']}" if previous else ""
    depth = f"the first {document['k']:,} of {document['list']['depth']:,}"
    return f"{document['registry']} by {order} on {document['list']['date']}: {depth}{compared}"


def describe_rise(row: RankedPackage) -> str:
    """Return the change of rank: `+3` rose by three, `=` stayed, `new` and `back` were not in the compared list."""
    if row["rise"] is not None:
        return f"{row['rise']:+,}" if row["rise"] else "="
    return {"entered": "new", "returned": "back"}.get(str(row["change"]), UNKNOWN)


def iter_notes(document: ListDocument) -> Iterator[str]:
    """Yield what a reader must know: a short list, nothing to compare with, missing ranks, ties."""
    if document["k"] < document["requested"]:
        yield f"The list has {document['k']:,} ranks, not {document['requested']:,}."
    if document["previous"] is None:
        yield (
            f"No complete list of an earlier day, up to the day of --since if it is given, has {document['k']:,} ranks "
            "and the same counter. So nothing is compared."
        )
    if document["missing_ranks"]:
        yield f"Ranks without a package: {document['missing_ranks']:,}. Their rows could not be read, or are withheld."
    if document["previous"] and document["packages"] and not document["moves"]:
        yield f"No package is new in the top {document['k']:,}, and none left."
    ties = document["ties"]
    if ties:
        more = f" and {len(ties) - NAMED_TIES:,} more" if len(ties) > NAMED_TIES else ""
        named = "; ".join(map(describe_tie, ties[:NAMED_TIES]))
        yield f"Ties: {named}{more}. The order of equal counters has no meaning."


def describe_tie(tie: RankTie) -> str:
    """Return the ranks of a tie.

    >>> describe_tie({"first": 4, "last": 6, "value": 7.0, "is_open": True})
    'ranks 4 to 6, and ranks below, have 7'
    """
    ranks = f"rank {tie['first']:,}" if tie["first"] == tie["last"] else f"ranks {tie['first']:,} to {tie['last']:,}"
    return f"{ranks}{', and ranks below,' if tie['is_open'] else ''} have {format_number(tie['value'])}"


def render_moves(moves: Sequence[RankMove], width: int) -> list[str]:
    """Return a table of packages that came or went, with the reasons: beside the names if there is room, else below."""
    rows = [
        (format_number(move["rank"]), format_number(move["previous_rank"]), move["name"], explain_move(move))
        for move in moves
    ]
    wide = format_table("rank before NAME REASON", rows, UNLIMITED_WIDTH)
    if max(map(len, wide)) <= width:
        return wide
    heading, *lines = format_table("rank before NAME", [row[:3] for row in rows], width, stretch=2)
    reasons = [wrap_text(row[3], width, " " * REASON_INDENT) for row in rows]
    return [heading, *(line for pair in zip(lines, reasons, strict=True) for line in (pair[0], *pair[1]))]


def explain_move(move: RankMove) -> str:
    """Return the reason of a move. The heading of renamed packages says that they are not counted."""
    return f"formerly {move['previous_name']}" if move["change"] == "renamed" else move["reason"]


def render_csv(document: ListDocument) -> str:
    """Return one row for each package of the list, and one for each package that left. No cell is a formula."""
    lines: list[Sequence[object]] = [CSV_COLUMNS]
    reasons = {move["package"]: move for move in document["moves"]}
    listed = {row["package"]: row for row in document["packages"]}
    previous = document["previous"]
    head = [document["registry"], document["by"], document["counter"], document["list"]["date"],
            previous["date"] if previous else None, document["k"]]  # fmt: skip
    for package in dict.fromkeys((*listed, *reasons)):
        row, move = listed.get(package), reasons.get(package)
        place = row or move
        assert place is not None
        lines.append([
            *head, move["change"] if move else "", place["rank"], place["previous_rank"], place["name"], package,
            row["value"] if row else None, move["reason"] if move else "",
        ])  # fmt: skip
    return "\n".join(",".join(map(format_cell, line)) for line in lines)

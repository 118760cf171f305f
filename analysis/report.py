"""`python -m analysis.report`: the results, for a person or a program. It never writes to the store."""

from __future__ import annotations

import argparse
import difflib
import sqlite3
import sys
import webbrowser
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from db import ObservatoryError, UsageError
from db.cli import (
    DONE,
    FAILED,
    create_parser,
    escape_control_characters,
    isoformat_utc,
    parse_day,
    positive_int,
    run_command,
)

if TYPE_CHECKING:
    from analysis.reporting.document import ReportScope
    from db.rows import StoredResult

FORMATS_FOLDER = Path(__file__).parent / "reporting" / "formats"


def make_parser() -> argparse.ArgumentParser:
    """The words of the command; a format is a file of `formats/`."""
    made = create_parser(
        "observatory report", "Show what the snapshots say: turnover, who moved, and what is not known."
    )
    known = sorted(path.stem for path in FORMATS_FOLDER.glob("[a-z]*.py"))
    made.add_argument("--as-of", metavar="DATE", type=parse_day, help="only snapshots of this day and earlier")
    made.add_argument("--registry", metavar="R", action="append", default=[], help="only this one; may be repeated")
    made.add_argument("--k", metavar="K", type=positive_int, help="who moved: in the top K (default: up to 1000)")
    made.add_argument("--format", choices=known, default="text", help=f"one of {', '.join(known)} (default: text)")
    made.add_argument("--out", metavar="FILE", type=Path, help="write it here (default: print it)")
    made.add_argument("--open", action="store_true", help="html: open it in the browser (default file: report.html)")
    made.add_argument("--interactive", action="store_true", help="html: with the figures' script in the file")
    made.add_argument(
        "--figures", metavar="DIR", type=Path, help="also write each figure there: svg, png, pdf, csv, spec"
    )
    made.add_argument("--fail-on-reversal", action="store_true", help="end with 1 if a claim of the paper is reversed")
    made.set_defaults(do=run_report)
    return made


def run_report(options: argparse.Namespace) -> int:
    """Print or write the report; results that are missing are computed for it, and not kept."""
    from analysis.reporting.document import ReportScope, build_report
    from db.connection import open_for_reading

    require_html(options)
    with open_for_reading(options.db) as connection:
        connection.execute("BEGIN")  # one state of the store, whatever a crawl adds meanwhile
        as_of = isoformat_utc(options.as_of)[:10] if options.as_of is not None else None
        scope = ReportScope(as_of, select_registries(connection, options.registry), options.k)
        made = build_report(connection, scope, compute_missing(connection, scope))
    # Names come from strangers and may reach a terminal: no format may forget it, so it is done here for all of them.
    with explain_missing_library():
        given = {"interactive": True} if options.interactive else {}
        text = escape_control_characters(
            import_module(f"analysis.reporting.formats.{options.format}").render(made, **given)
        )
        if options.figures:
            save_figures(made, options.figures)
    output_report(text, options)
    reversals = [claim["claim"] for claim in made["claims"] if claim["verdict"] == "reversed"]
    if options.fail_on_reversal and reversals:
        print(f"reversed: {', '.join(map(str, reversals))}", file=sys.stderr)
        return FAILED
    return DONE


def require_html(options: argparse.Namespace) -> None:
    """Refuse what only a page can do.

    Raises:
        UsageError: it is asked of another format.
    """
    asked = [word for word in ("--open", "--interactive") if getattr(options, word[2:])]
    if asked and options.format != "html":
        raise UsageError(
            f"{asked[0]} is for a page, and the format is {options.format}.",
            fix=f"Say --format html too, or leave {asked[0]} away.",
            more="docs/commands.md",
        )


@contextmanager
def explain_missing_library() -> Iterator[None]:
    """What is done in this block may need a library that a small installation does not have.

    Raises:
        ObservatoryError: it is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("jinja2", "markupsafe", "vl_convert"):
            raise
        raise ObservatoryError(
            f"This report needs {error.name}, which is not installed.",
            why="A small installation has no pages and no figures.",
            fix="pip install 'hub-observatory[report]'",
        ) from error


def save_figures(report: Mapping[str, object], folder: Path) -> None:
    """Write each figure and its numbers into a folder.

    Raises:
        ObservatoryError: they cannot be written, or not be drawn.
    """
    from analysis.reporting.figures import draw_figures
    from analysis.reporting.figures._render import DrawingError
    from analysis.reporting.figures._render import write_figures as write_figures

    try:
        written = write_figures(draw_figures(report), folder)
    except (DrawingError, OSError) as error:
        raise ObservatoryError(f"The figures cannot be written to {folder}.", why=str(error)) from error
    print(f"{len(written):,} files of figures were written to {folder}.", file=sys.stderr)


def output_report(text: str, options: argparse.Namespace) -> None:
    """Print the report, or write it and open it if that is asked for."""
    out = options.out or (Path("report.html") if options.open else None)
    if out is None:
        print(text)
        return
    write_report(out, text)
    if options.open:
        print(f"The report is in {out}.", file=sys.stderr)
        if not webbrowser.open(out.resolve().as_uri()):
            print("No browser could be opened; open the file yourself.", file=sys.stderr)


def select_registries(connection: sqlite3.Connection, requested: Sequence[str]) -> tuple[str, ...]:
    """The registries to show, of those the store knows: all of them if none is asked for.

    Raises:
        UsageError: one that is asked for is not in the store.
    """
    from analysis.compute.relations import fetch_rows

    known = [str(row["name"]) for row in fetch_rows(connection, "registries")]
    for name in requested:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise UsageError(
                f"The store has nothing of a registry called {name!r}.",
                why=f"Did you mean {near[0]}?" if near else "",
                fix=f"It has: {', '.join(known) or 'none yet'}.",
                more="docs/commands.md",
            )
    return tuple(requested or known)


def compute_missing(connection: sqlite3.Connection, scope: ReportScope) -> list[StoredResult]:
    """The missing results of the snapshots in scope, computed now."""
    from analysis.compute.metric import list_metrics
    from analysis.compute.pending import compute_pending, find_pending

    lacking = [
        one
        for one in find_pending(connection, list_metrics())
        if one.registry in scope.registries and (scope.as_of is None or one.date <= scope.as_of)
    ]
    if lacking:
        many = f"{len(lacking):,} snapshot{'' if len(lacking) == 1 else 's'}"
        print(f"Results of {many} were computed for this report; `observatory compute` keeps them.", file=sys.stderr)
    return [result for one in lacking for result in compute_pending(connection, one)]


def write_report(path: Path, text: str) -> None:
    """Write the report to a file.

    Raises:
        ObservatoryError: it cannot be written.
    """
    try:
        path.write_text(text + "\n", "utf-8")
    except OSError as error:
        raise ObservatoryError(
            f"The report cannot be written to {path}: {error.strerror}.",
            why="Its folder does not exist or may not be written to.",
            fix="Name another file with --out, or leave --out away to print it.",
        ) from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    return run_command(make_parser, argv)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m analysis.report`: the results, for people and programs. It never writes to the store."""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.stored_registries import add_registries_option, select_registries
from db import ObservatoryError, UsageError
from db.causes import describe_cause
from db.cli import (
    DONE,
    FAILED,
    add_hidden_alias,
    create_parser,
    describe_os_error,
    escape_control_characters,
    isoformat_utc,
    parse_day,
    positive_int,
    run_command,
)
from db.files import explain_unwritable, write_whole

if TYPE_CHECKING:
    from analysis.reporting.document import ReportScope
    from analysis.reporting.rows import Report
    from db.rows import StoredResult

FILE_WIDTH = 80
FORMATS_FOLDER = Path(__file__).parent / "reporting" / "formats"


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of the command. Each file of `formats/` is a format."""
    parser = create_parser(
        "observatory report", "Show what the snapshots say: turnover, who moved, and what is not available yet."
    )
    _add_scope_options(parser)
    _add_output_options(parser)
    _add_figure_options(parser)
    parser.add_argument(
        "--fail-on-reversal", action="store_true", help="exit with code 1 if a claim of the paper is reversed"
    )
    parser.set_defaults(do=run_report)
    return parser


def _add_scope_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--as-of", metavar="DATE", type=parse_day, help="only snapshots of this day and earlier")
    add_registries_option(parser)
    top = parser.add_argument(
        "--top",
        metavar="K",
        dest="k",
        type=positive_int,
        help="compare the top K, any K that a list has (default: up to 1000)",
    )
    add_hidden_alias(parser, top, "--k")


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    formats = sorted(path.stem for path in FORMATS_FOLDER.glob("[a-z]*.py"))
    parser.add_argument(
        "--format", choices=formats, default="text", help=f"one of {', '.join(formats)} (default: text)"
    )
    parser.add_argument("--out", metavar="FILE", type=Path, help="write the report to this file (default: print it)")
    parser.add_argument("--no-pager", action="store_true", help="text: print at once, not through $PAGER or less")
    parser.add_argument(
        "--open", action="store_true", help="html: open the page in the browser (default file: report.html)"
    )


def _add_figure_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--interactive", action="store_true", help="html: include the script that makes figures interactive"
    )
    parser.add_argument(
        "--figures", metavar="DIR", type=Path, help="also write each figure to this folder: svg, png, pdf, csv, spec"
    )


def run_report(options: argparse.Namespace) -> int:
    """Print or write the report. Missing results are computed for the report and not stored."""
    require_html(options)
    refuse_unwritable(report_path(options))
    report = _load_report(options)
    # Names come from strangers and may reach a terminal. Escaping them here covers every format.
    output_report(escape_control_characters(_render_report(report, options)), options)
    reversals = [claim["claim"] for claim in report["claims"] if claim["verdict"] == "reversed"]
    if options.fail_on_reversal and reversals:
        print(f"reversed: {', '.join(reversals)}", file=sys.stderr)
        return FAILED
    return DONE


def _load_report(options: argparse.Namespace) -> Report:
    from analysis.reporting.document import ReportScope, build_report, load_scope
    from db.connection import open_for_reading

    with open_for_reading(options.db) as connection:
        connection.execute("BEGIN")  # read one state of the store, whatever a crawl adds meanwhile
        as_of = isoformat_utc(options.as_of)[:10] if options.as_of is not None else None
        scope = ReportScope(as_of, select_registries(connection, options.registry), options.k)
        snapshots = load_scope(connection, scope)
        return build_report(connection, scope, compute_missing(connection, scope), snapshots)


def _render_report(report: Report, options: argparse.Namespace) -> str:
    """Return the report in its format, and save its figures if that is an option."""
    with explain_missing_library():
        render = import_module(f"analysis.reporting.formats.{options.format}").render
        text: str = render(report, **_choose_layout(options))
        if options.figures:
            save_figures(report, options.figures)
    return text


def _choose_layout(options: argparse.Namespace) -> dict[str, object]:
    """Return the options of the format. A file has the same width whatever the terminal."""
    if options.interactive:
        return {"interactive": True}
    return {"width": FILE_WIDTH} if options.format == "text" and options.out else {}


def require_html(options: argparse.Namespace) -> None:
    """Refuse options that only a page can fulfil.

    Raises:
        UsageError: such an option is used with another format.
    """
    page_options = [option for option in ("--open", "--interactive") if getattr(options, option[2:])]
    if page_options and options.format != "html":
        raise UsageError(
            f"{page_options[0]} needs a page, and the format is {options.format}.",
            fix=f"Add --format html, or omit {page_options[0]}.",
            more="docs/commands.md",
        )


@contextmanager
def explain_missing_library() -> Iterator[None]:
    """Explain which library is missing, if the block needs one that a small installation does not have.

    Raises:
        ObservatoryError: a library is not installed.
    """
    from analysis.reporting.figures._render import DrawingError

    try:
        yield
    except DrawingError as error:
        raise ObservatoryError("The page cannot be interactive.", why=str(error)) from error


def save_figures(report: Report, folder: Path) -> None:
    """Write each figure and its numbers to a folder.

    Raises:
        ObservatoryError: the figures cannot be drawn or written.
    """
    from analysis.reporting.figures import draw_figures
    from analysis.reporting.figures._render import DrawingError, render_files

    try:
        files = list(render_files(draw_figures(report)))
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files:
            write_whole(folder / name, content)
    except DrawingError as error:
        raise ObservatoryError("The figures cannot be drawn.", why=describe_cause(error)) from error
    except OSError as error:
        raise describe_os_error(error, folder) from error
    print(f"{len(files):,} files of figures were written to {folder}.", file=sys.stderr)


def output_report(text: str, options: argparse.Namespace) -> None:
    """Print the report, or write it to a file, and open the file on request."""
    path = report_path(options)
    if path is None:
        print_report(text, options)
        return
    write_report(path, text)
    if options.open:
        print(f"The report is in {path}.", file=sys.stderr)
        if not webbrowser.open(path.resolve().as_uri()):
            print("No browser could be opened; open the file yourself.", file=sys.stderr)


def print_report(text: str, options: argparse.Namespace) -> None:
    """Print the report: as text at a terminal with colour and through a pager."""
    if options.format != "text":
        print(text)
        return
    from analysis.reporting.formats.text import add_colour
    from analysis.terminal import allows_colour, show_text

    is_coloured = allows_colour(sys.stdout, os.environ)
    show_text(add_colour(text) if is_coloured else text, use_pager=not options.no_pager)


def compute_missing(connection: sqlite3.Connection, scope: ReportScope) -> list[StoredResult]:
    """Compute the missing results of the snapshots in scope."""
    from analysis.compute.metric import list_metrics
    from analysis.compute.pending import compute_pending, find_pending

    pending = [
        snapshot
        for snapshot in find_pending(connection, list_metrics())
        if snapshot.registry in scope.registries and (scope.as_of is None or snapshot.date <= scope.as_of)
    ]
    if pending:
        snapshots = f"{len(pending):,} snapshot{'' if len(pending) == 1 else 's'}"
        print(
            f"Results of {snapshots} were computed for this report; `observatory compute` stores them.", file=sys.stderr
        )
    return [result for snapshot in pending for result in compute_pending(connection, snapshot)]


def report_path(options: argparse.Namespace) -> Path | None:
    """Return the file to write, or None to print."""
    path: Path | None = options.out or (Path("report.html") if options.open else None)
    return path


def refuse_unwritable(path: Path | None) -> None:
    """Refuse a path that cannot be written, before anything is computed.

    Raises:
        UsageError: the path is a folder, or its folder is missing, or the file or the folder is not writable.
    """
    why = None if path is None else explain_unwritable(path)
    if why is not None:
        raise UsageError(
            f"The report cannot be written to {path}.", why=why,
            fix="Name another file with --out, or omit --out to print the report.", more="docs/commands.md",
        )  # fmt: skip


def write_report(path: Path, text: str) -> None:
    """Write the report to a file, completely or not at all.

    Raises:
        ObservatoryError: the file cannot be written.
    """
    try:
        write_whole(path, f"{text}\n".encode())
    except OSError as error:
        raise describe_os_error(error, path) from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_command(make_parser, argv)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m analysis.scoring`: score cards from files or from the store, by rules or with a judge."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from analysis.scoring import ITEMS, ScoreRow
from db import UsageError
from db.cli import DONE, PARTIAL, create_parser, escape_control_characters, positive_int, run_command, wrap_for_terminal

MAX_DETAILED_CARDS = 10  # further cards are printed in one line


def make_parser() -> argparse.ArgumentParser:
    """Create the parser of the command line."""
    parser = create_parser(
        "observatory score", "Score cards: which of five questions each card answers, with the passage that answers it."
    )
    _add_files_argument(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="output format (default: text)")
    _add_scorer_options(parser)
    judge = parser.add_argument_group("the judge (--scorer openai), which is off until OPENAI_API_KEY is set")
    _add_model_options(judge)
    _add_spending_options(judge)
    _add_reading_options(judge)
    parser.set_defaults(do=score)
    return parser


def _add_files_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        type=Path,
        help="Markdown, or .jsonl(.gz) with `modelId, card` (default: the cards of the store)",
    )


def _add_scorer_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scorer",
        choices=("rules", "openai", "reference"),
        default="rules",
        help="what scores the cards (default: rules); reference: a reader, whose labels are in FILE",
    )
    parser.add_argument(
        "--limit", "--sample", dest="sample", metavar="N", type=positive_int, help="score the first N cards"
    )
    parser.add_argument(
        "--processes", metavar="N", type=positive_int, help="processes of the rules (default: one per processor)"
    )


def _add_model_options(judge: argparse._ArgumentGroup) -> None:
    judge.add_argument("--model", metavar="NAME", help="the model that reads the cards")
    judge.add_argument("--base-url", metavar="URL", help="another OpenAI-compatible endpoint")
    judge.add_argument(
        "--prompt", choices=("paper", "strict"), default="strict", help="the questions (default: strict)"
    )


def _add_spending_options(judge: argparse._ArgumentGroup) -> None:
    judge.add_argument("--budget", metavar="USD", type=parse_amount, help="the most to spend in a UTC day")
    judge.add_argument("--tokens", metavar="N", type=positive_int, help="the most tokens in a UTC day")
    judge.add_argument("--price-in", metavar="USD", type=parse_amount, help="price of a million input tokens")
    judge.add_argument("--price-out", metavar="USD", type=parse_amount, help="price of a million output tokens")


def _add_reading_options(judge: argparse._ArgumentGroup) -> None:
    judge.add_argument(
        "--repeats", metavar="N", type=positive_int, default=3, help="readings of each card (default: 3)"
    )
    judge.add_argument("--concurrency", metavar="N", type=positive_int, default=4, help="concurrent calls (default: 4)")
    judge.add_argument(
        "--batch", choices=("submit", "collect"), help="use the Batch API, which is cheaper and takes up to a day"
    )
    judge.add_argument(
        "--control",
        action="store_true",
        help="read FILE again, stored readings too, and report whether the model has drifted",
    )


def parse_amount(text: str) -> float:
    """Parse an amount of money, as an argument type.

    >>> parse_amount("2.50")
    2.5
    """
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount of money")
    return value


def score(options: argparse.Namespace) -> int:
    """Score the selected cards."""
    if options.scorer == "openai":
        return score_with_judge(options)
    if options.scorer == "reference":
        return import_labels(options)
    if not options.files:
        return score_store(options)
    from analysis.scoring.card_files import read_cards
    from analysis.scoring.rule_scorer import score_cards

    print_scores(score_cards(islice(read_cards(options.files), options.sample), options.processes), options.format)
    print_agreement(options.format)
    return DONE


def print_agreement(output_format: str) -> None:
    """Print how far the rules agree with a reader: after the scores, or on stderr if the scores are JSON."""
    from analysis.scoring.reference import format_agreement

    print(wrap_for_terminal(format_agreement(), 2), file=sys.stderr if output_format == "json" else sys.stdout)


def score_store(options: argparse.Namespace) -> int:
    """Score the cards of the store that have no score of this version of the rules."""
    from analysis.scoring.rule_scorer import rules_version
    from analysis.scoring.score_store import score_stored_cards

    yes_counts, cards = score_stored_cards(options.db, options.sample, options.processes)
    if options.format == "json":
        document = {"schema": 1, "scorer": "rules", "version": rules_version(), "cards": cards, "yes": yes_counts}
        print(json.dumps(document, indent=2))
    else:
        print(f"Scored {cards:,} cards by rules, version {rules_version()}.")
        for item in ITEMS if cards else ():
            print(f"  {item:<12} {yes_counts[item]:>7,} yes ({yes_counts[item] / cards:.1%})")
    if cards:
        print_agreement(options.format)
    else:
        print("No card is waiting. `observatory crawl cards huggingface/models` fetches new cards.", file=sys.stderr)
    return DONE


def import_labels(options: argparse.Namespace) -> int:
    """Store the labels of a reader.

    Raises:
        UsageError: no file was named.
    """
    from analysis.scoring.reference import store_labels

    if not options.files:
        fix = "Name a file of JSON lines with `card` and `labels`."
        raise UsageError("No file with labels was named.", fix=fix, more="docs/scoring.md")
    stored, unknown = store_labels(options.db, options.files)
    if options.format == "json":
        print(json.dumps({"schema": 1, "scorer": "reference", "cards": stored, "not_in_the_store": unknown}, indent=2))
    else:
        print(f"Stored the labels of {stored:,} cards. {unknown:,} labelled cards are not in the store.")
    return DONE


def score_with_judge(options: argparse.Namespace) -> int:
    """Score the cards with the judge."""
    from analysis.scoring.judge.command import judge_cards

    rows, is_complete = judge_cards(options)
    print_scores(rows, options.format)
    return DONE if is_complete else PARTIAL


def print_scores(rows: Iterable[ScoreRow], output_format: str) -> None:
    """Print scores one by one, as a JSON list or as lines of text."""
    if output_format == "json":
        _print_json(rows)
    else:
        _print_text(rows)


def _print_json(rows: Iterable[ScoreRow]) -> None:
    separator = "["
    for row in rows:
        print(separator + json.dumps(row, ensure_ascii=False), end="")
        separator = ",\n "
    print("]" if separator != "[" else "[]")


def _print_text(rows: Iterable[ScoreRow]) -> None:
    yes_counts = dict.fromkeys(ITEMS, 0)
    cards = 0
    for cards, row in enumerate(rows, 1):
        for item in ITEMS:
            yes_counts[item] += row[item] is True
        lines = format_card(row) if cards <= MAX_DETAILED_CARDS else [format_summary(row)]
        print("\n".join(wrap_for_terminal(line, 25) for line in lines))
    if cards > 1:
        print(f"\n{cards:,} cards: " + ", ".join(f"{item} {yes_counts[item] / cards:.1%}" for item in ITEMS))
    if not cards:
        print("No card was read.", file=sys.stderr)


def format_card(row: ScoreRow) -> Iterator[str]:
    """Yield the lines of one card: each item with its passage."""
    yield format_summary(row)
    for item in ITEMS:
        evidence = row["evidence"].get(item)
        passage = f"  {evidence['reason']}: {evidence['passage']}" if evidence else ""
        yield escape_control_characters(f"  {format_answer(row[item]):<8}{item:<13}{passage}").rstrip()[:160]


def format_summary(row: ScoreRow) -> str:
    """Format one card as one line."""
    share = row["score"]
    summary = "not read" if share is None else f"{share * len(ITEMS):.0f} of {len(ITEMS)}"
    return escape_control_characters(f"{row['file']}: {summary}")


def format_answer(answer: bool | None) -> str:
    """Format an answer as one word."""
    if answer is None:
        return "unknown"
    return "yes" if answer else "no"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_command(make_parser, argv)


if __name__ == "__main__":
    sys.exit(main())

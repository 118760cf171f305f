"""`python -m analysis.scoring`: read cards, in files or in the store, by rules or with a judge."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from analysis.scoring import ITEMS
from db import UsageError
from db.cli import DONE, PARTIAL, create_parser, escape_control_characters, positive_int, run_command

MAX_DETAILED_CARDS = 10  # cards that are shown whole


def make_parser() -> argparse.ArgumentParser:
    """The words of the command."""
    made = create_parser(
        "observatory score", "Read cards: which of five questions each answers, with the passage that does."
    )
    made.add_argument("files", nargs="*", metavar="FILE", type=Path,
                      help="Markdown, or .jsonl(.gz) with `modelId, card`; none: the store's cards")  # fmt: skip
    made.add_argument("--format", choices=("text", "json"), default="text", help="of what is printed (default: text)")
    made.add_argument("--scorer", choices=("rules", "openai", "reference"), default="rules",
                      help="who reads (default: rules); reference: a reader, whose labels are in FILE")  # fmt: skip
    made.add_argument("--sample", metavar="N", type=positive_int, help="at most so many cards")
    made.add_argument(
        "--processes", metavar="N", type=positive_int, help="of the rules (default: one for each processor)"
    )
    judge = made.add_argument_group("the judge (--scorer openai); it is off until OPENAI_API_KEY is set")
    judge.add_argument("--model", metavar="NAME", help="the model to ask")
    judge.add_argument("--base-url", metavar="URL", help="another OpenAI-compatible endpoint")
    judge.add_argument("--prompt", choices=("paper", "strict"), default="strict", help="(default: strict)")
    judge.add_argument("--budget", metavar="USD", type=parse_amount, help="most to spend in a UTC day")
    judge.add_argument("--tokens", metavar="N", type=positive_int, help="most tokens in a UTC day")
    judge.add_argument("--price-in", metavar="USD", type=parse_amount, help="of a million tokens that are read")
    judge.add_argument("--price-out", metavar="USD", type=parse_amount, help="of a million tokens that are written")
    judge.add_argument(
        "--repeats", metavar="N", type=positive_int, default=3, help="readings of each card (default: 3)"
    )
    judge.add_argument("--concurrency", metavar="N", type=positive_int, default=4, help="calls at a time (default: 4)")
    judge.add_argument("--batch", choices=("submit", "collect"), help="through the Batch API: cheaper, within a day")
    judge.add_argument("--control", action="store_true",
                       help="read FILE again whatever is known of it, and say if the model has drifted")  # fmt: skip
    made.set_defaults(do=score)
    return made


def parse_amount(text: str) -> float:
    """An amount of money, as an argument type.

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
    """Read the cards that were asked for."""
    if options.scorer == "openai":
        return score_with_judge(options)
    if options.scorer == "reference":
        return import_labels(options)
    if not options.files:
        return score_store(options)
    from itertools import islice

    from analysis.scoring.card_files import read_cards
    from analysis.scoring.rule_scorer import score_cards

    print_scores(score_cards(islice(read_cards(options.files), options.sample), options.processes), options.format)
    print_agreement(options.format)
    return DONE


def print_agreement(output_format: str) -> None:
    """Say how far the rules agree with a reader: beside the scores, or on stderr where those are for a program."""
    from analysis.scoring.reference import format_agreement

    print(format_agreement(), file=sys.stderr if output_format == "json" else sys.stdout)


def score_store(options: argparse.Namespace) -> int:
    """Score the store's cards that have none of this version of the rules."""
    from analysis.scoring.rule_scorer import rules_version
    from analysis.scoring.score_store import score_stored_cards

    made, cards = score_stored_cards(options.db, options.sample, options.processes)
    if options.format == "json":
        document = {"schema": 1, "scorer": "rules", "version": rules_version(), "cards": cards, "yes": made}
        print(json.dumps(document, indent=2))
    else:
        print(f"Scored {cards:,} cards by rules, version {rules_version()}.")
        for item in ITEMS if cards else ():
            print(f"  {item:<12} {made[item]:>7,} yes ({made[item] / cards:.1%})")
    print_agreement(options.format)
    return DONE


def import_labels(options: argparse.Namespace) -> int:
    """Keep what a reader has labelled.

    Raises:
        UsageError: no file was named.
    """
    from analysis.scoring.reference import store_labels

    if not options.files:
        fix = "Name one: JSON lines with `card` and `labels`."
        raise UsageError("No file with labels was named.", fix=fix, more="docs/scoring.md")
    kept, unknown = store_labels(options.db, options.files)
    if options.format == "json":
        print(json.dumps({"schema": 1, "scorer": "reference", "cards": kept, "not_in_the_store": unknown}, indent=2))
    else:
        print(f"Kept the labels of {kept:,} cards; {unknown:,} are not in the store.")
    return DONE


def score_with_judge(options: argparse.Namespace) -> int:
    """Read with the judge."""
    from analysis.scoring.judge import command

    rows, whole = command.judge_cards(options)
    print_scores(rows, options.format)
    return DONE if whole else PARTIAL


def print_scores(rows: Iterable[Mapping[str, object]], output_format: str) -> None:
    """Print scores as they come: a JSON list, or lines for a person."""
    if output_format == "json":
        separator = "["
        for row in rows:
            print(separator + json.dumps(row, ensure_ascii=False), end="")
            separator = ",\n "
        print("]" if separator != "[" else "[]")
        return
    total = dict.fromkeys(ITEMS, 0)
    cards = 0
    for row in rows:
        cards += 1
        for item in ITEMS:
            total[item] += row[item] is True
        print("\n".join(format_card(row)) if cards <= MAX_DETAILED_CARDS else format_summary(row))
    if cards > 1:
        print(f"\n{cards:,} cards: " + ", ".join(f"{item} {total[item] / cards:.1%}" for item in ITEMS))
    if not cards:
        print("No card was read.", file=sys.stderr)


def format_card(row: Mapping[str, object]) -> Iterator[str]:
    """One card for a person: each item with its passage."""
    yield format_summary(row)
    for item in ITEMS:
        told = row["evidence"].get(item)
        passage = f"  {told['reason']}: {told['passage']}" if told else ""
        yield escape_control_characters(f"  {format_answer(row[item]):<8}{item:<13}{passage}").rstrip()[:160]


def format_summary(row: Mapping[str, object]) -> str:
    """One card in one line."""
    share = row["score"]
    return escape_control_characters(
        f"{row['file']}: " + ("not read" if share is None else f"{share * len(ITEMS):.0f} of {len(ITEMS)}")
    )


def format_answer(answer: object) -> str:
    """An answer, in a word; what is neither yes nor no is unknown."""
    return {True: "yes", False: "no"}.get(answer, "unknown")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    return run_command(make_parser, argv)


if __name__ == "__main__":
    sys.exit(main())

"""The errors of argparse in the words of this program (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass

OWNER = re.compile(r"argument ([^:]+): (.*)", re.DOTALL)
CHOICE = re.compile(r"invalid choice: '(.*)' \(choose from (.*)\)", re.DOTALL)
TYPE = re.compile(r"invalid (\w+) value: ('.*')", re.DOTALL)
KINDS = {"int": "a whole number", "float": "a number"}
SENTENCES = (  # what argparse says of an argument, and what this program says; {0} is the argument
    (re.compile(r"expected one argument"), "{0} needs a value."),
    (re.compile(r"expected at least one argument"), "{0} needs a value."),
    (re.compile(r"expected (\d+) arguments"), "{0} needs {1} values."),
    (re.compile(r"not allowed with argument (.+)"), "{0} and {1} exclude each other."),
    (re.compile(r"ignored explicit argument ('.*')"), "{0} takes no value, and it has {1}."),
)
MISSING = "the following arguments are required: "
ONE_OF = re.compile(r"one of the arguments (.+) is required")
AMBIGUOUS = re.compile(r"ambiguous option: (\S+) could match (.+)")


@dataclass(frozen=True, slots=True)
class ArgumentFault:
    """A fault of the arguments: the sentence about it, the word that was rejected, and what could stand there."""

    message: str
    word: str = ""
    choices: tuple[str, ...] = ()


def describe_argument_error(message: str) -> ArgumentFault:
    """Return the fault that a message of argparse is about.

    >>> describe_argument_error("argument COMMAND: invalid choice: 'tke' (choose from 'take', 'list')")
    ArgumentFault(message="There is no command 'tke'.", word='tke', choices=('take', 'list'))
    >>> describe_argument_error("argument --top: expected one argument").message
    '--top needs a value.'
    >>> describe_argument_error("the following arguments are required: FORMAT, FILE").message
    'FORMAT and FILE are missing.'
    >>> describe_argument_error("unrecognized arguments: --tpo 5").message
    "There is no option '--tpo' here."
    """
    if message.startswith(MISSING):
        names = message.removeprefix(MISSING)
        return ArgumentFault(f"{_join(names.split(', '))} {'are' if ', ' in names else 'is'} missing.")
    if message.startswith("unrecognized arguments: "):
        return _describe_unknown_word(message.removeprefix("unrecognized arguments: "))
    if one_of := ONE_OF.fullmatch(message):
        return ArgumentFault(f"One of {one_of[1].replace(' ', ', ')} is missing.")
    if ambiguous := AMBIGUOUS.fullmatch(message):
        options = ambiguous[2].split(", ")
        return ArgumentFault(f"{ambiguous[1].split('=')[0]} may mean {_join(options, 'or')}.")
    owner = OWNER.fullmatch(message)
    return _describe_value(owner[1], owner[2]) if owner else ArgumentFault(f"{message}.")


def _describe_unknown_word(words: str) -> ArgumentFault:
    word = words.split()[0].split("=")[0]
    if word.startswith("-"):
        return ArgumentFault(f"There is no option {word!r} here.", word)
    return ArgumentFault(f"There is no argument {words!r} here.", word)


def _describe_value(owner: str, message: str) -> ArgumentFault:
    """Return the fault of the value of one argument."""
    if choice := CHOICE.fullmatch(message):
        choices = tuple(part.strip("'\"") for part in choice[2].split(", "))
        text = f"{owner} cannot be" if owner.startswith("-") else f"There is no {owner.lower()}"
        return ArgumentFault(f"{text} {choice[1]!r}.", choice[1], choices)
    if value := TYPE.fullmatch(message):
        return ArgumentFault(f"{owner}: {value[2]} is not {KINDS.get(value[1], f'a {value[1]}')}.")
    for pattern, sentence in SENTENCES:
        if match := pattern.fullmatch(message):
            return ArgumentFault(sentence.format(owner, *match.groups()))
    return ArgumentFault(f"{owner}: {message}.")


def _join(names: list[str], conjunction: str = "and") -> str:
    return f"{', '.join(names[:-1])} {conjunction} {names[-1]}" if len(names) > 1 else names[0]

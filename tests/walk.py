"""Walk through a document: run each of its command lines in the order it stands, as a person would who reads it.

Every indented line of a document is a command line, and in a fenced block every line that begins with `observatory` or
`python -m`. `ENDLESS`, `NOT_RUN`, `NEEDED` and `EXIT_CODES` list the lines that are not simply run.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

LONGEST = 600  # seconds that a line may take on a busy machine; the longest installs and runs the demonstration
ALIVE_AFTER = 1  # seconds that a line that never ends must run after its first line of output
FENCE = re.compile(r"^(```+)(\w*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
FENCED_COMMAND = re.compile(r"(?:\$ )?((?:[A-Z_]+=\S* )*(?:\S*/)?(?:observatory|python3? -m) .*)")
SYNOPSIS = re.compile(r"\[options\]|…$")  # docs/commands.md has the synopsis of each command, which is no line to type
LANGUAGES = ("", "sh", "bash", "console")

# Lines that run until they are ended: started, seen alive, and ended by SIGTERM. Their exit code is then 0.
ENDLESS = re.compile(r"observatory (schedule run|site serve|explore)(?! --drain)|python -m simulation")
# Lines that cannot be run here, by their beginning, and why. None may hold a command of `observatory`.
NOT_RUN = {
    "cp deploy/observatory.service": "writes to /etc of this machine; tests/schedules/test_unit.py has the unit",
    "systemctl ": "needs systemd as process 1; tests/schedules/test_unit.py has the unit",
}
# Programs of other people, by a part of the line that needs them. Without them the line is skipped.
NEEDED = {"curl ": "curl", "sqlite3 ": "sqlite3", "--engine spark": "java"}
# The exit codes of lines that may end with another code than 0, as the document says.
EXIT_CODES = {"schedule status": {0, 1}}  # 1: no daemon has run on this store yet
# What a reader replaces by values of their own. The addresses are those that a line of the document has printed.
PLACEHOLDERS = {
    "17 3 * * 1 ": "",  # a line of a crontab: what follows the schedule is the command
    "/srv/observatory": ".",
    "/backup/": "backup/",
    "s3a://bucket/lake": "lake",
    "s3a://bucket/": "",
    "spark://head:7077": "'local[2]'",
    "store remove 7 ": "store remove 1 ",  # the first snapshot of a reader's store is imported
    "LABELLED_FILE": "labelled.jsonl",
    "FILE.jsonl.gz": "cards_2022-02-15.jsonl.gz",
    "--model NAME": "--model good",
    "API_KEY=…": "API_KEY=secret",
}


@dataclass(frozen=True)
class CommandLine:
    """A command line of a document, with its number in the file."""

    document: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.number}: {self.text}"


def find_command_lines(document: str, text: str) -> list[CommandLine]:
    """Return the command lines of a document, in order.

    >>> text = "Do:\\n\\n    make demo  # first\\n\\n```\\n$ observatory report\\n3 rows\\n```\\n\\n    {}\\n"
    >>> [(line.number, line.text) for line in find_command_lines("README.md", text)]
    [(3, 'make demo  # first'), (6, 'observatory report')]
    """
    lines = sorted([*_find_fenced_lines(text), *_find_indented_lines(text)])
    return [CommandLine(document, number, line) for number, line in lines if not SYNOPSIS.search(line)]


def _find_fenced_lines(text: str) -> Iterator[tuple[int, str]]:
    for block in FENCE.finditer(text):
        start = text[: block.start(3)].count("\n") + 1
        for offset, line in enumerate(block[3].splitlines()):
            if block[2] in LANGUAGES and (command := FENCED_COMMAND.fullmatch(line)):
                yield start + offset, command[1]


def _find_indented_lines(text: str) -> Iterator[tuple[int, str]]:
    prose = FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)
    for number, line in enumerate(prose.splitlines(), start=1):
        if re.match(r" {4}[^\s{]", line):  # JSON is output
            yield number, line.strip()


def find_reason_not_to_run(line: CommandLine) -> str:
    """Return why a line is not run, '' if it is."""
    reasons = [reason for beginning, reason in NOT_RUN.items() if line.text.startswith(beginning)]
    missing = [program for part, program in NEEDED.items() if part in line.text and not shutil.which(program)]
    return "; ".join([*reasons, *(f"{program} is not installed" for program in missing)])


@dataclass
class Walk:
    """The reader of one document: a folder, an environment, and the addresses that a line has printed."""

    folder: Path
    environment: Mapping[str, str]
    addresses: dict[str, str] = field(default_factory=dict)
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, lines: list[CommandLine]) -> list[str]:
        """Run the lines in order, and return what was wrong with each."""
        try:
            return [fault for line in lines if (fault := self._run_line(line))]
        finally:
            for process in self.running:
                process.terminate()
                process.wait(30)

    def _run_line(self, line: CommandLine) -> str:
        if find_reason_not_to_run(line):
            return ""
        command = self.fill_placeholders(line.text)
        fault = self._start_endless(command) if ENDLESS.search(command) else self._run_to_its_end(command)
        return f"{line}\n{fault}" if fault else ""

    def fill_placeholders(self, text: str) -> str:
        """Return a command line with values for what a reader replaces."""
        for placeholder, value in {**PLACEHOLDERS, **self.addresses}.items():
            text = text.replace(placeholder, value)
        return text

    def _run_to_its_end(self, command: str) -> str:
        done = subprocess.run(
            ["sh", "-c", command], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=LONGEST, check=False,
        )  # fmt: skip
        expected = next((codes for part, codes in EXIT_CODES.items() if part in command), {0})
        if done.returncode in expected and "Traceback" not in done.stdout + done.stderr:
            return ""
        return f"ended with {done.returncode}\n{done.stdout[-1500:]}{done.stderr[-3000:]}"

    def _start_endless(self, command: str) -> str:
        """Start a line that never ends. A simulation runs on, because the next lines use its addresses."""
        process = subprocess.Popen(
            ["sh", "-c", f"exec {command}"], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        if "simulation" in command:
            return self._read_addresses(process)
        assert process.stdout is not None
        first_line = process.stdout.readline()  # it is ready, or has ended
        time.sleep(ALIVE_AFTER)
        ended_early = process.poll() is not None
        process.send_signal(signal.SIGTERM)
        output = first_line + process.communicate(timeout=60)[0]
        wrong = ended_early or process.returncode != 0 or "Traceback" in output
        return f"ended with {process.returncode}\n{output[-3000:]}" if wrong else ""

    def _read_addresses(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        self.running.append(process)
        line = process.stdout.readline()
        try:
            ready = json.loads(line)
        except ValueError:
            return f"printed {line!r}"
        self.addresses = {"ADDRESS": ready["huggingface"], "CONTROL": ready["control"]}
        return ""

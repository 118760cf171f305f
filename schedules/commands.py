"""The commands of `observatory`: the module of each, and one sentence of help. There is no other list of them."""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """One command of `observatory`."""

    module: str
    help: str

    @property
    def description(self) -> str:
        """The help as a sentence."""
        return f"{self.help[0].upper()}{self.help[1:]}."


COMMANDS = {
    "crawl": Command("crawler", "fetch what registries list, and store it as dated snapshots"),
    "compute": Command("analysis", "compute the results that are missing"),
    "score": Command("analysis.scoring", "score cards: which of five questions each one answers"),
    "report": Command("analysis.report", "report the results, for a person or a program"),
    "show": Command("analysis.show", "show one package: names, ranks over time, parents, children, events"),
    "top": Command("analysis.top", "show one list: who is in it, who came, who went, and why"),
    "export": Command("analysis.export", "export the history as a bundle that can be cited"),
    "schedule": Command("schedules", "run the daemon, list and check its schedules, show its status"),
    "store": Command("db", "maintain the store: migrate, check, schema, redact, remove, backup, restore"),
    "demo": Command("schedules.demo", "run everything once without a network, on a simulated Hub"),
}

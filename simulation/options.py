"""The options of the command line. The names of the fields are the names of the options."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime


@dataclass(frozen=True)
class SimulationOptions:
    """The options of one simulation: its size, its pace and its limits."""

    port: int = field(default=0, metadata={"help": "port of the Hub (0: a free port)"})
    eco_port: int = field(default=0, metadata={"help": "port of Ecosyste.ms (0: a free port)"})
    seed: int = field(default=7, metadata={"help": "the same seed gives the same bytes after the same days"})
    start: str = field(default="", metadata={"help": "simulated date of day 0 (default: the real time)"})
    models: int = field(default=3000, metadata={"help": "models on day 0"})
    datasets: int = field(default=500, metadata={"help": "datasets on day 0"})
    spaces: int = field(default=500, metadata={"help": "spaces on day 0"})
    packages: int = field(default=1500, metadata={"help": "packages of each Ecosyste.ms registry"})
    lively: float = field(
        default=0.0,
        metadata={"help": "Hub: share of repositories created, deleted and edited in a day (0: the usual shares)"},
    )
    moving: float = field(default=1.0, metadata={"help": "Hub: share of the counters that may change in a day"})
    churn: float = field(default=0.0, metadata={"help": "share of counters that change after each list"})
    appearing: float = field(default=0.0, metadata={"help": "Ecosyste.ms: packages that appear after each list"})
    vanishing: float = field(default=0.0, metadata={"help": "Ecosyste.ms: packages that vanish after each list"})
    quota: int = field(default=500, metadata={"help": "Hub: anonymous API requests per window"})
    window: float = field(default=300.0, metadata={"help": "Hub: seconds per window, in real time"})
    eco_quota: int = field(default=5000, metadata={"help": "Ecosyste.ms: anonymous requests per window"})
    eco_window: float = field(default=3600.0, metadata={"help": "Ecosyste.ms: seconds per window, in real time"})
    names_limit: int = field(default=10000, metadata={"help": "largest page of package_names"})
    heavy_limit: int = field(default=1000, metadata={"help": "largest page of packages that does not fail"})
    row_bytes: int = field(default=0, metadata={"help": "padding of each full package row"})
    access: str = field(
        default="everyone",
        metadata={
            "help": "everyone; login (a request without a token is refused); mirror (it adds a token of its own)"
        },
    )
    no_expand: tuple[str, ...] = field(default=(), metadata={"help": "an expand value to refuse (may be repeated)"})
    until_stdin_closes: bool = field(default=False, metadata={"help": "stop when stdin is closed"})

    def day_zero(self) -> int | None:
        """Return the first simulated second, or None for the real time."""
        return int(datetime.fromisoformat(self.start).replace(tzinfo=UTC).timestamp()) if self.start else None


def read_options(argv: Sequence[str] | None = None) -> SimulationOptions:
    """Return the options in `argv` (default: the command line)."""
    parser = argparse.ArgumentParser(prog="python -m simulation", description="A simulated Hub and Ecosyste.ms.")
    for option in fields(SimulationOptions):
        add_option(parser, "--" + option.name.replace("_", "-"), option.default, option.metadata["help"])
    values = vars(parser.parse_args(argv))
    return SimulationOptions(**{**values, "no_expand": tuple(values["no_expand"])})


def add_option(parser: argparse.ArgumentParser, flag: str, default: object, help_text: str) -> None:
    """Add one option of the type of its default."""
    if isinstance(default, bool):
        parser.add_argument(flag, action="store_true", help=help_text)
    elif isinstance(default, tuple):
        parser.add_argument(flag, action="append", default=[], help=help_text)
    else:
        parser.add_argument(flag, type=type(default), default=default, help=f"{help_text} (default: {default})")

"""The daemon in troubles that once stopped it, overwhelmed it or misled its readers: each ends right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.troubles import TROUBLES, format_ending


@pytest.mark.ci
@pytest.mark.timeout(120)
@pytest.mark.fault("A16", "A17", "A21", "B4")
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_daemon_in_trouble_goes_on_and_ends_when_asked(
    tmp_path: Path, trouble: str, measured: Callable[[str], None]
) -> None:
    ending = TROUBLES[trouble](tmp_path / "daemon")
    measured(" ".join(format_ending(ending)))
    assert ending.is_right, ending

"""What of Scrapy takes part in a crawl."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.crawler.conftest import HUB, ROOT, environment
from tests.simulated import Simulation

LOADED = """
import sys
from crawler.__main__ import main
code = main(sys.argv[1:])
print(*(name for name in sys.modules if name.startswith("scrapy.")))
sys.exit(code)
"""
DOORS = ("scrapy.extensions.telnet", "scrapy.extensions.remote_control", "scrapy.extensions.feedexport")
OTHERS = {
    f"scrapy.downloadermiddlewares.{name}" for name in ("cookies", "httpauth", "httpcache", "redirect", "robotstxt")
}


def test_parts_of_scrapy_that_open_a_door_or_act_on_their_own_are_not_even_loaded(tmp_path: Path) -> None:
    with Simulation(models=30, datasets=5, spaces=5, packages=5) as hub:
        words = ["snapshot", HUB, "--top", "10", "--quiet", "--db", str(tmp_path / "o.db")]
        line = [sys.executable, "-c", LOADED, *words]
        done = subprocess.run(line, cwd=ROOT, env=environment(hub), capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "scrapy.downloadermiddlewares.httpcompression" in loaded
    assert not loaded & {*DOORS, *OTHERS}
